package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/sluice-data/sluice/format/typed"
)

// node is what the walk over a row has to know of a type.
type node struct {
	shape    shape
	nullable bool
	def      uint8 // the definition level where the value is there; of an array: where it is empty
	rep      uint8 // of an array: the repetition level of all items but the first
	lo, hi   int   // the columns that it has; a leaf is column lo
	children []*node
	names    [][]byte // of a union: what its column "type" says of each branch, as rows have texts
}

// shape is how a value stands in a row.
type shape uint8

const (
	varint  shape = iota
	double        // eight bytes, the lowest first
	decimal       // eight bytes, the highest first
	fixed         // sixteen
	text
	boolean
	nothing // a record without fields
	record
	array
	union

	lastLeaf = nothing
)

// leaf is one column of the file.
type leaf struct {
	shape          shape
	path           []string
	physical       format.Type
	maxDef, maxRep uint8
}

// isWords reports whether values of the column are numbers in memory, rather than bytes.
func (l *leaf) isWords() bool {
	return l.shape == varint || l.shape == double || l.shape == decimal || l.shape == boolean
}

// width is how many bytes a value has that is stored as it is; 0: they differ.
func (l *leaf) width() int {
	switch l.physical {
	case format.Int32:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.FixedLenByteArray:
		return 16
	}
	return 0
}

type schema struct {
	elements []format.SchemaElement
	leaves   []*leaf
	root     *node
}

// emptyObject is the text of a record without fields, as rows have texts: Parquet has no such group.
const emptyObject = "\x04{}"

func (s *schema) build(root *typed.Type) error {
	if root.Kind != typed.Record || root.Nullable || len(root.Fields) == 0 {
		return errors.New("a table must have columns")
	}
	s.elements = append(s.elements, format.SchemaElement{Name: "schema", NumChildren: thrift.New(int32(len(root.Fields)))})
	s.root = &node{shape: record}
	for _, f := range root.Fields {
		n, err := s.add(f.Type, f.Name, place{})
		if err != nil {
			return fmt.Errorf("column %q: %w", f.Name, err)
		}
		s.root.children = append(s.root.children, n)
	}
	s.root.hi = len(s.leaves)
	return nil
}

// place is where in the tree something is: the names above it, and the levels there.
type place struct {
	path     []string
	def, rep uint8
	optional bool // whatever the type says: what only one of a union's branches has
}

func (p place) below(name string, def, rep uint8) place {
	path := append(p.path[:len(p.path):len(p.path)], name)
	return place{path: path, def: def, rep: rep}
}

// deepest is how deep types may be nested, so that levels fit into a byte.
const deepest = 100

func (s *schema) add(t *typed.Type, name string, p place) (*node, error) {
	if len(p.path) > deepest {
		return nil, fmt.Errorf("its type is nested more than %d levels deep; declare the inner ones as objects without properties, to have them as JSON", deepest)
	}
	n := &node{nullable: t.Nullable, def: p.def, rep: p.rep, lo: len(s.leaves)}
	e := format.SchemaElement{Name: name, RepetitionType: thrift.New(format.Required)}
	if t.Nullable || p.optional {
		n.def++
		e.RepetitionType = thrift.New(format.Optional)
	}
	var err error
	switch {
	case t.Kind == typed.Record && len(t.Fields) > 0:
		err = s.addRecord(n, t, e, p)
	case t.Kind == typed.Array:
		err = s.addArray(n, t, e, p)
	case t.Kind == typed.Union && len(t.Branches) > 0:
		err = s.addUnion(n, t, e, p)
	default:
		err = s.addLeaf(n, t, e, p)
	}
	n.hi = len(s.leaves)
	return n, err
}

func (s *schema) addRecord(n *node, t *typed.Type, e format.SchemaElement, p place) error {
	n.shape = record
	e.NumChildren = thrift.New(int32(len(t.Fields)))
	s.elements = append(s.elements, e)
	inside := p.below(e.Name, n.def, p.rep)
	for _, f := range t.Fields {
		child, err := s.add(f.Type, f.Name, inside)
		if err != nil {
			return err
		}
		n.children = append(n.children, child)
	}
	return nil
}

// addArray adds a list in its three levels, so that null, the empty list and a list of null differ.
func (s *schema) addArray(n *node, t *typed.Type, e format.SchemaElement, p place) error {
	n.shape = array
	n.rep = p.rep + 1
	e.NumChildren = thrift.New(int32(1))
	e.ConvertedType = thrift.New(deprecated.List)
	e.LogicalType = format.LogicalType{Value: new(format.ListType)}
	list := format.SchemaElement{Name: "list", RepetitionType: thrift.New(format.Repeated), NumChildren: thrift.New(int32(1))}
	s.elements = append(s.elements, e, list)
	inside := p.below(e.Name, n.def+1, n.rep)
	inside.path = append(inside.path, list.Name)
	item, err := s.add(t.Items, "element", inside)
	n.children = []*node{item}
	return err
}

