package compress

// carryCheck tells whether the blocks of a zstd frame mean the same behind other blocks.
//
// From block to block within a frame a decoder keeps (RFC 8878, sections 3.1.1.3 to 3.1.1.5):
// the bytes so far, to which matches refer by their distance; the last three distances, which
// are 1, 4 and 8 at the start of a frame; the last Huffman table of literals; and the last FSE
// table of each of literal lengths, offsets and match lengths. Joined pieces find there what the
// piece in front of them left, and not what they had when they were made.
//
// So a piece is right behind anything if it reads nothing of that which it has not set itself.
// Its matches reach back into itself only, because its encoder knew nothing else; the rest is
// looked up here, in what the encoder wrote:
//
//   - the first block with Huffman literals brings its own table (Treeless is refused);
//   - the first block with sequences brings its three FSE tables (Repeat is refused). That is
//     enough for all: each such block replaces all three, and "repeat" keeps them;
//   - no sequence uses a recent distance that the piece has not set. After three new ones
//     all are set, and nothing behind them needs a look.
//
// klauspost/compress 1.20 keeps these rules by itself: its WithConcurrentBlocks joins the same way,
// and no level uses a recent distance in the first three sequences of a block. But that
// is not promised to us. The check needs up to 4 µs a piece, because it hardly reads more than three
// sequences, and what it refuses is stored, not broken.
//
// Why not another way: raw blocks in front of a piece leave the distances as they are; a block
// that sets them must have matches, thus bytes; and a dictionary sets them only at the start
// of a frame.
type carryCheck struct {
	hasHuffman bool
	hasTables  bool
	recent     int         // how many of the recent distances are set: always the first ones
	tables     [3]fseTable // literal lengths, offsets, match lengths
}

// isAlone reports whether blocks, which were a frame by themselves, decode to the same behind any
// other blocks. It is false for what it does not understand.
func (c *carryCheck) isAlone(blocks []byte) bool {
	c.hasHuffman, c.hasTables, c.recent = false, false, 0
	for {
		if len(blocks) < 3 {
			return false
		}
		size := blockSize(blocks)
		if size > len(blocks) {
			return false
		}
		switch blockType(blocks) {
		case rawBlock, rleBlock:
		case compressedBlock:
			if !c.compressed(blocks[3:size]) {
				return false
			}
		default:
			return false
		}
		if blocks[0]&lastBlock != 0 {
			return size == len(blocks)
		}
		blocks = blocks[size:]
	}
}

// compressed looks at the content of a compressed block.
func (c *carryCheck) compressed(b []byte) bool {
	if c.hasHuffman && c.hasTables && c.recent == 3 {
		return true
	}
	b, ok := c.literals(b)
	if !ok {
		return false
	}
	n, b, ok := c.sequencesHeader(b)
	return ok && c.sequences(b, n)
}

// sequencesHeader reads the number of sequences and the tables, and returns what is behind
// them (sections 3.1.1.3.2.1 and 3.1.1.3.2.1.1).
func (c *carryCheck) sequencesHeader(b []byte) (n int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	n = int(b[0])
	switch {
	case n == 0:
		return 0, nil, len(b) == 1
	case n < 128:
		b = b[1:]
	case n < 255 && len(b) >= 2:
		n = (n-128)<<8 + int(b[1])
		b = b[2:]
	case n == 255 && len(b) >= 3:
		n = int(b[1]) + int(b[2])<<8 + 0x7f00
		b = b[3:]
	default:
		return 0, nil, false
	}
	if len(b) == 0 || b[0]&3 != 0 { // two reserved bits
		return 0, nil, false
	}
	modes := b[0]
	b = b[1:]
	for i := range c.tables {
		mode := modes >> (6 - 2*i) & 3
		if mode == fseRepeat && c.hasTables {
			continue
		}
		if b, ok = c.tables[i].read(b, mode, fseKinds[i]); !ok {
			return 0, nil, false
		}
	}
	c.hasTables = true
	return n, b, true
}

// literals looks at the literals section, and returns what is behind it (section 3.1.1.3.1).
func (c *carryCheck) literals(b []byte) (rest []byte, ok bool) {
	var h [5]byte
	if copy(h[:], b) == 0 {
		return nil, false
	}
	bits := int(h[0]) | int(h[1])<<8 | int(h[2])<<16 | int(h[3])<<24 | int(h[4])<<32
	const raw, rle, huffman, treeless = 0, 1, 2, 3
	kind, format := bits&3, bits>>2&3
	var length int // of the section
	switch kind {
	case raw, rle:
		var size int
		switch format {
		case 0, 2:
			length, size = 1, bits>>3&0x1f
		case 1:
			length, size = 2, bits>>4&0xfff
		case 3:
			length, size = 3, bits>>4&0xfffff
		}
		if kind == rle {
			size = 1
		}
		length += size
	case huffman, treeless:
		switch format {
		case 0, 1:
			length = 3 + bits>>14&0x3ff
		case 2:
			length = 4 + bits>>18&0x3fff
		case 3:
			length = 5 + bits>>22&0x3ffff
		}
		if kind == treeless && !c.hasHuffman {
			return nil, false
		}
		c.hasHuffman = true
	}
	if length > len(b) {
		return nil, false
	}
	return b[length:], true
}

// sequences looks at the first of n sequences, until all recent distances are set (sections
// 3.1.1.3.2.1.2 and 3.1.1.5).
func (c *carryCheck) sequences(b []byte, n int) bool {
	if n == 0 {
		return true
	}
	lengths, offsets, matches := &c.tables[0], &c.tables[1], &c.tables[2]
	r := newBackward(b)
	inLengths := r.read(lengths.log)
	inOffsets := r.read(offsets.log)
	inMatches := r.read(matches.log)
	for ; n > 0 && c.recent < 3; n-- {
		length, offset, match := &lengths.cells[inLengths], &offsets.cells[inOffsets], &matches.cells[inMatches]
		switch offset.symbol {
		case 0, 1:
			// The value is 1, or 2 or 3: the first, second or third recent distance. Without
			// literals it is one further, and the fourth is the first less 1, as a new one.
			which := int(offset.symbol)
			if which == 1 {
				which += r.read(1)
			}
			if length.symbol == 0 {
				which++
			}
			if which == 3 {
				if c.recent == 0 {
					return false
				}
				c.recent++
			} else if which >= c.recent {
				return false
			}
		default:
			r.skip(int(offset.symbol))
			c.recent++
		}
		r.skip(int(matchBits[match.symbol]) + int(lengthBits[length.symbol]))
		if n > 1 {
			inLengths = length.next(r)
			inMatches = match.next(r)
			inOffsets = offset.next(r)
		}
		if r.left < 0 {
			return false
		}
	}
	return n > 0 || r.left == 0
}
