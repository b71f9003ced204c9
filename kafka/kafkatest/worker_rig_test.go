package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/kafka"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
)

// rig is a cluster, a directory for objects, and workers between them.
type rig struct {
	t       testing.TB
	b       *brokers
	root    string
	store   sink.Store
	cfg     *config.Config
	catalog *airbyte.Catalog
	topic   string
	row     func(id int) string // the records that produce makes
	made    int                 // of them so far: their ids

	mu      sync.Mutex
	change  *sync.Cond
	digests map[string]map[string]bool // of what workers have tried to make, a key
	shown   int                        // objects that they have made
}

const group = "sluice"

// newRig makes one with a topic of so many partitions, and the streams users and orders in it.
func newRig(t testing.TB, partitions int32, change func(*config.Config), opts ...kfake.Opt) *rig {
	t.Helper()
	r := &rig{t: t, root: t.TempDir(), topic: "all", row: row, digests: map[string]map[string]bool{}}
	r.change = sync.NewCond(&r.mu)
	r.b = cluster(t, append(opts, kfake.SeedTopics(partitions, r.topic))...)
	r.cfg = r.b.config(func(c *config.Config) {
		c.Format.CSV.Flattening = config.FlatteningRoot
		c.CheckpointMinutes = 0.001
		c.Kafka.TopicPattern, c.Kafka.Group, c.Kafka.SessionTimeoutSeconds = r.topic, group, 6
		if change != nil {
			change(c)
		}
	})
	store, err := dir.New(r.root)
	if err != nil {
		t.Fatal(err)
	}
	r.store = store
	r.catalog = r.parse("users", "orders")
	return r
}

// server starts a real S3 server, for a test and those in it.
func server(t *testing.T) *gateway.Gateway {
	t.Helper()
	if _, err := gateway.Binary(t.Context(), t.Output()); err != nil {
		t.Fatal(err)
	}
	gw, err := gateway.Start(t.Context(), gateway.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gw.Stop(); err != nil {
			t.Error(err)
		}
	})
	return gw
}

