package sluice_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// history is a random sync: what the source writes and when, and the config.
type history struct {
	cfg     *config.Config
	catalog *airbyte.Catalog
	steps   []step
	written []written // by their numbers
	faults  []*faultstore.Rule
	fatal   bool // one of them ends the sync, if it gets that far
}

// step is a message, and the pause behind it.
type step struct {
	line   string
	pause  time.Duration
	alone  bool  // it is not written together with the next
	stream int   // of a record, or of a STREAM state; -1: of the whole sync
	state  bool  // else a record, or a status
	rows   int64 // of all streams in front of it
	counts int64 // of a state: the records that it covers
}

// written is what is known of a row: where it belongs.
type written struct {
	stream int
	place  string // its directory below that of the stream
}

// streams are the names of a history's streams.
var streams = []string{"a", "b", "c"}

const promised = `{"properties":{"n":{"type":"string"},"p":{},"pad":{"type":"string"}}}`

func drawHistory(t *rapid.T) *history {
	h := &history{cfg: settings(), catalog: &airbyte.Catalog{}}
	h.cfg.FileSizeMB = rapid.SampledFrom([]float64{0, 0.0005, 0.005, 1}).Draw(t, "file size")
	h.cfg.CheckpointMinutes = rapid.SampledFrom([]float64{0, 1, 15}).Draw(t, "checkpoint")
	h.cfg.FullRefresh = rapid.SampledFrom([]config.FullRefresh{config.RefreshAtomic, config.RefreshIncremental, config.RefreshPurgeFirst}).Draw(t, "refresh")
	h.drawFormat(t)
	partition := h.drawPartitions(t)
	for _, name := range streams {
		mode := rapid.SampledFrom([]airbyte.DestinationSyncMode{airbyte.Append, airbyte.Append, airbyte.Overwrite}).Draw(t, "mode of "+name)
		h.catalog.Streams = append(h.catalog.Streams, airbyte.Stream{ID: airbyte.StreamID{Name: name}, Mode: mode, Schema: json.RawMessage(promised)})
	}
	statuses := rapid.Bool().Draw(t, "statuses")
	pad := strings.Repeat("x", rapid.SampledFrom([]int{0, 10, 400, 4000}).Draw(t, "pad"))
	ended := map[int]bool{}
	since := map[int]int64{} // records since the last state, by stream; -1 is the whole sync
	rows := int64(0)
	complete := func(stream int) {
		ended[stream] = true
		h.steps = append(h.steps, step{line: strings.ReplaceAll(message("u!"), "users", streams[stream]), stream: stream, rows: rows})
	}
	for range rapid.IntRange(1, 60).Draw(t, "messages") {
		s := step{stream: rapid.IntRange(0, len(streams)-1).Draw(t, "stream"), rows: rows}
		switch what := rapid.SampledFrom([]string{"record", "record", "record", "record", "state", "whole", "end"}).Draw(t, "what"); {
		case what == "end":
			if statuses && !ended[s.stream] {
				complete(s.stream)
			}
			continue
		case what == "record" && !ended[s.stream]:
			field, at, place := partition()
			s.line = fmt.Sprintf(`{"type":"RECORD","record":{"stream":%q,"emitted_at":%d,"data":{"pad":%q,%s"n":"#%d#"}}}`, streams[s.stream], at, pad, field, rows)
			h.written = append(h.written, written{s.stream, place})
			rows++
			since[s.stream]++
			since[-1]++
		default:
			if what == "whole" {
				s.stream = -1
			}
			s.state, s.counts = true, since[s.stream]
			since[s.stream] = 0
			s.line = fmt.Sprintf(`{"type":"STATE","state":{"type":"GLOBAL","global":{},"id":"%d"}}`, len(h.steps))
			if s.stream >= 0 {
				s.line = fmt.Sprintf(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":%q}},"id":"%d"}}`, streams[s.stream], len(h.steps))
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "quiet") == 0 {
			s.pause = rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 20 * time.Minute}).Draw(t, "pause")
		}
		s.alone = s.pause > 0 || rapid.IntRange(0, 3).Draw(t, "alone") == 0
		h.steps = append(h.steps, s)
	}
	for i := range streams {
		if statuses && !ended[i] {
			complete(i)
		}
	}
	h.drawFaults(t)
	return h
}

// drawFaults lets calls to the store go wrong: be refused for now or for good, or lose their
// reply.
func (h *history) drawFaults(t *rapid.T) {
	for range rapid.IntRange(0, 3).Draw(t, "faults") {
		op := rapid.SampledFrom([]faultstore.Op{faultstore.Put, faultstore.Create, faultstore.Part, faultstore.Complete, faultstore.Delete}).Draw(t, "op")
		rule := faultstore.On(op).Nth(rapid.IntRange(1, 6).Draw(t, "call"))
		switch rapid.IntRange(0, 4).Draw(t, "fault") {
		case 0:
			rule.Fail(&sink.Error{Kind: sink.ErrDenied})
			h.fatal = true
		case 1:
			rule.Fail(&sink.Error{Class: sink.Retryable})
		case 2:
			rule.Delay(time.Minute)
		default:
			rule.LoseReply()
		}
		h.faults = append(h.faults, rule)
	}
}

