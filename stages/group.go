package stages

import "github.com/sluice-data/sluice/pipeline"

// groups brings the records of a batch together that belong to one stream, or to one partition of it,
// each one's in their order. Where hundreds of streams take turns, a stage then goes from stream to
// stream a few times less, and what it needs of one is seldom in the processor's cache. Records do
// not move over a mark.
type groups struct {
	streams int32
	chains  []chain           // of each stream, and then of each path of the batch: its records between two marks
	next    []int32           // by record: the next one of the same chain, or -1
	order   []int32           // the chains, as they first appear
	records []pipeline.Record // the next batch's; they take turns with the batch's own
}

// manyStreams is how many take turns before it is worth the work.
const manyStreams = 32

// chain is the first and the last of a list, by their indexes; -1: it is empty.
type chain struct{ first, last int32 }

func newGroups(streams int) groups {
	return groups{streams: int32(streams)}
}

// chainOf is the number of the chain that a record or a segment belongs to.
func (g *groups) chainOf(stream, partition int32) int32 {
	if partition == 0 {
		return stream
	}
	return g.streams + partition - 1
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
		g.add(g.chainOf(records[i].Stream, records[i].Partition), int32(i-first))
	}
	for _, chain := range g.order {
		for i := g.take(chain); i >= 0; i = g.next[i] {
			g.records = append(g.records, records[first+int(i)])
		}
	}
}

// begin starts a run.
func (g *groups) begin() { g.next, g.order = g.next[:0], g.order[:0] }

// add puts the next element of the run, number i, behind the others of its chain.
func (g *groups) add(number, i int32) {
	for int(number) >= len(g.chains) {
		g.chains = append(g.chains, chain{-1, -1})
	}
	g.next = append(g.next, -1)
	c := &g.chains[number]
	if c.first < 0 {
		c.first = i
		g.order = append(g.order, number)
	} else {
		g.next[c.last] = i
	}
	c.last = i
}

// take returns the first element of a chain, and forgets the chain.
func (g *groups) take(number int32) int32 {
	first := g.chains[number].first
	g.chains[number] = chain{-1, -1}
	return first
}
