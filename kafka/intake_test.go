package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/pipeline"
)

// feeding is a source of a partition whose worker speaks to nobody.
type feeding struct {
	*intake
	full   bool
	wanted chan struct{}
}

// feed makes an intake and its queue, and the records wait in it. change may be nil.
func feed(rules rules, change func(*feeding), records ...*kgo.Record) *feeding {
	w := &Worker{opts: WorkerOptions{Now: time.Now}, backlog: newBacklog()}
	p := newPartition(w, &topicPlan{name: "t", envelope: map[string]airbyte.StreamID{"users": {Namespace: "public", Name: "users"}}}, 3)
	f := &feeding{wanted: make(chan struct{})}
	f.intake = &intake{p: p, rules: rules, full: func() bool { return f.full }, share: f.wanted, block: 1 << 10}
	if change != nil {
		change(f)
	}
	p.queue.push(records)
	return f
}

// start is when the records of these tests were written: in the middle of an hour.
var start = time.UnixMilli(1_700_000_000_000).Truncate(time.Hour).Add(30 * time.Minute)

// rec is a record of the source, written so many minutes after start.
func rec(offset int64, minutes int) *kgo.Record {
	return &kgo.Record{Offset: offset, Value: []byte("row " + strconv.FormatInt(offset, 10)), Timestamp: start.Add(time.Duration(minutes) * time.Minute)}
}

// recs are those of offsets from..to.
func recs(from, to int64) (all []*kgo.Record) {
	for o := from; o <= to; o++ {
		all = append(all, rec(o, 0))
	}
	return all
}

func wall(offset int64, kind string) *kgo.Record {
	return &kgo.Record{Offset: offset, Headers: []kgo.RecordHeader{{Key: "other"}, {Key: barrierHeader, Value: []byte(kind)}}, Timestamp: start}
}

// control is a mark of the log's own, of a transaction.
func control(offset int64) *kgo.Record {
	return &kgo.Record{Offset: offset, Key: []byte{0, 0, 0, 1}, Value: []byte{0, 0}, Timestamp: start, Attrs: kgo.NewRecordAttrs(kgo.RecordAttrsOpts{Transactional: true, Control: true})}
}

// rest reads the epoch to its end, and tells the offsets of its lines, and that behind it.
func (f *feeding) rest(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour) // what never ends is an error
	defer cancel()
	var all []string
	for {
		var b pipeline.Batch
		err := f.Fill(ctx, &b)
		if err != nil && !errors.Is(err, io.EOF) {
			return err.Error()
		}
		if lines := strings.Count(string(b.Input), "\n"); lines != len(b.Origins) || (lines == 0) != (err != nil) {
			t.Errorf("%d lines, %d origins, %v: %q", lines, len(b.Origins), err, b.Input)
		}
		for _, o := range b.Origins {
			all = append(all, strconv.FormatInt(o.Offset, 10))
		}
		if err != nil {
			return strings.Join(all, " ") + " then " + strconv.FormatInt(f.next, 10)
		}
	}
}

// TestEpochEnds: where an intake ends an epoch, in front of which record or behind it. What it
// leaves in the queue is the next epoch's.
func TestEpochEnds(t *testing.T) {
	f := func(want string, rules rules, change func(*feeding), records ...*kgo.Record) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			feeding := feed(rules, change, records...)
			if got := feeding.rest(t); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			next := records[len(records)-1].Offset + 1
			if r := feeding.p.queue.head(); r != nil {
				next = r.Offset
			}
			if next < feeding.next {
				t.Errorf("%s, and the queue goes on at %d", want, next)
			}
		})
	}
	age := rules{age: time.Minute}
	f("0 1 2 then 3", age, nil, recs(0, 2)...) // nothing comes any more
	f("0 1 then 2", rules{rows: 2, age: time.Minute}, nil, recs(0, 6)...)
	f("7 then 8", rules{rows: 1, age: time.Minute}, nil, recs(7, 9)...)
	hourly := rules{every: time.Hour, age: time.Minute}
	f("0 1 then 2", hourly, nil, rec(0, 0), rec(1, 29), rec(2, 30), rec(3, 31))
	f("0 then 1", hourly, nil, rec(0, 0), rec(1, -31), rec(2, 0)) // back in time is another interval, too
	f("0 1 then 2", rules{every: time.Minute, age: time.Minute}, nil, rec(0, 0), rec(1, 0), rec(2, 1))
	f("0 1 2 then 3", age, nil, rec(0, 0), rec(1, 600), rec(2, -600))
	f("0 1 then 3", age, nil, rec(0, 0), rec(1, 0), wall(2, barrierHard), rec(3, 0))
	f("0 1 3 then 4", age, nil, rec(0, 0), rec(1, 0), wall(2, barrierSoft), rec(3, 0))
	f(" then 1", age, nil, wall(0, barrierHard), rec(1, 0))
	f("0 2 then 3", rules{rows: 2, age: time.Minute}, nil, rec(0, 0), wall(1, barrierSoft), rec(2, 0)) // no row, but an offset
	f("0 3 then 4", age, nil, rec(0, 0), control(1), control(2), rec(3, 0))
	f("0 then 2", age, nil, rec(0, 0), control(1))
	f(" then 2", age, nil, control(1))
	f("0 5 9 then 10", age, nil, rec(0, 0), rec(5, 0), rec(9, 0)) // of a compacted topic
	until := func(position, target int64) func(*feeding) {
		return func(f *feeding) { f.p.position = position; f.p.target.Store(target) }
	}
	f("0 1 2 then 3", age, until(0, 3), recs(0, 5)...)
	f("0 1 then 4", age, until(0, 4), rec(0, 0), rec(1, 0), control(3), rec(4, 0))
	f("0 5 then 6", age, until(0, 4), rec(0, 0), rec(5, 0), rec(6, 0))
	f("3 4 5 then 6", age, until(3, 3), recs(3, 5)...) // it is there already; others may not be
	f("0 1 2 then 3", age, until(0, -1), recs(0, 2)...)
	f("0 then 1", age, func(f *feeding) { f.full, f.block = true, 1 }, recs(0, 5)...)              // looked at behind each batch
	f("0 1 2 3 4 5 then 6", age, func(f *feeding) { close(f.wanted); f.block = 1 }, recs(0, 5)...) // it has its turn, while there is something to do
}

