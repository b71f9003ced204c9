// Package sluice moves records into objects of an S3 bucket, CSV, JSONL, Avro or Parquet, one directory a
// stream. The records are an Airbyte message stream, or a program's own.
//
//	input ─▶ read ─▶ decode ─▶ stamp ─▶ flatten ─▶ encode ─▶ assemble ─▶ upload ─▶ commit ─▶ STATE
//
// There are two doors. Open checks a config against a catalog and opens the store; Engine.Run
// syncs what an Airbyte source says. NewWriter opens tables that a program fills record by record.
//
//	records ─▶ Writer ─▶ the same way ─▶ Checkpoint
//
// The promise: no STATE leaves, and no Checkpoint returns, before every record in front of it is in a
// completed object; no half written object is ever visible; a full refresh replaces a table at
// its end or leaves it as it was.
//
// Engines and writers share nothing: a program may have many, each with a memory budget of its
// own (config.Upload.MemoryMB). All of the package takes a context, logs only to Options.Log,
// listens to no signal, and neither ends the process nor changes what belongs to it.
//
// Errors say what, where, and what to do. Classify tells a program whose fault one is, so whether it
// helps to try again; Advice tells a person what to look at.
package sluice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/budget"
	"github.com/sluice-data/sluice/internal/meter"
	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/stages"
)

// Options are what a program may bring instead of the defaults. The zero value has all defaults.
type Options struct {
	Log   *slog.Logger     // what a person may want to know; default: discard
	Now   func() time.Time // for names, stamps and ages; default: time.Now
	Store sink.Store       // default: OpenStore of the config. It is not closed, and its calls are repeated as the config says.

	// Workers is how many goroutines each parallel stage has; default: GOMAXPROCS, at most 8.
	Workers int

	// MemoryLimit is what the process may use, in bytes; default: the limit of its container;
	// negative: none. The default of upload.memory_mb and the longest line that is read follow from it.
	MemoryLimit int64

	// StopTimeout is for those STATEs that only wait for uploads when the context of Run ends;
	// negative: none. Default: 8 s, so that with tidying up, which is bounded too, a platform that
	// kills after half a minute need not.
	StopTimeout time.Duration

	// Hurry, if set, ends that time when it is closed. A Writer has one of its own.
	Hurry <-chan struct{}
}

// Engine is one sync: Open it, Run it once. Progress may be asked at any time.
type Engine struct {
	cfg      *config.Config
	opts     Options
	catalog  *stages.Catalog
	keys     []*sink.Keys
	store    *sink.Retrying
	uploader *sink.Uploader
	gather   *stages.Gather
	packing  pipeline.Stage // what gather does
	memory   budget.Budget
	line     int64 // bytes of the longest record
	ran      atomic.Bool
	run      atomic.Pointer[run]

	checkpointAll bool // see stages.AssembleOptions
	durable       func(stages.Durable)
}

