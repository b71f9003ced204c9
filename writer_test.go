package sluice_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// openWriter opens a writer of the tables "a", "b", ... that are appended to, and of those in
// capitals, that are replaced.
func openWriter(t *testing.T, st sink.Store, names ...string) *sluice.Writer {
	t.Helper()
	var tables []sluice.Table
	for _, name := range names {
		tables = append(tables, sluice.Table{Name: name, Replace: name == strings.ToUpper(name)})
	}
	w, err := sluice.NewWriter(t.Context(), settings(), tables, sluice.Options{Store: st, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func table(t *testing.T, w *sluice.Writer, name string) *sluice.TableWriter {
	t.Helper()
	tw, err := w.Table("", name)
	if err != nil {
		t.Fatal(err)
	}
	return tw
}

// write writes records, each a JSON object.
func write(t *testing.T, w *sluice.Writer, name string, records ...string) {
	t.Helper()
	tw := table(t, w, name)
	for _, r := range records {
		if err := tw.WriteJSON(t.Context(), []byte(r)); err != nil {
			t.Fatal(err)
		}
	}
}

// rowsIn are the records in the visible objects of a table, in the order of keys and rows.
func rowsIn(t rapid.TB, st *memory, table string) []string {
	t.Helper()
	var rows []string
	visible := st.visible()
	var keys []string
	for key := range visible {
		if strings.HasPrefix(key, "data/"+table+"/") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		all, err := csv.NewReader(strings.NewReader(string(visible[key].data))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range all[1:] {
			rows = append(rows, row[len(row)-1])
		}
	}
	return rows
}

// TestWriter: what was written before a checkpoint is visible behind it, and told.
func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newMemory()
		w := openWriter(t, st, "a", "b")
		write(t, w, "a", `{"n":1}`, ` {"n": 50000.0000000000000001}`, "{\n\"n\":\t2\r}\n")
		write(t, w, "b", `{"s":"a\nb <&> ☃"}`)
		begin := time.Now()
		objects, err := w.Checkpoint(t.Context())
		if ended := w.Err(); ended != nil {
			t.Errorf("it has ended: %v", ended)
		}
		if took := time.Since(begin); took > 0 {
			t.Errorf("it waited for %s", took)
		}
		if err != nil || len(objects) != 2 {
			t.Fatalf("got %v and %v", objects, err)
		}
		same(t, "a", rowsIn(t, st, "a"), []string{`{"n":1}`, `{"n": 50000.0000000000000001}`, "{ \"n\":\t2\r}"})
		same(t, "b", rowsIn(t, st, "b"), []string{`{"s":"a\nb <&> ☃"}`})
		for _, o := range objects {
			b := st.visible()[o.Key]
			if b == nil || o.Bytes != int64(len(b.data)) || o.Rows != map[string]int64{"a": 3, "b": 1}[o.Stream.Name] {
				t.Errorf("got %+v", o)
			}
		}
		if objects, err = w.Checkpoint(t.Context()); err != nil || len(objects) != 0 {
			t.Errorf("nothing was written: got %v and %v", objects, err)
		}
		write(t, w, "a", `{"n":3}`)
		if objects, err = w.Checkpoint(t.Context()); err != nil || len(objects) != 1 || objects[0].Rows != 1 {
			t.Errorf("got %v and %v", objects, err)
		}
		write(t, w, "a", `{"n":4}`)
		sum, err := w.Close(t.Context())
		if err != nil || sum.Rows != 6 || sum.Objects != 4 {
			t.Errorf("got %+v and %v", sum, err)
		}
		if rows := rowsIn(t, st, "a"); len(rows) != 5 {
			t.Errorf("got %q", rows)
		}
		if err := table(t, w, "a").WriteJSON(t.Context(), []byte(`{}`)); !errors.Is(err, sluice.ErrClosed) {
			t.Errorf("behind Close: got %v", err)
		}
		if _, err := w.Checkpoint(t.Context()); !errors.Is(err, sluice.ErrClosed) {
			t.Errorf("behind Close: got %v", err)
		}
		<-w.Done()
		if err := w.Err(); !errors.Is(err, sluice.ErrClosed) {
			t.Errorf("behind Close: got %v", err)
		}
		w.Abort()
		if _, err := w.Close(t.Context()); err != nil {
			t.Errorf("Close a second time: got %v", err)
		}
	})
}

// TestWriterReplaces a table at Close and not before, and keeps no other from being safe.
func TestWriterReplaces(t *testing.T) {
	for _, abort := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			st := newMemory()
			old := "data/A/2021_01_01_1609541171643_0.csv"
			put(t, st, old)
			w := openWriter(t, st, "A", "b")
			defer w.Abort()
			write(t, w, "A", `{"n":1}`)
			write(t, w, "b", `{"n":1}`)
			objects, err := w.Checkpoint(t.Context())
			if err != nil || len(objects) != 1 || objects[0].Stream.Name != "b" {
				t.Fatalf("got %v and %v", objects, err)
			}
			same(t, "A before its end", keys(t, st, "data/A/"), []string{old})
			write(t, w, "A", `{"n":2}`)
			if abort {
				w.Abort()
				same(t, "A", keys(t, st, "data/A/"), []string{old})
				if _, err := w.Close(t.Context()); !errors.Is(err, sluice.ErrClosed) {
					t.Errorf("Close behind Abort: got %v", err)
				}
				if n := len(uploads(t, st)); n > 0 {
					t.Errorf("%d uploads are left", n)
				}
				return
			}
			if _, err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			same(t, "A", rowsIn(t, st, "A"), []string{`{"n":1}`, `{"n":2}`})
			if slices.Contains(keys(t, st, "data/A/"), old) {
				t.Error("the old table is still there")
			}
		})
	}
}

