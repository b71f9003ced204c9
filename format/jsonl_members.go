package format

import "github.com/sluice-data/sluice/internal/scan"

// What is in this file writes the members of a line to dst[n:], where bound has made room, and
// returns the index behind them.

func (j *JSONL) writeMetadata(dst []byte, n int, row *Row) (end, replaced int) {
	n = j.begin.write(dst, n)
	n = writeUUID(dst, n, &row.ID)
	n = j.emitted.write(dst, n)
	n = writeTime(dst, n, row.EmittedAt)
	if j.table.Metadata != MetadataV2 {
		return n, 0
	}
	if row.Changes.None() {
		return j.metaNone.write(dst, n), 0
	}
	n = j.meta.write(dst, n)
	n, replaced = writeMended(dst, n, row.Doc, row.Changes, row.Clean)
	return j.metaEnd.write(dst, n), replaced
}

// writeMembers writes the columns of a flattened record, and its undeclared members.
func (j *JSONL) writeMembers(dst []byte, n int, row *Row) (end, replaced int) {
	doc, values, labels := row.Doc, row.Values, j.columns
	for column, i := range row.Columns {
		n = labels[column].write(dst, n)
		if i < 0 {
			n = writeNull(dst, n)
			continue
		}
		v := &values[i]
		start, size := int(v.Start), int(v.End-v.Start)
		switch {
		case v.Kind <= scan.Null: // Missing too
			n = writeNull(dst, n)
		case v.Kind > scan.Text:
			var bad int
			n, bad = writeMended(dst, n, doc, v.Span, row.Clean || v.Kind == scan.JSON)
			replaced += bad
		case size <= slack && start+slack <= len(doc): // most are
			move32(dst[n:], doc[start:])
			n += size
		default:
			n += copy(dst[n:], doc[start:start+size])
		}
	}
	if len(row.Extra) > 0 && j.table.KeepUndeclared {
		var bad int
		n, bad = j.writeUndeclared(dst, n, row)
		replaced += bad
	}
	return n, replaced
}

func writeNull(dst []byte, n int) int {
	*(*[4]byte)(dst[n:]) = [4]byte{'n', 'u', 'l', 'l'}
	return n + 4
}

// writeUndeclared writes the undeclared members, and behind them an object of those whose keys
// are ours.
func (j *JSONL) writeUndeclared(dst []byte, n int, row *Row) (end, replaced int) {
	shadowed := 0
	for _, member := range row.Extra {
		if j.isOurs(row.Doc, member) {
			shadowed++
			continue
		}
		dst[n] = ','
		var bad int
		n, bad = writeMended(dst, n+1, row.Doc, member, row.Clean)
		replaced += bad
	}
	if shadowed == 0 {
		return n, replaced
	}
	n = j.shadowed.write(dst, n)
	for _, member := range row.Extra {
		if !j.isOurs(row.Doc, member) {
			continue
		}
		var bad int
		n, bad = writeMended(dst, n, row.Doc, member, row.Clean)
		replaced += bad
		dst[n] = ','
		n++
	}
	dst[n-1] = '}' // for the last comma
	return n, replaced
}

// isOurs says whether the key of an undeclared member is the name of a column of ours.
func (j *JSONL) isOurs(doc []byte, member scan.Span) bool {
	if c := doc[member.Start+1]; c != '_' && c != '\\' {
		return false
	}
	const longest = len(`\u005f`) * len(UndeclaredColumn)
	key := doc[member.Start+1 : scan.SkipValue(doc, int(member.Start))-1]
	if len(key) > longest {
		return false
	}
	var room [longest]byte
	text, _ := scan.AppendUnescaped(room[:0], key)
	for _, name := range j.ours {
		if string(text) == name {
			return true
		}
	}
	return false
}
