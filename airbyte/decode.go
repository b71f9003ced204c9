package airbyte

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/sluice-data/sluice/internal/scan"
)

// Decoder decodes messages without allocating. It is not safe for concurrent use. The zero
// Decoder knows no streams, and decodes all the same.
type Decoder struct {
	streams []StreamID
	index   map[string]int32
	recent  [512]int32   // streams that were found, each at the hash of its name
	last    int32        // the stream of the record before: mostly this one's too
	data    []scan.Guess // what the data of each stream looks like, and of other streams
	forms   forms        // what a RECORD looks like around its data

	named, spaced scan.Span // the stream's name and namespace on the line that is guessed

	text, namespace, name, key []byte // scratch
}

// NewDecoder makes a decoder of messages about these streams, and others.
func NewDecoder(streams []StreamID) *Decoder {
	d := &Decoder{streams: streams, index: make(map[string]int32, len(streams)), data: make([]scan.Guess, len(streams))}
	for i, id := range streams {
		d.index[string(streamKey(nil, []byte(id.Namespace), []byte(id.Name)))] = int32(i)
	}
	return d
}

// Next decodes the line that begins at doc[at], and returns the index behind it. It is
// Decode, and quick where a record looks like the ones before it. A blank line is a Skip.
func (d *Decoder) Next(doc []byte, at int, m *Message) (next int, err error) {
	if next = d.guess(doc, at, m); next > 0 {
		return next, nil
	}
	end := len(doc)
	next = end
	if i := bytes.IndexByte(doc[at:], '\n'); i >= 0 {
		end = at + i
		next = end + 1
	}
	if scan.SkipSpace(doc[:end], at) == end {
		*m = Message{Values: m.Values}
		return next, nil
	}
	return next, d.Decode(doc, at, end, m)
}

// Decode reads the message in doc[start:end], which must be one line without its line
// end. It fails on what is no JSON, is no Airbyte message, or is one that a destination
// must not guess about: a RECORD without stream or data, a STATE without state.
func (d *Decoder) Decode(doc []byte, start, end int, m *Message) error {
	*m = Message{Values: m.Values}
	line := doc[start:end]
	if !scan.Valid(line) {
		return fmt.Errorf("not valid JSON: %w", scan.Explain(line))
	}
	at := scan.SkipSpace(doc, start)
	if doc[at] != '{' {
		return errors.New("not an Airbyte message: a JSON object is expected")
	}
	var kind, state, trace scan.Span
	var record recordSpans
	d.forms.begin()
	for o := scan.Object(doc, at); o.NextKey(); {
		switch string(d.unescapeKey(doc, o.Key)) {
		case "record":
			d.walkRecord(doc, &o, &record)
		case "type":
			o.Skip()
			kind = o.Value
		case "state":
			o.Skip()
			state = o.Value
		case "trace":
			o.Skip()
			trace = o.Value
		default:
			o.Skip()
			d.forms.add(o.Value, anySlot)
		}
	}
	if kind.None() || doc[kind.Start] != '"' {
		return errors.New(`not an Airbyte message: it has no "type"`)
	}
	switch string(d.unquote(doc, kind)) {
	case "RECORD":
		if err := d.record(doc, &record, m); err != nil {
			return err
		}
		d.values(doc, m)
		m.Clean = utf8.Valid(m.Data.Of(doc)) && utf8.Valid(m.Changes.Of(doc))
		d.forms.learn(doc, start, end)
		return nil
	case "STATE":
		return d.state(doc, state, m)
	case "TRACE":
		return d.trace(doc, trace, m)
	}
	return nil
}

// values finds what stands in a record's data.
func (d *Decoder) values(doc []byte, m *Message) {
	at := int(m.Data.Start)
	if m.Stream >= 0 && doc[len(doc)-1] == '\n' { // which a Shape relies on
		g := &d.data[m.Stream]
		fit := g.Check(doc, at, m.Values)
		if fit.Shape == nil && g.Learn(doc, at) {
			fit = g.Check(doc, at, m.Values)
		}
		if m.Shape, m.Values = fit.Shape, fit.Out; m.Shape != nil {
			return
		}
	}
	m.Values = scan.Pairs(doc, at, m.Values)
}

// recordSpans are the parts of a record object.
type recordSpans struct {
	isObject                             bool
	name, namespace, data, emitted, meta scan.Span
}

// walkRecord goes through the value of the key "record", at which o stands. It comes
// before the type is known, because type may stand behind it; records are nearly all of
// the input, and skipping one first would read it twice.
func (d *Decoder) walkRecord(doc []byte, o *scan.Members, r *recordSpans) {
	*r = recordSpans{isObject: doc[o.At()] == '{'}
	if !r.isObject {
		o.Skip()
		return
	}
	inner := scan.Object(doc, o.At())
	for inner.Next() {
		what := anySlot
		switch string(d.unescapeKey(doc, inner.Key)) {
		case "stream":
			r.name, what = inner.Value, nameSlot
		case "namespace":
			r.namespace, what = inner.Value, namespaceSlot
		case "data":
			r.data, what = inner.Value, dataSlot
		case "emitted_at":
			r.emitted, what = inner.Value, emittedSlot
		case "meta":
			r.meta, what = inner.Value, metaSlot
		}
		d.forms.add(inner.Value, what)
	}
	o.Leave(&inner)
}

