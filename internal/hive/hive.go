// Package hive names partitions as Hive does, and all that read its tables: a directory a key,
// country=DE/day=2026-11-22. It is pure: text in, text appended.
package hive

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// Null stands for a value that is missing, null or an empty text, which the name of a directory
// can't tell apart.
const Null = "__HIVE_DEFAULT_PARTITION__"

// MaxValue is how many bytes each value of so many keys may have, escaped. S3 has keys of up to 1,024 bytes,
// and directories names of up to 255.
func MaxValue(keys int) int { return min(200, 600/max(keys, 1)) }

// Func is what is taken of a value.
type Func int

// The functions. Those of time take a date, or the date of a timestamp in UTC.
const (
	Value Func = iota // the value itself
	Date              // 2026-11-22
	Year              // 2026
	Month             // 11
	Day               // 22
	Hour              // 07
)

var funcs = []struct {
	name string // as it is written
	key  string // the name of the directories, if nobody says another one
}{Value: {}, Date: {"date", "day"}, Year: {"year", "year"}, Month: {"month", "month"}, Day: {"day", "day"}, Hour: {"hour", "hour"}}

// EmittedAt are names of the time that a record was read at its source, where the stream has no
// field of that name.
var EmittedAt = []string{"emitted_at", "_airbyte_emitted_at", "_airbyte_extracted_at"}

// Key is one of the keys that partitions are named by.
type Key struct {
	Name  string // of the directories
	Func  Func
	Field string // a root field of the records, or one of EmittedAt
}

// Parse reads a key as it stands in a config: a field, a function of one, date(created_at), and either
// with a name in front, day=date(created_at).
func Parse(text string) (Key, error) {
	name, rest, named := strings.Cut(text, "=")
	if !named {
		name, rest = "", text
	}
	k := Key{Name: strings.TrimSpace(name), Field: strings.TrimSpace(rest)}
	if inner, ok := strings.CutSuffix(k.Field, ")"); ok {
		word, field, ok := strings.Cut(inner, "(")
		for f := Date; ok && f <= Hour; f++ {
			if strings.EqualFold(strings.TrimSpace(word), funcs[f].name) {
				k.Func, k.Field = f, strings.TrimSpace(field)
			}
		}
		if k.Func == Value {
			return k, fmt.Errorf("%q is no function: there are date, year, month, day and hour", word)
		}
	}
	switch {
	case k.Field == "":
		return k, fmt.Errorf("%q names no field", text)
	case named && k.Name == "":
		return k, fmt.Errorf("%q has no name in front of the =", text)
	case named:
	case k.Func == Value:
		k.Name = k.Field
	default:
		k.Name = funcs[k.Func].key
	}
	return k, nil
}

// ParseAll reads all keys of a config. Their names have to differ, also for those who know no upper case.
func ParseAll(texts []string) ([]Key, error) {
	var keys []Key
	for _, text := range texts {
		k, err := Parse(text)
		if err != nil {
			return nil, err
		}
		for _, other := range keys {
			if strings.EqualFold(other.Name, k.Name) {
				return nil, fmt.Errorf("two keys have the name %q: put another one in front of one of them, as in other=%s", k.Name, text[strings.IndexByte(text, '=')+1:])
			}
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// IsEmittedAt reports whether a field is the time of the record, where the stream has none of that name.
func IsEmittedAt(field string) bool {
	for _, name := range EmittedAt {
		if field == name {
			return true
		}
	}
	return false
}

// AppendName appends the key's name, escaped, and a "=".
func (k *Key) AppendName(dst []byte) []byte { return append(AppendEscaped(dst, k.Name), '=') }

// AppendTime appends what the key takes of a time in UTC.
func (k *Key) AppendTime(dst []byte, t time.Time) []byte {
	switch k.Func {
	case Value, Date:
		return t.AppendFormat(dst, "2006-01-02")
	case Year:
		return t.AppendFormat(dst, "2006")
	case Month:
		return t.AppendFormat(dst, "01")
	case Day:
		return t.AppendFormat(dst, "02")
	case Hour:
	}
	return t.AppendFormat(dst, "15")
}

// Longest is a path as long as one can be.
func Longest(keys []Key) string {
	var all []string
	for i := range keys {
		value := Null // longer than any time
		if keys[i].Func == Value {
			value = strings.Repeat("x", MaxValue(len(keys)))
		}
		all = append(all, string(keys[i].AppendName(nil))+value)
	}
	return strings.Join(all, "/")
}

// AppendEscaped appends a text with those characters as %XX that Hive and Spark escape in the names of
// directories. Readers take them back.
func AppendEscaped[T string | []byte](dst []byte, text T) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c == 0x7f || c < 0x80 && escaped[c] || c >= 0xbe && unlisted(string(text[max(i-2, 0):min(i+3, len(text))])) {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// AppendValue appends a value of a key, escaped. DuckDB takes the directory of a text NULL for the one without a
// value, if all of it stands there as it is.
func AppendValue(dst, text []byte) []byte {
	if len(text) == 4 && bytes.EqualFold(text, []byte("NULL")) {
		return append(append(dst, '%', "01234567"[text[0]>>4], "0123456789ABCDEF"[text[0]&15]), text[1:]...)
	}
	return AppendEscaped(dst, text)
}

// unlisted reports whether a text has one of the characters that the XML of a listing can't tell.
func unlisted(text string) bool { return strings.ContainsAny(text, "\ufffe\uffff") }

// escaped has also what S3 says to avoid in keys, and "+", which some readers take for a space.
var escaped = func() (set [128]bool) {
	for _, c := range []byte("\"#%'*/:=?\\{}[]^+&$<>|`,;@~") {
		set[c] = true
	}
	return set
}()
