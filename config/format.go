package config

import (
	"encoding/json"
	"fmt"
)

// Format is the format of the objects: Type, and the options of the one that it names. The
// options of the others are there too, so that a program can change Type alone.
type Format struct {
	Type    FormatType
	CSV     CSV
	JSONL   JSONL
	Avro    Avro
	Parquet Parquet
}

// FormatType names a format.
type FormatType string

// The formats.
const (
	FormatCSV     FormatType = "CSV"
	FormatJSONL   FormatType = "JSONL"
	FormatAvro    FormatType = "Avro"
	FormatParquet FormatType = "Parquet"
)

// CSV has the options of FormatCSV.
type CSV struct {
	Flattening       Flattening       `json:"flattening"`
	Compression      Compression      `json:"compression"`
	Quoting          Quoting          `json:"quoting"`
	Delimiter        string           `json:"delimiter"` // one ASCII character
	LineEnding       LineEnding       `json:"line_ending"`
	Header           bool             `json:"header"`
	NullValue        string           `json:"null_value"`
	UndeclaredFields UndeclaredFields `json:"undeclared_fields"`
}

// JSONL has the options of FormatJSONL.
type JSONL struct {
	Flattening       Flattening       `json:"flattening"`
	Compression      Compression      `json:"compression"`
	UndeclaredFields UndeclaredFields `json:"undeclared_fields"`
}

// Avro has the options of FormatAvro.
type Avro struct {
	Codec            AvroCodec        `json:"compression_codec"`
	NumberType       NumberType       `json:"number_type"`
	UndeclaredFields UndeclaredFields `json:"undeclared_fields"`
}

// AvroCodec is a codec of Avro's container files, by Airbyte's name for it. Level is for
// "Deflate", "xz" and "zstandard", IncludeChecksum for "zstandard".
type AvroCodec struct {
	Codec           string `json:"codec"`
	Level           int    `json:"compression_level"`
	IncludeChecksum bool   `json:"include_checksum"`
}

// Parquet has the options of FormatParquet. Level is for the codecs GZIP, BROTLI and ZSTD; 0 is
// automatic.
type Parquet struct {
	Codec                string           `json:"compression_codec"`
	Level                int              `json:"compression_level,omitzero"`
	BlockSizeMB          int              `json:"block_size_mb"`
	MaxPaddingSizeMB     int              `json:"max_padding_size_mb"`
	PageSizeKB           int              `json:"page_size_kb"`
	DictionaryPageSizeKB int              `json:"dictionary_page_size_kb"`
	DictionaryEncoding   bool             `json:"dictionary_encoding"`
	NumberType           NumberType       `json:"number_type"`
	UndeclaredFields     UndeclaredFields `json:"undeclared_fields"`
}

// NumberType is what a field of numbers becomes in a format with typed columns.
type NumberType string

// The types of numbers, beside decimals of another size.
const (
	NumberDecimal NumberType = "decimal(38,18)"
	NumberDouble  NumberType = "double"
	NumberString  NumberType = "string"
)

// Decimal returns the digits of a decimal, and how many of them are behind the point. It is not
// ok if the type is none.
func (n NumberType) Decimal() (precision, scale int, ok bool) {
	_, err := fmt.Sscanf(string(n), "decimal(%d,%d)", &precision, &scale)
	return precision, scale, err == nil
}

// Flattening says how a record becomes columns.
type Flattening string

// The ways to flatten.
const (
	FlatteningNone Flattening = "No flattening"
	FlatteningRoot Flattening = "Root level flattening"
)

// Compression is how objects are compressed. Level 0 is automatic.
type Compression struct {
	Type  CompressionType `json:"compression_type"`
	Level int             `json:"compression_level,omitzero"`
}

// CompressionType names a compression.
type CompressionType string

// The compressions.
const (
	CompressionNone CompressionType = "No Compression"
	CompressionGZIP CompressionType = "GZIP"
	CompressionZSTD CompressionType = "ZSTD"
)

// Quoting says which CSV cells are quoted.
type Quoting string

// The ways to quote.
const (
	QuoteNonNumeric Quoting = "non_numeric"
	QuoteAll        Quoting = "all"
	QuoteMinimal    Quoting = "minimal"
)

// LineEnding names what ends a CSV line.
type LineEnding string

