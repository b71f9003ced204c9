package kafkatest

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/kafka"
	"github.com/sluice-data/sluice/sink"
)

// epochs are the offsets at which those of partition 0 begin that have objects.
func (r *rig) epochs() []int64 {
	var all []int64
	for _, at := range r.firsts() {
		if at.partition == 0 && !slices.Contains(all, at.offset) {
			all = append(all, at.offset)
		}
	}
	slices.Sort(all)
	return all
}

// TestRotation: where the log or the config says so, an epoch ends, and nowhere else.
func TestRotation(t *testing.T) {
	t.Parallel()
	minute := int64(time.Minute / time.Millisecond)
	for _, tt := range []struct {
		name   string
		change func(*config.Config)
		put    func(*rig)
		want   []int64
	}{
		{"never", nil, func(r *rig) { r.produce(35) }, []int64{0}},
		{"rows", func(c *config.Config) { c.Kafka.MaxRows = 10 }, func(r *rig) { r.produce(35) }, []int64{0, 10, 20, 30}},
		{"rows, not barriers", func(c *config.Config) { c.Kafka.MaxRows = 3 }, func(r *rig) {
			r.put(barrier("soft"))
			r.produce(3)
			r.put(barrier("soft"))
			r.produce(3)
		}, []int64{0, 4}},
		{"hard barriers", nil, func(r *rig) {
			r.produce(5)
			r.put(barrier("hard"))
			r.produce(4)
			r.put(barrier("hard"), barrier("hard"))
			r.produce(1)
		}, []int64{0, 6, 12}},
		{"soft barriers", nil, func(r *rig) {
			r.produce(5)
			r.put(barrier("soft"))
			r.produce(5)
		}, []int64{0}},
		{"record time", func(c *config.Config) { c.Kafka.RotateMinutes = 1 }, func(r *rig) {
			for i, at := range []int64{0, minute / 2, minute - 1, minute, 2*minute - 1, 4 * minute} {
				r.put(&kgo.Record{Value: []byte(row(i)), Timestamp: time.UnixMilli(100*minute + at)})
				r.made++
			}
		}, []int64{0, 3, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, func(c *config.Config) {
				c.CheckpointMinutes = 0
				if tt.change != nil {
					tt.change(c)
				}
			})
			tt.put(r)
			r.finish()
			r.settled()
			r.audit()
			if got := r.epochs(); !slices.Equal(got, tt.want) {
				t.Errorf("epochs begin at %d, not at %d", got, tt.want)
			}
		})
	}
}

// TestRotationBySize: an object is closed at its size, give or take a batch.
func TestRotationBySize(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, func(c *config.Config) { c.CheckpointMinutes, c.FileSizeMB = 0, 1 })
	long := strings.Repeat("x", 10_000)
	var values []string
	for i := range 1000 {
		values = append(values, strings.Replace(row(i), fmt.Sprintf("row %d", i), long, 1))
	}
	r.lines(values...)
	r.finish()
	r.audit()
	if n := len(r.epochs()); n < 3 || n > 7 {
		t.Errorf("10 MB, two thirds of them in one stream, became %d epochs", n)
	}
	for key, data := range r.objects() {
		if len(data) > 4<<20 {
			t.Errorf("%s has %d bytes", key, len(data))
		}
	}
}

// TestRotationByAge: what is open is closed at its age, also where nothing comes any more.
func TestRotationByAge(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, func(c *config.Config) { c.CheckpointMinutes = 15 })
	var now, step atomic.Int64 // seconds
	w := r.worker(func(o *kafka.WorkerOptions) {
		o.Now = func() time.Time { return time.Unix(1_700_000_000+now.Add(step.Load()), 0) }
	})
	r.produce(10)
	r.group("one member", stable(1))
	now.Store(15*60 - 1)
	r.put(&kgo.Record{Value: []byte(row(r.made))})
	r.made++
	if n := w.Progress().Epochs; n != 0 {
		t.Errorf("%d epochs before their time", n)
	}
	step.Store(60) // a minute with each look, whatever the moment was at which it began
	r.settled()
	r.audit()
	w.stop()
}

// TestMemoryOfStreams: many streams that share a topic and a little memory make more epochs, not more
// memory, and lose nothing.
func TestMemoryOfStreams(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, func(c *config.Config) { c.CheckpointMinutes, c.Upload.MemoryMB = 0, 32 })
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("s%d", i))
	}
	r.catalog = r.parse(names...)
	long := strings.Repeat("x", 40_000)
	var values []string
	for i := range 3 * len(names) {
		values = append(values, fmt.Sprintf(`{"type":"RECORD","record":{"stream":%q,"emitted_at":1,"data":{"id":%d,"text":%q}}}`, names[i%len(names)], i, long))
	}
	r.lines(values...)
	w := r.worker(func(o *kafka.WorkerOptions) { o.UntilEnd, o.Store = true, largeParts{o.Store} })
	if err := w.result(); err != nil {
		t.Fatal(err)
	}
	r.audit()
	if n := len(r.epochs()); n < 2 || n > 20 {
		t.Errorf("24 MB in 200 streams, where 16 MB may be open, became %d epochs", n)
	}
}

