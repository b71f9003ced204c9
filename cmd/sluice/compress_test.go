package main

import (
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// decompress reads a whole object as a reader does that knows of one member, or frame, only.
func decompress(t testing.TB, key, object string) string {
	t.Helper()
	in := strings.NewReader(object)
	var text []byte
	var err error
	switch {
	case strings.HasSuffix(key, ".gz"):
		var r *gzip.Reader
		if r, err = gzip.NewReader(in); err == nil {
			r.Multistream(false)
			text, err = io.ReadAll(r)
		}
	case strings.HasSuffix(key, ".zst"):
		var r *zstd.Decoder
		if r, err = zstd.NewReader(nil); err == nil {
			defer r.Close()
			text, err = r.DecodeAll([]byte(object), nil)
		}
		if n := strings.Count(object, "\x28\xb5\x2f\xfd"); n != 1 {
			t.Errorf("%s has %d frames", key, n)
		}
		in.Reset("")
	default:
		return object
	}
	if err != nil || in.Len() > 0 {
		t.Fatalf("%s (%d bytes): %v, %d bytes are left", key, len(object), err, in.Len())
	}
	return string(text)
}

func compressed(kind string, level int, more ...fields) fields {
	c := fields{"compression_type": kind}
	if level > 0 {
		c["compression_level"] = level
	}
	options := fields{"flattening": "Root level flattening", "compression": c}
	all := csvFormat(options)
	for _, m := range more {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

var codecs = []struct {
	kind, end string
	level     int
}{{"GZIP", ".csv.gz", 0}, {"GZIP", ".csv.gz", 9}, {"ZSTD", ".csv.zst", 0}, {"ZSTD", ".csv.zst", 1}}

// TestCompression has what is in the objects be what it is without compression: large and
// small objects, several of them, streams that take turns, with STATEs between their rows.
func TestCompression(t *testing.T) {
	t.Parallel()
	for _, c := range codecs {
		t.Run(fmt.Sprint(c.kind, c.level), func(t *testing.T) {
			t.Parallel()
			inBoth(t, func(t *testing.T, at *target) {
				const rows = 8_000
				streams := []stream{{name: "a", schema: `{"properties":{"id":{},"pad":{}}}`}, {name: "b", schema: idSchema, mode: "overwrite"}, {name: "c", schema: idSchema}}
				var input []string
				for i, line := range numbered("a", 0, rows) {
					input = append(input, line, record("b", fmt.Sprintf(`{"id":%d}`, i)))
					if i%100 == 99 {
						input = append(input, streamState("a", fmt.Sprint(i)))
					}
				}
				input = append(input, record("c", `{"id":1}`))
				r := at.sync(job{config: compressed(c.kind, c.level, fields{"file_size_mb": 0.05}), streams: streams}, input...).ok()
				for _, key := range at.keys() {
					if !strings.HasSuffix(key, c.end) {
						t.Errorf("object %s, want %s", key, c.end)
					}
				}
				same(t, "rows of a", at.column("data/a", "id"), ids(0, rows))
				same(t, "rows of b", at.column("data/b", "id"), ids(0, rows))
				same(t, "c", at.masked("data/c"), `"_airbyte_ab_id","_airbyte_emitted_at","id"`+"\r\n"+`"ID",1622135805000,1`+"\r\n")
				if n := len(at.keysIn("data/a")); n < 2 {
					t.Errorf("a has %d objects", n)
				}
				if n := len(r.states()); n != rows/100 {
					t.Errorf("%d states, want %d", n, rows/100)
				}
				at.clean()
			})
		})
	}
}

// TestCompressionInParts has an object of several parts, whose last one may be the end of
// the compressed stream alone.
func TestCompressionInParts(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		var input []string
		var want []string
		for i := range 28 { // random text gets a quarter smaller
			text := randomText(uint64(i), 1<<19)
			input = append(input, record("users", fmt.Sprintf(`{"id":%d,"text":"%s"}`, i, text)))
			want = append(want, text)
		}
		j := job{config: compressed("GZIP", 1, fields{"upload": fields{"part_size_mb": 5}}), streams: []stream{{name: "users", schema: `{"properties":{"id":{},"text":{}}}`}}}
		at.sync(j, input...).ok()
		same(t, "texts", at.column("data/users", "text"), want)
		at.clean()
	})
}

// TestCompressionWithLittleMemory closes objects early, whenever the budget is spent: each
// must have its end.
func TestCompressionWithLittleMemory(t *testing.T) {
	t.Parallel()
	at := inBucket(t) // a directory takes parts of any size
	const streams, rounds = 100, 70
	j := job{config: compressed("GZIP", 1, fields{"upload": fields{"memory_mb": 32, "part_size_mb": 5}})}
	var input []string
	for i := range streams {
		j.streams = append(j.streams, stream{name: fmt.Sprintf("s%d", i), schema: `{"properties":{"id":{},"text":{}}}`})
	}
	for n := range rounds {
		for i := range streams {
			input = append(input, record(fmt.Sprintf("s%d", i), fmt.Sprintf(`{"id":%d,"text":"%s"}`, n, randomText(uint64(n*streams+i), 3000))))
		}
	}
	at.sync(j, input...).ok()
	objects := 0
	for i := range streams {
		dir := fmt.Sprintf("data/s%d", i)
		same(t, dir, at.column(dir, "id"), ids(0, rounds))
		objects += len(at.keysIn(dir))
	}
	if objects <= streams {
		t.Errorf("%d objects: none was closed early", objects)
	}
	at.clean()
}

// TestCompressionCountsStates: the platform compares the number of records of each state.
func TestCompressionCountsStates(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	r := at.sync(job{config: compressed("ZSTD", 0), streams: []stream{{name: "a", schema: idSchema}, {name: "b", schema: idSchema}}},
		record("a", `{"id":1}`), record("b", `{"id":1}`), streamState("a", "1"), record("a", `{"id":2}`), record("a", `{"id":3}`),
		streamState("b", "2"), streamState("a", "3"), record("a", `{"id":4}`), record("b", `{"id":4}`), streamState("b", "4")).ok()
	same(t, "counts", r.counts(), []float64{1, 1, 2, 1})
}

// TestCompressionOfNothing: a stream without records makes no object, compressed or not.
func TestCompressionOfNothing(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	at.sync(job{config: compressed("GZIP", 0), streams: []stream{{name: "a", schema: idSchema}}}).ok()
	same(t, "objects", at.keys(), []string{})
}

// randomText is text of the given length that does not compress well: of letters and digits, as few
// bits of them as base64 has.
func randomText(seed uint64, n int) string {
	raw := make([]byte, base64.RawURLEncoding.DecodedLen(n)+1)
	var key [32]byte
	copy(key[:], strconv.FormatUint(seed, 10))
	_, _ = rand.NewChaCha8(key).Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)[:n]
}