// state holds the promise against a state that leaves.
func (w *witness) state(message []byte) error {
	id, count, _ := strings.Cut(name(string(message)), ":")
	i, _ := strconv.Atoi(id)
	s := &w.steps[i]
	seen := w.rows()
	for n := range s.rows {
		if seen[n] == 0 {
			w.err = errors.Join(w.err, fmt.Errorf("the state of step %d left, and row %d in front of it can't be seen", i, n))
		}
	}
	w.err = errors.Join(w.err, w.early(seen))
	if i <= w.last || !s.state {
		w.err = errors.Join(w.err, fmt.Errorf("the state of step %d left behind that of step %d", i, w.last))
	}
	if count != fmt.Sprint(s.counts) {
		w.err = errors.Join(w.err, fmt.Errorf("the state of step %d covers %s records, want %d", i, count, s.counts))
	}
	w.last = i
	w.left++
	return nil
}

// play runs the history in a bubble, and returns what went wrong.
func (h *history) play(t *testing.T) error {
	w := &witness{history: h, store: newMemory(), read: map[string][]int64{}, last: -1}
	w.store.minPart = 100
	for _, stream := range streams {
		for _, key := range h.before() {
			put(t, w.store, "data/"+stream+"/"+key)
		}
	}
	engine, err := sluice.Open(t.Context(), h.cfg, h.catalog, sluice.Options{Store: faultstore.New(w.store, h.faults...), Workers: 3})
	if err != nil {
		return err
	}
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := engine.Run(t.Context(), in, w.state)
		_ = in.CloseWithError(errors.New("the sync has ended"))
		done <- err
	}()
	var states, rows int
	text := ""
	for i, s := range h.steps {
		w.begun.Store(int64(i))
		if text += s.line + "\n"; s.alone || i == len(h.steps)-1 {
			if _, err := io.WriteString(out, text); err != nil {
				break // the sync tells why
			}
			text = ""
		}
		if s.state {
			states++
		} else if strings.Contains(s.line, "RECORD") {
			rows++
		}
		time.Sleep(s.pause)
	}
	w.begun.Store(int64(len(h.steps)))
	_ = out.Close()
	err = <-done
	failed := h.fatal && errors.Is(err, sink.ErrDenied)
	if err != nil && !failed {
		return err
	}
	seen := w.rows()
	for n, times := range seen {
		if times != 1 {
			w.err = errors.Join(w.err, fmt.Errorf("row %d is there %d times", n, times))
		}
	}
	w.err = errors.Join(w.err, w.old(failed), w.whole(failed, seen))
	left := len(w.store.uploads) - h.proofs(t, w.store)
	if !failed && (w.left != states || len(seen) != rows) || left > 0 {
		w.err = errors.Join(w.err, fmt.Errorf("%d states left, want %d; %d rows are there, want %d; %d uploads are left", w.left, states, len(seen), rows, left))
	}
	return w.err
}

// proofs counts the uploads that may be left: where the store refuses to delete what was half
// shown, the first object's upload stays, and tells the next sync.
func (h *history) proofs(t *testing.T, st *memory) (n int) {
	if !h.undeleted() {
		return 0
	}
	template, err := h.cfg.Template()
	if err != nil {
		t.Fatal(err)
	}
	for up, err := range st.Uploads(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names, err := template.Stream("", strings.Split(up.Key, "/")[1])
		if err != nil {
			t.Fatal(err)
		}
		if standing, err := sink.StandingOf(t.Context(), st, names, up); err == nil && standing.Proof {
			n++
		}
	}
	return n
}

// undeleted reports whether the store has refused to delete.
func (h *history) undeleted() bool {
	return slices.ContainsFunc(h.faults, func(r *faultstore.Rule) bool { return r.Fired() > 0 && strings.HasPrefix(r.String(), "Delete") })
}

// TestThePromise: whatever the source sends and when, and whatever becomes of calls to the
// store, no state leaves before all rows in front of it can be seen; states leave in order,
// each once, with the number of the records that it covers; no row is there twice, or in a partition
// that is not its own; a table that is replaced at its end is the old one or the new one; and no
// upload is left, but for the proof of what could not be taken back; and in the end, unless the sync fails, all states are out and all rows there.
func TestThePromise(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		var err error
		synctest.Test(t, func(t *testing.T) { err = h.play(t) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}
