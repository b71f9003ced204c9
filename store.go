package sluice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
	"github.com/sluice-data/sluice/sink/s3"
	"github.com/sluice-data/sluice/stages"
)

// OpenStore opens the store that the config names: a bucket, or with a file:// endpoint a
// directory of the bucket's name, which it makes if it is not there. It makes no request, unless the
// config has no region: then it asks for the bucket's. It does not repeat what fails: sink.Retry does.
// The config must be valid (config.Config.Validate).
func OpenStore(ctx context.Context, cfg *config.Config) (sink.Store, error) {
	if u, err := url.Parse(cfg.Endpoint); err == nil && u.Scheme == "file" {
		store, err := dir.New(filepath.Join(filepath.FromSlash(u.Path), cfg.Bucket))
		if err != nil {
			return nil, fmt.Errorf("s3_endpoint %s: %w", cfg.Endpoint, err)
		}
		return store, nil
	}
	return s3.New(ctx, s3.Settings{
		Bucket: cfg.Bucket, Region: cfg.Region, Endpoint: cfg.Endpoint,
		AccessKeyID: cfg.AccessKeyID.Reveal(), SecretAccessKey: cfg.SecretAccessKey.Reveal(),
		RoleARN: cfg.RoleARN, ExternalID: cfg.ExternalID.Reveal(),
		Connections: max(cfg.Upload.Concurrency, 16), AttemptTimeout: cfg.Upload.Timeout(),
	})
}

func retrying(cfg *config.Config, opts Options) *sink.Retrying {
	return sink.Retry(opts.Store, sink.RetryPolicy{
		Limit: retryLimit(cfg),
		Notify: func(err error, pause time.Duration) {
			opts.Log.Warn(fmt.Sprintf("%v; trying again in %s", err, pause.Round(time.Millisecond)))
		},
	})
}

// retryLimit is how long an outage is sat out. A policy takes 0 for its default, so "not at
// all" is the shortest time there is.
func retryLimit(cfg *config.Config) time.Duration { return max(cfg.Upload.RetryFor(), 1) }

// Check proves that a sync with this config can do all that it will need to: it makes small objects
// below the config's path and removes them again. The error says what could not be done; an outage is
// sat out for 15 s at most. What a sync gets along without is a warning in Options.Log.
func Check(ctx context.Context, cfg *config.Config, opts Options) error {
	opts, err := opts.complete(ctx, cfg)
	if err != nil {
		return err
	}
	// A check is somebody waiting in front of a form: an outage is not sat out.
	quick := sink.Retry(opts.Store, sink.RetryPolicy{Limit: min(retryLimit(cfg), 15*time.Second)})
	template, err := cfg.Template()
	if err != nil {
		return err
	}
	lacking, err := sink.Check(ctx, quick, template.Dir(naming.Values{Time: opts.Now()}))
	if lacking != nil {
		opts.Log.Warn(fmt.Sprintf("%v. Syncs work without, but do not find what one that was killed has left: unfinished uploads, and a full refresh that was shown only in part", lacking))
	}
	return err
}

