package airbyte

import (
	"unicode/utf8"

	"github.com/sluice-data/sluice/internal/scan"
)

// form is how a source writes a RECORD around its data: the text in front of each value
// that may differ from record to record. All else, keys and the type included, must be the
// same, byte by byte; that makes a comparison of most of what has to be checked.
type form struct {
	parts []part
	end   string // behind the last value, with the line end
	early bool   // the stream is named in front of its data
}

type part struct {
	text string
	slot slot
}

// slot is what stands in one place of a form.
type slot uint8

const (
	anySlot slot = iota // a value of no interest
	nameSlot
	namespaceSlot
	dataSlot
	emittedSlot
	metaSlot
)

// forms are the two that fitted last: some sources write records with and without meta.
type forms struct {
	last      [2]*form
	surprises scan.Surprises
	seen      []seen // the slots of the line that is being decoded
}

type seen struct {
	value scan.Span
	slot  slot
}

// begin starts a line.
func (f *forms) begin() { f.seen = f.seen[:0] }

// add tells of the next value of the line, in the order of the text.
func (f *forms) add(value scan.Span, s slot) { f.seen = append(f.seen, seen{value, s}) }

// learn makes a form of the line doc[start:end], a valid RECORD whose values have been
// added.
func (f *forms) learn(doc []byte, start, end int) {
	if end == len(doc) || !f.surprises.WorthLearning() {
		return
	}
	made := &form{}
	at := uint32(start)
	var places [metaSlot + 1]int
	for i, s := range f.seen {
		if s.slot != anySlot && places[s.slot] > 0 {
			return // twice the same key: the general way knows which one counts
		}
		places[s.slot] = i + 1
		made.parts = append(made.parts, part{string(doc[at:s.value.Start]), s.slot})
		at = s.value.End
	}
	made.end = string(doc[at : end+1])
	made.early = places[nameSlot] < places[dataSlot] && places[namespaceSlot] < places[dataSlot]
	f.last[0], f.last[1] = made, f.last[0]
}

// guess decodes the line that begins at doc[at] if it has a form that is known, and data
// of a shape that is known. It returns the index behind the line, or 0: then the line has
// to be decoded the general way, which also says what is wrong with it.
func (d *Decoder) guess(doc []byte, at int, m *Message) (next int) {
	if doc[len(doc)-1] != '\n' {
		return 0 // quick checks rely on it
	}
	kept := m.Values
	for i, f := range d.forms.last {
		if f == nil {
			return 0
		}
		if next = d.fill(f, doc, at, m); next > 0 {
			if i > 0 {
				d.forms.last[0], d.forms.last[1] = f, d.forms.last[0]
			}
			return next
		}
		m.Values = kept
	}
	return 0
}

// fill decodes a line of the form f.
func (d *Decoder) fill(f *form, doc []byte, at int, m *Message) (next int) {
	// Not all of the message: what belongs to other kinds may stay.
	m.Kind, m.NoTime, m.Clean = Record, true, true
	m.Namespace, m.Changes, m.EmittedAt = nil, scan.Span{}, 0
	i := at
	for p := range f.parts {
		text := f.parts[p].text
		if len(doc)-i < len(text) || string(doc[i:i+len(text)]) != text {
			return 0
		}
		i += len(text)
		if f.parts[p].slot == dataSlot {
			i = d.fillData(f, doc, i, m)
		} else {
			i = d.fillSlot(f.parts[p].slot, doc, i, m)
		}
		if i == 0 {
			return 0
		}
	}
	if len(doc)-i < len(f.end) || string(doc[i:i+len(f.end)]) != f.end {
		return 0
	}
	if !f.early {
		m.Stream = d.find(m.Namespace, m.Name)
	}
	return i + len(f.end)
}

// fillData decodes the data at doc[i]. If the stream is named later, its shape is that of
// the record before: a shape says how keys are written, not whose they are.
func (d *Decoder) fillData(f *form, doc []byte, i int, m *Message) (end int) {
	stream := d.last
	if f.early {
		stream = d.find(m.Namespace, m.Name)
		m.Stream = stream
	}
	if stream < 0 || int(stream) >= len(d.data) {
		return 0
	}
	fit := d.data[stream].Check(doc, i, m.Values)
	if fit.Shape == nil {
		return 0
	}
	m.Shape, m.Values = fit.Shape, fit.Out
	m.Data = scan.Span{Start: uint32(i), End: uint32(fit.End)}
	m.Clean = m.Clean && fit.Clean
	return fit.End
}

// plainMillis reads a time as nearly all sources write it: 10 to 18 digits and no more. An
// end of 0 means that it is something else.
func plainMillis(doc []byte, i int) (millis int64, end int) {
	start := i
	for ; i < start+18 && doc[i]-'0' < 10; i++ {
		millis = millis*10 + int64(doc[i]-'0')
	}
	if i < start+10 || doc[start] == '0' || doc[i] != ',' && doc[i] != '}' {
		return 0, 0
	}
	return millis, i
}

// fillSlot decodes the value at doc[i].
func (d *Decoder) fillSlot(s slot, doc []byte, i int, m *Message) (end int) {
	if s == emittedSlot {
		if m.EmittedAt, end = plainMillis(doc, i); end > 0 {
			m.NoTime = false
			return end
		}
	}
	end, kind, clean := scan.Check(doc, i)
	switch {
	case end == 0:
		return 0
	case s == nameSlot && kind == scan.Text:
		m.Name = doc[i+1 : end-1]
	case s == namespaceSlot && kind == scan.Text:
		m.Namespace = doc[i+1 : end-1]
	case s == namespaceSlot && kind == scan.Null:
	case s == emittedSlot && kind == scan.Null:
	case s == emittedSlot && kind == scan.Bare:
		n, ok := millis(doc[i:end])
		if !ok {
			return 0
		}
		m.EmittedAt, m.NoTime = n, false
	case s == metaSlot && doc[i] == '{':
		m.Changes = d.changes(doc, scan.Span{Start: uint32(i), End: uint32(end)})
		m.Clean = m.Clean && (clean || utf8.Valid(m.Changes.Of(doc)))
	case s == metaSlot:
	case s == anySlot:
	default:
		return 0
	}
	return end
}
