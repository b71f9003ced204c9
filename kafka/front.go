package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/budget"
	"github.com/sluice-data/sluice/internal/meter"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/stages"
)

// Front is one sync into Kafka: OpenFront it, Run it once.
type Front struct {
	cfg     *config.Config
	opts    Options
	catalog *stages.Catalog
	topics  topics
	memory  int64 // bytes of rows that the client holds at most
	line    int   // the longest line
	run     atomic.Pointer[frontRun]
}

// OpenFront makes a front. It asks nobody yet.
func OpenFront(_ context.Context, cfg *config.Config, catalog *airbyte.Catalog, opts Options) (*Front, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f := &Front{cfg: cfg, opts: opts.complete()}
	if cfg.Engine != config.EngineKafka {
		return nil, &sluice.PlanError{Err: fmt.Errorf("the config has the engine %q, and this is the one for %q", cfg.Engine, config.EngineKafka)}
	}
	if cfg.Kafka.Input != config.InputProtocol {
		return nil, &sluice.PlanError{Err: fmt.Errorf("kafka.input is %q, which is what Airbyte's own Kafka destination writes, and workers can read: write produces %q", cfg.Kafka.Input, config.InputProtocol)}
	}
	if err := onlyAppends(catalog); err != nil {
		return nil, err
	}
	// What the workers could not write should not get into Kafka. The limits of a store are theirs.
	tables, err := sluice.Plan(cfg, catalog, sink.Properties{})
	if err != nil {
		return nil, err
	}
	if f.topics, err = topicsOf(&cfg.Kafka, catalog); err != nil {
		return nil, &sluice.PlanError{Err: err}
	}
	for i, t := range tables {
		tables[i] = &stages.Table{Stream: t.Stream} // nothing of its columns is needed
	}
	f.catalog = stages.NewCatalog(tables)
	buffers := budget.Divide(budget.ContainerLimit(), cfg.Upload.Memory()).Buffers
	f.memory = min(buffers/4, 64<<20)
	f.line = int(max(buffers/3, mostBatch))
	if err := kgo.ValidateOpts(f.client(&limits{})...); err != nil {
		return nil, &sluice.PlanError{Err: fmt.Errorf("kafka: %w", err)}
	}
	return f, nil
}

// onlyAppends refuses to replace tables: no worker knows when the last row of a sync is in an object.
func onlyAppends(catalog *airbyte.Catalog) error {
	for i := range catalog.Streams {
		s := &catalog.Streams[i]
		if !s.FullRefresh() {
			continue
		}
		why := `destination_sync_mode "overwrite"`
		if s.Counted() {
			why = fmt.Sprintf("minimum_generation_id %d", s.Generation.Minimum)
		}
		return &sluice.PlanError{Err: fmt.Errorf(`stream %s: the engine "kafka" only appends, and %s replaces the table: choose an append mode for the stream, or the engine "local"`, s.ID, why)}
	}
	return nil
}

// client are the options of the client that produces. A record is sent again until it is in the log or
// the outage has lasted too long, and twice is once: the producer is idempotent. What it finds lost is
// an error, and no reason to go on.
//
// Snappy, because it costs the least: in BenchmarkFront it makes of the rows a fifth, lz4 the same in 1.6
// times its time, and zstd a seventh in 3.4 times.
func (f *Front) client(l *limits, more ...kgo.Opt) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression(), kgo.NoCompression()),
		kgo.ProducerBatchMaxBytesFn(l.of),
		kgo.ProducerLinger(5 * time.Millisecond),
		kgo.MaxBufferedBytes(int(f.memory)),
		kgo.MaxBufferedRecords(int(f.memory / 512)),                         // a record takes about as much beside its bytes
		kgo.RecordDeliveryTimeout(max(f.outage(), time.Second)),             // the client knows no less
		kgo.RetryTimeout(min(max(f.outage(), time.Second), 10*time.Second)), // of one request: see patiently
		kgo.StopProducerOnDataLossDetected(),
		kgo.AllowIdempotentProduceCancellation(), // else the end of an outage is waited for without end; nothing is sent after a failure
	}
	return clientOptions(&f.cfg.Kafka, f.opts.Log, "front", append(append(opts, more...), f.opts.Client...))
}

