package kafkatest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/kafka"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// A point is a moment in the life of an epoch.
type point struct {
	name   string
	commit string        // the first commit with this in its metadata; "": see op
	done   bool          // the commit has happened; else its request is lost
	op     faultstore.Op // the call to the store
	nth    int           // of these
	parts  bool          // objects are large
	makes  int           // objects that are there
	replay bool          // for the next owner
}

var points = []point{
	{name: "before prepare", commit: ";E="},
	{name: "prepared, not told", commit: ";E=", done: true, replay: true},
	{name: "prepared, no object", op: faultstore.Put, nth: 1, replay: true},
	{name: "prepared, one of two objects", op: faultstore.Put, nth: 2, makes: 1, replay: true},
	{name: "while parts are uploaded", op: faultstore.Part, nth: 1, parts: true},
	{name: "before an upload begins", op: faultstore.Create, nth: 1, parts: true},
	{name: "before an upload is completed", op: faultstore.Complete, nth: 1, parts: true, replay: true},
	{name: "one of two uploads completed", op: faultstore.Complete, nth: 2, parts: true, makes: 1, replay: true},
	{name: "complete, before commit", commit: "v1;t=", makes: 2, replay: true},
	{name: "committed, not told", commit: "v1;t=", done: true, makes: 2},
}

// produceFor brings records for one epoch at the point.
func (p point) produceFor(r *rig) {
	if !p.parts {
		r.produce(100)
		return
	}
	long := strings.Repeat("x", 200_000)
	var values []string
	for range 84 { // 11.2 MB for users, 5.6 for orders
		values = append(values, strings.Replace(row(r.made), fmt.Sprintf("row %d", r.made), long, 1))
		r.made++
	}
	r.lines(values...)
	if p.replay { // else the epoch stays open
		r.put(barrier("hard"))
	}
}

// settings are for epochs that are cut by barriers where objects are large.
func (p point) settings(c *config.Config) {
	if p.parts {
		c.CheckpointMinutes, c.Upload.PartSizeMB = 0, 5
	}
}

// at calls f when the worker with the options gets to the point, and then keeps it there until the
// gate opens.
func (p point) at(r *rig, opts *kafka.WorkerOptions, f func(), gate <-chan struct{}) {
	var once sync.Once
	if p.op != "" {
		var n atomic.Int32
		opts.Store = faultstore.New(opts.Store, faultstore.On(p.op).Call(func(context.Context, faultstore.Op, string) error {
			if int(n.Add(1)) >= p.nth { // what would come beside it, or after it, does not
				once.Do(f)
				<-gate
			}
			return nil
		}))
		return
	}
	r.onCommit(func(metadata string) (kmsg.Response, error, bool) {
		if (p.commit == ";E=") != strings.Contains(metadata, ";E=") {
			return nil, nil, false
		}
		first := false
		once.Do(func() { first = true })
		if !first {
			return nil, nil, false
		}
		f()
		if p.done {
			return nil, nil, false
		}
		return nil, errors.New("lost"), true
	})
}

// onCommit has f look at each commit of an offset.
func (r *rig) onCommit(f func(metadata string) (kmsg.Response, error, bool)) {
	r.b.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.b.KeepControl()
		return f(*req.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0].Metadata)
	})
}

// TestCrash stops a worker at each point, has another one take over, and wakes the first.
func TestCrash(t *testing.T) {
	t.Parallel()
	gw := server(t)
	for _, p := range points {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.crash(t, nil, row)
		})
		if p.replay { // which finds objects, or makes them beside another
			t.Run(p.name+", S3", func(t *testing.T) {
				t.Parallel()
				p.crash(t, gw, row)
			})
		}
	}
}

// crash plays one of them, with records that row makes, and returns what is left of it.
func (p point) crash(t *testing.T, s3 *gateway.Gateway, row func(id int) string, changes ...func(*config.Config)) *rig {
	t.Helper()
	r := newRig(t, 1, func(c *config.Config) {
		p.settings(c)
		for _, change := range changes {
			change(c)
		}
	})
	r.row = row
	if s3 != nil {
		r.on(s3)
	}
	p.produceFor(r)
	reached, gate := make(chan struct{}), make(chan struct{})
	open := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(open) // before the worker's own
	net := newLink()
	a := r.workerOn(net, func(o *kafka.WorkerOptions) {
		p.at(r, o, func() { net.freeze(); close(reached) }, gate)
	})
	t.Cleanup(open)
	<-reached
	eventually(t, "objects at the point", &r.mu, r.change, func() bool { return r.shown == p.makes })
	r.evict()
	b := r.worker(nil)
	r.put(barrier("hard"))
	r.settled()
	r.audit()
	before := r.hashes()

	net.thaw()
	open()
	a.journal.wait(t, "counted this worker out")
	r.group("both are members", func(g *kfake.GroupInfo) bool { return len(g.Members) == 2 && g.State == "Stable" })
	r.produce(50)
	r.put(barrier("hard"))
	r.settled()
	r.audit()
	after := r.hashes()
	for key, hash := range before {
		if after[key] != hash {
			t.Errorf("%s has changed", key)
		}
	}
	a.stop()
	b.stop()
	if replays := b.Progress().Replays; (replays == 1) != p.replay {
		t.Errorf("%d replays", replays)
	}
	return r
}

// hashes are those of all objects.
func (r *rig) hashes() map[string][32]byte {
	all := map[string][32]byte{}
	for key, data := range r.objects() {
		all[key] = sha256.Sum256(data)
	}
	return all
}
