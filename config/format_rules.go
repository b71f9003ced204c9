package config

import (
	"encoding/json"
	"fmt"
	"strings"
)

// rules checks what a JSON Schema cannot say of the options of the format that Type names.
func (f *Format) rules(p *problems) {
	switch f.Type {
	case FormatCSV:
		f.CSV.rules(p)
	case FormatJSONL:
	case FormatAvro:
		f.Avro.NumberType.rules(p)
	case FormatParquet:
		f.Parquet.NumberType.rules(p)
		f.Parquet.rules(p)
	}
}

func (c *CSV) rules(p *problems) {
	const field = "format.null_value"
	if strings.ContainsAny(c.NullValue, "\"\r\n"+c.Delimiter) {
		p.add(field, c.NullValue, "must contain no delimiter, quote or line end")
	} else if c.Quoting != QuoteAll && bareValue(c.NullValue) {
		p.add(field, c.NullValue, "must not read as a number or a boolean, which are written without quotes too")
	}
}

// bareValue reports whether text is a JSON number or boolean.
func bareValue(text string) bool {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return false
	}
	switch v.(type) {
	case float64, bool:
		return true
	}
	return false
}

func (n NumberType) rules(p *problems) {
	if precision, scale, ok := n.Decimal(); ok && scale > precision {
		p.add("format.number_type", string(n), "must have no more digits behind the point than in all")
	}
}

func (q *Parquet) rules(p *problems) {
	const field = "format.compression_level"
	highest := map[string]int{"GZIP": 9, "BROTLI": 11, "ZSTD": 22}[q.Codec]
	switch {
	case q.Level == 0:
	case highest == 0:
		p.add(field, q.Level, `allowed only together with the compression_codec "GZIP", "BROTLI" or "ZSTD"`)
	case q.Level > highest:
		p.add(field, q.Level, fmt.Sprintf("must be from 1 to %d for %s", highest, q.Codec))
	}
}
