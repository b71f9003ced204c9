package config

import (
	"reflect"
	"testing"
)

// jsonl, avro and parquet are as csv, of those formats.
func jsonl(options string) string { return `"format": {"format_type": "JSONL", ` + options + `}` }
func avro(options string) string  { return `"format": {"format_type": "Avro", ` + options + `}` }
func parquet(options string) string {
	return `"format": {"format_type": "Parquet", ` + options + `}`
}

const (
	numberAllowed = `must be "double", "string", or "decimal(P,S)" with P from 1 to 38 and S from 0 to P`
)

func TestFormatErrors(t *testing.T) {
	for _, c := range []struct{ fragment, want string }{
		{parquet(`"page_size_kb": 0`), `format.page_size_kb is 0: must be from 1 to 2147483647`},
		{parquet(`"compression_codec": "LZO"`), `format.compression_codec is "LZO": this version of sluice can't write it: use "SNAPPY" or "ZSTD"`},
		{parquet(`"compression_codec": "GZIP", "compression_level": 10`), `format.compression_level is 10: must be from 1 to 9 for GZIP`},
		{parquet(`"compression_codec": "BROTLI", "compression_level": 12`), `format.compression_level is 12: must be from 1 to 11 for BROTLI`},
		{parquet(`"compression_codec": "ZSTD", "compression_level": 23`), `format.compression_level is 23: must be from 1 to 22`},
		{parquet(`"compression_codec": "SNAPPY", "compression_level": 1`), `format.compression_level is 1: allowed only together with the compression_codec "GZIP", "BROTLI" or "ZSTD"`},
		{parquet(`"number_type": "float"`), `format.number_type is "float": ` + numberAllowed},
		{parquet(`"number_type": "decimal(39,0)"`), `format.number_type is "decimal(39,0)": ` + numberAllowed},
		{parquet(`"number_type": "decimal(0,0)"`), `format.number_type is "decimal(0,0)": ` + numberAllowed},
		{parquet(`"number_type": "decimal(10, 2)"`), `format.number_type is "decimal(10, 2)": ` + numberAllowed},
		{parquet(`"number_type": "decimal(4,5)"`), `format.number_type is "decimal(4,5)": must have no more digits behind the point than in all`},
		{avro(`"number_type": "decimal(4,5)"`), `format.number_type is "decimal(4,5)": must have no more digits behind the point than in all`},
		{avro(`"undeclared_fields": "ask"`), `format.undeclared_fields is "ask": allowed are "drop", "keep"`},
		{avro(`"compression_codec": {"codec": "zip"}`), `format.compression_codec.codec is "zip": allowed are "no compression", "Deflate", "bzip2", "xz", "zstandard", "snappy"`},
		{avro(`"compression_codec": {"codec": "Deflate", "compression_level": 10}`), `format.compression_codec.compression_level is 10: must be from 0 to 9`},
		{avro(`"compression_codec": {"codec": "xz", "compression_level": -1}`), `format.compression_codec.compression_level is -1: must be from 0 to 9`},
		{avro(`"compression_codec": {"codec": "zstandard", "compression_level": -6}`), `format.compression_codec.compression_level is -6: must be from -5 to 22`},
		{avro(`"compression_codec": {"codec": "zstandard", "include_checksum": 1}`), `format.compression_codec.include_checksum is 1: must be true or false`},
		{jsonl(`"flattening": "root"`), `format.flattening is "root": allowed are "No flattening", "Root level flattening"`},
		{jsonl(`"compression": {"compression_type": "LZ4"}`), `format.compression.compression_type is "LZ4": allowed are "No Compression", "GZIP", "ZSTD"`},
		{jsonl(`"undeclared_fields": "warn"`), `format.undeclared_fields is "warn": allowed are "keep", "drop"`},
	} {
		_, _, err := Parse(with(t, c.fragment))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.fragment, err, c.want)
		}
	}
}

// What all formats have, or stand for.
func TestFormatOptions(t *testing.T) {
	gzip, none := Compression{Type: CompressionGZIP, Level: 3}, Compression{Type: CompressionNone}
	f := func(format FormatType, flattening Flattening, fields UndeclaredFields, compression Compression) {
		t.Helper()
		c := Default().Format
		if c.Type = format; c.UndeclaredFields() == c.withOther().UndeclaredFields() {
			t.Errorf("%s has the undeclared fields of another format", format)
		}
		c.CSV.Compression, c.JSONL.Compression = gzip, gzip
		if c.Flattening() != flattening || c.UndeclaredFields() != fields || c.Compression() != compression {
			t.Errorf("%s: %s, %s, %v", format, c.Flattening(), c.UndeclaredFields(), c.Compression())
		}
	}
	f(FormatCSV, FlatteningNone, UndeclaredDrop, gzip)
	f(FormatJSONL, FlatteningNone, UndeclaredKeep, gzip)
	f(FormatAvro, FlatteningRoot, UndeclaredDrop, none)
	f(FormatParquet, FlatteningRoot, UndeclaredDrop, none)
}

// withOther turns round what becomes of the undeclared fields of the format that Type names.
func (f Format) withOther() *Format {
	options := reflect.ValueOf(f.options()).Elem().FieldByName("UndeclaredFields")
	if options.String() == string(UndeclaredKeep) {
		options.SetString(string(UndeclaredDrop))
	} else {
		options.SetString(string(UndeclaredKeep))
	}
	return &f
}

func TestDecimal(t *testing.T) {
	f := func(n NumberType, precision, scale int, ok bool) {
		t.Helper()
		if p, s, is := n.Decimal(); is != ok || ok && (p != precision || s != scale) {
			t.Errorf("%s: %d, %d, %v", n, p, s, is)
		}
	}
	f(NumberDecimal, 38, 18, true)
	f("decimal(7,0)", 7, 0, true)
	f(NumberDouble, 0, 0, false)
	f(NumberString, 0, 0, false)
}

// The levels of all formats, and nothing else.
func TestWithoutLevels(t *testing.T) {
	f := defaultFormat()
	want := f
	f.CSV.Compression.Level, f.JSONL.Compression.Level, f.Avro.Codec.Level, f.Parquet.Level = 1, 2, 3, 4
	if got := f.WithoutLevels(); got != want || f.Parquet.Level != 4 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
