// Package inventory looks at what syncs have left below the path of a bucket: objects, by
// stream, and unfinished uploads. It prints nothing.
//
// What counts is what has a name that the config's template gives, or that the default template gives
// in a directory below the path, at any depth: a path may lie below another one, and a template may be
// newer than the objects. Everything else is only counted.
package inventory

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
)

// Options say what to look at.
type Options struct {
	Template *naming.Template // of the names, as a config has it

	// Stream narrows it to one stream, as Stream.Dir has it; its namespace may be left out.
	Stream string

	// Metadata asks for the metadata of each object: one request each.
	Metadata bool

	// Each, if set, is called with every object, in the order of their keys. Its error ends
	// the search.
	Each func(Object) error
}

// Object is one object of ours.
type Object struct {
	sink.Info
	Dir string // of its stream, as Stream.Dir has it

	// From its metadata: nil if that has no such number, or was not asked for.
	Rows, Generation, SyncID *int64
}

// Stream is what a stream has: by its names in the template, or in a directory.
type Stream struct {
	Dir            string // "namespace/stream", or "stream": below the path, or of the template
	Objects, Bytes int64
	Oldest, Newest time.Time // upload of an object

	// From the metadata, if that was asked for.
	Rows        Rows
	Generations Numbers
	SyncIDs     Numbers
}

// Rows is a sum of which a part may be unknown: the number of rows is only known of objects
// that were made by one request.
type Rows struct {
	Sum   int64
	Known int64 // objects that say how many they have
}

// Numbers are the different values of a number that objects have.
type Numbers struct {
	Values  []int64 // sorted; the first mostNumbers that were found
	More    bool    // there are more than these
	Without int64   // objects that have none
}

// mostNumbers bounds the numbers that are kept of one stream.
const mostNumbers = 1000

func (n *Numbers) add(v *int64) {
	if v == nil {
		n.Without++
		return
	}
	i, found := slices.BinarySearch(n.Values, *v)
	switch {
	case found:
	case len(n.Values) == mostNumbers:
		n.More = true
	default:
		n.Values = slices.Insert(n.Values, i, *v)
	}
}

// Foreign are objects that have no name of ours.
type Foreign struct{ Objects, Bytes int64 }

// Objects are all objects below a path.
type Objects struct {
	Streams []Stream // sorted by their directories
	Foreign Foreign
}

