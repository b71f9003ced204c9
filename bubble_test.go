package sluice_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// live is a sync whose input stays open, in a bubble.
type live struct {
	t      *testing.T
	engine *sluice.Engine
	in     *io.PipeWriter
	done   chan error
	mu     gosync.Mutex
	states []string
}

func run(t *testing.T, cfg *config.Config, catalog *airbyte.Catalog, st sink.Store) *live {
	t.Helper()
	engine, err := sluice.Open(t.Context(), cfg, catalog, sluice.Options{Store: st, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	in, out := io.Pipe()
	l := &live{t: t, engine: engine, in: out, done: make(chan error, 1)}
	go func() {
		_, err := engine.Run(t.Context(), in, func(state []byte) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.states = append(l.states, name(string(state)))
			return nil
		})
		l.done <- err
	}()
	return l
}

// name is what the test calls a state, and the records that it covers: "u1:2".
func name(state string) string {
	_, rest, _ := strings.Cut(state, `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	_, rest, _ = strings.Cut(state, `"recordCount":`)
	count, _, _ := strings.Cut(rest, ".")
	return id + ":" + count
}

// send writes messages, each told by a word: a stream's first letter is a record of it,
// "u1" is a STATE of users, "G1" a GLOBAL one, "L1" a LEGACY one, "u!" users' COMPLETE.
func (l *live) send(words string) {
	l.t.Helper()
	for word := range strings.FieldsSeq(words) {
		if _, err := io.WriteString(l.in, message(word)+"\n"); err != nil {
			l.t.Fatal(err)
		}
	}
}

var streamOf = map[byte]string{'u': "users", 'v': "users", 'o': "orders"}

func message(word string) string {
	stream, what := streamOf[word[0]], word[1:]
	switch {
	case word[0] == 'G':
		return `{"type":"STATE","state":{"type":"GLOBAL","global":{"stream_states":[]},"id":"` + word + `"}}`
	case word[0] == 'L':
		return `{"type":"STATE","state":{"data":{},"id":"` + word + `"}}`
	case what == "":
		return fmt.Sprintf(`{"type":"RECORD","record":{"stream":%q,"emitted_at":1,"data":{"pad":%q}}}`, stream, strings.Repeat("x", 1000))
	case what == "!":
		return fmt.Sprintf(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":%q},"status":"COMPLETE"}}}`, stream)
	}
	return fmt.Sprintf(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":%q}},"id":%q}}`, stream, word)
}

// want compares the states that have left until now, once nothing moves any more.
func (l *live) want(states string) {
	l.t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if got := strings.Join(l.states, " "); got != states {
		l.t.Errorf("the states %q have left, want %q", got, states)
	}
}

// end closes the input.
func (l *live) end() error {
	_ = l.in.Close()
	return <-l.done
}

// usersAnd is a catalog of users and orders.
func usersAnd(usersMode, ordersMode airbyte.DestinationSyncMode) *airbyte.Catalog {
	c := users(usersMode)
	c.Streams = append(c.Streams, airbyte.Stream{ID: airbyte.StreamID{Name: "orders"}, Mode: ordersMode})
	return c
}

// checkpoints runs a test with objects that are closed after 15 minutes, plain and compressed.
func checkpoints(t *testing.T, f func(t *testing.T, cfg *config.Config)) {
	for _, c := range []config.CompressionType{config.CompressionNone, config.CompressionGZIP, config.CompressionZSTD} {
		t.Run(string(c), func(t *testing.T) {
			cfg := settings()
			cfg.Format.CSV.Compression.Type = c
			synctest.Test(t, func(t *testing.T) { f(t, cfg) })
		})
	}
}

// TestStatesLeaveByAge: the source says nothing more, and keeps the pipe open.
func TestStatesLeaveByAge(t *testing.T) {
	checkpoints(t, func(t *testing.T, cfg *config.Config) {
		l := run(t, cfg, usersAnd(airbyte.Append, airbyte.Append), newMemory())
		l.send("u1 u u u2 u u3")
		l.want("u1:0")
		time.Sleep(5 * time.Minute)
		l.send("o u o1 G1 u4") // an object is as old as its first row
		l.want("u1:0")
		time.Sleep(10*time.Minute - time.Second)
		l.want("u1:0")
		time.Sleep(2 * time.Second)
		l.want("u1:0 u2:2 u3:1") // those behind wait for orders
		time.Sleep(5*time.Minute - 2*time.Second)
		l.want("u1:0 u2:2 u3:1")
		time.Sleep(2 * time.Second)
		l.want("u1:0 u2:2 u3:1 o1:1 G1:5 u4:1")
		time.Sleep(time.Hour)
		l.send("u L1 u u5")
		l.want("u1:0 u2:2 u3:1 o1:1 G1:5 u4:1")
		if err := l.end(); err != nil {
			t.Error(err)
		}
		l.want("u1:0 u2:2 u3:1 o1:1 G1:5 u4:1 L1:1 u5:2")
	})
}

// TestNoCheckpoints: with checkpoint_minutes 0 no object is closed by age.
func TestNoCheckpoints(t *testing.T) {
	checkpoints(t, func(t *testing.T, cfg *config.Config) {
		cfg.CheckpointMinutes = 0
		l := run(t, cfg, users(airbyte.Append), newMemory())
		l.send("u u1")
		time.Sleep(10 * time.Hour)
		l.want("")
		if err := l.end(); err != nil {
			t.Error(err)
		}
		l.want("u1:1")
	})
}

// TestShortCheckpoints: an age below a second is kept too.
func TestShortCheckpoints(t *testing.T) {
	checkpoints(t, func(t *testing.T, cfg *config.Config) {
		cfg.CheckpointMinutes = 0.1 / 60
		l := run(t, cfg, users(airbyte.Append), newMemory())
		l.send("u u1")
		time.Sleep(99 * time.Millisecond)
		l.want("")
		time.Sleep(12 * time.Millisecond)
		l.want("u1:1")
		_ = l.end()
	})
}

// TestStatesLeaveBySize: no time passes at all. A GLOBAL state waits for all streams.
func TestStatesLeaveBySize(t *testing.T) {
	checkpoints(t, func(t *testing.T, cfg *config.Config) {
		cfg.FileSizeMB = 0.002
		l := run(t, cfg, usersAnd(airbyte.Append, airbyte.Append), newMemory())
		var before, all []string // in front of the row of orders, and all
		for i := range 100 {
			l.send(fmt.Sprintf("u u%d", i))
			before = append(before, fmt.Sprintf("u%d:1", i))
		}
		l.send("o G1")
		all = append(before, "G1:101")
		for i := range 100 {
			l.send(fmt.Sprintf("u v%d", i))
			all = append(all, fmt.Sprintf("v%d:1", i))
		}
		synctest.Wait()
		n := len(l.states)
		if n < 50 || n > 100 {
			t.Fatalf("%d states have left, want most of 100", n)
		}
		l.want(strings.Join(before[:n], " "))
		if err := l.end(); err != nil {
			t.Error(err)
		}
		l.want(strings.Join(all, " "))
	})
}

// TestStatesWaitForARefresh: while a full refresh is under way, states behind its first row
// wait, whatever their stream and however old the objects are; and leave at its end, with the
// input still open.
func TestStatesWaitForARefresh(t *testing.T) {
	checkpoints(t, func(t *testing.T, cfg *config.Config) {
		l := run(t, cfg, usersAnd(airbyte.Append, airbyte.Overwrite), newMemory())
		l.send("u u1 o u u2 o1 G1")
		l.want("")
		time.Sleep(16 * time.Minute)
		l.want("u1:1")
		time.Sleep(5 * time.Hour)
		l.want("u1:1")
		l.send("o2 o!")
		l.want("u1:1 u2:1 o1:1 G1:3 o2:0")
		l.send("u u3 u!")
		l.want("u1:1 u2:1 o1:1 G1:3 o2:0 u3:1")
		if err := l.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestStatesOfAFailedRefresh: a full refresh that the source does not complete takes the states
// behind its first row with it.
func TestStatesOfAFailedRefresh(t *testing.T) {
	checkpoints(t, func(t *testing.T, cfg *config.Config) {
		l := run(t, cfg, usersAnd(airbyte.Append, airbyte.Overwrite), newMemory())
		l.send("u u1 o u u2 o1 u!")
		l.want("u1:1")
		var incomplete *sluice.IncompleteError
		if err := l.end(); !errors.As(err, &incomplete) || incomplete.Held != 2 {
			t.Errorf("got %v", err)
		}
		l.want("u1:1")
	})
}

// TestOutageInABubble: a store that does not answer is asked again for as long as the config
// says. States wait, and leave when it is back; or the sync fails, with nothing told.
func TestOutageInABubble(t *testing.T) {
	f := func(outage, took time.Duration, ok bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			st := faultstore.New(newMemory(), faultstore.On(faultstore.Put).Call(func(context.Context, faultstore.Op, string) error {
				if time.Since(start) < outage {
					return &sink.Error{Op: "Put", Class: sink.Unknown}
				}
				return nil
			}))
			l := run(t, settings(), users(airbyte.Append), st)
			l.send("u u1")
			l.send("u!")
			l.want("")
			err := l.end()
			if (err == nil) != ok {
				t.Errorf("%v: got %v", outage, err)
			}
			if got := time.Since(start); got < min(outage, took) || got > took+10*time.Second {
				t.Errorf("%v: it took %v, want about %v", outage, got, took)
			}
			l.want(map[bool]string{true: "u1:1", false: ""}[ok])
		})
	}
	f(time.Second, time.Second, true)
	f(4*time.Minute, 4*time.Minute, true)
	f(6*time.Minute, 5*time.Minute-10*time.Second, false)
}
