package typed

import (
	"encoding/binary"
	"math/bits"
)

// number is a number as it is written: 0.DIGITS times ten to the power of point.
type number struct {
	negative bool
	text     []byte // from its first digit that is not 0 to the last; the decimal point may be among them
	count    int    // of digits in text
	point    int
}

// maxExponent bounds what is made of an exponent: past it, numbers are too large, or next to nothing.
const maxExponent = 1 << 40

// parseNumber reads a number as JSON and most others write it: 12, -0.5, +1.50e-3, 5., .5, 007.
func parseNumber(text []byte) (n number, ok bool) {
	i := 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		n.negative = text[0] == '-'
		i = 1
	}
	start, first, last, point := i, -1, -1, -1
	for ; i < len(text); i++ {
		if b := text[i]; b == '.' && point < 0 {
			point = i
		} else if b-'0' > 9 {
			break
		} else if b != '0' {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	digits := i - start
	if point >= 0 {
		digits--
	} else {
		point = i
	}
	exponent, ok := parseExponent(text[i:])
	if !ok || digits == 0 {
		return n, false
	}
	if first < 0 {
		return number{}, true // zero
	}
	n.text, n.count, n.point = text[first:last+1], last+1-first, point-first+exponent
	if first > point {
		n.point++ // the point itself is no digit
	} else if point < last {
		n.count--
	}
	return n, true
}

// parseExponent reads what stands behind the digits, perhaps nothing.
func parseExponent(text []byte) (exponent int, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	if text[0]|0x20 != 'e' {
		return 0, false
	}
	text = text[1:]
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	for _, b := range text {
		if b -= '0'; b > 9 {
			return 0, false
		}
		exponent = min(exponent*10+int(b), maxExponent)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, len(text) > 0
}

// unscaled is the number of the first digits, up to 38 of them; zeros follow the last.
func (n *number) unscaled(digits int) (x uint128) {
	if n.count == 0 {
		return x
	}
	for _, b := range n.text {
		if digits <= 0 {
			return x
		}
		if b != '.' {
			x = x.timesTen(b - '0')
			digits--
		}
	}
	for ; digits > 0; digits-- {
		x = x.timesTen(0)
	}
	return x
}

// roundsUp reports whether what stands behind the first digits is more than a half, or one behind an odd
// digit.
func (n *number) roundsUp(digits int) bool {
	if digits < 0 {
		return false // there are zeros first
	}
	odd := false
	for i, b := range n.text {
		switch {
		case b == '.':
		case digits > 0:
			odd = b&1 != 0
			digits--
		case b == '5':
			return i < len(n.text)-1 || odd // the last digit is not 0
		default:
			return b > '5'
		}
	}
	return false
}

// equal compares numbers, whatever they are written like.
func (n *number) equal(m *number) bool {
	if n.count == 0 && m.count == 0 {
		return true
	}
	if n.negative != m.negative || n.count != m.count || n.point != m.point {
		return false
	}
	j := 0
	for _, b := range n.text {
		if b == '.' {
			continue
		}
		if m.text[j] == '.' {
			j++
		}
		if b != m.text[j] {
			return false
		}
		j++
	}
	return true
}

// uint128 holds 38 digits.
type uint128 struct{ high, low uint64 }

// powers are those of ten.
var powers = func() (powers [maxDigits + 1]uint128) {
	powers[0].low = 1
	for i := range maxDigits {
		powers[i+1] = powers[i].timesTen(0)
	}
	return powers
}()

func (x uint128) timesTen(digit byte) uint128 {
	high, low := bits.Mul64(x.low, 10)
	low, carry := bits.Add64(low, uint64(digit), 0)
	return uint128{x.high*10 + high + carry, low}
}

func (x uint128) plus(y uint64) uint128 {
	low, carry := bits.Add64(x.low, y, 0)
	return uint128{x.high + carry, low}
}

func (x uint128) less(y uint128) bool {
	return x.high < y.high || x.high == y.high && x.low < y.low
}

// negated is the two's complement.
func (x uint128) negated() uint128 { return uint128{^x.high, ^x.low}.plus(1) }

func appendWords(dst []byte, x uint128) []byte {
	dst = binary.BigEndian.AppendUint64(dst, x.high)
	return binary.BigEndian.AppendUint64(dst, x.low)
}