// prepare looks at what is in the store already: a full refresh that a dead run left half
// done, unfinished uploads, keys of this sync that are taken, and, with purge_first, the
// objects that have to go.
func (e *Engine) prepare(ctx context.Context) error {
	uploads, err := sink.Unfinished(ctx, e.store, commonPrefix(e.names()))
	if err != nil && sink.ClassOf(err) != sink.Permanent {
		return fmt.Errorf("looking for unfinished uploads: %w", err)
	}
	// Who may not look, or can't, can't prove what a dead run has left: nothing of it is touched.
	var unfinished []sink.UploadInfo
	if err == nil {
		unfinished = uploads
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(16) // requests at a time
	for i := range e.keys {
		group.Go(func() error {
			if err := e.prepareTable(gctx, e.keys[i], e.catalog.Tables[i], unfinished); err != nil {
				return fmt.Errorf("stream %s: %w", e.catalog.Tables[i].Stream, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	e.sweep(ctx, uploads, err) // now: what is unfinished has told what half a full refresh is
	return nil
}

func (e *Engine) prepareTable(ctx context.Context, keys *sink.Keys, table *stages.Table, unfinished []sink.UploadInfo) error {
	for _, up := range unfinished {
		keys.Take(up.Key) // it may tell of a half shown table: what is of that key is not to be ours
	}
	if table.Refresh == stages.PurgeFirst {
		if err := takeListed(ctx, keys, e.store); err != nil {
			return err
		}
		p := sink.Purge{Names: table.Names, MinGeneration: table.MinGeneration}
		if _, err := p.Run(ctx, e.store); err != nil {
			return fmt.Errorf("removing the older objects: %w", err)
		}
	}
	if table.Refresh == stages.Append || table.MinGeneration != nil {
		now := e.opts.Now()
		r := sink.Recovery{
			Names: table.Names, Since: now.Add(-sink.RecoverSince), Before: now.Add(-sink.DeadAfter),
			Unfinished: unfinished,
		}
		if err := r.List(ctx, e.store, func(info sink.Info) { keys.Take(info.Key) }); err != nil {
			return fmt.Errorf("looking at the objects of earlier syncs: %w", err)
		}
		n, err := r.Run(ctx, e.store)
		if n > 0 {
			e.opts.Log.Info(fmt.Sprintf("stream %s: removed %s that a full refresh replaced, or had shown only in part, when its sync died", table.Stream, stages.Count(int64(n), "object")))
		}
		if errors.Is(err, sink.ErrDenied) { // of what a sync can do without
			e.opts.Log.Warn(fmt.Sprintf("stream %s: looking for a full refresh that did not end: %v", table.Stream, err))
			err = nil
		}
		if err != nil {
			return fmt.Errorf("finishing the full refresh of an earlier sync: %w", err)
		}
		return nil
	}
	// A full refresh without generations removes all that is older at its end.
	return takeListed(ctx, keys, e.store)
}

// takeListed leaves out the keys that objects have now, also where these will be removed: a reader who
// has seen one must not find another table under its name.
func takeListed(ctx context.Context, keys *sink.Keys, store sink.Store) error {
	for info, err := range keys.List(ctx, store) {
		if err != nil {
			return fmt.Errorf("looking for taken keys: %w", err)
		}
		keys.Take(info.Key)
	}
	return nil
}

// sweep aborts those of the unfinished uploads that dead runs left. It is a courtesy: a store
// that can't list them (all), or credentials that may not, must not keep anybody from syncing.
func (e *Engine) sweep(ctx context.Context, uploads []sink.UploadInfo, listing error) {
	n, err := sink.Sweep(ctx, e.opts.Store, uploads, e.names(), e.opts.Now().Add(-sink.StaleAfter))
	if n > 0 {
		e.opts.Log.Info(fmt.Sprintf("aborted %d unfinished uploads that an earlier sync left behind", n))
	}
	if err = cmp.Or(listing, err); err != nil && ctx.Err() == nil {
		level := e.opts.Log.Warn
		if errors.Is(err, sink.ErrUnsupported) {
			level = e.opts.Log.Debug
		}
		level(fmt.Sprintf("could not look for unfinished uploads of earlier syncs: %v", err))
	}
}

// names are those of all streams.
func (e *Engine) names() []*naming.Names {
	var all []*naming.Names
	for _, t := range e.catalog.Tables {
		all = append(all, t.Names)
	}
	return all
}

// commonPrefix is what the keys of all streams begin with.
func commonPrefix(all []*naming.Names) string {
	if len(all) == 0 {
		return ""
	}
	prefix := all[0].Prefix()
	for _, names := range all[1:] {
		d, n := names.Prefix(), 0
		for n < len(prefix) && n < len(d) && prefix[n] == d[n] {
			n++
		}
		prefix = prefix[:n]
	}
	return prefix
}
