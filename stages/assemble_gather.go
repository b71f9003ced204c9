package stages

import (
	"context"
	"time"

	"github.com/sluice-data/sluice/pipeline"
)

// What is gathered of a stream belongs to the object that will be open when its group is packed. Until
// then no object knows of it, so each group has its own entry in the ledger.

// gather gathers the rows of a segment.
func (a *Assemble) gather(ctx context.Context, s *stream, b *pipeline.Batch, seg *pipeline.Segment) error {
	f, g := &s.gathered, a.opts.Gather
	for first, start := seg.First, seg.Start; first < seg.First+seg.Rows; {
		before, room := first, s.room(a.opts.Uploader.MaxObject())
		if f.group == nil {
			n := g.begin(f)
			n.first, n.since, n.ids = a.rows, a.opts.Now(), a.entry(s)
		}
		first, start = g.take(f, b, seg, first, start, room)
		rows := int64(first - before)
		a.rows += rows
		a.passed += rows
		s.counted += rows
		s.rows += rows
		if g.full(f, room) {
			if err := g.pack(ctx, f); err != nil {
				return err
			}
		}
	}
	return g.spend(ctx)
}

// room is how many bytes of rows the stream's object has room for, about, where it may have so many
// bytes: rows of one stream mostly pack alike.
func (s *stream) room(size int64) int64 {
	if size <= 0 {
		return 1 << 62
	}
	left := float64(size)
	if s.object != nil && !s.object.Closed() {
		left -= float64(s.object.Size())
	}
	pack := 1.0
	if s.packs > 0 {
		pack = s.packs
	}
	for _, g := range s.gathered.groups {
		if g != s.gathered.group {
			left -= float64(g.size) * pack
		}
	}
	if left <= 0 { // it will be another object
		left = float64(size)
	}
	return int64(left / pack)
}

// group gives a packed group to the stream's object.
func (a *Assemble) group(ctx context.Context, s *stream, g *group) error {
	if s.object == nil || s.object.Closed() {
		if err := a.open(ctx, s, nil, g.first, g.since); err != nil {
			return s.failed(err)
		}
	}
	s.content.ids = append(s.content.ids, g.ids...)
	s.content.add(s.object, g)
	s.packs = float64(len(g.out)) / float64(max(g.size, 1))
	s.bytes += int64(len(g.out))
	err := s.object.Append(ctx, g.out, g.rows)
	if err == nil && s.object.Full() {
		err = s.object.Close(ctx)
	}
	if err != nil {
		return s.failed(err)
	}
	return nil
}

// settle brings all that was gathered of some streams into their objects.
func (a *Assemble) settle(ctx context.Context, some ...*stream) error {
	for _, s := range some {
		if err := a.opts.Gather.pack(ctx, &s.gathered); err != nil {
			return err
		}
	}
	return a.opts.Gather.wait(ctx)
}

// settleAll does so for all streams.
func (a *Assemble) settleAll(ctx context.Context) error {
	var all []*stream
	for i := range a.streams {
		all = append(all, &a.streams[i])
	}
	return a.settle(ctx, all...)
}

// abandon gives up a refresh that is shown at its end.
func (a *Assemble) abandon(ctx context.Context, s *stream) error {
	a.opts.Gather.drop(&s.gathered)
	if err := a.opts.Gather.wait(ctx); err != nil {
		return err
	}
	s.set.Abandon()
	return nil
}

// open reports whether the stream has rows that are not in a closed object.
func (s *stream) open() bool {
	return s.object != nil && !s.object.Closed() || len(s.gathered.groups) > 0
}

// oldest is the first of these rows: its number, and when it came.
func (s *stream) oldest() (row int64, since time.Time) {
	if s.object != nil && !s.object.Closed() {
		return s.waits, s.opened
	}
	g := s.gathered.groups[0]
	return g.first, g.since
}
