package airbyte

import "encoding/binary"

// streamKey joins a namespace and a name so that no two pairs give the same key.
func streamKey(dst, namespace, name []byte) []byte {
	dst = append(dst, namespace...)
	dst = append(dst, 0xff) // in no UTF-8 text
	return append(dst, name...)
}

// find returns the index of a stream, or -1. It remembers those that it found: to look into
// the map costs several times as much as to see that a guess is right.
func (d *Decoder) find(namespace, name []byte) int32 {
	guess := &d.recent[hash(name)%uint32(len(d.recent))]
	if int(*guess) < len(d.streams) {
		id := &d.streams[*guess]
		if string(name) == id.Name && string(namespace) == id.Namespace {
			d.last = *guess
			return d.last
		}
	}
	d.key = streamKey(d.key[:0], namespace, name)
	i, ok := d.index[string(d.key)]
	if !ok {
		return -1
	}
	*guess, d.last = i, i
	return i
}

// hash is of the length and the last bytes of a name: of many names, the ends differ.
func hash(name []byte) uint32 {
	sum := uint64(len(name))
	if len(name) >= 8 {
		sum ^= binary.LittleEndian.Uint64(name[len(name)-8:])
	} else {
		for _, b := range name {
			sum = sum<<8 ^ uint64(b)
		}
	}
	return uint32(sum * 0x9E3779B97F4A7C15 >> 40) // by 2^64 and the golden ratio
}
