package kafkatest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/sluice-data/sluice/kafka"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

type kfakeGroup = kfake.GroupInfo

// stable is a group with so many members that has nothing to do.
func stable(members int) func(*kfakeGroup) bool {
	return func(g *kfakeGroup) bool { return len(g.Members) == members && g.State == "Stable" }
}

// block is a place in a store where workers wait.
type block struct {
	reached, gate chan struct{}
	once          sync.Once
	open          func()
}

func newBlock() *block {
	b := &block{reached: make(chan struct{}), gate: make(chan struct{})}
	b.open = sync.OnceFunc(func() { close(b.gate) })
	return b
}

// store makes calls of Put wait whose key has the text in it.
func (b *block) store(inner sink.Store, key string) sink.Store {
	return faultstore.New(inner, faultstore.On(faultstore.Put).Key(key).Call(func(ctx context.Context, _ faultstore.Op, _ string) error {
		b.once.Do(func() { close(b.reached) })
		select {
		case <-b.gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}))
}

// TestRebalances: workers come and go while records do.
func TestRebalances(t *testing.T) {
	t.Parallel()
	for _, static := range []bool{false, true} {
		t.Run(fmt.Sprintf("static %v", static), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 6, nil)
			names := 0
			join := func(name string) *hand {
				names++
				return r.worker(func(o *kafka.WorkerOptions) {
					if static {
						o.InstanceID = name
					}
				})
			}
			a := join("a")
			r.produce(600)
			b := join("b")
			r.produce(600)
			r.group("two", stable(2))
			c := join("c")
			r.produce(600)
			r.group("three", stable(3))
			a.stop()
			r.produce(600)
			a = join("a")
			b.stop()
			r.produce(600)
			c.stop()
			r.produce(600)
			b, c = join("b"), join("c")
			r.produce(600)
			r.settled()
			r.audit()
			a.stop()
			b.stop()
			c.stop()
			r.audit()
		})
	}
}

// TestOtherConsumer: somebody else in the group has partitions of it, until it leaves.
func TestOtherConsumer(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, nil)
	leave := r.b.join(group, r.topic)
	defer leave()
	w := r.worker(nil)
	r.group("each has one", func(g *kfakeGroup) bool {
		return stable(2)(g) && g.Members[0].NumAssigned() == 1 && g.Members[1].NumAssigned() == 1
	})
	r.produce(30)
	leave()
	r.settled()
	r.audit()
	w.stop()
}

// TestRevokedWhilePrepared: an epoch that is prepared when its partition is given away is finished
// by who has it, or else by who gets it.
func TestRevokedWhilePrepared(t *testing.T) {
	t.Parallel()
	for _, inTime := range []bool{true, false} {
		t.Run(fmt.Sprintf("in time %v", inTime), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 2, nil)
			hold := newBlock()
			a := r.worker(func(o *kafka.WorkerOptions) { o.Store = hold.store(o.Store, "") })
			r.produce(40)
			r.group("both prepared", func(g *kfakeGroup) bool {
				return g.Commits[r.topic][0].Metadata != "" && g.Commits[r.topic][1].Metadata != ""
			})
			b := r.worker(nil)
			if inTime {
				r.group("b asks", func(g *kfakeGroup) bool { return len(g.Members) == 2 })
				hold.open()
			} else {
				r.group("b has one", func(g *kfakeGroup) bool {
					n := 0
					for _, m := range g.Members {
						n += m.NumAssigned()
					}
					return stable(2)(g) && n == 2 && g.Members[0].NumAssigned() == 1
				})
				hold.open()
			}
			r.settled()
			r.produce(40)
			r.settled()
			r.audit()
			a.stop()
			b.stop()
			if n := b.Progress().Replays; (n == 0) != inTime {
				t.Errorf("%d replays", n)
			}
		})
	}
}
