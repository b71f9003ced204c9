package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
)

// output writes batches of messages, each behind a checkpoint of its own.
type output struct {
	cfg    *config.Config
	table  *service.InterpolatedString
	tables *tables
	log    *service.Logger
	failed atomic.Int64 // batches in a row that failed for good
}

func newOutput(conf *service.ParsedConfig, mgr *service.Resources) (*output, error) {
	cfg, warnings, err := settings(conf)
	if err != nil {
		return nil, err
	}
	log := mgr.Logger()
	for _, w := range warnings {
		log.Warn(w)
	}
	o := &output{cfg: cfg, log: log}
	if o.table, err = conf.FieldInterpolatedString("table"); err != nil {
		return nil, err
	}
	columns, err := conf.FieldStringList("columns")
	if err != nil {
		return nil, err
	}
	most, err := conf.FieldInt("max_tables")
	if err != nil {
		return nil, err
	}
	o.tables = &tables{cfg: cfg, schema: schema(columns), most: most, log: slog.New(logHandler{log})}
	return o, nil
}

// Connect waits for a store that does not answer: Benthos calls it until it returns nil. What does
// not pass by itself is told, and then is the error of each batch, which a pipeline can handle.
func (o *output) Connect(ctx context.Context) error {
	err := sluice.Check(ctx, o.cfg, sluice.Options{Log: o.tables.log})
	if err != nil && sluice.Classify(err) != sluice.ClassOutage && ctx.Err() == nil {
		o.log.Errorf("Nothing can be written: %v", err)
		return nil
	}
	return err
}

// WriteBatch returns nil when all messages are in completed objects.
func (o *output) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	names, bad := o.sort(batch)
	var used *sluice.Writer
	err := o.tables.use(names, func(w *sluice.Writer, open map[string]*sluice.TableWriter, refused map[string]error) error {
		used = w
		for i, m := range batch {
			if bad[i] != nil {
				continue
			}
			record, err := m.AsBytes()
			if err = cmp.Or(refused[names[i]], err); err != nil {
				bad[i] = err
				continue
			}
			var about *sluice.RecordError // and about no other record
			if err = open[names[i]].WriteJSON(ctx, record); errors.As(err, &about) {
				bad[i] = err
			} else if err != nil {
				return err
			}
		}
		if len(bad) == len(batch) {
			return nil
		}
		_, err := w.Checkpoint(ctx)
		return err
	})
	if err != nil {
		return o.explain(ctx, used, err)
	}
	o.failed.Store(0)
	return batchError(batch, bad)
}

// explain makes of an error of the writer what Benthos has to do, and drops the writer.
func (o *output) explain(ctx context.Context, w *sluice.Writer, err error) error {
	if ctx.Err() != nil { // the pipeline stops
		return err
	}
	if w != nil {
		o.tables.drop(w)
	}
	if sluice.Classify(err) == sluice.ClassOutage || errors.Is(err, sluice.ErrClosed) { // by a batch beside this one
		o.log.Warnf("The store does not answer, all that is not acknowledged is written again: %v", err)
		return service.ErrNotConnected
	}
	// The messages go back with the error. Most inputs send them again at once, and nobody is
	// served if the store is asked the same thing a thousand times a second.
	n := o.failed.Add(1)
	select {
	case <-time.After(min(time.Second<<min(n-1, 10), 30*time.Second)):
	case <-ctx.Done():
	}
	return err
}

// batchError says which messages failed, while all others are acknowledged.
func batchError(batch service.MessageBatch, bad map[int]error) error {
	var failed *service.BatchError
	for i := range batch {
		if err := bad[i]; err != nil {
			if failed == nil {
				failed = service.NewBatchError(batch, err)
			}
			failed.Failed(i, err)
		}
	}
	if failed == nil {
		return nil // and not a nil *BatchError in an error
	}
	return failed
}

// Close ends the output. What is acknowledged is in the bucket already.
func (o *output) Close(context.Context) error {
	o.tables.lease.Lock()
	defer o.tables.lease.Unlock()
	o.tables.close()
	return nil
}

// sort finds the table of each message, or why it has none.
func (o *output) sort(batch service.MessageBatch) (names []string, bad map[int]error) {
	names, bad = make([]string, len(batch)), map[int]error{}
	table := batch.InterpolationExecutor(o.table)
	for i := range batch {
		var err error
		if names[i], err = table.TryString(i); err != nil {
			names[i], bad[i] = "", fmt.Errorf("finding the table: %w", err)
		} else if names[i] == "" {
			bad[i] = errors.New("the name of its table is empty")
		}
	}
	return names, bad
}
