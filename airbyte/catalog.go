package airbyte

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sluice-data/sluice/internal/scan"
)

// Catalog is a ConfiguredAirbyteCatalog: what to sync, and how.
type Catalog struct {
	Streams []Stream
}

// Stream is one configured stream.
type Stream struct {
	ID     StreamID
	Schema json.RawMessage // json_schema as it came; nil where there is none
	Mode   DestinationSyncMode

	// Generation is nil where the platform knows no generations.
	Generation *Generation
	// SyncID is nil where the catalog has none.
	SyncID *int64
}

// Generation are the ids that tell which objects of a stream belong together: those of
// ID are being written, those below Minimum are to go at the end.
type Generation struct {
	ID, Minimum int64
	Placeholder bool // see MarkPlaceholders
}

// DestinationSyncMode is destination_sync_mode.
type DestinationSyncMode string

const (
	Append    DestinationSyncMode = "append"
	Overwrite DestinationSyncMode = "overwrite"
)

// FullRefresh reports whether the sync replaces the stream's older objects. Generation ids
// decide where somebody counts them, whatever the mode says: a resumed refresh comes with
// the same ids, and a cancelled one goes on with a minimum of 0.
func (s *Stream) FullRefresh() bool {
	if s.Counted() {
		return s.Generation.Minimum > 0
	}
	return s.Mode == Overwrite
}

// Counted reports whether the generations of the stream are counted. A platform does so from 1:
// generation 0 is a stream whose refreshes it does not count.
func (s *Stream) Counted() bool {
	return s.Generation != nil && s.Generation.ID != 0 && !s.Generation.Placeholder
}

// MarkPlaceholders marks generation ids that say nothing, and reports whether they are such.
// PyAirbyte knows no generations. Since other destinations insist on ids, it writes 1 for all three
// of every stream, in every sync and in every mode; taken at their word, an overwrite would keep the
// table before it, as of its own generation, and an append would delete one that is older. The
// platform's ids can be the same in its very first job of all, so the caller asks only
// where no platform is.
func (c *Catalog) MarkPlaceholders() bool {
	for i := range c.Streams {
		s := &c.Streams[i]
		if s.Generation == nil || *s.Generation != (Generation{ID: 1, Minimum: 1}) || s.SyncID == nil || *s.SyncID != 1 {
			return false
		}
	}
	for i := range c.Streams {
		c.Streams[i].Generation.Placeholder = true
	}
	return len(c.Streams) > 0
}

// CatalogError says what is wrong with a configured catalog.
type CatalogError struct{ Err error }

func (e *CatalogError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *CatalogError) Unwrap() error { return e.Err }

// ParseCatalog reads a configured catalog, the JSON document of that name. Its errors are
// *CatalogError.
func ParseCatalog(raw []byte) (*Catalog, error) {
	catalog, err := parseCatalog(raw)
	if err != nil {
		return nil, &CatalogError{err}
	}
	return catalog, nil
}

// (encoding/json rather than sonic: it is read once, and its errors are for people.)
func parseCatalog(raw []byte) (*Catalog, error) {
	var in struct {
		Streams []configuredStream `json:"streams"`
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")) // what some editors put in front
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("the catalog is no ConfiguredAirbyteCatalog: %w", readable(err))
	}
	if in.Streams == nil {
		return nil, errors.New(`the catalog has no "streams"`)
	}
	catalog := &Catalog{}
	seen := map[StreamID]bool{}
	for i, c := range in.Streams {
		s, err := c.stream()
		if err != nil {
			return nil, fmt.Errorf("catalog, stream %d (%s): %w", i+1, s.ID, err)
		}
		if seen[s.ID] {
			return nil, fmt.Errorf("catalog, stream %d: %s is there twice", i+1, s.ID)
		}
		seen[s.ID] = true
		catalog.Streams = append(catalog.Streams, s)
	}
	return catalog, nil
}

// readable says a decoding error in terms of the document, not of Go.
func readable(err error) error {
	var kind *json.UnmarshalTypeError
	if !errors.As(err, &kind) {
		return err
	}
	if kind.Field == "" {
		return fmt.Errorf("it is a JSON %s, an object is expected", kind.Value)
	}
	return fmt.Errorf("%s is a JSON %s, which can't stand there", kind.Field, kind.Value)
}