// TestReplay: an epoch that was prepared ends exactly where it did then, whatever the rules say.
func TestReplay(t *testing.T) {
	f := func(want string, end int64, records ...*kgo.Record) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			all := rules{rows: 1, every: time.Minute, age: time.Nanosecond}
			feeding := feed(all, func(f *feeding) { f.replay, f.end, f.full = true, end, true; close(f.wanted); f.p.target.Store(2) }, records...)
			if got := feeding.rest(t); got != want {
				t.Errorf("up to %d: got %s, want %s", end, got, want)
			}
		})
	}
	f("0 1 2 3 then 4", 3, recs(0, 9)...)
	f("0 then 1", 0, recs(0, 9)...)
	f("0 1 2 3 then 4", 3, recs(0, 3)...) // nothing is behind it yet
	f("0 2 3 then 4", 3, rec(0, 0), wall(1, barrierHard), rec(2, 90), rec(3, -90), rec(4, 0))
	f("0 1 then 4", 3, rec(0, 0), rec(1, 0), control(3), rec(4, 0))
	f("0 1 then 2", 3, rec(0, 0), rec(1, 0), rec(7, 0)) // the log has lost the end: who compares will see
	f(" then 0", 3, rec(7, 0))
}

// TestReplayWaits for its last record, however long that takes.
func TestReplayWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feed(rules{age: time.Second, rows: 1}, func(f *feeding) { f.replay, f.end = true, 2 }, recs(0, 1)...)
		done := make(chan string, 1)
		go func() { done <- f.rest(t) }()
		time.Sleep(time.Hour) // of the bubble's clock
		synctest.Wait()
		if len(done) > 0 {
			t.Fatalf("it has ended: %s", <-done)
		}
		f.p.queue.push(recs(2, 4))
		if got := <-done; got != "0 1 2 then 3" {
			t.Errorf("got %s", got)
		}
	})
}

// TestEpochAge: an epoch ends at its age, also when nothing comes, and its age is that of its first
// record here, not of the record's time.
func TestEpochAge(t *testing.T) {
	f := func(age time.Duration, pauses []time.Duration, want string, within time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			f := feed(rules{age: age}, nil)
			go func() {
				for i, pause := range pauses {
					time.Sleep(pause)
					f.p.queue.push(recs(int64(i), int64(i)))
				}
			}()
			begun := time.Now()
			if got := f.rest(t); got != want {
				t.Errorf("%v: got %s, want %s", age, got, want)
			}
			if took := time.Since(begun); took > within+look || took < within {
				t.Errorf("%v: it took %v, want %v", age, took, within)
			}
			time.Sleep(time.Hour) // so that all was pushed
		})
	}
	s := time.Second
	f(10*s, []time.Duration{0}, "0 then 1", 10*s)
	f(10*s, []time.Duration{7 * s}, "0 then 1", 17*s) // nothing is open before
	f(10*s, []time.Duration{s, 4 * s, 4 * s, 4 * s}, "0 1 2 then 3", 11*s)
	f(60*time.Millisecond, []time.Duration{0}, "0 then 1", 100*time.Millisecond)
}

// TestFillPassesOn what there is, and at most a block.
func TestFillPassesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feed(rules{age: time.Hour}, nil, recs(0, 2)...)
		var b pipeline.Batch
		if err := f.Fill(t.Context(), &b); err != nil || string(b.Input) != "row 0\nrow 1\nrow 2\n" {
			t.Errorf("got %q, %v", b.Input, err)
		}
		f.p.queue.push(recs(3, 1000))
		b = pipeline.Batch{}
		if err := f.Fill(t.Context(), &b); err != nil || len(b.Input) < f.block || len(b.Input) > f.block+len("row 1000\n") {
			t.Errorf("got %d bytes, %v; a block has %d", len(b.Input), err, f.block)
		}
	})
}

