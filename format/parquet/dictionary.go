package parquet

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// dictionary numbers the different values of a column in the order in which they first come. What it
// makes doesn't depend on its hashes, so they are of a secret of the process: nobody can choose
// values that all collide.
type dictionary struct {
	slots  []uint64 // hash<<32 | number+1; 0 is free. A power of two, at most half full
	hashes []uint32 // of the values, by their numbers
	n      int

	words []int64 // of a column of words
	plain []byte  // of bytes: the dictionary's page, each value behind its length
	ends  []int   // in plain
	fixed bool    // no lengths
}

var (
	seed = maphash.MakeSeed()
	salt = [2]uint64{rand.Uint64(), rand.Uint64() | 1}
)

// mix hashes two words.
func mix(a, b uint64) uint32 {
	hi, lo := bits.Mul64(a^salt[0], b^salt[1])
	return uint32(hi ^ lo)
}

// hash hashes bytes. Of a few, maphash would need more time to begin than to end.
func hash(v []byte) uint32 {
	n := len(v)
	switch {
	case n > 16:
		return uint32(maphash.Bytes(seed, v))
	case n >= 8:
		return mix(binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[n-8:])+uint64(n))
	case n >= 4:
		return mix(uint64(binary.LittleEndian.Uint32(v))<<32|uint64(binary.LittleEndian.Uint32(v[n-4:])), uint64(n))
	case n > 0:
		return mix(uint64(v[0])<<16|uint64(v[n/2])<<8|uint64(v[n-1]), uint64(n))
	}
	return 0
}

func (d *dictionary) reset(fixed bool) {
	d.fixed = fixed
	clear(d.slots)
	d.slots = d.slots[:min(len(d.slots), firstSlots)] // the next group may be a small one
	d.n, d.hashes, d.words, d.plain, d.ends = 0, d.hashes[:0], d.words[:0], d.plain[:0], d.ends[:0]
}

// appendWords appends the numbers of values.
func (d *dictionary) appendWords(dst []int32, values []int64) []int32 {
	for _, v := range values {
		h := mix(uint64(v), 0)
		if 2*d.n >= len(d.slots) {
			d.grow()
		}
		mask := uint32(len(d.slots) - 1)
		i := h & mask
		for {
			s := d.slots[i]
			if s == 0 {
				d.words = append(d.words, v)
				dst = append(dst, d.put(i, h))
				break
			}
			if k := uint32(s) - 1; uint32(s>>32) == h && d.words[k] == v {
				dst = append(dst, int32(k))
				break
			}
			i = (i + 1) & mask
		}
	}
	return dst
}

// appendTexts is the same for bytes.
func (d *dictionary) appendTexts(dst []int32, values [][]byte) []int32 {
	for _, v := range values {
		h := hash(v)
		if 2*d.n >= len(d.slots) {
			d.grow()
		}
		mask := uint32(len(d.slots) - 1)
		i := h & mask
		for {
			s := d.slots[i]
			if s == 0 {
				d.plain = appendPlain(d.plain, v, d.fixed)
				d.ends = append(d.ends, len(d.plain))
				dst = append(dst, d.put(i, h))
				break
			}
			if k := uint32(s) - 1; uint32(s>>32) == h && string(d.text(int(k))) == string(v) {
				dst = append(dst, int32(k))
				break
			}
			i = (i + 1) & mask
		}
	}
	return dst
}

// text returns the value with a number.
func (d *dictionary) text(k int) []byte {
	from := 0
	if k > 0 {
		from = d.ends[k-1]
	}
	if !d.fixed {
		from += 4
	}
	return d.plain[from:d.ends[k]]
}

func (d *dictionary) put(slot, hash uint32) int32 {
	d.n++
	d.hashes = append(d.hashes, hash)
	d.slots[slot] = uint64(hash)<<32 | uint64(d.n)
	return int32(d.n - 1)
}

// firstSlots is how many slots a dictionary starts with.
const firstSlots = 256

func (d *dictionary) grow() {
	size := max(2*len(d.slots), firstSlots)
	clear(d.slots)
	d.slots = slices.Grow(d.slots[:0], size)[:size]
	mask := uint32(size - 1)
	for k, h := range d.hashes {
		i := h & mask
		for d.slots[i] != 0 {
			i = (i + 1) & mask
		}
		d.slots[i] = uint64(h)<<32 | uint64(k+1)
	}
}

// width is how many bits the number of a value needs. One value needs none, but a width of 0 is
// what readers have had bugs with.
func (d *dictionary) width() int { return max(1, bits.Len(uint(max(d.n, 1)-1))) }

// appendPlain appends bytes as Parquet stores them as they are.
func appendPlain(dst, v []byte, fixed bool) []byte {
	if !fixed {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(v)))
	}
	return append(dst, v...)
}