// largeParts is a store that takes no small parts, as S3: an object that is open stays in memory.
type largeParts struct{ sink.Store }

func (s largeParts) Properties() sink.Properties {
	p := s.Store.Properties()
	p.MinPartSize = 5 << 20
	return p
}

// TestMemoryOfPartitions: partitions that wait for memory have the oldest epochs end.
func TestMemoryOfPartitions(t *testing.T) {
	t.Parallel()
	r := newRig(t, 8, func(c *config.Config) { c.CheckpointMinutes, c.Upload.MemoryMB = 0, 32 })
	w := r.worker(nil)
	for range 3 {
		r.produce(80)
		// Nothing ends the epochs but that others want their memory. One is left over.
		r.group("seven partitions committed", func(g *kfakeGroup) bool {
			n := 0
			for p, end := range r.eighths() {
				if g.Commits[r.topic][p].Offset == end {
					n++
				}
			}
			return n >= 7
		})
	}
	w.stop()
	r.finish()
	r.audit()
}

// eighths are the ends of eight partitions.
func (r *rig) eighths() map[int32]int64 {
	all := map[int32]int64{}
	for i := range r.made {
		all[int32(i%8)]++
	}
	return all
}

// TestTransactions: rows of a transaction that was aborted are none, and the marks of transactions
// are offsets like others.
func TestTransactions(t *testing.T) {
	t.Parallel()
	for _, last := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		t.Run(fmt.Sprint("the last one: ", last), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			c := r.b.dial(kgo.DefaultProduceTopic(r.topic), kgo.TransactionalID("test"))
			defer c.Close()
			want := 0
			for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryAbort, kgo.TryCommit, last} {
				if err := c.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				for n := range 10 {
					c.Produce(t.Context(), kgo.StringRecord(row(10*i+n)), nil)
				}
				if err := c.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := c.EndTransaction(t.Context(), end); err != nil {
					t.Fatal(err)
				}
				if end {
					want += 10
				}
			}
			r.prepared() // done once more, it has to be the same
			r.finish()
			if o := r.b.GroupInfo(group).Commits[r.topic][0].Offset; o != 55 {
				t.Errorf("committed is %d", o)
			}
			rows := r.rows("")
			for _, row := range rows {
				if id := row["id"]; len(id) == 2 && (id[0] == '1' || id[0] == '2') {
					t.Errorf("row %v was aborted", row)
				}
			}
			if len(rows) != want {
				t.Errorf("%d rows, not %d", len(rows), want)
			}
		})
	}
}

// TestUntilEnd: a worker ends at the end that there was, with rows and without.
func TestUntilEnd(t *testing.T) {
	t.Parallel()
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, 3, nil)
		r.finish()
		if n := len(r.objects()); n != 0 {
			t.Errorf("%d objects", n)
		}
	})
	t.Run("all deleted", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, 1, nil)
		r.produce(10)
		if err := r.b.DeleteRecords(r.topic, 0, -1); err != nil {
			t.Fatal(err)
		}
		r.finish()
	})
	t.Run("some partitions empty, no time", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, 5, func(c *config.Config) { c.CheckpointMinutes = 0 })
		r.produce(3)
		r.finish()
		r.finish()
		r.audit()
	})
	t.Run("more workers than partitions", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, 2, func(c *config.Config) { c.CheckpointMinutes = 0 })
		r.produce(1000)
		var all []*hand
		for range 4 {
			all = append(all, r.worker(func(o *kafka.WorkerOptions) { o.UntilEnd = true }))
		}
		for _, w := range all {
			if err := w.result(); err != nil {
				t.Error(err)
			}
		}
		r.settled()
		r.audit()
	})
	t.Run("a partition that stays behind", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, 2, func(c *config.Config) { c.CheckpointMinutes = 0 })
		r.produce(20)
		b := newBlock() // of partition 1
		w := r.worker(func(o *kafka.WorkerOptions) { o.UntilEnd, o.Store = true, b.store(o.Store, "_00001_") })
		<-b.reached
		for range 20 { // behind the end, one by one
			r.put(&kgo.Record{Value: []byte(row(r.made))})
			r.made++
		}
		r.group("partition 0 at its end", func(g *kfakeGroup) bool { return g.Commits[r.topic][0].Offset == 10 })
		b.open()
		if err := w.result(); err != nil {
			t.Error(err)
		}
		if got := r.epochs(); len(got) != 1 {
			t.Errorf("epochs begin at %d", got)
		}
		r.finish()
		r.audit()
	})
}
