package airbyte

import (
	"strconv"

	"github.com/sluice-data/sluice/internal/scan"
)

// AppendState appends a STATE message as it goes back to the platform: the line as it
// came, with recordCount, the number of committed records that the state covers, under
// state.destinationStats. All else stays byte for byte, unknown keys and the digits of
// numbers included. line must be a message that Decode accepted and state its State span,
// relative to line.
func AppendState(dst, line []byte, state scan.Span, recordCount int64) []byte {
	stats := lastMember(line, state, "destinationStats")
	if stats.None() {
		return spliceMember(dst, line, state, `"destinationStats":{"recordCount":`, recordCount, "}")
	}
	if !isObject(line, stats) { // null, say
		dst = append(dst, line[:stats.Start]...)
		dst = append(dst, `{"recordCount":`...)
		dst = appendCount(dst, recordCount)
		dst = append(dst, '}')
		return append(dst, line[stats.End:]...)
	}
	count := lastMember(line, stats, "recordCount")
	if count.None() {
		return spliceMember(dst, line, stats, `"recordCount":`, recordCount, "")
	}
	dst = append(dst, line[:count.Start]...)
	dst = appendCount(dst, recordCount)
	return append(dst, line[count.End:]...)
}

// spliceMember appends line with before, count and after added at the end of object.
func spliceMember(dst, line []byte, object scan.Span, before string, count int64, after string) []byte {
	brace := object.End - 1
	dst = append(dst, line[:brace]...)
	if walk := scan.Object(line, int(object.Start)); walk.Next() {
		dst = append(dst, ',')
	}
	dst = append(dst, before...)
	dst = appendCount(dst, count)
	dst = append(dst, after...)
	return append(dst, line[brace:]...)
}

// appendCount writes a count as Airbyte does: its schema says "number", and the platform's
// own messages carry a decimal point.
func appendCount(dst []byte, n int64) []byte {
	return append(strconv.AppendInt(dst, n, 10), ".0"...)
}

// lastMember finds the value of a key; the last of duplicates wins.
func lastMember(doc []byte, object scan.Span, name string) scan.Span {
	var d Decoder
	var found scan.Span
	for o := scan.Object(doc, int(object.Start)); o.Next(); {
		if string(d.unescapeKey(doc, o.Key)) == name {
			found = o.Value
		}
	}
	return found
}
