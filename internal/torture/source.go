package torture

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
)

// script is what a source sends in one attempt, from its first line to its last.
type script struct {
	streams []Stream
	layout  *layout
	era     era
	states  string // the type of the STATEs
	steps   []step
	marks   []mark
}

// step is one line.
type step struct {
	stream int
	number int    // of a RECORD
	mark   int    // of a STATE: the index of its mark
	status string // of a STREAM_STATUS
	kind   stepKind
}

type stepKind int

const (
	stepRecord stepKind = iota
	stepState
	stepStatus
)

// mark is a STATE: at has, for each stream, the number of rows in front of it, those that an
// earlier attempt has delivered among them.
type mark struct {
	stream int
	at     []int
}

// newScript plans what a source sends that goes on, in each stream, with the row from.
func newScript(p *Plan, e era, from []int, rng *rand.Rand) *script {
	s := &script{streams: p.Streams, layout: &layouts[p.Layout], era: e, states: p.States}
	at := slices.Clone(from)
	if !p.Interleaved {
		for i := range p.Streams {
			s.start(p, i)
			for !s.send(p, at, i, 1<<30) {
			}
		}
		return s
	}
	var open []int
	for i := range p.Streams {
		s.start(p, i)
		open = append(open, i)
	}
	for len(open) > 0 {
		turn := rng.IntN(len(open))
		if s.send(p, at, open[turn], 1+rng.IntN(40)) {
			open = slices.Delete(open, turn, turn+1)
		}
	}
	return s
}

func (s *script) start(p *Plan, stream int) {
	if p.Statuses {
		s.steps = append(s.steps, step{kind: stepStatus, stream: stream, status: "STARTED"})
	}
}

// send adds at most n rows of a stream, and reports whether that was the end of it.
func (s *script) send(p *Plan, at []int, stream, n int) (done bool) {
	table := &p.Streams[stream]
	total := table.rows(s.era)
	for ; n > 0 && at[stream] < total; n-- {
		s.steps = append(s.steps, step{kind: stepRecord, stream: stream, number: at[stream]})
		at[stream]++
		if at[stream]%table.Every == 0 && at[stream] < total {
			s.state(stream, at)
		}
	}
	if at[stream] < total {
		return false
	}
	s.state(stream, at)
	if p.Statuses {
		s.steps = append(s.steps, step{kind: stepStatus, stream: stream, status: "COMPLETE"})
	}
	return true
}

func (s *script) state(stream int, at []int) {
	s.steps = append(s.steps, step{kind: stepState, stream: stream, mark: len(s.marks)})
	s.marks = append(s.marks, mark{stream, slices.Clone(at)})
}

// rows is the number of rows of an era.
func (s *Stream) rows(e era) int {
	if e == oldEra {
		return s.Old
	}
	return s.New
}

// appendLine appends a step as the message that it is.
func (s *script) appendLine(b []byte, st step) []byte {
	table := &s.streams[st.stream]
	switch st.kind {
	case stepRecord:
		return row{s.era, st.number}.appendRecord(b, s.layout, table.Name, table.Width)
	case stepStatus:
		return fmt.Appendf(b, `{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":%s,"stream_status":{"stream_descriptor":{"name":%q},"status":%q}}}`+"\n",
			emittedAt, table.Name, st.status)
	case stepState:
	}
	raw, _ := json.Marshal(s.message(st.mark)) // plain structs always can be
	return append(append(b, raw...), '\n')
}

// message is a STATE. It is all that a platform keeps of an attempt, so it says for itself
// where the source has to go on, and which mark it is.
type message struct {
	Type  string `json:"type"`
	State state  `json:"state"`
	Trace *trace `json:"trace,omitempty"`
}

type state struct {
	Type   string       `json:"type,omitempty"`
	Stream *streamState `json:"stream,omitempty"`
	Global *globalState `json:"global,omitempty"`
	Data   *position    `json:"data,omitempty"`
}

type streamState struct {
	Descriptor descriptor `json:"stream_descriptor"`
	State      cursor     `json:"stream_state"`
}

type globalState struct {
	Shared  cursor        `json:"shared_state"`
	Streams []streamState `json:"stream_states"`
}

type descriptor struct {
	Name string `json:"name"`
}

type cursor struct {
	Mark   int `json:"mark"`
	Number int `json:"number"`
}

type position struct {
	Mark    int            `json:"mark"`
	Numbers map[string]int `json:"numbers"`
}

type trace struct {
	Error struct {
		Message  string `json:"message"`
		Internal string `json:"internal_message"`
	} `json:"error"`
}

func (s *script) message(index int) message {
	m := s.marks[index]
	of := func(stream int) streamState {
		return streamState{descriptor{s.streams[stream].Name}, cursor{index, m.at[stream]}}
	}
	switch s.states {
	case perStream:
		one := of(m.stream)
		return message{Type: "STATE", State: state{Type: perStream, Stream: &one}}
	case global:
		g := &globalState{Shared: cursor{Mark: index}}
		for i := range s.streams {
			g.Streams = append(g.Streams, of(i))
		}
		return message{Type: "STATE", State: state{Type: global, Global: g}}
	}
	data := &position{Mark: index, Numbers: map[string]int{}}
	for i := range s.streams {
		data.Numbers[s.streams[i].Name] = m.at[i]
	}
	return message{Type: "STATE", State: state{Type: legacy, Data: data}}
}

// platform is what a platform knows of a job: the last STATEs that came out of its
// destination.
type platform struct {
	numbers map[string]int // rows that the source has to leave out, by stream
}

// receive takes a STATE from a destination's stdout, and returns its mark.
func (p *platform) receive(s *state) (index int, err error) {
	keep := func(one streamState) { p.numbers[one.Descriptor.Name] = one.State.Number }
	switch {
	case s.Stream != nil:
		keep(*s.Stream)
		return s.Stream.State.Mark, nil
	case s.Global != nil:
		for _, one := range s.Global.Streams {
			keep(one)
		}
		return s.Global.Shared.Mark, nil
	case s.Data != nil:
		for name, n := range s.Data.Numbers {
			p.numbers[name] = n
		}
		return s.Data.Mark, nil
	}
	return 0, fmt.Errorf("a STATE of the type %q has no state", s.Type)
}

// resume is where the source goes on. A full refresh of a platform that knows no generations
// always begins anew: its source is given no state.
func (p *platform) resume(streams []Stream) []int {
	from := make([]int, len(streams))
	for i, s := range streams {
		if !s.Refresh || s.Generations {
			from[i] = p.numbers[s.Name]
		}
	}
	return from
}
