package stages

import (
	"context"
	"sort"
	"time"

	"github.com/sluice-data/sluice/compress"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
)

// lane is where rows of a stream go one behind the other: all of them, or those of one partition.
type lane struct {
	object  *sink.Object // nil or closed: the next row, or the next group, opens one
	waits   int64        // the first row of the object
	stream  *stream
	path    string   // of the partition; "": all rows
	content *content // of the object
	opened  time.Time

	gathered gathered
	packs    float64 // bytes of a packed group for each of its rows; 0: not known
}

// content is what an object's end has to know of it.
type content struct {
	ids    []pipeline.ObjectID // that are durable when it is
	sum    compress.Sum        // of what it has compressed
	groups []format.Group
}

// add tells of a group that is appended next.
func (c *content) add(o *sink.Object, g *group) {
	c.groups = append(c.groups, format.Group{Offset: o.Size(), Size: int64(len(g.out)), Rows: g.rows, Info: g.info})
}

// lane is the one that a segment belongs to.
func (a *Assemble) lane(b *pipeline.Batch, s *stream, seg *pipeline.Segment) *lane {
	if seg.Partition == 0 {
		return &s.whole
	}
	path := b.Partitions[seg.Partition-1]
	l := s.lanes[path]
	if l == nil {
		l = &lane{}
		a.enter(l, s, path)
		s.lanes[path] = l
	}
	return l
}

func (a *Assemble) enter(l *lane, s *stream, path string) {
	l.stream, l.path = s, path
	l.gathered = gathered{table: s.table, done: func(ctx context.Context, g *group) error { return a.group(ctx, l, g) }}
}

// open are the stream's lanes that have rows which are in no closed object.
func (s *stream) open() []*lane {
	var all []*lane
	if s.whole.open() {
		all = append(all, &s.whole)
	}
	for path, l := range s.lanes {
		if l.open() {
			all = append(all, l)
		} else {
			delete(s.lanes, path) // partitions may come and go
		}
	}
	return all
}

func (l *lane) open() bool { return l.fills() || len(l.gathered.groups) > 0 }

// fills reports whether the lane has an object that takes rows.
func (l *lane) fills() bool { return l.object != nil && !l.object.Closed() }

// oldest is the first of the rows that are in no closed object: its number, and when it came.
func (l *lane) oldest() (row int64, since time.Time) {
	if l.fills() {
		return l.waits, l.opened
	}
	g := l.gathered.groups[0]
	return g.first, g.since
}

// append gives rows to the lane's objects.
func (a *Assemble) append(ctx context.Context, l *lane, b *pipeline.Batch, seg *pipeline.Segment) error {
	for start, done := seg.Start, int32(0); done < seg.Rows; {
		if err := a.ready(ctx, l); err != nil {
			return err
		}
		rows, end := seg.Rows-done, seg.End
		if room := l.object.Room(); int64(end-start) > room {
			rest := b.Records[seg.First+done : seg.First+seg.Rows]
			rows = 1 + int32(sort.Search(len(rest)-1, func(i int) bool { return int64(rest[i].End-start) >= room }))
			end = rest[rows-1].End
		}
		a.passed += int64(rows)
		l.stream.counted += int64(rows)
		if err := a.fill(ctx, l, b.Output[start:end], int64(rows)); err != nil {
			return err
		}
		start, done = end, done+rows
	}
	return nil
}

// piece gives one that can't be cut. Its rows are counted where they stand in the batch: see pass.
func (a *Assemble) piece(ctx context.Context, l *lane, b *pipeline.Batch, seg *pipeline.Segment) error {
	if err := a.ready(ctx, l); err != nil {
		return err
	}
	l.content.sum = l.content.sum.Join(seg.Sum) // first: the object may be closed by what comes next
	return a.fill(ctx, l, b.Output[seg.Start:seg.End], int64(seg.Rows))
}

// fill gives rows to the lane's object, and closes it if it has reached its size.
func (a *Assemble) fill(ctx context.Context, l *lane, p []byte, rows int64) error {
	a.rows += rows
	l.stream.rows += rows
	return l.fill(ctx, p, rows)
}

func (l *lane) fill(ctx context.Context, p []byte, rows int64) error {
	l.stream.bytes += int64(len(p))
	if err := l.object.Append(ctx, p, rows); err != nil {
		return err
	}
	if l.object.Full() {
		return l.object.Close(ctx)
	}
	return nil
}

// ready opens an object if there is none. Its first row is the next one.
func (a *Assemble) ready(ctx context.Context, l *lane) error {
	if l.fills() {
		return nil
	}
	return a.open(ctx, l, a.entry(l.stream), a.rows, a.opts.Now())
}

// entry makes an entry of the ledger for what begins with the next row; none where no STATE waits for it.
func (a *Assemble) entry(s *stream) []pipeline.ObjectID {
	if s.first < 0 {
		s.first = a.rows
	}
	if a.opts.CheckpointAll && s.table.Refresh == Atomic {
		return nil
	}
	return []pipeline.ObjectID{a.opts.Commit.Open(a.rows)}
}

// open begins the lane's next object, whose first row has this number and came at that time.
func (a *Assemble) open(ctx context.Context, l *lane, ids []pipeline.ObjectID, first int64, since time.Time) error {
	s := l.stream
	c := &content{ids: ids, sum: s.header.sum}
	var o *sink.Object
	o = s.set.Open(s.keys.Next(l.path), s.table.metadata, func() {
		if a.opts.Durable != nil {
			a.opts.Durable(Durable{Stream: s.table.Stream, Key: o.Key, Rows: o.Rows(), Bytes: o.Size()})
		}
		a.opts.Commit.Durable(c.ids...)
	})
	l.object, l.content, l.opened, l.waits = o, c, since, first
	if trailer := s.table.trailer(c); trailer != nil {
		o.Trailer = func() []byte {
			last := trailer()
			s.bytes += int64(len(last))
			return last
		}
	}
	s.sum.Objects++
	s.bytes += int64(len(s.header.bytes))
	return o.Append(ctx, s.header.bytes, 0)
}

// close ends the objects of some lanes, with all that was gathered for them.
func (a *Assemble) close(ctx context.Context, some ...*lane) error {
	if err := a.settle(ctx, some...); err != nil {
		return err
	}
	for _, l := range some {
		if l.object == nil {
			continue
		}
		if err := l.object.Close(ctx); err != nil {
			return l.stream.failed(err)
		}
	}
	return nil
}

// closeThose closes the lanes that are asked for, but of what is shown at its end.
func (a *Assemble) closeThose(ctx context.Context, which func(*lane) bool) error {
	var those []*lane
	for i := range a.streams {
		s := &a.streams[i]
		if s.table.Refresh == Atomic {
			continue
		}
		for _, l := range s.open() {
			if which(l) {
				those = append(those, l)
			}
		}
	}
	return a.close(ctx, those...)
}