// The line endings.
const (
	LineEndingCRLF LineEnding = "CRLF"
	LineEndingLF   LineEnding = "LF"
)

// UndeclaredFields says what becomes of fields that the stream's schema does not have.
type UndeclaredFields string

// What can become of undeclared fields.
const (
	UndeclaredDrop UndeclaredFields = "drop"
	UndeclaredKeep UndeclaredFields = "keep"
)

func defaultFormat() Format {
	none := Compression{Type: CompressionNone}
	return Format{
		Type: FormatCSV,
		CSV: CSV{
			Flattening:       FlatteningNone,
			Compression:      none,
			Quoting:          QuoteNonNumeric,
			Delimiter:        ",",
			LineEnding:       LineEndingCRLF,
			Header:           true,
			UndeclaredFields: UndeclaredDrop,
		},
		JSONL: JSONL{Flattening: FlatteningNone, Compression: none, UndeclaredFields: UndeclaredKeep},
		Avro:  Avro{Codec: AvroCodec{Codec: "no compression"}, NumberType: NumberDecimal, UndeclaredFields: UndeclaredDrop},
		Parquet: Parquet{
			Codec:                "UNCOMPRESSED",
			BlockSizeMB:          128,
			MaxPaddingSizeMB:     8,
			PageSizeKB:           1024,
			DictionaryPageSizeKB: 1024,
			DictionaryEncoding:   true,
			NumberType:           NumberDecimal,
			UndeclaredFields:     UndeclaredDrop,
		},
	}
}

// Flattening returns how a record becomes columns. Avro and Parquet always flatten.
func (f *Format) Flattening() Flattening {
	switch f.Type {
	case FormatCSV:
		return f.CSV.Flattening
	case FormatJSONL:
		return f.JSONL.Flattening
	case FormatAvro, FormatParquet:
	}
	return FlatteningRoot
}

// UndeclaredFields returns what becomes of undeclared fields where records are flattened.
func (f *Format) UndeclaredFields() UndeclaredFields {
	switch f.Type {
	case FormatCSV:
		return f.CSV.UndeclaredFields
	case FormatJSONL:
		return f.JSONL.UndeclaredFields
	case FormatAvro:
		return f.Avro.UndeclaredFields
	case FormatParquet:
		return f.Parquet.UndeclaredFields
	}
	return UndeclaredDrop
}

// Compression returns how objects are compressed as a whole. Avro and Parquet have codecs of their
// own inside.
func (f *Format) Compression() Compression {
	switch f.Type {
	case FormatCSV:
		return f.CSV.Compression
	case FormatJSONL:
		return f.JSONL.Compression
	case FormatAvro, FormatParquet:
	}
	return Compression{Type: CompressionNone}
}

// WithoutLevels returns the format without how hard it tries to compress: what decides about rows,
// and not about the bytes that they are packed into.
func (f Format) WithoutLevels() Format {
	f.CSV.Compression.Level, f.JSONL.Compression.Level = 0, 0
	f.Avro.Codec.Level, f.Parquet.Level = 0, 0
	return f
}

// options returns a pointer to the options of the format that Type names, or nil.
func (f *Format) options() any {
	switch f.Type {
	case FormatCSV:
		return &f.CSV
	case FormatJSONL:
		return &f.JSONL
	case FormatAvro:
		return &f.Avro
	case FormatParquet:
		return &f.Parquet
	}
	return nil
}

// MarshalJSON writes the format as it stands in a config: format_type and the options of
// that format side by side.
func (f Format) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(map[string]FormatType{"format_type": f.Type})
	if err != nil || f.options() == nil {
		return head, err
	}
	tail, err := json.Marshal(f.options())
	if err != nil {
		return nil, err
	}
	// Both are objects with at least one key: join them at their braces.
	return append(append(head[:len(head)-1], ','), tail[1:]...), nil
}

// UnmarshalJSON is the reverse of MarshalJSON. Options that are absent stay as they are.
func (f *Format) UnmarshalJSON(text []byte) error {
	var head struct {
		Type FormatType `json:"format_type"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return err
	}
	f.Type = head.Type
	options := f.options()
	if options == nil {
		return fmt.Errorf("format_type %q is not known", f.Type)
	}
	return json.Unmarshal(text, options)
}
