package typed

import (
	"fmt"
	"regexp"
	"strconv"
)

// Numbers says what columns of numbers are that need not be integers. The zero value is a decimal of 38
// digits, 18 of them behind the point.
type Numbers struct {
	kind             Kind // Decimal, Double or String; the zero value is Decimal too
	precision, scale int
}

// DefaultNumbers is the text of the zero Numbers.
const DefaultNumbers = "decimal(38,18)"

var decimalText = regexp.MustCompile(`^decimal\( *([0-9]{1,3}) *, *([0-9]{1,3}) *\)$`)

// ParseNumbers reads "decimal(P,S)", "double" or "string". "" is the default.
func ParseNumbers(text string) (Numbers, error) {
	switch text {
	case "":
		return Numbers{}, nil
	case "double":
		return Numbers{kind: Double}, nil
	case "string":
		return Numbers{kind: String}, nil
	}
	parts := decimalText.FindStringSubmatch(text)
	if parts == nil {
		return Numbers{}, fmt.Errorf(`%q is no type of numbers: it must be "double", "string", or a decimal such as %q`, text, DefaultNumbers)
	}
	precision, _ := strconv.Atoi(parts[1])
	scale, _ := strconv.Atoi(parts[2])
	if precision < 1 || precision > maxDigits || scale > precision {
		return Numbers{}, fmt.Errorf("%q: a decimal has 1 to %d digits, and at most all of them behind the point", text, maxDigits)
	}
	return Numbers{Decimal, precision, scale}, nil
}

// columnType is the type of such a column.
func (n Numbers) columnType() *Type {
	switch {
	case n.kind == Double || n.kind == String:
		return &Type{Kind: n.kind}
	case n.precision == 0:
		return &Type{Kind: Decimal, Precision: maxDigits, Scale: 18}
	}
	return &Type{Kind: Decimal, Precision: n.precision, Scale: n.scale}
}
