package generate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"unicode/utf16"
)

// maker writes the JSON of a workload. It writes as sources do, which encoding/json would
// not: with or without spaces, keys in an order of its own, non-ASCII as it is or escaped.
type maker struct {
	*bytes.Buffer // streams that take turns share one
	rng           *rand.Rand
	n             int    // the number of the record, from 1
	comma         string // ", " as Python writes, or ","
	colon         string
	ascii         bool // \u escapes for what is not ASCII
	empty         bool // no member or element of the innermost object or array yet

	portable bool // no arithmetic whose last bit could differ from one processor to another

	counted bool // the value asked for the number of its record
	absent  bool // the value wants its key to be missing
}

func newMaker(seed uint64) *maker {
	return &maker{Buffer: &bytes.Buffer{}, rng: rand.New(rand.NewPCG(seed, 0)), comma: ",", colon: ":"}
}

// row is the number of the record. A value that depends on it can't be made beforehand.
func (m *maker) row() int {
	m.counted = true
	return m.n
}

// begin opens an object or array; end closes it.
func (m *maker) begin(bracket byte) {
	m.WriteByte(bracket)
	m.empty = true
}

func (m *maker) end(bracket byte) {
	m.WriteByte(bracket)
	m.empty = false
}

// next goes before each element of an array; key does it for members.
func (m *maker) next() {
	if !m.empty {
		m.WriteString(m.comma)
	}
	m.empty = false
}

func (m *maker) key(name string) {
	m.next()
	m.text(name)
	m.WriteString(m.colon)
}

func (m *maker) int(n int) { m.Write(strconv.AppendInt(m.AvailableBuffer(), int64(n), 10)) }

// decimal writes a number with the given digits behind the point.
func (m *maker) decimal(f float64, digits int) {
	m.Write(strconv.AppendFloat(m.AvailableBuffer(), f, 'f', digits, 64))
}

// cents writes a hundredth of n exactly.
func (m *maker) cents(n int) { fmt.Fprintf(m, "%d.%02d", n/100, n%100) }

func (m *maker) bool(b bool) { m.Write(strconv.AppendBool(m.AvailableBuffer(), b)) }

func (m *maker) null() { m.WriteString("null") }

// text writes a string with the escapes that it needs.
func (m *maker) text(s string) {
	m.WriteByte('"')
	if plain(s) {
		m.WriteString(s)
		m.WriteByte('"')
		return
	}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			m.WriteByte('\\')
			m.WriteRune(r)
		case r == '\n':
			m.WriteString(`\n`)
		case r == '\t':
			m.WriteString(`\t`)
		case r < 0x20 || r == 0x7f || r > 0x7f && m.ascii:
			if hi, lo := utf16.EncodeRune(r); hi != 0xfffd {
				fmt.Fprintf(m, `\u%04x\u%04x`, hi, lo)
			} else {
				fmt.Fprintf(m, `\u%04x`, r)
			}
		default:
			m.WriteRune(r)
		}
	}
	m.WriteByte('"')
}

// plain reports whether a text needs no look at its characters.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// words writes a string of n to n+more words.
func (m *maker) words(n, more int) { m.text(m.sentence(n, more)) }

func (m *maker) sentence(n, more int) string {
	var s []byte
	for range n + m.rng.IntN(more+1) {
		if len(s) > 0 {
			s = append(s, ' ')
		}
		s = append(s, pick(m, words)...)
	}
	return string(s)
}

// normal is a number of a normal distribution. The quick algorithm of math/rand compares with
// products that some processors round once instead of twice; a sum of whole numbers is the same
// on all of them.
func (m *maker) normal() float64 {
	if !m.portable {
		return m.rng.NormFloat64()
	}
	const unit = 1 << 20
	sum := -6 * unit
	for range 12 {
		sum += m.rng.IntN(unit)
	}
	return float64(sum) / unit
}

func (m *maker) date() string {
	return fmt.Sprintf("%d-%02d-%02d", 1992+m.rng.IntN(7), m.rng.IntN(12)+1, m.rng.IntN(28)+1)
}

func pick[T any](m *maker, from []T) T { return from[m.rng.IntN(len(from))] }

// once reports true once in n times.
func (m *maker) once(n int) bool { return m.rng.IntN(n) == 0 }

var words = []string{"furiously", "quick", "pending", "accounts", "sleep", "carefully", "final", "deposits", "above", "the", "ironic", "requests", "boost", "blithely"}
