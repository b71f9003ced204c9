package generate

import (
	"bytes"
	"math/rand/v2"
)

// pools are the columns of a table. Columns are drawn apart, so there are as many rows as anybody
// may want, and hardly two in a row share a value.
type pools struct {
	columns []column
	order   []int // 0, 1, 2...
}

// A column has up to 2^mostBits texts: fewer where there are many columns, or long texts, so that
// all of them stay in the processor's cache and are quickly made.
const (
	mostBits  = 10
	leastBits = 6
	mostTexts = 1 << 15   // of all columns
	mostBytes = 256 << 10 // of a column
)

// column is a member of a record: some texts `,"name":value`, of which an empty one is a key
// that is missing. Where live is set there are none: the value depends on its row.
type column struct {
	texts []byte
	ends  []uint32
	bits  int // there are 2^bits texts
	live  *field
	key   []byte // `,"name":` of live
}

func (c *column) text(i int) []byte {
	if i == 0 {
		return c.texts[:c.ends[0]]
	}
	return c.texts[c.ends[i-1]:c.ends[i]]
}

func newPools(t *table, seed uint64) *pools {
	m := t.maker(0)
	m.rng, m.portable = rand.New(rand.NewPCG(seed, 0)), true
	p, limit := &pools{}, mostBits
	for limit > leastBits && len(t.fields)<<limit > mostTexts {
		limit--
	}
	for i := range t.fields {
		p.order = append(p.order, i)
		p.columns = append(p.columns, m.column(&t.fields[i], limit))
	}
	return p
}

func (m *maker) column(f *field, limit int) column {
	var c column
	m.Reset()
	m.counted = false
	for c.bits = leastBits; ; c.bits++ {
		for len(c.ends) < 1<<c.bits {
			m.empty = false // for the comma
			m.field(f)
			if m.counted {
				m.Reset()
				m.key(f.name)
				return column{live: f, key: bytes.Clone(m.Bytes())}
			}
			c.ends = append(c.ends, uint32(m.Len()))
		}
		if c.bits == limit || m.Len() >= mostBytes {
			c.texts = bytes.Clone(m.Bytes())
			return c
		}
	}
}

// member writes a member that begins with a comma, which the first one does not have.
func (m *maker) member(text []byte) {
	if m.empty && len(text) > 0 {
		text, m.empty = text[len(m.comma):], false
	}
	m.Write(text)
}

// dice are small random numbers, several from one of the generator's.
type dice struct {
	rng  *rand.Rand
	bits uint64
	left int
}

// roll is a number of so many bits.
func (d *dice) roll(bits int) int {
	if d.left < bits {
		d.bits, d.left = d.rng.Uint64(), 64
	}
	n := int(d.bits & (1<<bits - 1))
	d.bits >>= bits
	d.left -= bits
	return n
}

// row writes the next RECORD.
func (s *stream) row() {
	m := s.maker
	m.n++
	s.table.envelope(m, s.table.streams[0], s.data)
}

// values writes the data of a row: what table.data does, from the pools.
func (s *stream) values() {
	m, t, order := s.maker, s.table, s.pools.order
	if t.shuffled > 0 && m.once(t.shuffled) {
		order = m.rng.Perm(len(order))
	}
	d := dice{rng: m.rng}
	m.begin('{')
	for i, at := range order {
		if t.missing > 0 && i > 0 && m.once(t.missing) {
			continue
		}
		c := &s.pools.columns[at]
		if c.live == nil {
			m.member(c.text(d.roll(c.bits)))
			continue
		}
		m.member(c.key)
		c.live.value(m)
	}
	m.end('}')
}

// state writes the STATE behind so many rows.
func (s *stream) state(rows int64) {
	m := s.maker
	m.open("STATE", "state")
	m.key("type")
	m.text("STREAM")
	m.key("stream")
	m.begin('{')
	s.descriptor()
	m.key("stream_state")
	m.begin('{')
	m.key("cursor")
	m.int(m.n)
	m.end('}')
	m.end('}')
	m.key("sourceStats")
	m.begin('{')
	m.key("recordCount")
	m.int(int(rows))
	m.WriteString(".0") // as the platform's own connectors write it
	m.end('}')
	m.close()
}

func (s *stream) status(status string) {
	m := s.maker
	m.open("TRACE", "trace")
	m.key("type")
	m.text("STREAM_STATUS")
	m.key("emitted_at")
	m.int(epoch + m.n)
	m.key("stream_status")
	m.begin('{')
	s.descriptor()
	m.key("status")
	m.text(status)
	m.end('}')
	m.close()
}

func (s *stream) descriptor() { s.table.descriptor(s.maker, s.table.streams[0]) }
