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
	named int    // parts[:named] name the stream, and nothing else; 0: it is named elsewhere
	front front  // how the last line began, up to there
}

// front is how the lines of one stream begin. Mostly the next line is of the stream of the
// last one, and then one comparison finds it.
type front struct {
	text            []byte    // nothing: there was no such line yet
	name, namespace scan.Span // of text
	stream          int32
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
// added, unless it has one that is known: then it was its data that surprised.
func (f *forms) learn(doc []byte, start, end int) {
	if end == len(doc) || f.last[0].fits(doc, start, end, f.seen) || f.last[1].fits(doc, start, end, f.seen) || !f.surprises.WorthLearning() {
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
	if n := max(places[nameSlot], places[namespaceSlot]); n == 1 || n == 2 && places[namespaceSlot] > 0 {
		made.named = n
	}
	f.last[0], f.last[1] = made, f.last[0]
}

// fits reports whether the line doc[start:end] with the values of seen has the form f.
func (f *form) fits(doc []byte, start, end int, values []seen) bool {
	if f == nil || len(values) != len(f.parts) {
		return false
	}
	at := uint32(start)
	for i, s := range values {
		if s.slot != f.parts[i].slot || string(doc[at:s.value.Start]) != f.parts[i].text {
			return false
		}
		at = s.value.End
	}
	return string(doc[at:end+1]) == f.end
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
	i, p := at, 0
	if n := len(f.front.text); n > 0 && n <= len(doc)-at && string(doc[at:at+n]) == string(f.front.text) {
		i, p = at+n, f.named
		m.Name, m.Namespace = f.front.name.Of(doc[at:]), f.front.namespace.Of(doc[at:])
		m.Stream, d.last = f.front.stream, f.front.stream
	}
	for ; p < len(f.parts); p++ {
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
		if p+1 == f.named {
			d.begun(f, doc, at, i, m)
		}
	}
	if len(doc)-i < len(f.end) || string(doc[i:i+len(f.end)]) != f.end {
		return 0
	}
	if f.named == 0 {
		m.Stream = d.find(m.Namespace, m.Name)
	}
	return i + len(f.end)
}

// begun finds the stream of a line whose beginning doc[at:i] names it, and remembers that.
func (d *Decoder) begun(f *form, doc []byte, at, i int, m *Message) {
	f.front.text = f.front.text[:0]
	if m.Stream = d.find(m.Namespace, m.Name); m.Stream < 0 {
		return
	}
	f.front.text = append(f.front.text, doc[at:i]...)
	f.front.stream = m.Stream
	f.front.name = scan.Span{Start: d.named.Start - uint32(at), End: d.named.End - uint32(at)}
	f.front.namespace = scan.Span{}
	if len(m.Namespace) > 0 {
		f.front.namespace = scan.Span{Start: d.spaced.Start - uint32(at), End: d.spaced.End - uint32(at)}
	}
}

// fillData decodes the data at doc[i]. If the stream is named later, its shape is that of
// the record before: a shape says how keys are written, not whose they are.
func (d *Decoder) fillData(f *form, doc []byte, i int, m *Message) (end int) {
	stream := d.last
	switch {
	case f.named > 0:
		stream = m.Stream
	case f.early:
		stream = d.find(m.Namespace, m.Name)
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
		d.named = scan.Span{Start: uint32(i + 1), End: uint32(end - 1)}
		m.Name = d.named.Of(doc)
	case s == namespaceSlot && kind == scan.Text:
		d.spaced = scan.Span{Start: uint32(i + 1), End: uint32(end - 1)}
		m.Namespace = d.spaced.Of(doc)
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
