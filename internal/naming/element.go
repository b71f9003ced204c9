package naming

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// element is a piece of a template: a text, or a variable.
type element struct {
	kind kind
	text string // of a literal
}

// kind says what stands for an element in a key.
type kind uint8

const (
	literal kind = iota

	// Of a stream.
	namespace
	stream

	// Of the rows in an object.
	partition

	// Of a sync: all of its objects have the same.
	year
	month
	day
	hour
	minute
	second
	millis      // 3 digits
	millisecond // 4 digits, as Airbyte has it
	epoch
	uuid
	syncID

	// Of an object.
	timestampMillis
	timestampMicros
	part
	again // nothing, or what makes a name another one: see addAgain
	extension

	kinds
)

// ofSync reports whether all objects of a sync have the same text there.
func (k kind) ofSync() bool { return year <= k && k <= syncID }

// ofObject reports whether the objects of a sync differ there.
func (k kind) ofObject() bool { return k >= timestampMillis }

// widths are the digits of those numbers that have a fixed number of them.
var widths = [kinds]int{
	year: 4, month: 2, day: 2, hour: 2, minute: 2, second: 2, millis: 3, millisecond: 4,
	timestampMillis: 13, timestampMicros: 16,
}

// counted is a number as it is written: no zeros in front. It fits into an int64, and so does the
// next one.
const counted = `(?:0|[1-9][0-9]{0,17})`

// separator stands in front of the number of an again. No stream's name can have it in it, so that
// the second "users" is no object of a stream "users~1".
const separator = "~"

// Extensions of objects of ours, in any of their formats and compressions. What was written before the
// format was changed belongs to the stream as well.
const extensions = `\.(?:csv|jsonl|avro|parquet)(?:\.gz|\.zst)?`

// pattern is the regular expression of what may stand for an element. What users write is only
// ever quoted.
func (e element) pattern() string {
	switch e.kind {
	case literal:
		return regexp.QuoteMeta(e.text)
	case namespace, stream:
		return "[A-Za-z0-9" + strings.ReplaceAll(regexp.QuoteMeta(safePunctuation), "-", `\-`) + "]+"
	case partition:
		return `(?:` + level + `)*`
	case epoch:
		return `[0-9]{1,18}`
	case syncID, part:
		return counted
	case uuid:
		return `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`
	case again:
		return `(?:` + separator + `[1-9][0-9]{0,17})?`
	case extension:
		return extensions
	}
	return fmt.Sprintf(`[0-9]{%d}`, widths[e.kind])
}

// Values are what an object's key is made of.
type Values struct {
	Time      time.Time // of the sync
	UUID      string    // of the sync
	SyncID    int64
	Timestamp time.Time // when the object was begun
	Part      int64     // its number
	Extension string    // ".csv.gz"
	Partition string    // "country=DE/day=2026-11-22", or "": all rows
}

// value is what stands for an element.
func (e element) value(v *Values) string {
	switch e.kind {
	case literal:
		return e.text
	case partition:
		if v.Partition == "" {
			return ""
		}
		return v.Partition + "/"
	case epoch:
		return strconv.FormatInt(v.Time.UnixMilli(), 10)
	case uuid:
		return v.UUID
	case syncID:
		return strconv.FormatInt(v.SyncID, 10)
	case part:
		return strconv.FormatInt(v.Part, 10)
	case again:
		if v.Part == 0 {
			return ""
		}
		return separator + strconv.FormatInt(v.Part, 10)
	case extension:
		return v.Extension
	}
	return fmt.Sprintf("%0*d", widths[e.kind], e.number(v))
}

// number is what stands for an element with a fixed number of digits.
func (e element) number(v *Values) int64 {
	t := v.Time.UTC()
	switch e.kind {
	case year:
		return int64(t.Year())
	case month:
		return int64(t.Month())
	case day:
		return int64(t.Day())
	case hour:
		return int64(t.Hour())
	case minute:
		return int64(t.Minute())
	case second:
		return int64(t.Second())
	case millis, millisecond:
		return int64(t.Nanosecond() / 1e6)
	case timestampMillis:
		return v.Timestamp.UnixMilli()
	case timestampMicros:
		return v.Timestamp.UnixMicro()
	}
	return 0
}
