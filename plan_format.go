package sluice

import (
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/compress"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/avro"
	"github.com/sluice-data/sluice/format/parquet"
	"github.com/sluice-data/sluice/format/typed"
	"github.com/sluice-data/sluice/internal/budget"
)

// encoder is that of a table in the config's format.
func encoder(f *config.Format, s *airbyte.Stream, table *format.Table) (format.Encoder, error) {
	switch f.Type {
	case config.FormatJSONL:
		return format.NewJSONL(*table), nil
	case config.FormatParquet:
		return parquetEncoder(&f.Parquet, s, table)
	case config.FormatAvro:
		return avroEncoder(&f.Avro, s, table)
	case config.FormatCSV:
	}
	return format.NewCSV(dialect(f.CSV), *table), nil
}

func avroEncoder(o *config.Avro, s *airbyte.Stream, table *format.Table) (format.Encoder, error) {
	rows, err := typedRows(string(o.NumberType), s, table)
	if err != nil {
		return nil, err
	}
	codec, err := avro.NewCodec(o.Codec.Codec, &o.Codec.Level, o.Codec.IncludeChecksum)
	if err != nil {
		return nil, err
	}
	return avro.New(rows, s.ID.Namespace, s.ID.Name, codec)
}

func parquetEncoder(o *config.Parquet, s *airbyte.Stream, table *format.Table) (format.Encoder, error) {
	rows, err := typedRows(string(o.NumberType), s, table)
	if err != nil {
		return nil, err
	}
	return parquet.New(rows.Root(), rows, parquet.Options{
		Codec: o.Codec, Level: o.Level, GroupSize: int64(o.BlockSizeMB) << 20, PageSize: o.PageSizeKB << 10,
		DictSize: o.DictionaryPageSizeKB << 10, NoDictionary: !o.DictionaryEncoding, CreatedBy: "sluice version " + Version,
	})
}

// typedRows makes the encoder of rows with typed columns.
func typedRows(numberType string, s *airbyte.Stream, table *format.Table) (*typed.Encoder, error) {
	numbers, err := typed.ParseNumbers(numberType)
	if err != nil {
		return nil, err
	}
	return typed.New(table, s.Schema, numbers)
}

// copies is how many there are of a giant record at the same time.
func copies(f config.FormatType) int64 {
	switch f {
	case config.FormatParquet:
		return budget.ParquetCopies
	case config.FormatAvro:
		return budget.AvroCopies
	case config.FormatCSV, config.FormatJSONL:
	}
	return budget.TextCopies
}

// codec is how objects are compressed; nil: not at all.
func codec(c config.Compression) compress.Codec {
	switch c.Type {
	case config.CompressionGZIP:
		return compress.Gzip(c.Level)
	case config.CompressionZSTD:
		return compress.Zstd(c.Level)
	case config.CompressionNone:
	}
	return nil
}

func dialect(csv config.CSV) format.Dialect {
	d := format.Dialect{Delimiter: csv.Delimiter[0], LineEnd: "\r\n", Null: csv.NullValue, Header: csv.Header}
	if csv.LineEnding == config.LineEndingLF {
		d.LineEnd = "\n"
	}
	switch csv.Quoting {
	case config.QuoteAll:
		d.Quoting = format.QuoteAll
	case config.QuoteMinimal:
		d.Quoting = format.QuoteMinimal
	case config.QuoteNonNumeric:
	}
	return d
}
