package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/budget"
	"github.com/sluice-data/sluice/sink"
)

// WorkerOptions are what a program may bring instead of the defaults. The zero value is fine.
type WorkerOptions struct {
	Log   *slog.Logger     // default: discard
	Store sink.Store       // default: the one that the config names
	Now   func() time.Time // default: time.Now

	// InstanceID makes the worker a static member (group.instance.id): one that comes back with the
	// same id inside the session timeout has its partitions again, and no other worker is bothered.
	// No two workers may have the same.
	InstanceID string
	// UntilEnd has Run return once all partitions of the worker are committed up to the end that
	// they had when it got them.
	UntilEnd bool
	Client   []kgo.Opt // of the Kafka client, added last
}

// Worker is a member of the consumer group: it brings the records of the partitions that the group
// assigns to it into objects.
type Worker struct {
	cfg      *config.Config
	opts     WorkerOptions
	log      *slog.Logger
	store    *sink.Retrying
	uploads  sink.UploadOptions
	rules    rules
	memory   *shares
	backlog  *backlog
	topics   map[string]*topicPlan
	envelope bool

	// Of one session: they are made before it begins, and nothing of it is left when they change.
	client *kgo.Client
	admin  *kadm.Client
	group  member
	fail   context.CancelCauseFunc // ends it

	mu         sync.Mutex
	partitions map[id]*partition // that the group has assigned
	fetched    map[id]committed  // what the group said of them, until they start
	memberID   string            // under which they are its own
	idle       *time.Timer       // with UntilEnd: runs while there are none
	totals     WorkerProgress
}

// id names a partition.
type id struct {
	topic  string
	number int32
}

// String is how people name it.
func (i id) String() string { return fmt.Sprintf("topic %s, partition %d", i.topic, i.number) }

// committed is what the group knows of a partition.
type committed struct {
	offset int64 // -1: nothing
	text   string
}

// errReached ends Run where UntilEnd was asked for.
var errReached = errors.New("the end is reached")

// NewWorker makes a worker. It looks at config and catalog, and connects to nothing yet. A
// *sluice.PlanError says that they do not go together.
func NewWorker(ctx context.Context, cfg *config.Config, catalog *airbyte.Catalog, opts WorkerOptions) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Store == nil {
		store, err := sluice.OpenStore(ctx, cfg)
		if err != nil {
			return nil, err
		}
		opts.Store = store
	}
	topics, err := plan(cfg, catalog, opts.Store.Properties())
	if err != nil {
		return nil, err
	}
	memory := budget.Divide(budget.ContainerLimit(), cfg.Upload.Memory())
	if memory.Warning != "" {
		opts.Log.Warn(memory.Warning)
	}
	uploads := sink.UploadOptions{
		PartSize: cfg.Upload.PartSize(), Memory: memory.Buffers, MaxObject: cfg.FileSize(),
		Concurrency: max(cmp.Or(cfg.Upload.Concurrency, 16)/4, 4), // of each partition
	}
	w := &Worker{
		cfg: cfg, opts: opts, log: opts.Log, uploads: uploads, topics: topics,
		envelope:   cfg.Kafka.Input == config.InputEnvelope,
		rules:      rules{rows: cfg.Kafka.MaxRows, every: cfg.Kafka.RotateEvery(), age: epochAge(cfg)},
		backlog:    newBacklog(),
		partitions: map[id]*partition{}, fetched: map[id]committed{},
		store: sink.Retry(opts.Store, sink.RetryPolicy{
			Limit: max(cfg.Upload.RetryFor(), 1),
			Notify: func(err error, pause time.Duration) {
				opts.Log.Warn(fmt.Sprintf("%v; trying again in %s", err, pause.Round(time.Millisecond)))
			},
		}),
	}
	// Three parts are the least that an uploader works with.
	w.memory = newShares(uploads.Memory, 3*sink.NewUploader(w.store, uploads).PartSize())
	if err := kgo.ValidateOpts(w.clientOptions()...); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return w, nil
}

// epochAge is the age at which a worker ends an epoch by itself. The front ends them by barriers, each
// checkpoint_minutes; this is for what has none behind it. At the same age both would end some, and the
// one just behind the other's end would make a small object more.
func epochAge(cfg *config.Config) time.Duration {
	age := cfg.CheckpointAge()
	if cfg.Kafka.Input == config.InputProtocol {
		age += age / 2
	}
	return age
}

