package kafkatest

import (
	"context"
	"sync"
	"testing"

	"github.com/sluice-data/sluice/kafka"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// TestWokenWorker: one that was paused sees what others have done before it hears that they may. It
// must not take that for something that a person has to look at.
func TestWokenWorker(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		op   faultstore.Op // at which it is paused; "": idle
		more func(*rig)
	}{
		{"looking for older objects", faultstore.List, nil},
		{"looking whether a key is free", faultstore.Stat, nil},
		{"retention has passed its offset", "", func(r *rig) {
			if err := r.b.DeleteRecords(r.topic, 0, -1); err != nil {
				r.t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			r.produce(30)
			net, reached, gate := newLink(), make(chan struct{}), make(chan struct{})
			open := sync.OnceFunc(func() { close(gate) })
			a := r.workerOn(net, func(o *kafka.WorkerOptions) {
				if tt.op != "" {
					o.Store = faultstore.New(o.Store, faultstore.On(tt.op).Nth(1).Call(func(context.Context, faultstore.Op, string) error {
						net.freeze()
						close(reached)
						<-gate
						return nil
					}))
				}
			})
			t.Cleanup(open)
			if tt.op == "" {
				r.settled()
				net.freeze()
			} else {
				<-reached
			}
			r.evict()
			b := r.worker(nil)
			r.produce(30)
			r.settled()
			r.audit()
			if tt.more != nil {
				tt.more(r)
			}
			open() // first its store, then its network
			net.thaw()
			r.group("both are members", stable(2))
			r.produce(30)
			r.settled()
			a.stop()
			b.stop()
			if tt.more == nil {
				r.audit()
			}
		})
	}
}
