package kafkatorture

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
)

// stream is one of those that each source has.
type stream struct{ namespace, name string }

var streams = []stream{{"", "users"}, {"public", "orders"}}

// schema is that of every stream.
const schema = `{"type":"object","properties":{"front":{"type":"string"},"seq":{"type":"integer"},"text":{"type":"string"}}}`

// row is one record. Which bytes it has follows from what it is, so that a reader can tell a
// damaged one.
type row struct {
	stream int
	front  int // which source has sent it
	seq    int // 0, 1, 2... of this source and this stream
}

const emittedAt = 1622135805000

// noise is a text that does not compress: gzip must not make a small object of a large one.
var noise = sync.OnceValue(func() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
})

// text is what a row has in its last column: what CSV has to quote, then noise.
func (r row) text(width int) string {
	h := fnv.New32a()
	fmt.Fprint(h, r.stream, r.front, r.seq)
	at := int(h.Sum32()) % (len(noise()) - width)
	return fmt.Sprintf("%s, \"%d\"\né %s", streams[r.stream].name, r.seq, noise()[at:at+width])
}

func front(i int) string { return "front-" + strconv.Itoa(i) }

// message is a RECORD, without a line end.
func (r row) message(width int) []byte {
	s := streams[r.stream]
	text, _ := json.Marshal(r.text(width)) // a string always can be
	b := []byte(`{"type":"RECORD","record":{"stream":"` + s.name + `",`)
	if s.namespace != "" {
		b = append(b, `"namespace":"`+s.namespace+`",`...)
	}
	return fmt.Appendf(b, `"emitted_at":%d,"data":{"front":%q,"seq":%d,"text":%s}}}`, emittedAt, front(r.front), r.seq, text)
}

// mark is a STATE: what it says is safe when it comes out.
type mark struct {
	number int
	rows   []int // of each stream, those in front of it; 0 where it says nothing of one
}

// descriptor names a stream to the platform.
type descriptor struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

type position struct {
	Mark int `json:"mark"`
	Rows int `json:"rows"`
}

type streamState struct {
	Descriptor descriptor `json:"stream_descriptor"`
	State      position   `json:"stream_state"`
}

// stateMessage is a STATE as a source sends it, and as a destination gives it back, with more in it.
type stateMessage struct {
	Type  string `json:"type"`
	State struct {
		Type   string       `json:"type"`
		Stream *streamState `json:"stream,omitempty"`
		Global *globalState `json:"global,omitempty"`
	} `json:"state"`
	Trace trace `json:"trace,omitzero"`
}

// trace is how a destination says why it ends.
type trace struct {
	Error struct {
		Message string `json:"message"`
	} `json:"error"`
}

type globalState struct {
	Shared  position      `json:"shared_state"`
	Streams []streamState `json:"stream_states"`
}

func (s stream) state(number, rows int) streamState {
	return streamState{descriptor{s.name, s.namespace}, position{number, rows}}
}

// message is the STATE that is about all streams, or about one.
func (m mark) message(global bool) []byte {
	out := stateMessage{Type: "STATE"}
	if global {
		out.State.Type, out.State.Global = "GLOBAL", &globalState{Shared: position{Mark: m.number}}
		for i, s := range streams {
			out.State.Global.Streams = append(out.State.Global.Streams, s.state(m.number, m.rows[i]))
		}
	} else {
		for i, s := range streams {
			if m.rows[i] > 0 {
				one := s.state(m.number, m.rows[i])
				out.State.Type, out.State.Stream = "STREAM", &one
			}
		}
	}
	raw, _ := json.Marshal(out) // plain structs always can be
	return raw
}

// number is the mark of a STATE that came back.
func (m *stateMessage) number() (int, error) {
	switch {
	case m.State.Stream != nil:
		return m.State.Stream.State.Mark, nil
	case m.State.Global != nil:
		return m.State.Global.Shared.Mark, nil
	}
	return 0, fmt.Errorf("a STATE of the type %q has no state", m.State.Type)
}

// status is the STREAM_STATUS of a stream.
func (s stream) status(status string) []byte {
	d, _ := json.Marshal(descriptor{s.name, s.namespace}) // a plain struct always can be
	return fmt.Appendf(nil, `{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":%d,"stream_status":{"stream_descriptor":%s,"status":%q}}}`, emittedAt, d, status)
}

// script makes the lines of a source, one after the other. It never ends by itself.
type script struct {
	front  int
	width  int
	every  int
	global bool

	sent  []int // rows of each stream
	total int
	marks []mark
}

// next is a row, and behind each so many rows a STATE.
func (s *script) next(line func([]byte) error) (err error) {
	r := row{stream: s.total % len(streams), front: s.front, seq: s.sent[s.total%len(streams)]}
	s.sent[r.stream]++ // before it is: it may arrive
	s.total++
	if err := line(r.message(s.width)); err != nil {
		return err
	}
	if s.total%s.every == 0 {
		return s.state(len(s.marks)%len(streams), line)
	}
	return nil
}

func (s *script) state(of int, line func([]byte) error) error {
	m := mark{number: len(s.marks), rows: make([]int, len(streams))}
	for i := range streams {
		if s.global || i == of {
			m.rows[i] = s.sent[i]
		}
	}
	s.marks = append(s.marks, m)
	return line(m.message(s.global))
}

// end is what a source says at last.
func (s *script) end(line func([]byte) error) error {
	for i := range streams {
		if s.sent[i] == 0 {
			continue
		}
		if err := s.state(i, line); err != nil {
			return err
		}
	}
	for _, st := range streams {
		if err := line(st.status("COMPLETE")); err != nil {
			return err
		}
	}
	return nil
}
