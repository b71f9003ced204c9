package stages

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sluice-data/sluice/pipeline"
)

// BenchmarkStages measures each stage on a batch of 512 KiB of flat records. The bytes are
// those of the input, so the figures can be compared with each other.
func BenchmarkStages(b *testing.B) {
	c := NewCatalog([]*Table{table("orders", "id", "customer", "status", "total", "date", "priority", "comment", "address")})
	var in bytes.Buffer
	for i := 0; in.Len() < 512<<10; i++ {
		in.WriteString(record("orders", fmt.Sprintf(`{"id":%d,"customer":%d,"status":"SHIPPED","total":%d.37,"date":"2024-03-%02d","priority":"2-HIGH","comment":"carefully final deposits sleep above the ironic requests","address":{"city":"Bern","zip":"3011"}}`,
			i, i*7, i*31, i%28+1)) + "\n")
	}
	decode, stamp := NewDecode(c), NewStamp(rand.NewChaCha8([32]byte{}), time.Now)
	flatten, encode := NewFlatten(c), NewEncode(c)
	batch := &pipeline.Batch{Line: 1, Input: in.Bytes()}
	steps := []struct {
		name    string
		process func(context.Context, *pipeline.Batch) error
		reset   func()
	}{
		{"decode", decode.Process, func() {
			batch.Records, batch.Marks, batch.Values = batch.Records[:0], batch.Marks[:0], batch.Values[:0]
		}},
		{"stamp", stamp.Process, func() {}},
		{"flatten", flatten.Process, func() { batch.Columns, batch.Extra = batch.Columns[:0], batch.Extra[:0] }},
		{"encode", encode.Process, func() { batch.Output, batch.Segments = batch.Output[:0], batch.Segments[:0] }},
	}
	for _, s := range steps {
		b.Run(s.name, func(b *testing.B) {
			b.SetBytes(int64(in.Len()))
			b.ReportAllocs()
			for b.Loop() {
				s.reset()
				if err := s.process(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	if len(batch.Records) == 0 || batch.Records[len(batch.Records)-1].End != len(batch.Output) {
		b.Fatalf("%d records, %d bytes", len(batch.Records), len(batch.Output))
	}
}
