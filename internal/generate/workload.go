// Package generate makes Airbyte messages from a seed: endless workloads for the benchmark, and
// whole message streams for people who want to try something.
package generate

import (
	"fmt"
	"slices"
	"sort"
)

// Workload is an endless stream of messages with its catalog.
type Workload struct {
	Name    string
	Catalog []byte // a ConfiguredAirbyteCatalog
	Block   []byte // whole lines, to be sent again and again
	Records int    // RECORD messages in Block; there are STATE messages besides

	ends []int // of each RECORD's line in Block, where known: see Prefix
}

// Prefix returns whole lines from the beginning of Block, about size bytes, and the number
// of records in them. It is how a run of a given size ends.
func (w *Workload) Prefix(size int) ([]byte, int) {
	if size >= len(w.Block) || len(w.ends) == 0 {
		return w.Block, w.Records
	}
	n := max(sort.SearchInts(w.ends, size), 1)
	return w.Block[:w.ends[n-1]], n
}

// LineBytes is the mean length of a record's line, its share of the STATE messages included.
func (w *Workload) LineBytes() float64 { return float64(len(w.Block)) / float64(max(w.Records, 1)) }

// Generator makes a workload.
type Generator struct {
	Name  string
	What  string // for people, in a few words
	table func() *table
}

// Make makes the workload: the same one for the same seed. size is about that of the block in
// bytes; with 0 there is only the catalog.
func (g Generator) Make(seed uint64, size int) Workload { return g.table().workload(seed, size) }

// Workloads are what the benchmark measures.
var Workloads = []Generator{
	{"tpch-lineitem", "TPC-H lineitem: 17 fields, one of them nested", lineitemTable},
	{"wide", "200 columns of mixed types, emitted_at behind data", wide},
	{"nested", "objects 12 levels deep, arrays of objects", nested},
	{"quotes", "text full of quotes, backslashes, line ends, escapes and non-ASCII", quotes},
	{"text", "a long text a record, 4 to 16 KB", text},
	{"interleaved", "500 streams of lineitem records, mixed at random", interleaved},
	{"sparse", "a third of the keys missing, in one of ten records another order", sparse},
	{"python", "as Python's json.dumps writes it: spaces, no namespace", python},
}

// Find returns the generator of that name.
func Find(name string) (Generator, error) {
	i := slices.IndexFunc(Workloads, func(g Generator) bool { return g.Name == name })
	if i < 0 {
		return Generator{}, fmt.Errorf("there is no workload %q", name)
	}
	return Workloads[i], nil
}

// field is a root field of a table: what the schema says of it, and its values.
type field struct {
	name  string
	kind  string // its JSON Schema
	value func(*maker)
}

const (
	isInteger = `{"type":["null","integer"]}`
	isNumber  = `{"type":["null","number"]}`
	isString  = `{"type":["null","string"]}`
	isBoolean = `{"type":["null","boolean"]}`
	isObject  = `{"type":["null","object"]}`
	isArray   = `{"type":["null","array"]}`
	isDate    = `{"type":["null","string"],"format":"date"}`
	isTime    = `{"type":["null","string"],"format":"date-time"}`
)

// kind of table: how its records are wrapped and written.
type table struct {
	name      string
	streams   []string // names; the records are spread over them at random
	namespace string   // "": absent
	fields    []field
	dataFirst bool // data before emitted_at, as sources of the Python CDK send it
	python    bool // spaces behind ':' and ','
	missing   int  // one in so many keys but the first is missing; 0: none
	shuffled  int  // in one of so many records the keys come in another order; 0: in none
}

// stateEvery is the number of records between two STATE messages.
const stateEvery = 10_000

// workload makes blocks. Each ends with a STATE, so that a block of few records has one too.
func (t *table) workload(seed uint64, size int) Workload {
	m := t.maker(seed)
	w := Workload{Name: t.name, Catalog: t.catalog()}
	for m.Len() < size {
		stream := t.streams[0]
		if len(t.streams) > 1 {
			stream = pick(m, t.streams)
		}
		m.n++
		t.record(m, stream)
		w.ends = append(w.ends, m.Len())
		if m.n%stateEvery == 0 || m.Len() >= size {
			t.state(m, stream)
		}
	}
	w.Block, w.Records = m.Bytes(), m.n
	return w
}

