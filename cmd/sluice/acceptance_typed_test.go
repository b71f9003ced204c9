package main

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/twmb/avro/ocf"
)

// typedFormats are the configs that Airbyte's suite has for formats whose columns have types.
var typedFormats = map[string]fields{
	"AvroUncompressed":    {"format_type": "Avro", "compression_codec": fields{"codec": "no compression"}},
	"AvroBzip2":           {"format_type": "Avro", "compression_codec": fields{"codec": "bzip2"}},
	"ParquetUncompressed": {"format_type": "Parquet", "compression_codec": "UNCOMPRESSED"},
	"ParquetSnappy":       {"format_type": "Parquet", "compression_codec": "SNAPPY"},
}

// TestAcceptanceTyped writes all records of TestAcceptanceValues in one sync, also those that are not what
// their schemas say: each is a row, and the ids of rows come back from the files. Their values are
// compared by the readers of make e2e.
func TestAcceptanceTyped(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	for config, format := range typedFormats {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			listed(t, config)
			at := inBucket(t)
			j := job{config: fields{"format": format, "metadata_columns": "v2"}}
			var input []string
			for _, v := range values {
				j.streams = append(j.streams, stream{name: v.name, schema: v.schema, sync: 42, gen: 1})
				for _, data := range v.data {
					input = append(input, record(v.name, data))
				}
				input = append(input, status(v.name, "COMPLETE"))
			}
			at.sync(j, input...).ok()
			for _, v := range values {
				ids := map[string]bool{}
				for _, key := range at.keysIn("data/" + v.name) {
					read := avroIDs
					if strings.HasSuffix(key, ".parquet") {
						read = parquetIDs
					}
					for _, id := range read(t, at.bytes(key)) {
						ids[id] = true
					}
				}
				if len(ids) != len(v.data) {
					t.Errorf("%s: %d rows, not %d", v.name, len(ids), len(v.data))
				}
			}
		})
	}
}

func parquetIDs(t *testing.T, text string) (ids []string) {
	t.Helper()
	type row struct {
		ID string `parquet:"_airbyte_raw_id"`
	}
	rows, err := parquet.Read[row](strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

func avroIDs(t *testing.T, text string) (ids []string) {
	t.Helper()
	r, err := ocf.NewReader(strings.NewReader(text), ocf.WithCodec(readBzip2{}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for {
		var row any
		if err := r.Decode(&row); errors.Is(err, io.EOF) {
			return ids
		} else if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, fmt.Sprint(row.(map[string]any)["_airbyte_raw_id"]))
	}
}

// readBzip2 is a codec that the library does not bring along.
type readBzip2 struct{}

func (readBzip2) Name() string                    { return "bzip2" }
func (readBzip2) Compress([]byte) ([]byte, error) { return nil, errors.ErrUnsupported }
func (readBzip2) Decompress(b []byte) ([]byte, error) {
	return io.ReadAll(bzip2.NewReader(bytes.NewReader(b)))
}
func (readBzip2) Close() error { return nil }