func (w *Worker) now() time.Time { return w.opts.Now() }

// Run works until ctx ends, which is no error, but with UntilEnd: the worker then leaves the group in
// order. It returns when nothing is under way any more. Any other end is an error; what was not committed is
// done by who owns its partition next. A worker runs once.
func (w *Worker) Run(ctx context.Context) error {
	for {
		err := w.session(ctx)
		switch {
		case errors.Is(err, errReached), ctx.Err() != nil && !w.opts.UntilEnd:
			return nil
		case ctx.Err() != nil: // who counts on the end must not take this for it
			return context.Cause(ctx)
		case !errors.Is(err, errStale):
			return err
		}
		w.log.Warn(fmt.Sprintf("%v. This worker joins the group anew", err))
	}
}

// errStale ends a session whose client goes on with what is not so any more. A new one asks the
// cluster for everything again.
var errStale = errors.New("the client of the cluster is stale")

// session is a membership of the group, from joining it to leaving it.
func (w *Worker) session(ctx context.Context) error {
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.fail = cancel
	if err := w.join(); err != nil {
		return err
	}
	if err := w.connect(run); err != nil {
		w.fail(err)
	}
	w.poll(run)
	w.client.CloseAllowingRebalance() // leaves the group, which calls revoked
	w.stopAll()
	return context.Cause(run)
}

// join makes the client, which begins to join the group at once. What it calls back waits for the
// lock, and finds all in its place.
func (w *Worker) join() (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client, err = kgo.NewClient(w.clientOptions()...); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	w.admin, w.group, w.memberID = kadm.NewClient(w.client), w.client, ""
	return nil
}

// connect makes sure that there is a cluster and that it lets us in.
func (w *Worker) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := w.client.Ping(ctx); err != nil {
		return wrong("connecting to the brokers "+w.cfg.Kafka.Brokers, err)
	}
	return nil
}

// poll fetches records and hands them to their partitions. It never waits for these: while a poll
// is under way the group can't rebalance.
func (w *Worker) poll(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := w.client.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			if err := w.fetchError(e); err != nil {
				w.fail(err)
			}
		}
		pause := map[string][]int32{}
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			p := w.partition(id{f.Topic, f.Partition})
			if p == nil || len(f.Records) == 0 {
				return
			}
			p.end.Store(f.HighWatermark)
			if p.queue.push(f.Records) {
				pause[f.Topic] = append(pause[f.Topic], f.Partition)
			}
		})
		if len(pause) > 0 {
			w.client.PauseFetchPartitions(pause)
			w.recheck(pause)
		}
		w.client.AllowRebalance()
		w.backlog.wait(ctx)
	}
}

// recheck lets those go on that have emptied their queue between push and pause.
func (w *Worker) recheck(paused map[string][]int32) {
	for topic, numbers := range paused {
		for _, n := range numbers {
			if p := w.partition(id{topic, n}); p == nil || p.queue.flowing() {
				w.client.ResumeFetchPartitions(map[string][]int32{topic: {n}})
			}
		}
	}
}

func (w *Worker) resume(p *partition) {
	w.client.ResumeFetchPartitions(map[string][]int32{p.topic.name: {p.number}})
}

// partition is one that the group has assigned, or nil.
func (w *Worker) partition(at id) *partition {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.partitions[at]
}

// assigned is the number of partitions that the worker has.
func (w *Worker) assigned() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.partitions)
}

// ended is told that a partition can't go on.
func (w *Worker) ended(p *partition, err error) {
	if !errors.Is(err, errFenced) {
		w.fail(err)
		return
	}
	w.log.Warn(err.Error())
	w.doubt(p.id(), w.cfg.Kafka.SessionTimeout(), fmt.Errorf("%w: %w", errStale, err))
}

// doubt ends the session with err, unless the partition is taken away until then: one that was
// paused, and has lost it, sees strange things before its client hears of that.
func (w *Worker) doubt(at id, patience time.Duration, err error) {
	p := w.partition(at)
	if p == nil || !p.doubted.CompareAndSwap(false, true) {
		return
	}
	fail := w.fail
	time.AfterFunc(patience, func() {
		if w.partition(at) == p {
			fail(err)
		}
	})
}