// List looks at all objects below the path, page by page. It keeps a few numbers a stream,
// however many objects there are.
func List(ctx context.Context, store sink.Inspector, opts Options) (*Objects, error) {
	l := &listing{opts: opts, store: store, area: newArea(opts), streams: map[string]*Stream{}}
	for info, err := range store.Walk(ctx, l.prefix, "") {
		if err != nil {
			return nil, sink.Failed("list objects", err)
		}
		dir, own := l.own(info.Key)
		switch {
		case !l.wanted(dir):
			continue
		case !own:
			l.foreign.Objects++
			l.foreign.Bytes += info.Size
			continue
		}
		l.batch = append(l.batch, Object{Info: info, Dir: dir})
		if len(l.batch) == batchSize {
			if err := l.flush(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := l.flush(ctx); err != nil {
		return nil, err
	}
	all := &Objects{Foreign: l.foreign}
	for _, dir := range slices.Sorted(maps.Keys(l.streams)) {
		all.Streams = append(all.Streams, *l.streams[dir])
	}
	return all, nil
}

const (
	batchSize = 1000 // objects whose metadata are asked for at a time: a page
	requests  = 16   // at a time
)

// listing is a List under way.
type listing struct {
	area
	opts    Options
	store   sink.Store
	streams map[string]*Stream
	foreign Foreign
	batch   []Object // that are not counted yet
}

// flush counts a batch.
func (l *listing) flush(ctx context.Context) error {
	if l.opts.Metadata {
		if err := l.ask(ctx); err != nil {
			return err
		}
	}
	for _, o := range l.batch {
		s := l.streams[o.Dir]
		if s == nil {
			s = &Stream{Dir: o.Dir, Oldest: o.Modified, Newest: o.Modified}
			l.streams[o.Dir] = s
		}
		s.add(o, l.opts.Metadata)
		if l.opts.Each != nil {
			if err := l.opts.Each(o); err != nil {
				return err
			}
		}
	}
	l.batch = l.batch[:0]
	return nil
}

func (s *Stream) add(o Object, metadata bool) {
	s.Objects++
	s.Bytes += o.Size
	if o.Modified.Before(s.Oldest) {
		s.Oldest = o.Modified
	}
	if o.Modified.After(s.Newest) {
		s.Newest = o.Modified
	}
	if !metadata {
		return
	}
	if o.Rows != nil {
		s.Rows.Sum += *o.Rows
		s.Rows.Known++
	}
	s.Generations.add(o.Generation)
	s.SyncIDs.add(o.SyncID)
}

// ask asks for the metadata of a batch. What was deleted meanwhile is left out.
func (l *listing) ask(ctx context.Context) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for i := range l.batch {
		o := &l.batch[i]
		group.Go(func() error {
			return guard.Run(func() error {
				info, err := l.store.Stat(gctx, o.Key)
				if errors.Is(err, sink.ErrNotFound) {
					o.Key = ""
					return nil
				}
				if err != nil {
					return sink.Failed("read an object's metadata", err)
				}
				o.Metadata = info.Metadata
				o.Rows = number(info.Metadata[sink.MetaRows])
				o.Generation = number(info.Metadata[sink.MetaGeneration])
				o.SyncID = number(info.Metadata[sink.MetaSyncID])
				return nil
			})
		})
	}
	err := group.Wait()
	l.batch = slices.DeleteFunc(l.batch, func(o Object) bool { return o.Key == "" })
	return err
}

// number reads what a sync wrote; anything else says nothing.
func number(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return nil
	}
	return &n
}

// area is the part of a bucket that is looked at.
type area struct {
	prefix   string           // of all keys in it
	path     string           // that all objects are below, with a "/" at its end, or ""
	stream   string           // "": all
	template *naming.Template // nil: it is the default one
}

func newArea(opts Options) area {
	a := area{path: opts.Template.Root()}
	if a.path != "" {
		a.path += "/"
	}
	var parts []string
	for part := range strings.SplitSeq(naming.CleanPath(opts.Stream), "/") {
		parts = append(parts, naming.Sanitize(part))
	}
	a.stream, a.prefix = strings.Join(parts, "/"), a.path
	if !opts.Template.Default() {
		a.template = opts.Template
	} else if len(parts) > 1 { // with its namespace: its directory is known
		a.prefix += a.stream + "/"
	}
	return a
}

// own splits a key into the directory of its stream, and whether it has a name of ours there. By
// the default names a sync writes nothing into the path itself.
func (a area) own(key string) (dir string, own bool) {
	rel, ok := strings.CutPrefix(key, a.path)
	if !ok {
		return "", false
	}
	dir = dirOf(rel)
	if a.template != nil {
		if namespace, name, ok := a.template.Whose(key); ok {
			if name == "" {
				return dir, true // it is the only stream
			}
			return strings.TrimPrefix(namespace+"/"+name, "/"), true
		}
	}
	if dir == "" {
		return "", false
	}
	return dir, naming.IsDefault(rel) || naming.IsLog(rel)
}

// names are those that a stream's objects have beside the one with this key, which is one of ours.
func (a area) names(key string) *naming.Names {
	if a.template != nil {
		if namespace, name, ok := a.template.Whose(key); ok {
			if n, err := a.template.Stream(namespace, name); err == nil {
				return n
			}
		}
	}
	return naming.In(dirOf(key))
}

// stamp is what the keys of all objects of a sync have in common, whatever their streams. Where
// names do not tell one sync from another it is that of many, and a sign of life of one keeps the
// uploads of all.
func (a area) stamp(key string) string {
	if m, ok := a.names(key).Match(key); ok {
		return m.Stamp
	}
	return key[:strings.LastIndexByte(key, '_')+1] // of a worker's
}

func dirOf(key string) string { return key[:max(strings.LastIndexByte(key, '/'), 0)] }

// wanted reports whether a directory is of the stream that is looked at.
func (a area) wanted(dir string) bool {
	return a.stream == "" || dir == a.stream || !strings.Contains(a.stream, "/") && path.Base(dir) == a.stream
}