// outage is how long one is sat out.
func (f *Front) outage() time.Duration { return f.cfg.Upload.RetryFor() }

// limits are how large a record batch may be, by topic. They are known when the topics are, and asked
// for when rows are produced.
type limits struct {
	topics atomic.Pointer[map[string]int]
}

func (l *limits) of(topic string) int32 {
	if all := l.topics.Load(); all != nil {
		return int32(cmp.Or((*all)[topic], defaultBatch))
	}
	return defaultBatch
}

// frontRun is a sync that is under way, for those who ask how far it is.
type frontRun struct {
	start   time.Time
	client  *kgo.Client
	stats   pipeline.Stats
	decode  pipeline.Stage
	full    meter.Meter // waiting for room in the client
	sent    sent
	commit  *pipeline.Commit
	watch   *watch
	streams atomic.Pointer[[]stages.StreamProgress]
}

// Run syncs: it reads Airbyte messages from in until its end, produces the records to Kafka, and gives
// each STATE to emit once the workers have committed all rows in front of it, which are in complete
// objects then. It returns when they have committed all.
//
// When ctx ends, it reads no more, has those STATEs leave that only wait for the workers, for which
// there is a bound (Options.StopTimeout), and returns the cause. What else is in Kafka gets into
// objects all the same, and comes again with the next sync.
//
// A Read of in that blocks can't be cancelled: after a failure it is left behind until in
// yields something or is closed.
//
// The error is a *sluice.IncompleteError where the source said, or left open, that a stream has
// failed, and everything else went well.
func (f *Front) Run(ctx context.Context, in io.Reader, emit func(state []byte) error) (*sluice.Summary, error) {
	r := &frontRun{start: f.opts.Now(), commit: pipeline.NewCommit(stages.EmitStates(emit))}
	work, fail, end := pipeline.Outlive(ctx, f.opts.StopTimeout, f.opts.Hurry, func(cause error) { f.opts.Log.Info(fmt.Sprintf("stopping: %v", cause)) })
	defer end()
	limits := &limits{}
	client, err := kgo.NewClient(f.client(limits, kgo.WithHooks(&r.sent))...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	p, err := f.prepare(ctx, client, r, limits)
	if err != nil {
		return nil, ended(ctx, err)
	}
	p.fail = fail
	r.client = client
	r.decode = pipeline.Stage{Name: "decode", Workers: f.opts.Workers, Busy: &meter.Meter{}, New: func() func(context.Context, *pipeline.Batch) error {
		return stages.NewDecode(f.catalog).Process
	}}
	f.run.Store(r)

	group, gctx := errgroup.WithContext(work)
	group.Go(func() error {
		defer r.watch.close()
		return pipeline.Run(gctx, in, []pipeline.Stage{r.decode}, p, pipeline.Options{
			Tick: pipeline.TickFor(f.cfg.CheckpointAge()), MaxLine: f.line, Stop: ctx.Done(), Stats: &r.stats,
		})
	})
	group.Go(func() error {
		defer r.commit.Close()
		return ended(gctx, r.watch.run(gctx))
	})
	group.Go(func() error { return r.commit.Run(gctx) })
	err = group.Wait()
	if errors.Is(err, pipeline.ErrStopped) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	sum := f.summary(p)
	if failed := p.source.failed(); len(failed) > 0 {
		return sum, &sluice.IncompleteError{Streams: failed, Held: r.commit.Held(), Reported: p.source.reported}
	}
	return sum, nil
}

// ended gives the cause where an error is only that a context has ended.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