func (d *Decoder) record(doc []byte, r *recordSpans, m *Message) error {
	if !r.isObject {
		return errors.New(`RECORD without a "record" object`)
	}
	m.Kind, m.Data = Record, r.data
	if err := d.stream(doc, r.name, r.namespace, m); err != nil {
		return fmt.Errorf("RECORD: %w", err)
	}
	if m.Data.None() {
		return fmt.Errorf(`RECORD of stream %s without "data"`, m.Name)
	}
	if !isObject(doc, m.Data) {
		return fmt.Errorf(`RECORD of stream %s: "data" is no object`, m.Name)
	}
	if isObject(doc, r.meta) {
		m.Changes = d.changes(doc, r.meta)
	}
	if r.emitted.None() || doc[r.emitted.Start] == 'n' {
		m.NoTime = true
		return nil
	}
	var ok bool
	if m.EmittedAt, ok = millis(r.emitted.Of(doc)); !ok {
		return fmt.Errorf(`RECORD of stream %s: "emitted_at" is no number of milliseconds`, m.Name)
	}
	return nil
}

// changes finds the array under "changes" in a record's meta object.
func (d *Decoder) changes(doc []byte, meta scan.Span) (changes scan.Span) {
	for o := scan.Object(doc, int(meta.Start)); o.Next(); {
		if string(d.unescapeKey(doc, o.Key)) == "changes" {
			changes = arrayOrNone(doc, o.Value)
		}
	}
	return changes
}

func (d *Decoder) state(doc []byte, state scan.Span, m *Message) error {
	if !isObject(doc, state) {
		return errors.New(`STATE without a "state" object`)
	}
	m.Kind, m.State = State, state
	var kind, stream scan.Span
	for o := scan.Object(doc, int(state.Start)); o.Next(); {
		switch string(d.unescapeKey(doc, o.Key)) {
		case "type":
			kind = o.Value
		case "stream":
			stream = o.Value
		}
	}
	if kind.None() || doc[kind.Start] != '"' {
		return nil // the protocol before version 0.3 had no types
	}
	switch string(d.unquote(doc, kind)) {
	case "GLOBAL":
		m.StateType = GlobalState
	case "STREAM":
		m.StateType = StreamState
		if err := d.descriptor(doc, stream, m); err != nil {
			return fmt.Errorf("STATE of type STREAM: %w", err)
		}
	}
	return nil
}

// descriptor reads the stream_descriptor inside the object at outer.
func (d *Decoder) descriptor(doc []byte, outer scan.Span, m *Message) error {
	var descriptor, name, namespace scan.Span
	if isObject(doc, outer) {
		for o := scan.Object(doc, int(outer.Start)); o.Next(); {
			if string(d.unescapeKey(doc, o.Key)) == "stream_descriptor" {
				descriptor = o.Value
			}
		}
	}
	if !isObject(doc, descriptor) {
		return errors.New(`no "stream_descriptor"`)
	}
	for o := scan.Object(doc, int(descriptor.Start)); o.Next(); {
		switch string(d.unescapeKey(doc, o.Key)) {
		case "name":
			name = o.Value
		case "namespace":
			namespace = o.Value
		}
	}
	return d.stream(doc, name, namespace, m)
}

func (d *Decoder) stream(doc []byte, name, namespace scan.Span, m *Message) error {
	if name.None() || doc[name.Start] != '"' {
		return errors.New("it names no stream")
	}
	m.Name = d.unescape(&d.name, doc, name)
	if !namespace.None() && doc[namespace.Start] != 'n' {
		if doc[namespace.Start] != '"' {
			return errors.New(`"namespace" is no string`)
		}
		m.Namespace = d.unescape(&d.namespace, doc, namespace)
	}
	m.Stream = d.find(m.Namespace, m.Name)
	return nil
}

// unescapeKey returns the text of a key, given without its quotes.
func (d *Decoder) unescapeKey(doc []byte, key scan.Span) []byte {
	return d.unescape(&d.text, doc, scan.Span{Start: key.Start - 1, End: key.End + 1})
}

// unquote returns the text of a string, or nothing for another value.
func (d *Decoder) unquote(doc []byte, value scan.Span) []byte {
	if doc[value.Start] != '"' {
		return nil
	}
	return d.unescape(&d.text, doc, value)
}

// unescape returns the text of a quoted string: a part of doc where it has no escapes and
// is good UTF-8, else what it decodes to, in buf.
func (d *Decoder) unescape(buf *[]byte, doc []byte, quoted scan.Span) []byte {
	text := doc[quoted.Start+1 : quoted.End-1]
	if scan.Plain(text) {
		return text
	}
	*buf, _ = scan.AppendUnescaped((*buf)[:0], text)
	return *buf
}

func arrayOrNone(doc []byte, s scan.Span) scan.Span {
	if doc[s.Start] != '[' {
		return scan.Span{}
	}
	return s
}

func isObject(doc []byte, s scan.Span) bool { return !s.None() && doc[s.Start] == '{' }

// millis reads a time in milliseconds. Sources write an integer; some serialisers write
// 1.6e12 or 1622135805000.0, which is the same number.
func millis(text []byte) (int64, bool) {
	if n, ok := decimal(text); ok {
		return n, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(f) >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// decimal reads up to 19 digits with a sign. Nanoseconds have 19, and a float would round
// them.
func decimal(text []byte) (int64, bool) {
	digits := bytes.TrimPrefix(text, minus)
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if len(digits) < len(text) {
		return -int64(n), n <= 1<<63
	}
	return int64(n), n < 1<<63
}

var minus = []byte("-")
