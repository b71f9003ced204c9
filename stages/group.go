package stages

import "github.com/sluice-data/sluice/pipeline"

// groups brings the records of a batch that belong to one stream together, each stream's in
// their order. Where hundreds of streams take turns, a stage then goes from stream to stream
// a few times less, and what it needs of one is seldom in the processor's cache. Records do
// not move over a mark.
type groups struct {
	chains  []chain           // by stream: its records between two marks
	next    []int32           // by record: the next one of the same stream, or -1
	order   []int32           // the streams, as they first appear
	records []pipeline.Record // the next batch's; they take turns with the batch's own
}

// manyStreams is how many take turns before it is worth the work.
const manyStreams = 32

// chain is the first and the last of a list, by their indexes; -1: it is empty.
type chain struct{ first, last int32 }

func newGroups(streams int) groups {
	g := groups{chains: make([]chain, streams)}
	for i := range g.chains {
		g.chains[i] = chain{-1, -1}
	}
	return g
}

func (g *groups) group(b *pipeline.Batch) {
	g.records = g.records[:0]
	first := 0
	for _, m := range b.Marks {
		g.run(b.Records, first, int(m.At))
		first = int(m.At)
	}
	g.run(b.Records, first, len(b.Records))
	b.Records, g.records = g.records, b.Records
}

// run groups records[first:end].
func (g *groups) run(records []pipeline.Record, first, end int) {
	g.begin()
	for i := first; i < end; i++ {
		g.add(records[i].Stream, int32(i-first))
	}
	for _, stream := range g.order {
		for i := g.take(stream); i >= 0; i = g.next[i] {
			g.records = append(g.records, records[first+int(i)])
		}
	}
}

// begin starts a run.
func (g *groups) begin() { g.next, g.order = g.next[:0], g.order[:0] }

// add puts the next element of the run, number i, behind the others of its stream.
func (g *groups) add(stream, i int32) {
	g.next = append(g.next, -1)
	c := &g.chains[stream]
	if c.first < 0 {
		c.first = i
		g.order = append(g.order, stream)
	} else {
		g.next[c.last] = i
	}
	c.last = i
}

// take returns the first element of a stream, and forgets the stream.
func (g *groups) take(stream int32) int32 {
	first := g.chains[stream].first
	g.chains[stream] = chain{-1, -1}
	return first
}