// Open makes an engine. Wrong settings are found here: the errors are config.Errors, a *PlanError, or
// what OpenStore says. Nothing is read or written yet. Neither cfg nor catalog may change while the
// engine is in use.
func Open(ctx context.Context, cfg *config.Config, catalog *airbyte.Catalog, opts Options) (*Engine, error) {
	opts, err := opts.complete(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Engine != config.EngineLocal {
		return nil, &PlanError{fmt.Errorf("the config has the engine %q, and this is the local one: see the package kafka", cfg.Engine)}
	}
	tables, err := Plan(cfg, catalog, opts.Store.Properties())
	if err != nil {
		return nil, err
	}
	warnPartitions(catalog, tables, opts.Log)
	store := retrying(cfg, opts)
	memory := budget.Divide(opts.MemoryLimit, cfg.Upload.Memory())
	if memory.Warning != "" {
		opts.Log.Warn(memory.Warning)
	}
	all := stages.NewCatalog(tables)
	groups, uploads := all.Divide(memory.Buffers)
	e := &Engine{
		cfg: cfg, opts: opts, store: store, memory: memory, line: memory.Line(copies(cfg.Format.Type)), catalog: all,
		uploader: sink.NewUploader(store, sink.UploadOptions{
			PartSize: cfg.Upload.PartSize(), Concurrency: cfg.Upload.Concurrency,
			Memory: uploads, MaxObject: cfg.FileSize(),
		}),
	}
	e.packing = pipeline.Stage{Name: "pack", Workers: opts.Workers, Busy: &meter.Meter{}}
	e.gather = stages.NewGather(all, e.packing, groups)
	of := naming.Values{Time: opts.Now(), UUID: uuid.NewString()}
	for _, t := range tables {
		e.keys = append(e.keys, t.Keys(of, opts.Now))
	}
	return e, nil
}

// complete checks the config, which a program may have filled by hand, and sets the
// defaults.
func (o Options) complete(ctx context.Context, cfg *config.Config) (Options, error) {
	if err := cfg.Validate(); err != nil {
		return o, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MemoryLimit == 0 {
		o.MemoryLimit = budget.ContainerLimit()
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = 8 * time.Second
	}
	if o.Workers <= 0 {
		// One goroutine reads for all of them, and batches grow in number with workers: more
		// than it can feed would only cost memory.
		o.Workers = min(runtime.GOMAXPROCS(0), 8)
	}
	if o.Store == nil {
		store, err := OpenStore(ctx, cfg)
		if err != nil {
			return o, err
		}
		o.Store = store
	}
	return o, nil
}

// Run syncs: it reads Airbyte messages from in until its end, and gives each STATE to emit
// once all that came before it is durable. It returns when nothing is under way any more:
// after a success everything is uploaded, after a failure what was unfinished is aborted.
//
// A state is the message as it came, one JSON object without a line end, with the number of its records
// added. The states come in the order of the input, one at a time, from another goroutine. emit may
// keep the slice. Its error ends the sync, which returns it.
//
// When ctx ends, Run reads no more, has those STATEs leave that only wait for uploads, for which
// there is a bound (Options.StopTimeout), aborts the rest, and returns the cause.
//
// A Read of in that blocks can't be cancelled: after a failure it is left behind until in
// yields something or is closed.
//
// The error is an *IncompleteError where the source said, or left open, that a stream has
// failed, and everything else went well; the Summary says what was done all the same. With every
// other error it is nil. Classify tells errors apart.
func (e *Engine) Run(ctx context.Context, in io.Reader, emit func(state []byte) error) (*Summary, error) {
	if e.ran.Swap(true) {
		return nil, errRan
	}
	start := e.opts.Now()
	if err := e.prepare(ctx); err != nil {
		return nil, err
	}
	commit := pipeline.NewCommit(stages.EmitStates(emit))
	r := e.newRun(start, commit)
	assemble := stages.NewAssemble(stages.AssembleOptions{
		Catalog: e.catalog, Keys: e.keys, Uploader: e.uploader, Gather: e.gather, Store: e.store, Commit: commit,
		Log: e.opts.Log, Now: e.opts.Now, CheckpointAge: e.cfg.CheckpointAge(),
		CheckpointAll: e.checkpointAll, Durable: e.durable,
		Watch: func(all []stages.StreamProgress) { r.streams.Store(&all) },
	})

	work, _, end := pipeline.Outlive(ctx, e.opts.StopTimeout, e.opts.Hurry, func(cause error) { e.opts.Log.Info(fmt.Sprintf("stopping: %v", cause)) })
	defer end()
	group, gctx := errgroup.WithContext(work)
	group.Go(func() error {
		defer e.uploader.Close()
		defer e.gather.Close()
		return pipeline.Run(gctx, in, r.steps, assemble, pipeline.Options{
			Tick: pipeline.TickFor(e.cfg.CheckpointAge()), Block: e.block(), MaxLine: int(e.line), Stop: ctx.Done(), Stats: &r.pipeline,
		})
	})
	group.Go(func() error { return e.gather.Run(gctx) })
	group.Go(func() error {
		defer commit.Close()
		return e.uploader.Run(gctx)
	})
	group.Go(func() error { return commit.Run(gctx) })
	err := group.Wait()
	if errors.Is(err, pipeline.ErrStopped) {
		err = context.Cause(ctx)
	}

	// Unfinished uploads are left by a failure, and by a full refresh whose source failed.
	if aborting := e.uploader.AbortAll(ctx); aborting != nil {
		e.opts.Log.Warn(fmt.Sprintf("tidying up: %v", aborting))
	}
	if err != nil {
		return nil, err
	}
	sum := e.summary(assemble)
	if failed := assemble.Failed(); len(failed) > 0 {
		return sum, &IncompleteError{Streams: failed, Held: commit.Held(), Reported: assemble.Reported()}
	}
	return sum, nil
}

// stages lists the steps between reading and assembling, in their order.
func (e *Engine) stages() []pipeline.Stage {
	return stages.Steps(e.catalog, e.opts.Workers,
		func() stages.Step { return stages.NewDecode(e.catalog).Process },
		func() stages.Step { return stages.NewStamp(newRandom(), e.opts.Now).Process })
}

// block is how many bytes of input a batch has; 0: the pipeline's default. Many streams that
// take turns leave each few rows in a batch, which compress badly: they get larger ones.
func (e *Engine) block() int {
	const manyStreams = 32
	if e.catalog.Pieces() && len(e.catalog.Tables) > manyStreams {
		return 2 << 20
	}
	return 0
}

// newRandom is a generator for ids: ChaCha8 is cryptographically strong and needs the
// operating system only for its seed, not once a record.
func newRandom() io.Reader {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails: crypto/rand ends the program instead
	return mathrand.NewChaCha8(seed)
}
