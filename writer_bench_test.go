package sluice_test

import (
	"fmt"
	gosync "sync"
	"testing"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/bench"
	"github.com/sluice-data/sluice/config"
)

// BenchmarkWriter is what WriteJSON takes, all the way to a store that discards. An operation is
// a record.
func BenchmarkWriter(b *testing.B) {
	record := []byte(`{"id":1234567,"account":"0a6cf2c4-7b1d-4d5e-9c55-2b6c7f1d9e10","name":"Ada Lovelace","email":"ada@example.com","active":true,` +
		`"balance":50000.10,"currency":"EUR","created_at":"2026-11-22T10:00:00.123Z","updated_at":"2026-11-22T10:00:00.456Z","tags":["a","b","c"],` +
		`"address":{"street":"12 St James's Square","city":"London","postcode":"SW1Y 4JH"},"note":"a text that says \"something\", and is not short","score":0.75,"empty":null}`)
	cfg := settings()
	cfg.Format.CSV.Flattening = config.FlatteningRoot
	schema := []byte(`{"properties":{"id":{},"account":{},"name":{},"email":{},"active":{},"balance":{},"currency":{},"created_at":{},
		"updated_at":{},"tags":{},"address":{},"note":{},"score":{},"empty":{}}}`)
	for _, goroutines := range []int{1, 8} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			w, err := sluice.NewWriter(b.Context(), cfg, []sluice.Table{{Name: "a", Schema: schema}}, sluice.Options{Store: &bench.Discard{}})
			if err != nil {
				b.Fatal(err)
			}
			defer w.Abort()
			a, err := w.Table("", "a")
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			b.ResetTimer()
			var all gosync.WaitGroup
			for i := range goroutines {
				all.Go(func() {
					for n := i; n < b.N; n += goroutines {
						if err := a.WriteJSON(b.Context(), record); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			if _, err := w.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
