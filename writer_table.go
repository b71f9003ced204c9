package sluice

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/scan"
	"github.com/sluice-data/sluice/pipeline"
)

// TableWriter writes the records of one table. Its methods may be called from many goroutines.
type TableWriter struct {
	w     *Writer
	id    airbyte.StreamID
	begin []byte // of each message
}

func newTableWriter(w *Writer, id airbyte.StreamID) *TableWriter {
	// Go strings may have anything in them; Marshal of a string does not fail.
	name, _ := json.Marshal(id.Name)
	begin := fmt.Appendf(nil, `{"type":"RECORD","record":{"stream":%s,`, name)
	if id.Namespace != "" {
		namespace, _ := json.Marshal(id.Namespace)
		begin = fmt.Appendf(begin, `"namespace":%s,`, namespace)
	}
	return &TableWriter{w: w, id: id, begin: append(begin, `"emitted_at":`...)}
}

// WriteJSON writes one record, a JSON object. Numbers keep their digits, and nested values are
// written as they are. It waits while the upload is behind, and keeps nothing of record.
//
// A record that is none, or larger than what the memory is enough for, is refused with a
// *RecordError; the writer goes on.
func (t *TableWriter) WriteJSON(ctx context.Context, record []byte) error {
	doc := bytes.TrimSpace(record)
	if err := t.Check(doc); err != nil {
		return err
	}
	if bytes.IndexByte(doc, '\n') >= 0 { // between tokens: it has no place in a string
		doc = bytes.ReplaceAll(doc, []byte("\n"), []byte(" "))
	}
	var room [64]byte
	now := append(strconv.AppendInt(room[:0], t.w.engine.opts.Now().UnixMilli(), 10), `,"data":`...)
	return t.w.feed.Write(ctx, t.begin, now, doc, end)
}

var end = []byte("}}\n")

// Check tells whether WriteJSON would refuse the record, with the same *RecordError, and writes
// nothing. So a batch can be refused as a whole, in front of its first record.
func (t *TableWriter) Check(record []byte) error {
	if err := t.check(bytes.TrimSpace(record)); err != nil {
		return &RecordError{Table: t.id, Err: err}
	}
	return nil
}

func (t *TableWriter) check(doc []byte) error {
	if len(doc) == 0 || doc[0] != '{' {
		return errNoObject
	}
	if limit := t.w.engine.line; int64(len(doc)) > limit-int64(len(t.begin))-64 {
		return fmt.Errorf("%w: the limit is %d MiB", pipeline.ErrLong, limit>>20)
	}
	if !scan.Valid(doc) {
		return fmt.Errorf("it is not JSON: %w", scan.Explain(doc))
	}
	return checkDepth(doc)
}

// checkDepth refuses a record that is valid by itself and not in its message, where it is two
// levels deeper: encoding/json, which decides about what is deep, takes 10,000. Without this one
// record could end the writer.
func checkDepth(doc []byte) error {
	const deep = 9_990
	if len(doc) < 2*deep || bytes.Count(doc, []byte("{"))+bytes.Count(doc, []byte("[")) < deep {
		return nil
	}
	if message := slices.Concat([]byte(`{"record":{"data":`), doc, []byte(`}}`)); !scan.Valid(message) {
		return fmt.Errorf("it is nested too deep: %w", scan.Explain(message))
	}
	return nil
}

// Write writes one record as encoding/json has it: a struct, or a map. Otherwise it is as WriteJSON. What
// encoding/json can't write is a *RecordError too.
func (t *TableWriter) Write(ctx context.Context, record any) error {
	buf := t.w.buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= 1<<20 {
			t.w.buffers.Put(buf)
		}
	}()
	buf.Reset()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(record); err != nil {
		return &RecordError{Table: t.id, Err: err}
	}
	return t.WriteJSON(ctx, buf.Bytes())
}