// addUnion adds what Airbyte makes of a union: a group of the kind's name and of a column a branch,
// of which all but one are null.
func (s *schema) addUnion(n *node, t *typed.Type, e format.SchemaElement, p place) error {
	n.shape = union
	e.NumChildren = thrift.New(int32(1 + len(t.Branches)))
	s.elements = append(s.elements, e)
	inside := p.below(e.Name, n.def, p.rep)
	kind, err := s.add(&typed.Type{Kind: typed.String}, "type", inside)
	if err != nil {
		return err
	}
	n.children = []*node{kind}
	taken := map[string]bool{"type": true}
	inside.optional = true
	for _, branch := range t.Branches {
		name := branchNames[branch.Kind]
		for i := 2; taken[name]; i++ {
			name = branchNames[branch.Kind] + "_" + strconv.Itoa(i)
		}
		taken[name] = true
		child, err := s.add(branch, name, inside)
		if err != nil {
			return err
		}
		n.children = append(n.children, child)
		n.names = append(n.names, append(binary.AppendVarint(nil, int64(len(name))), name...))
	}
	return nil
}

// branchNames are Airbyte's names for the types of a union.
var branchNames = map[typed.Kind]string{
	typed.JSON: "json", typed.Boolean: "boolean", typed.Long: "integer", typed.Double: "number", typed.Decimal: "number",
	typed.String: "string", typed.Bytes: "binary", typed.Date: "date", typed.Time: "time", typed.TimestampMillis: "timestamp_with_timezone",
	typed.Timestamp: "timestamp_with_timezone", typed.LocalTimestamp: "timestamp_without_timezone", typed.UUID: "uuid",
	typed.Record: "object", typed.Array: "array", typed.Union: "union",
}

func (s *schema) addLeaf(n *node, t *typed.Type, e format.SchemaElement, p place) error {
	physical, err := leafType(n, t, &e)
	if err != nil {
		return err
	}
	e.Type = thrift.New(physical)
	s.elements = append(s.elements, e)
	s.leaves = append(s.leaves, &leaf{
		shape: n.shape, path: p.below(e.Name, 0, 0).path, physical: physical,
		maxDef: n.def, maxRep: p.rep,
	})
	return nil
}

// leafType sets the shape of a leaf, and what readers are told of it.
func leafType(n *node, t *typed.Type, e *format.SchemaElement) (format.Type, error) {
	micros := format.TimeUnit{Value: new(format.MicroSeconds)}
	millis := format.TimeUnit{Value: new(format.MilliSeconds)}
	as := func(s shape, logical format.LogicalTypeValue, converted ...deprecated.ConvertedType) {
		n.shape = s
		e.LogicalType.Value = logical
		for _, c := range converted {
			e.ConvertedType = thrift.New(c)
		}
	}
	switch t.Kind {
	case typed.Boolean:
		as(boolean, nil)
		return format.Boolean, nil
	case typed.Long:
		as(varint, nil)
		return format.Int64, nil
	case typed.Double:
		as(double, nil)
		return format.Double, nil
	case typed.Decimal:
		as(fixed, &format.DecimalType{Precision: int32(t.Precision), Scale: int32(t.Scale)}, deprecated.Decimal)
		e.Precision, e.Scale = thrift.New(int32(t.Precision)), thrift.New(int32(t.Scale))
		if t.Size() == 8 {
			n.shape = decimal
			return format.Int64, nil
		}
		e.TypeLength = thrift.New(int32(t.Size()))
		return format.FixedLenByteArray, nil
	case typed.Date:
		as(varint, new(format.DateType), deprecated.Date)
		return format.Int32, nil
	case typed.Time:
		as(varint, &format.TimeType{IsAdjustedToUTC: t.Zoned, Unit: micros}, deprecated.TimeMicros)
		return format.Int64, nil
	case typed.TimestampMillis:
		as(varint, &format.TimestampType{IsAdjustedToUTC: true, Unit: millis}, deprecated.TimestampMillis)
		return format.Int64, nil
	case typed.Timestamp:
		as(varint, &format.TimestampType{IsAdjustedToUTC: true, Unit: micros}, deprecated.TimestampMicros)
		return format.Int64, nil
	case typed.LocalTimestamp:
		// The old annotation would say that it is UTC.
		as(varint, &format.TimestampType{Unit: micros})
		return format.Int64, nil
	case typed.Bytes:
		as(text, nil)
	case typed.String, typed.UUID, typed.JSON:
		// Parquet has types of its own for the last two, but then readers have bytes, or a type of
		// their own, in place of a text.
		as(text, new(format.StringType), deprecated.UTF8)
	case typed.Record:
		as(nothing, new(format.StringType), deprecated.UTF8)
	default:
		return 0, fmt.Errorf("no column can have the type %d", t.Kind)
	}
	return format.ByteArray, nil
}