type configuredStream struct {
	Stream struct {
		Name       string          `json:"name"`
		Namespace  *string         `json:"namespace"`
		JSONSchema json.RawMessage `json:"json_schema"`
	} `json:"stream"`
	DestinationSyncMode string `json:"destination_sync_mode"`
	IncludeFiles        bool   `json:"include_files"`
	GenerationID        *int64 `json:"generation_id"`
	MinimumGenerationID *int64 `json:"minimum_generation_id"`
	SyncID              *int64 `json:"sync_id"`
}

func (c *configuredStream) stream() (Stream, error) {
	s := Stream{ID: StreamID{Name: c.Stream.Name}, Schema: c.Stream.JSONSchema, Mode: Append, SyncID: c.SyncID}
	if c.Stream.Namespace != nil {
		s.ID.Namespace = *c.Stream.Namespace
	}
	if s.ID.Name == "" {
		return s, errors.New("it has no name")
	}
	switch mode := DestinationSyncMode(c.DestinationSyncMode); mode {
	case Append, Overwrite:
		s.Mode = mode
	case "":
	default:
		return s, fmt.Errorf("destination_sync_mode is %q: this destination supports %q and %q%s", mode, Append, Overwrite, noMerge(mode))
	}
	if c.IncludeFiles {
		return s, errors.New("include_files is true: this destination writes records, and no files; turn it off, or deselect the stream")
	}
	if c.GenerationID == nil || c.MinimumGenerationID == nil {
		return s, nil // a platform without refreshes
	}
	s.Generation = &Generation{ID: *c.GenerationID, Minimum: *c.MinimumGenerationID}
	if g := s.Generation; g.Minimum != 0 && g.Minimum != g.ID {
		return s, fmt.Errorf("minimum_generation_id is %d and generation_id is %d: the minimum must be 0 (append) or the generation itself (full refresh)", g.Minimum, g.ID)
	}
	return s, nil
}

// Columns returns the root properties of the stream's schema, in the schema's order. A
// schema without properties has none. It fails where the schema describes something else
// than an object, or the properties of its root by other means: rows without a single
// field of theirs are in nobody's interest.
func (s *Stream) Columns() ([]string, error) {
	schema := bytes.TrimSpace(s.Schema)
	if len(schema) == 0 || string(schema) == "null" {
		return nil, nil
	}
	if !scan.Valid(schema) { // a program may have made the Stream
		return nil, fmt.Errorf("json_schema is not valid JSON: %w", scan.Explain(schema))
	}
	whole := scan.Span{End: uint32(len(schema))}
	if schema[0] != '{' {
		return nil, fmt.Errorf("cannot flatten: json_schema is no object: %s", unflattened)
	}
	if kind := lastMember(schema, whole, "type"); !kind.None() && !saysObject(kind.Of(schema)) {
		return nil, fmt.Errorf("cannot flatten without an object schema (its type is %s): %s", kind.Of(schema), unflattened)
	}
	columns := properties(schema, lastMember(schema, whole, "properties"))
	for _, key := range []string{"$ref", "allOf", "anyOf", "oneOf"} {
		if columns == nil && !lastMember(schema, whole, key).None() {
			return nil, fmt.Errorf("cannot flatten: json_schema has no properties at its root, but %s, which makes no columns: %s", key, unflattened)
		}
	}
	return columns, nil
}

const unflattened = `use "No flattening" of CSV or JSONL, or deselect the stream`

// properties returns the names under "properties", without duplicates.
func properties(schema []byte, properties scan.Span) (columns []string) {
	if !isObject(schema, properties) {
		return nil
	}
	seen := map[string]bool{}
	for o := scan.Object(schema, int(properties.Start)); o.Next(); {
		name, _ := scan.AppendUnescaped(nil, o.Key.Of(schema))
		if !seen[string(name)] {
			seen[string(name)] = true
			columns = append(columns, string(name))
		}
	}
	return columns
}

// saysObject reports whether a schema's type, "object" or ["null","object"], allows objects.
func saysObject(kind []byte) bool {
	var v any
	if err := json.Unmarshal(kind, &v); err != nil {
		return false
	}
	list, ok := v.([]any)
	return v == "object" || ok && slices.Contains(list, any("object"))
}

// noMerge says why a mode of the protocol is not supported.
func noMerge(mode DestinationSyncMode) string {
	switch mode {
	case "append_dedup", "update", "soft_delete":
		return `; files in a bucket can't be merged (in PyAirbyte the write_strategy must be "append" or "replace" then)`
	}
	return ""
}
