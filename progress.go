package sluice

import (
	"sync/atomic"
	"time"

	"github.com/sluice-data/sluice/internal/meter"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/stages"
)

// Progress is how far a sync is, and where its time has gone, at one moment. Numbers count from the
// beginning of the sync.
type Progress struct {
	Elapsed time.Duration // since Run began
	Input   int64         // bytes read
	Ended   bool          // the input is at its end
	Rows    int64         // given to objects; like Streams some tenths of a second old
	Bytes   int64         // sent to the store
	Objects int64         // completed
	Parts   int64         // sent
	Flying  int           // requests that are under way
	Retries int64         // requests that were repeated
	States  int64         // sent
	Held    int           // states that wait for rows to become durable

	Memory      int64 // bytes of buffers in use
	MemoryLimit int64 // of these: upload.memory_mb

	Streams []stages.StreamProgress // in the order of the catalog

	// Source is the time in which the reading goroutine read, or waited for something to read;
	// Room that in which it could not, because what comes behind was busy. Of that, Store is
	// the time in which rows waited for the uploads.
	Source, Room, Store time.Duration
	Stages              []StageTime   // in their order, and then the assembling
	Requests            time.Duration // to the store, all together
}

// StageTime is the time that a stage worked, all its workers together.
type StageTime struct {
	Name    string // "decode", "stamp", "flatten", "encode", "compress" or "pack", "assemble"
	Workers int
	Took    time.Duration
}

// Limit is what keeps a sync from going faster.
type Limit string

// The limits.
const (
	LimitSource Limit = "source" // it sends no faster
	LimitCPU    Limit = "CPU"    // Sluice's own work
	LimitStore  Limit = "store"  // it takes no more
)

// Limit tells what the sync waited for most since an earlier look; since &Progress{}, from its
// beginning on.
func (p *Progress) Limit(since *Progress) Limit {
	if p.Ended && p.Flying > 0 {
		return LimitStore // what is left to do are requests
	}
	source, store := p.Source-since.Source, p.Store-since.Store
	own := p.Room - since.Room - store
	switch {
	case store > source && store >= own:
		return LimitStore
	case own > source:
		return LimitCPU
	default:
		return LimitSource
	}
}

// run is what a sync that is under way can be asked for.
type run struct {
	start    time.Time
	pipeline pipeline.Stats
	steps    []pipeline.Stage
	commit   *pipeline.Commit
	streams  atomic.Pointer[[]stages.StreamProgress]
}

// Progress tells how far Run is. It may be called at any time, from any goroutine; in front of Run all is 0.
func (e *Engine) Progress() *Progress {
	stats := &e.uploader.Stats
	p := &Progress{
		Bytes: stats.Bytes.Load(), Objects: stats.Objects.Load(), Parts: stats.Parts.Load(),
		Flying: stats.Requests.Running(), Retries: e.store.Retries.Load(),
		Memory: e.uploader.Memory() + e.gather.Memory(), MemoryLimit: e.memory.Buffers,
		Requests: stats.Requests.Total(), Store: stats.Wait.Total(),
	}
	r := e.run.Load()
	if r == nil {
		return p
	}
	p.Elapsed = e.opts.Now().Sub(r.start)
	p.Input, p.Ended = r.pipeline.Input.Load(), r.pipeline.Ended.Load()
	p.Source, p.Room = r.pipeline.Source.Total(), r.pipeline.Room.Total()
	for _, s := range r.steps {
		p.Stages = append(p.Stages, StageTime{s.Name, s.Workers, s.Busy.Total()})
	}
	if e.catalog.Gathered() {
		p.Stages = append(p.Stages, StageTime{e.packing.Name, e.packing.Workers, e.packing.Busy.Total()})
	}
	p.Stages = append(p.Stages, StageTime{"assemble", 1, max(r.pipeline.End.Total()-p.Store, 0)})
	p.States, p.Held = r.commit.Sent(), r.commit.Held()
	if all := r.streams.Load(); all != nil {
		p.Streams = *all
	}
	for i := range p.Streams {
		p.Rows += p.Streams[i].Rows
	}
	return p
}

// newRun is for Run.
func (e *Engine) newRun(start time.Time, commit *pipeline.Commit) *run {
	r := &run{start: start, steps: e.stages(), commit: commit}
	for i := range r.steps {
		r.steps[i].Busy = &meter.Meter{}
	}
	e.run.Store(r)
	return r
}
