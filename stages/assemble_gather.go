package stages

import (
	"context"

	"github.com/sluice-data/sluice/pipeline"
)

// What is gathered for a lane belongs to the object that will be open when its group is packed. Until
// then no object knows of it, so each group has its own entry in the ledger.

// gather gathers the rows of a segment.
func (a *Assemble) gather(ctx context.Context, l *lane, b *pipeline.Batch, seg *pipeline.Segment) error {
	s := l.stream
	return a.opts.Gather.gather(ctx, &l.gathered, b, seg,
		func() int64 { return l.room(a.opts.Uploader.MaxObject()) },
		func(n *group) { n.first, n.since, n.ids = a.rows, a.opts.Now(), a.entry(s) },
		func(rows int64) {
			a.rows += rows
			a.passed += rows
			s.counted += rows
			s.rows += rows
		})
}

// room is how many bytes of rows the lane's object has room for, about, where it may have so many
// bytes: rows of one stream mostly pack alike.
func (l *lane) room(size int64) int64 {
	if size <= 0 {
		return 1 << 62
	}
	left := float64(size)
	if l.fills() {
		left -= float64(l.object.Size())
	}
	pack := 1.0
	if l.packs > 0 {
		pack = l.packs
	}
	for _, g := range l.gathered.groups {
		if g != l.gathered.group {
			left -= float64(g.size) * pack
		}
	}
	if left <= 0 { // it will be another object
		left = float64(size)
	}
	return int64(left / pack)
}

// group gives a packed group to the lane's object.
func (a *Assemble) group(ctx context.Context, l *lane, g *group) error {
	if !l.fills() {
		if err := a.open(ctx, l, nil, g.first, g.since); err != nil {
			return l.stream.failed(err)
		}
	}
	l.content.ids = append(l.content.ids, g.ids...)
	l.content.add(l.object, g)
	l.packs = float64(len(g.out)) / float64(max(g.size, 1))
	return l.stream.failed(l.fill(ctx, g.out, g.rows))
}

// settle brings all that was gathered for some lanes into their objects.
func (a *Assemble) settle(ctx context.Context, some ...*lane) error {
	for _, l := range some {
		if err := a.opts.Gather.pack(ctx, &l.gathered); err != nil {
			return err
		}
	}
	return a.opts.Gather.wait(ctx)
}

// settleAll does so for all lanes.
func (a *Assemble) settleAll(ctx context.Context) error {
	var all []*lane
	for i := range a.streams {
		all = append(all, a.streams[i].open()...)
	}
	return a.settle(ctx, all...)
}

// abandon gives up a refresh that is shown at its end.
func (a *Assemble) abandon(ctx context.Context, s *stream) error {
	for _, l := range s.open() {
		a.opts.Gather.drop(&l.gathered)
	}
	if err := a.opts.Gather.wait(ctx); err != nil {
		return err
	}
	s.set.Abandon()
	return nil
}
