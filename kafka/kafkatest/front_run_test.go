package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/kafka"
)

// catalogOf has these streams, to be appended.
func catalogOf(t testing.TB, streams ...string) *airbyte.Catalog {
	t.Helper()
	var all []string
	for _, s := range streams {
		all = append(all, fmt.Sprintf(`{"stream": {"name": %q, "json_schema": {}}, "destination_sync_mode": "append"}`, s))
	}
	catalog, err := airbyte.ParseCatalog([]byte(`{"streams": [` + strings.Join(all, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

// Messages of the protocol.
func record(stream string, id int) string {
	return fmt.Sprintf(`{"type":"RECORD","record":{"stream":%q,"emitted_at":1,"data":{"id":%d}}}`, stream, id)
}

func legacyState(n int) string { return fmt.Sprintf(`{"type":"STATE","state":{"data":{"n":%d}}}`, n) }

func streamState(stream string, n int) string {
	return fmt.Sprintf(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":%q},"stream_state":{"n":%d}}}}`, stream, n)
}

func status(stream, status string) string {
	return fmt.Sprintf(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":%q},"status":%q}}}`, stream, status)
}

// answer is the STATE as it goes back: with the number of records.
func answer(state string, records int) string {
	return strings.TrimSuffix(state, "}}") + fmt.Sprintf(`,"destinationStats":{"recordCount":%d.0}}}`, records)
}

// front is one that runs.
type front struct {
	t testing.TB
	*brokers
	*kafka.Front
	in      *io.PipeWriter
	log     *journal
	polls   *kfake.FaultHandle // counts how often it has asked for the committed offsets
	stop    context.CancelCauseFunc
	hurry   chan struct{}
	deaf    error // what emit answers
	ended   chan struct{}
	summary *sluice.Summary
	err     error

	mu     sync.Mutex
	cond   *sync.Cond
	states []string
	now    time.Time
}

// front starts a front. With no config, it makes hard barriers only at the end.
func (b *brokers) front(cfg *config.Config, catalog *airbyte.Catalog) *front {
	b.t.Helper()
	if cfg == nil {
		cfg = b.config(func(c *config.Config) { c.CheckpointMinutes = 0 })
	}
	f := &front{t: b.t, brokers: b, log: newJournal(), ended: make(chan struct{}), hurry: make(chan struct{}), now: time.UnixMilli(1_700_000_000_000)}
	f.cond = sync.NewCond(&f.mu)
	f.polls = b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, TopLevel: true, Observe: true, Count: -1})
	var err error
	f.Front, err = kafka.OpenFront(b.t.Context(), cfg, catalog, kafka.Options{
		Log: f.log.logger(), Now: f.clock, StopTimeout: 10 * patience, Hurry: f.hurry, Workers: 2,
		Client: []kgo.Opt{kgo.MetadataMinAge(10 * time.Millisecond)},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	in, out := io.Pipe()
	f.in = out
	ctx, stop := context.WithCancelCause(context.Background())
	f.stop = stop
	go func() {
		defer close(f.ended)
		f.summary, f.err = f.Run(ctx, in, f.emit)
	}()
	b.t.Cleanup(func() {
		_ = out.CloseWithError(errors.New("the test is over"))
		select {
		case <-f.hurry:
		default:
			close(f.hurry)
		}
		stop(errors.New("the test is over"))
		<-f.ended
		f.polls.Remove()
	})
	return f
}

func (f *front) emit(state []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deaf != nil {
		return f.deaf
	}
	f.states = append(f.states, string(state))
	f.cond.Broadcast()
	return nil
}

func (f *front) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// pass lets the time pass.
func (f *front) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// said lets time pass, and once more where the front was not yet where it says so, until a line of
// its log has the text.
func (f *front) said(d time.Duration, text string) {
	f.t.Helper()
	f.pass(d)
	f.logged(func() bool {
		if f.log.has(text) {
			return true
		}
		f.pass(d)
		return false
	})
}

// send sends lines.
func (f *front) send(lines ...string) {
	f.t.Helper()
	if _, err := io.WriteString(f.in, strings.Join(lines, "\n")+"\n"); err != nil {
		f.t.Fatal(err)
	}
}

// left waits until these STATEs, and no others, have left.
func (f *front) left(want ...string) {
	f.t.Helper()
	eventually(f.t, fmt.Sprint(len(want), " STATEs"), &f.mu, f.cond, func() bool { return len(f.states) >= len(want) })
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.states, want) {
		f.t.Fatalf("STATEs\ngot  %q\nwant %q", f.states, want)
	}
}

// polled waits until the front has seen all that was committed by now: it has begun to ask once more.
func (f *front) polled() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	go func() {
		select {
		case <-f.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := f.polls.Wait(ctx, f.polls.Hits()+3); err != nil {
		select {
		case <-f.ended:
			if f.err != nil {
				f.t.Fatalf("Run has returned: %v", f.err)
			}
		default:
			f.t.Fatal("the front does not ask for the committed offsets any more")
		}
	}
}

// result waits for the end of Run.
func (f *front) result() (*sluice.Summary, error) {
	f.t.Helper()
	select {
	case <-f.ended:
	case <-time.After(patience):
		f.t.Fatal("Run does not return")
	}
	return f.summary, f.err
}

// ok ends the input and wants Run to succeed, once all is committed.
func (f *front) ok(topics ...string) *sluice.Summary {
	f.t.Helper()
	f.finish(topics...)
	sum, err := f.result()
	if err != nil {
		f.t.Fatal(err)
	}
	return sum
}

// finish ends the input, waits for the last barriers, and commits.
func (f *front) finish(topics ...string) {
	f.t.Helper()
	if err := f.in.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.logged(func() bool { return f.Progress().Ended && f.Progress().Memory == 0 })
	f.commit("sluice", f.ends(topics...))
}

// logged waits for what no event tells of: it looks each time the front asks for offsets.
func (f *front) logged(holds func() bool) {
	f.t.Helper()
	for late := time.Now().Add(patience); !holds(); f.polled() {
		if time.Now().After(late) {
			f.t.Fatal("waited in vain")
		}
	}
}

// count counts what is in a topic: rows and hard barriers.
func (b *brokers) count(topic string) (rows, barriers int) {
	b.t.Helper()
	n := 0
	for _, ps := range b.ends(topic) {
		for _, o := range ps {
			n += int(o.At)
		}
	}
	for _, r := range b.read(n, topic) {
		switch {
		case len(r.Headers) == 0:
			rows++
		case len(r.Headers) == 1 && r.Headers[0].Key == "airbyte-barrier" && string(r.Headers[0].Value) == "hard" && r.Value == nil:
			barriers++
		default:
			b.t.Errorf("a record that is neither a row nor a hard barrier: %+v", r)
		}
	}
	return rows, barriers
}