// on has the objects in a bucket of the server, whose files can be looked at.
func (r *rig) on(gw *gateway.Gateway) {
	r.t.Helper()
	cfg := *r.cfg
	cfg.Bucket = fmt.Sprintf("bucket-%d", buckets.Add(1))
	cfg.Endpoint, cfg.Region = gw.Endpoint, gw.Region
	cfg.AccessKeyID, cfg.SecretAccessKey = config.Secret(gw.AccessKey), config.Secret(gw.SecretKey)
	if err := gw.MakeBucket(cfg.Bucket); err != nil {
		r.t.Fatal(err)
	}
	store, err := sluice.OpenStore(r.t.Context(), &cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.store, r.root = store, filepath.Join(gw.DataDir, cfg.Bucket)
}

var buckets atomic.Int32

// parse makes a catalog of streams with the columns id and text.
func (r *rig) parse(streams ...string) *airbyte.Catalog {
	r.t.Helper()
	var all []string
	for _, s := range streams {
		namespace, name, found := strings.Cut(s, ".")
		if !found {
			namespace, name = "", s
		}
		all = append(all, fmt.Sprintf(`{"stream":{"name":%q,"namespace":%q,"json_schema":{"properties":{"id":{"type":"integer"},"text":{"type":"string"}}}},"destination_sync_mode":"append"}`, name, namespace))
	}
	catalog, err := airbyte.ParseCatalog([]byte(`{"streams":[` + strings.Join(all, ",") + `]}`))
	if err != nil {
		r.t.Fatal(err)
	}
	return catalog
}

// row is a record of the stream users, or orders for each third.
func row(id int) string {
	stream := "users"
	if id%3 == 2 {
		stream = "orders"
	}
	return fmt.Sprintf(`{"type":"RECORD","record":{"stream":%q,"emitted_at":1700000000000,"data":{"id":%d,"text":"row %d"}}}`, stream, id, id)
}

// produce appends rows, to all partitions in turn.
func (r *rig) produce(n int) {
	r.t.Helper()
	partitions := len(r.b.PartitionInfos(r.topic))
	var all []*kgo.Record
	for range n {
		all = append(all, &kgo.Record{Partition: int32(r.made % partitions), Value: []byte(r.row(r.made))})
		r.made++
	}
	r.put(all...)
}

// lines appends records with these values to partition 0.
func (r *rig) lines(values ...string) {
	r.t.Helper()
	var all []*kgo.Record
	for _, v := range values {
		all = append(all, &kgo.Record{Value: []byte(v)})
	}
	r.put(all...)
}

// barrier is a record of the front, in partition 0.
func barrier(kind string) *kgo.Record {
	return &kgo.Record{Headers: []kgo.RecordHeader{{Key: "airbyte-barrier", Value: []byte(kind)}}}
}

// put appends records.
func (r *rig) put(records ...*kgo.Record) {
	r.t.Helper()
	c := r.b.dial(kgo.DefaultProduceTopic(r.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer c.Close()
	if err := c.ProduceSync(r.t.Context(), records...).FirstErr(); err != nil {
		r.t.Fatal(err)
	}
}

// settled waits until all that is in the topic is committed.
func (r *rig) settled() {
	r.t.Helper()
	ends := r.b.ends(r.topic)[r.topic]
	r.group(fmt.Sprintf("all of %v committed", ends), func(g *kfake.GroupInfo) bool {
		for p, end := range ends {
			if c := g.Commits[r.topic][p]; end.At > 0 && (c.Offset != end.At || strings.Contains(c.Metadata, "E=")) {
				return false
			}
		}
		return true
	})
}

// group waits until the group is as wanted.
func (r *rig) group(what string, holds func(*kfake.GroupInfo) bool) *kfake.GroupInfo {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	var last *kfake.GroupInfo
	g, err := r.b.WaitGroupInfo(ctx, r.cfg.Kafka.Group, func(g *kfake.GroupInfo) bool { last = g; return g != nil && holds(g) })
	if err != nil {
		text := "not there"
		if last != nil {
			text = fmt.Sprintf("%s in generation %d, with %d members; committed %v", last.State, last.Epoch, len(last.Members), last.Commits)
			for _, m := range last.Members {
				text += fmt.Sprintf("\n%s: %v", m.MemberID, m.Assignment)
			}
		}
		r.t.Fatalf("%s: waited in vain; the group is %s", what, text)
	}
	return g
}

// evict removes all members, as if the group had not heard of them for a session.
func (r *rig) evict() {
	r.t.Helper()
	g := r.b.GroupInfo(r.cfg.Kafka.Group)
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = g.Group
	for _, m := range g.Members {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = m.MemberID
		req.Members = append(req.Members, member)
	}
	if _, err := req.RequestWith(r.t.Context(), r.b.client); err != nil {
		r.t.Fatal(err)
	}
}

// hand is a worker that runs.
type hand struct {
	t testing.TB
	*kafka.Worker
	journal *journal
	link    *link
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // once done
}

// worker starts one.
func (r *rig) worker(change func(*kafka.WorkerOptions)) *hand {
	r.t.Helper()
	return r.workerOn(newLink(), change)
}

// workerOn starts one with a network of its own.
func (r *rig) workerOn(net *link, change func(*kafka.WorkerOptions)) *hand {
	r.t.Helper()
	h := &hand{t: r.t, journal: newJournal(), link: net, done: make(chan struct{})}
	opts := kafka.WorkerOptions{
		Log: h.journal.logger(), Store: &witness{Store: r.store, rig: r},
		Client: []kgo.Opt{kgo.HeartbeatInterval(50 * time.Millisecond), kgo.Dialer(h.link.dial), kgo.MetadataMinAge(50 * time.Millisecond)},
	}
	if change != nil {
		change(&opts)
	}
	var err error
	if h.Worker, err = kafka.NewWorker(r.t.Context(), r.cfg, r.catalog, opts); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	h.cancel = cancel
	go func() {
		defer close(h.done)
		h.err = h.Run(ctx)
	}()
	r.t.Cleanup(func() {
		h.link.thaw()
		cancel()
		<-h.done
		if r.t.Failed() {
			h.journal.mu.Lock()
			defer h.journal.mu.Unlock()
			r.t.Logf("log of a worker:\n%s", strings.Join(h.journal.lines, ""))
		}
	})
	return h
}

// stop ends the worker in order.
func (h *hand) stop() {
	h.t.Helper()
	h.cancel()
	if err := h.result(); err != nil {
		h.t.Errorf("stopped: %v", err)
	}
}

// result waits for the end of Run.
func (h *hand) result() error {
	h.t.Helper()
	select {
	case <-h.done:
	case <-time.After(patience):
		h.t.Fatal("the worker does not end")
	}
	return h.err
}

// refuses waits for the end of Run with an error that a person has to look at.
func (h *hand) refuses(target any, texts ...string) {
	h.t.Helper()
	err := h.result()
	if !errors.As(err, target) || !errors.Is(err, kafka.ErrRefused) {
		h.t.Fatalf("ended with %T %v", err, err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			h.t.Errorf("no %q in: %v", text, err)
		}
	}
}

// witness remembers what workers have tried to make.
type witness struct {
	sink.Store
	rig *rig
}

func (w *witness) Put(ctx context.Context, key string, body sink.Body, meta sink.Metadata) error {
	w.rig.tried(key, body)
	return w.rig.showed(w.Store.Put(ctx, key, body, meta))
}

func (w *witness) Create(ctx context.Context, key string, meta sink.Metadata) (sink.Upload, error) {
	up, err := w.Store.Create(ctx, key, meta)
	if err != nil {
		return nil, err
	}
	return &witnessUpload{Upload: up, rig: w.rig, parts: map[int]sink.Body{}}, nil
}

type witnessUpload struct {
	sink.Upload
	rig   *rig
	mu    sync.Mutex
	parts map[int]sink.Body
}

func (u *witnessUpload) Part(ctx context.Context, part sink.Part) error {
	var all []byte
	part.Body.Chunks(func(c []byte) { all = append(all, c...) })
	u.mu.Lock()
	u.parts[part.Number] = sink.NewBody(all)
	u.mu.Unlock()
	return u.Upload.Part(ctx, part)
}

func (u *witnessUpload) Complete(ctx context.Context) error {
	u.mu.Lock()
	parts := maps.Clone(u.parts)
	u.mu.Unlock()
	var all [][]byte
	for n := 1; n <= len(parts); n++ {
		parts[n].Chunks(func(c []byte) { all = append(all, c) })
	}
	u.rig.tried(u.Info().Key, sink.NewBody(all...))
	return u.rig.showed(u.Upload.Complete(ctx))
}