// maker is one that writes as the table's source does.
func (t *table) maker(seed uint64) *maker {
	m := newMaker(seed)
	if t.python {
		m.comma, m.colon, m.ascii = ", ", ": ", true
	}
	return m
}

// data writes the data of a record, with the fields in the order of the schema but for what is
// said otherwise.
func (t *table) data(m *maker) {
	fields := t.fields
	if t.shuffled > 0 && m.rng.IntN(t.shuffled) == 0 {
		fields = slices.Clone(fields)
		m.rng.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	}
	m.begin('{')
	for i := range fields {
		if t.missing == 0 || i == 0 || m.rng.IntN(t.missing) > 0 {
			m.field(&fields[i])
		}
	}
	m.end('}')
}

// field writes a member, unless its value wants it to be missing.
func (m *maker) field(f *field) {
	start, empty := m.Len(), m.empty
	m.absent = false
	m.key(f.name)
	f.value(m)
	if m.absent {
		m.Truncate(start)
		m.empty = empty
	}
}

func (t *table) record(m *maker, stream string) {
	t.envelope(m, stream, func() { t.data(m) })
}

// epoch is before the emitted_at of the first record, in milliseconds.
const epoch = 1_700_000_000_000

// envelope writes a RECORD around its data.
func (t *table) envelope(m *maker, stream string, data func()) {
	m.open("RECORD", "record")
	m.key("stream")
	m.text(stream)
	if t.namespace != "" {
		m.key("namespace")
		m.text(t.namespace)
	}
	emitted := func() {
		m.key("emitted_at")
		m.int(epoch + m.n)
	}
	if !t.dataFirst {
		emitted()
	}
	m.key("data")
	data()
	if t.dataFirst {
		emitted()
	}
	m.close()
}

func (t *table) state(m *maker, stream string) {
	m.open("STATE", "state")
	m.key("type")
	m.text("STREAM")
	m.key("stream")
	m.begin('{')
	t.descriptor(m, stream)
	m.key("stream_state")
	m.begin('{')
	m.key("cursor")
	m.int(m.n)
	m.end('}')
	m.end('}')
	m.close()
}

// descriptor is the member that names a stream.
func (t *table) descriptor(m *maker, stream string) {
	m.key("stream_descriptor")
	m.begin('{')
	m.key("name")
	m.text(stream)
	if t.namespace != "" {
		m.key("namespace")
		m.text(t.namespace)
	}
	m.end('}')
}

// open begins a message; the object under member is open after it.
func (m *maker) open(kind, member string) {
	m.begin('{')
	m.key("type")
	m.text(kind)
	m.key(member)
	m.begin('{')
}

func (m *maker) close() {
	m.end('}')
	m.end('}')
	m.WriteByte('\n')
}

// catalog is the ConfiguredAirbyteCatalog.
func (t *table) catalog() []byte {
	m := newMaker(0)
	m.begin('{')
	m.key("streams")
	m.begin('[')
	for _, stream := range t.streams {
		m.next()
		m.begin('{')
		t.configured(m, stream, "append")
		m.end('}')
	}
	m.end(']')
	m.end('}')
	return m.Bytes()
}

// configured writes the members of a configured stream.
func (t *table) configured(m *maker, stream, mode string) {
	m.key("stream")
	m.begin('{')
	m.key("name")
	m.text(stream)
	if t.namespace != "" {
		m.key("namespace")
		m.text(t.namespace)
	}
	m.key("json_schema")
	t.schema(m)
	m.end('}')
	m.key("sync_mode")
	m.text("full_refresh")
	m.key("destination_sync_mode")
	m.text(mode)
}

func (t *table) schema(m *maker) {
	m.begin('{')
	m.key("type")
	m.text("object")
	m.key("properties")
	m.begin('{')
	for _, f := range t.fields {
		m.key(f.name)
		m.WriteString(f.kind)
	}
	m.end('}')
	m.end('}')
}