// TestWriterFails: everybody is told the cause, and nothing waits.
func TestWriterFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := faultstore.New(newMemory(), faultstore.On(faultstore.Put).Fail(&sink.Error{Kind: sink.ErrDenied}))
		w := openWriter(t, st, "a")
		write(t, w, "a", `{}`)
		if objects, err := w.Checkpoint(t.Context()); !errors.Is(err, sink.ErrDenied) || len(objects) > 0 {
			t.Errorf("Checkpoint: got %v and %v", objects, err)
		}
		if err := table(t, w, "a").WriteJSON(t.Context(), []byte(`{}`)); !errors.Is(err, sink.ErrDenied) {
			t.Errorf("Write: got %v", err)
		}
		<-w.Done()
		if err := w.Err(); !errors.Is(err, sink.ErrDenied) {
			t.Errorf("Err: got %v", err)
		}
		if _, err := w.Close(t.Context()); !errors.Is(err, sink.ErrDenied) {
			t.Errorf("Close: got %v", err)
		}
	})
}

// TestWriterContext: when the writer's context ends, a Close that comes behind does not replace
// a table whose last records were refused.
func TestWriterContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newMemory()
		ctx, cancel := context.WithCancelCause(t.Context())
		w, err := sluice.NewWriter(ctx, settings(), []sluice.Table{{Name: "A", Replace: true}}, sluice.Options{Store: st})
		if err != nil {
			t.Fatal(err)
		}
		write(t, w, "A", `{"n":1}`)
		synctest.Wait()
		cancel(io.ErrNoProgress)
		synctest.Wait()
		if err := table(t, w, "A").WriteJSON(t.Context(), []byte(`{}`)); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("Write: got %v", err)
		}
		if _, err := w.Close(t.Context()); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("Close: got %v", err)
		}
		if rows := rowsIn(t, st, "A"); len(rows) > 0 {
			t.Errorf("got the rows %q", rows)
		}
	})
}

// TestWriterWaits: a slow store holds back who writes, a checkpoint can be given up, and what it
// would have told comes with the next.
func TestWriterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newMemory()
		slow := faultstore.New(st, faultstore.On(faultstore.Put).Delay(time.Minute))
		w := openWriter(t, slow, "a")
		write(t, w, "a", `{}`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Checkpoint(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Hour)
		if objects, err := w.Checkpoint(t.Context()); err != nil || len(objects) != 1 {
			t.Errorf("got %v and %v", objects, err)
		}
		if p := w.Progress(); p.Objects != 1 || p.States != 2 {
			t.Errorf("got %+v", p)
		}
		if _, err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestWriterClosedInTime gives up what can't be finished, within a bound.
func TestWriterClosedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWriter(t, faultstore.New(newMemory(), faultstore.On(faultstore.Put).Delay(time.Hour)), "a")
		write(t, w, "a", `{}`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// TestWriterPromise: many goroutines write and make checkpoints in a store that fails now and then.
// What a successful checkpoint followed is there once.
func TestWriterPromise(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		writers := rapid.IntRange(1, 6).Draw(rt, "writers")
		records := rapid.IntRange(1, 30).Draw(rt, "records")
		every := rapid.IntRange(1, 10).Draw(rt, "every")
		fail := rapid.IntRange(0, 12).Draw(rt, "fail")
		synctest.Test(t, func(t *testing.T) {
			st := newMemory()
			var rules []*faultstore.Rule
			if fail > 0 {
				rules = append(rules, faultstore.On(faultstore.Put).Nth(fail).Fail(&sink.Error{Kind: sink.ErrDenied}))
			}
			w := openWriter(t, faultstore.New(st, rules...), "a", "b")
			var all gosync.WaitGroup
			var mu gosync.Mutex
			var safe, told int64
			seen := map[string]bool{} // records that a checkpoint covers
			for i := range writers {
				all.Go(func() {
					name := string(rune('a' + i%2))
					tw := table(t, w, name)
					var mine []string
					for j := range records {
						r := fmt.Sprintf(`{"n":"%s.%d.%d"}`, name, i, j)
						if tw.WriteJSON(t.Context(), []byte(r)) != nil {
							return
						}
						mine = append(mine, r)
						if j%every != 0 {
							continue
						}
						objects, err := w.Checkpoint(t.Context())
						if err != nil {
							return
						}
						mu.Lock()
						for _, r := range mine {
							seen[r] = true
						}
						safe = int64(len(seen))
						for _, o := range objects {
							told += o.Rows
						}
						mu.Unlock()
					}
				})
			}
			all.Wait()
			_, err := w.Close(t.Context())
			rows := append(rowsIn(t, st, "a"), rowsIn(t, st, "b")...)
			count := map[string]int{}
			for _, r := range rows {
				count[r]++
			}
			for r := range seen {
				if count[r] != 1 {
					t.Errorf("%s is there %d times", r, count[r])
				}
			}
			if err == nil && (len(rows) != writers*records || told < safe) {
				t.Errorf("%d rows, %d told, %d safe", len(rows), told, safe)
			}
			if err != nil && !errors.Is(err, sink.ErrDenied) {
				t.Error(err)
			}
		})
	})
}
