package format

// Packer is the rest of an Encoder whose rows do not follow each other in a file as they are: they
// are gathered, and a group of them is packed at a time. Avro has blocks, Parquet row groups:
//
//	object = header, the groups in their order, trailer
//
// A Packer is immutable, as an Encoder is.
type Packer interface {
	Encoder

	// NewBuilder makes what packs the groups of this Packer, and of all that differ from it only
	// in their tables: of hundreds of them each worker has one.
	NewBuilder() Builder

	// GroupSize is how many bytes of rows a group should have at most. 0: those of one batch
	// will do.
	GroupSize() int64

	// AppendTrailer appends what stands behind the last of an object's groups.
	AppendTrailer(dst []byte, groups []Group) []byte
}

// Builder packs groups. It is used by one goroutine at a time.
type Builder interface {
	// AppendGroup appends the group that these rows of p make. They come in chunks of whole rows, as
	// AppendRow made them; rows is their number. info is what the trailer has to know of the
	// group; places in it count from the group's first byte. Neither dst nor chunks are kept.
	AppendGroup(dst []byte, p Packer, chunks [][]byte, rows int64) (out []byte, info any, err error)
}

// Group is one of an object's groups.
type Group struct {
	Offset int64 // in the object, of its first byte
	Size   int64 // bytes
	Rows   int64
	Info   any // of Builder.AppendGroup
}

// Change says that a value is not in its row as it came: its column can't hold it.
type Change struct {
	Field     string // the path of a nested one: "customer.born"
	Truncated bool   // it lost digits; else it became null
	Size      bool   // it is too large, or too exact; else it is of another type, or not readable
}
