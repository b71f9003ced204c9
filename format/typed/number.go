package typed

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// The digits of a number go from its text to where they belong, and never through a float. The common
// cases are first: no exponent, and no more digits than a word has.

// parseLong reads an integer. "1e3" and "10.0" are some.
func parseLong(text []byte) (int64, verdict) {
	i := 0
	if len(text) > 0 && text[0] == '-' {
		i = 1
	}
	if n := len(text) - i; n == 0 || n > longDigits {
		return parseAnyLong(text)
	}
	x := int64(0)
	for _, b := range text[i:] {
		if b -= '0'; b > 9 {
			return parseAnyLong(text)
		}
		x = x*10 + int64(b)
	}
	if i > 0 {
		x = -x
	}
	return x, exact
}

func parseAnyLong(text []byte) (int64, verdict) {
	n, ok := parseNumber(text)
	switch {
	case !ok || n.count > max(n.point, 0): // there are digits behind the point
		return 0, mismatch
	case n.point > 19:
		return 0, tooLarge
	}
	x := n.unscaled(n.point)
	limit := uint64(math.MaxInt64)
	if n.negative {
		limit++
	}
	if x.high > 0 || x.low > limit {
		return 0, tooLarge
	}
	if n.negative {
		return -int64(x.low), exact
	}
	return int64(x.low), exact
}

// appendDecimal appends a number with the column's scale. Digits past that are rounded, and a half to
// the even neighbour.
func appendDecimal(dst []byte, c *column, text []byte) (out []byte, found verdict) {
	x, negative, ok := quickDecimal(text, c.scale)
	if !ok {
		n, ok := parseNumber(text)
		if !ok {
			return dst, mismatch
		}
		if n.point > c.precision-c.scale {
			return dst, tooLarge
		}
		negative = n.negative
		x = n.unscaled(n.point + c.scale)
		if n.count > max(n.point+c.scale, 0) {
			found = truncated
			if n.roundsUp(n.point + c.scale) {
				x = x.plus(1)
			}
		}
	}
	if !x.less(powers[c.precision]) {
		return dst, tooLarge
	}
	if negative {
		x = x.negated()
	}
	if c.wide {
		return appendWords(dst, x), found
	}
	return binary.BigEndian.AppendUint64(dst, x.low), found
}

// quickDecimal reads a number of which no digit has to go. What is a bit unusual it leaves to others.
func quickDecimal(text []byte, scale int) (x uint128, negative, ok bool) {
	mantissa, fraction, negative, ok := quickNumber(text)
	shift := scale - fraction
	if !ok || uint(shift) > 19 {
		return x, negative, false
	}
	x.high, x.low = bits.Mul64(mantissa, powers[shift].low)
	return x, negative, true
}

// quickNumber reads a number without an exponent, of at most 18 digits, of which the last ones may be a
// fraction.
func quickNumber(text []byte) (mantissa uint64, fraction int, negative, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		negative, text = true, text[1:]
	}
	point, digits := len(text), len(text)
	if digits > longDigits+1 {
		return 0, 0, negative, false
	}
	for i, b := range text {
		if digit := b - '0'; digit <= 9 {
			mantissa = mantissa*10 + uint64(digit)
		} else if b == '.' && point == len(text) {
			point = i + 1
			digits--
		} else {
			return 0, 0, negative, false
		}
	}
	return mantissa, len(text) - point, negative, digits > 0 && digits <= longDigits
}

// parseDouble reads a number. It is truncated if it is not the one that people would write for the
// nearest float. Strings may hold what JSON has no numbers for.
func parseDouble(text []byte, quoted bool) (float64, verdict) {
	const survive = 1e15 // that many digits do
	if mantissa, fraction, negative, ok := quickNumber(text); ok && mantissa < survive {
		x := float64(mantissa) / exactPowers[fraction] // both are exact, so this is the nearest
		if negative {
			x = -x
		}
		return x, exact
	}
	n, ok := parseNumber(text)
	if !ok {
		return special(text, quoted)
	}
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, tooLarge
	}
	var memory [32]byte
	shortest, _ := parseNumber(strconv.AppendFloat(memory[:0], x, 'e', -1, 64))
	if !n.equal(&shortest) {
		return x, truncated
	}
	return x, exact
}

// exactPowers are those of ten that a fraction of quickNumber has.
var exactPowers = [longDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// special reads a float that is no number.
func special(text []byte, quoted bool) (float64, verdict) {
	if !quoted {
		return 0, mismatch
	}
	switch string(text) {
	case "NaN":
		return math.NaN(), exact
	case "Infinity", "+Infinity":
		return math.Inf(1), exact
	case "-Infinity":
		return math.Inf(-1), exact
	}
	return 0, mismatch
}
