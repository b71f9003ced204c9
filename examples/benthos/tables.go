package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
)

// tables is a writer for tables that are not known before their first message. A writer's tables
// are fixed, so a new one takes a new writer for all of them.
type tables struct {
	cfg    *config.Config
	schema []byte // of each table
	most   int
	log    *slog.Logger

	// lease is held for reading from a batch's first record to its checkpoint, and for writing to
	// change the writer: so there is nothing in the old one that waits to be covered.
	lease  sync.RWMutex
	writer *sluice.Writer // nil: none is open
	names  []string       // of its tables
	open   map[string]*sluice.TableWriter
}

// use calls f with a writer that has these tables. Those that can't be tables are not among the
// open ones: refused says why.
func (t *tables) use(names []string, f func(w *sluice.Writer, open map[string]*sluice.TableWriter, refused map[string]error) error) error {
	t.lease.RLock()
	var refused map[string]error
	if t.missing(names) != nil || !t.lives() {
		t.lease.RUnlock()
		var err error
		if refused, err = t.add(names); err != nil {
			return err
		}
		t.lease.RLock() // meanwhile tables may have been added, but none goes away
	}
	defer t.lease.RUnlock()
	if t.writer == nil {
		return sluice.ErrClosed
	}
	return f(t.writer, t.open, refused)
}

func (t *tables) lives() bool { return t.writer != nil && t.writer.Err() == nil }

// missing returns those of the names that are no tables of the writer, each once. The empty name
// is that of messages without a table.
func (t *tables) missing(names []string) (missing []string) {
	for _, name := range names {
		if name != "" && t.open[name] == nil {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// add opens a writer that has these tables too, and returns those that can't be tables.
func (t *tables) add(names []string) (refused map[string]error, err error) {
	t.lease.Lock()
	defer t.lease.Unlock()
	added, refused := t.accept(t.missing(names))
	if len(added) == 0 && t.lives() {
		return refused, nil
	}
	t.close()
	all := append(slices.Clip(t.names), added...)
	w, err := t.newWriter(all)
	if err != nil {
		return nil, err
	}
	open := map[string]*sluice.TableWriter{}
	for _, name := range all {
		if open[name], err = w.Table("", name); err != nil {
			w.Abort()
			return nil, err
		}
	}
	t.writer, t.names, t.open = w, all, open
	return refused, nil
}

// accept tells which of the new names can be tables beside those that there are.
func (t *tables) accept(names []string) (accepted []string, refused map[string]error) {
	refused = map[string]error{}
	for _, name := range names {
		if len(t.names)+len(accepted) >= t.most {
			refused[name] = fmt.Errorf("table %q: there are %d tables already, and max_tables allows no more", name, t.most)
			continue
		}
		// Opening asks the settings and the names, not the store.
		w, err := t.newWriter(slices.Concat(t.names, accepted, []string{name}))
		var plan *sluice.PlanError
		if errors.As(err, &plan) {
			refused[name] = fmt.Errorf("table %q: %w", name, err)
			continue
		}
		if err == nil {
			w.Abort()
		}
		accepted = append(accepted, name)
	}
	return accepted, refused
}

func (t *tables) newWriter(names []string) (*sluice.Writer, error) {
	var all []sluice.Table
	for _, name := range names {
		all = append(all, sluice.Table{Name: name, Schema: t.schema})
	}
	return sluice.NewWriter(context.Background(), t.cfg, all, sluice.Options{Log: t.log})
}

// drop gives up a writer that has failed, if it is still the one.
func (t *tables) drop(w *sluice.Writer) {
	t.lease.Lock()
	defer t.lease.Unlock()
	if t.writer == w {
		t.close()
	}
}

// close gives up what no checkpoint covers: it was not acknowledged, and comes again.
func (t *tables) close() {
	if t.writer != nil {
		t.writer.Abort()
		t.writer = nil
	}
}
