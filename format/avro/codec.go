package avro

import (
	"fmt"
	"strings"
)

// Codec is how blocks are compressed. The zero value is not at all.
type Codec struct {
	of       *codec
	level    int
	checksum bool
}

// codec is one of those that Airbyte's destination offers.
type codec struct {
	name          string // Airbyte's
	container     string // Avro's
	lowest, level int    // levels, and the default; if highest is 0 there are none
	highest       int
	open          func(c Codec) compressor
}

var codecs = []codec{
	{name: "no compression", container: "null"},
	{"Deflate", "deflate", 0, 0, 9, newDeflate},
	{"bzip2", "bzip2", 0, 0, 0, newBzip2},
	{"xz", "xz", 0, 6, 9, newXZ},
	{"zstandard", "zstandard", -5, 3, 22, newZstd},
	{"snappy", "snappy", 0, 0, 0, newSnappy},
}

// NewCodec returns the codec of this name of Airbyte's. level is nil for the default; codecs that have no
// levels ignore it. checksum is zstandard's.
func NewCodec(name string, level *int, checksum bool) (Codec, error) {
	var names []string
	for i := range codecs {
		c := &codecs[i]
		if !strings.EqualFold(c.name, name) {
			names = append(names, fmt.Sprintf("%q", c.name))
			continue
		}
		chosen := Codec{of: c, level: c.level, checksum: checksum}
		if level != nil && c.highest > 0 {
			if *level < c.lowest || *level > c.highest {
				return Codec{}, fmt.Errorf("compression level %d: %s has %d to %d", *level, c.name, c.lowest, c.highest)
			}
			chosen.level = *level
		}
		return chosen, nil
	}
	return Codec{}, fmt.Errorf("there is no Avro codec %q: it must be one of %s", name, strings.Join(names, ", "))
}

// container is the name in a file.
func (c Codec) container() string {
	if c.of == nil {
		return codecs[0].container
	}
	return c.of.container
}

// newCompressor makes one worker's compressor; nil where there is none to be made.
func (c Codec) newCompressor() compressor {
	if c.of == nil || c.of.open == nil {
		return nil
	}
	return c.of.open(c)
}
