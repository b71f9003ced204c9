// Package stages are the steps that a batch goes through: decode, stamp, flatten, encode,
// and assemble at the end. Each step is a plain function on a batch. It starts no
// goroutine, knows no channel and takes no lock: the pipeline package does that.
package stages

import (
	"slices"
	"strconv"
	"time"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/compress"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
)

// Table is how one stream of the catalog is written. The stages share it and only read it.
type Table struct {
	Stream  airbyte.StreamID
	Format  format.Table
	Encoder format.Encoder
	Codec   compress.Codec // nil: not compressed. One for all tables
	// Partition has the keys of its partitions, in the order of their directories; nil: it has none. What
	// they take as it is stands in the names of the directories only, unless PartitionColumns is set.
	Partition        []PartitionKey
	PartitionColumns bool
	Names            *naming.Names // of its objects
	Dir              string        // that they are in or below, without a "/" at the end
	Refresh          Refresh
	// MinGeneration is the oldest generation that a full refresh keeps; nil: the platform
	// knows no generations, and all older objects go.
	MinGeneration *int64
	// Metadata of each object.
	Metadata sink.Metadata
	columns  map[string]uint32 // number of each column, for the flatten stage
	packer   format.Packer     // the Encoder, if it is one
}

// Refresh is how a sync treats the stream's older objects.
type Refresh int

const (
	// Append leaves them.
	Append Refresh = iota
	// Atomic replaces them in one step, at the stream's successful end.
	Atomic
	// Incremental shows new objects as they fill, and deletes the old ones at the end.
	Incremental
	// PurgeFirst deletes the old ones before it writes.
	PurgeFirst
)

// Catalog is the tables of a sync.
type Catalog struct {
	Tables []*Table
}

// NewCatalog indexes the columns of the tables.
func NewCatalog(tables []*Table) *Catalog {
	for _, t := range tables {
		t.packer, _ = t.Encoder.(format.Packer)
		t.columns = make(map[string]uint32, len(t.Format.Columns))
		for column, name := range t.Format.Columns {
			t.columns[name] = uint32(column)
		}
		for _, name := range t.Hidden() {
			t.columns[name] = uint32(len(t.columns))
		}
	}
	return &Catalog{Tables: tables}
}

// The tables of a catalog have one format and one compression, so what is true of one is of all.

// Codec is how the objects of all tables are compressed; nil: not at all.
func (c *Catalog) Codec() compress.Codec {
	if len(c.Tables) == 0 {
		return nil
	}
	return c.Tables[0].Codec
}

// Pieces reports whether the rows that a table has in a batch become one piece of its object: see Pack.
func (c *Catalog) Pieces() bool {
	return c.Codec() != nil || c.packer() != nil && c.packer().GroupSize() == 0
}

// Gathered reports whether rows are packed in groups of more than a batch: see Gather.
func (c *Catalog) Gathered() bool { return c.packer() != nil && c.packer().GroupSize() > 0 }

// Partitioned reports whether any of the tables has partitions.
func (c *Catalog) Partitioned() bool {
	return slices.ContainsFunc(c.Tables, func(t *Table) bool { return len(t.Partition) > 0 })
}

func (c *Catalog) packer() format.Packer {
	if len(c.Tables) == 0 {
		return nil
	}
	return c.Tables[0].packer
}

// Extension is the end of the keys of the table's objects: "csv", "csv.gz".
func (t *Table) Extension() string {
	if t.Codec == nil {
		return t.Encoder.Extension()
	}
	return t.Encoder.Extension() + "." + t.Codec.Extension()
}

// Packed reports whether the bytes of an object depend on how its rows came.
func (t *Table) Packed() bool { return t.Codec != nil || t.packer != nil }

// trailer makes what ends an object of the table; nil: nothing does.
func (t *Table) trailer(c *content) func() []byte {
	switch {
	case t.Codec != nil:
		return func() []byte { return t.Codec.AppendTrailer(nil, c.sum) }
	case t.packer != nil:
		return func() []byte { return t.packer.AppendTrailer(nil, c.groups) }
	}
	return nil
}

// Keys are those of the table's objects in one sync, of which all tables have the given values in
// common. Where they do not tell which sync wrote an object, its metadata will.
func (t *Table) Keys(of naming.Values, now Clock) *sink.Keys {
	if t.Format.SyncID != nil {
		of.SyncID = *t.Format.SyncID
	}
	of.Extension = "." + t.Extension()
	if !t.Names.Dated() {
		t.Metadata[sink.MetaStarted] = strconv.FormatInt(of.Time.UnixMilli(), 10)
	}
	return sink.NewKeys(t.Names, of, now)
}

// Clock tells the time; tests bring their own.
type Clock func() time.Time