// TestIntakeWait: who waits for records hears of all that ends the wait.
func TestIntakeWait(t *testing.T) {
	stopped := errors.New("told to stop")
	f := func(name, want string, within time.Duration, then func(*feeding, context.CancelCauseFunc), records ...*kgo.Record) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			f := feed(rules{}, nil, records...)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			done := make(chan error, 1)
			go func() {
				for {
					var b pipeline.Batch
					if err := f.Fill(ctx, &b); err != nil {
						done <- err
						return
					}
				}
			}()
			time.Sleep(time.Minute)
			synctest.Wait()
			if len(done) > 0 {
				t.Fatalf("%s: it does not wait: %v", name, <-done)
			}
			begun := time.Now()
			then(f, cancel)
			if err := <-done; err.Error() != want || time.Since(begun) > within {
				t.Errorf("%s: got %v after %v, want %s within %v", name, err, time.Since(begun), want, within)
			}
		})
	}
	f("cancel, no epoch", stopped.Error(), 0, func(_ *feeding, cancel context.CancelCauseFunc) { cancel(stopped) })
	f("cancel", stopped.Error(), 0, func(_ *feeding, cancel context.CancelCauseFunc) { cancel(stopped) }, rec(0, 0))
	f("share", "EOF", look, func(f *feeding, _ context.CancelCauseFunc) { close(f.wanted) }, rec(0, 0))
	f("hard barrier", "EOF", 0, func(f *feeding, _ context.CancelCauseFunc) { f.p.queue.push([]*kgo.Record{wall(1, barrierHard)}) }, rec(0, 0))
	// What has not begun is not ended by that: there is nothing to give back yet.
	f("share, no epoch", stopped.Error(), time.Hour, func(f *feeding, cancel context.CancelCauseFunc) {
		close(f.wanted)
		time.Sleep(time.Minute)
		cancel(stopped)
	})
}

// TestLine: what becomes of a value, and what is remembered of it.
func TestLine(t *testing.T) {
	const id = "01234567-89ab-cdef-0123-456789abcdef"
	f := func(envelope bool, value, line, reject, kept string) {
		t.Helper()
		s := feed(rules{}, func(f *feeding) { f.p.envelope = envelope })
		b := &pipeline.Batch{Input: []byte("before\n"), Origins: make([]pipeline.Origin, 1)}
		r := rec(5, 0)
		if r.Value = []byte(value); value == "nil" {
			r.Value = nil
		}
		s.add(b, r)
		o := b.Origins[1]
		if got := strings.TrimPrefix(string(b.Input), "before\n"); got != line+"\n" || len(b.Origins) != 2 || o.Offset != 5 || o.Time != start.UnixMilli() {
			t.Errorf("%q: got the line %q, origins %+v", value, got, b.Origins)
		}
		if got := fmt.Sprint(b.Rejects); reject == "" && len(b.Rejects) > 0 || reject != "" && (len(b.Rejects) != 1 || b.Rejects[0].Line != 1 || !strings.HasPrefix(b.Rejects[0].Err.Error(), reject)) {
			t.Errorf("%q: rejected %s, want %s", value, got, reject)
		}
		if (o.Value == nil) != (kept == "line") || o.Value != nil && string(o.Value) != kept {
			t.Errorf("%q: %q is kept of it, want %s", value, o.Value, kept)
		}
		if (o.ID != uuid.Nil) != strings.Contains(value, id) {
			t.Errorf("%q: the id %s", value, o.ID)
		}
	}
	f(false, `{"a":1}`, `{"a":1}`, "", "line")
	f(false, "nonsense", "nonsense", "", "line") // decode will say so
	f(false, "nil", "", "it has no value", "")
	f(false, "", "", "it has no value", "")
	f(false, " \n ", "", "it has no value", " \n ")
	f(false, "{\n\"a\":\n1}\n", `{ "a": 1} `, "", "{\n\"a\":\n1}\n")
	f(false, "{\"a\":\"x\ny\"}", "", "not valid JSON", "{\"a\":\"x\ny\"}") // it must not become "x y"
	f(false, "{}\n{}", "", "not valid JSON", "{}\n{}")
	env := `{"_airbyte_ab_id":"` + id + `","_airbyte_stream":"users","_airbyte_emitted_at":7,"_airbyte_data":{"a":1}}`
	was := `{"type":"RECORD","record":{"stream":"users","namespace":"public","emitted_at":7,"data":{"a":1}}}`
	f(true, env, was, "", env)
	pretty := strings.NewReplacer(",", ",\n", "{\"a\"", "{\n\"a\"").Replace(env)
	f(true, pretty, strings.Replace(was, `{"a"`, `{ "a"`, 1), "", pretty)
	f(true, "nonsense", "", "not valid JSON", "nonsense")
	f(true, "{}", "", "not a record of Airbyte's Kafka destination", "{}")
	f(true, "", "", "it has no value", "")
}
