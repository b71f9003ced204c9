package compress

// A CRC is the remainder of a polynomial over GF(2): the message's bits are the coefficients,
// the divisor is P. Appending n bytes multiplies the message in front of them by x^(8n), so
//
//	crc(A B) = crc(A)·x^(8·len(B)) + crc(B)  mod P,  + being XOR.
//
// The ones that CRC-32 puts in front and adds at the end (RFC 1952, section 8) cancel out:
// they are in crc(A), moved, once as the end of A's and once as the start of B's.
//
// As in hash/crc32 bits are mirrored: the highest bit of a uint32 is the coefficient of x^0.
const (
	crcPoly = 0xedb88320 // P without its x^32
	crcOne  = 1 << 31    // x^0
	crcX8   = 1 << 23    // x^8
)

// crcPowers[i][d] is x^(8·d·16^i): one hexadecimal digit of a number of bytes. So most pieces,
// being below a megabyte, need at most five multiplications, at 60 ns each.
var crcPowers = makeCRCPowers()

func makeCRCPowers() (powers [16][16]uint32) {
	base := uint32(crcX8)
	for i := range powers {
		powers[i][0] = crcOne
		for d := 1; d < 16; d++ {
			powers[i][d] = crcMultiply(powers[i][d-1], base)
		}
		base = crcMultiply(powers[i][15], base)
	}
	return powers
}

// crcMultiply returns a·b mod P: the sum of b·x^i for each x^i in a.
func crcMultiply(a, b uint32) uint32 {
	var product uint32
	for a != 0 {
		product ^= b & -(a >> 31)
		a <<= 1
		b = b>>1 ^ crcPoly&-(b&1) // times x
	}
	return product
}

// crc32Combine returns the CRC-32 of A B, given those of A and B and the length of B.
func crc32Combine(a, b uint32, lengthB int64) uint32 {
	for i := 0; lengthB > 0; i, lengthB = i+1, lengthB>>4 {
		if d := lengthB & 15; d != 0 {
			a = crcMultiply(crcPowers[i][d], a)
		}
	}
	return a ^ b
}
