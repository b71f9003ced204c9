package kafkatest

import (
	"io"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/generate"
	"github.com/sluice-data/sluice/kafka"
)

// BenchmarkFront is what rows take on their way into a broker that forgets them, with each of the
// compressions. An operation is a block of about 4 MB, of rows of 567 bytes.
func BenchmarkFront(b *testing.B) {
	f := func(name string, codec kgo.CompressionCodec) {
		b.Run(name, func(b *testing.B) { benchmark(b, kgo.ProducerBatchCompression(codec)) })
	}
	f("snappy", kgo.SnappyCompression())
	f("lz4", kgo.Lz4Compression())
	f("zstd", kgo.ZstdCompression())
	f("none", kgo.NoCompression())
}

func benchmark(b *testing.B, opts ...kgo.Opt) {
	generator, err := generate.Find("tpch-lineitem")
	if err != nil {
		b.Fatal(err)
	}
	work := generator.Make(1, 4<<20)
	catalog, err := airbyte.ParseCatalog(work.Catalog)
	if err != nil {
		b.Fatal(err)
	}
	brokers := cluster(b, kfake.BlackholeProduce())
	cfg := brokers.config(func(c *config.Config) { c.Kafka.Partitions = 12 })
	topic, err := kafka.TopicOf(&cfg.Kafka, catalog.Streams[0].ID)
	if err != nil {
		b.Fatal(err)
	}
	front, err := kafka.OpenFront(b.Context(), cfg, catalog, kafka.Options{Client: opts})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(work.Block)))
	b.ReportAllocs()
	b.ResetTimer()
	ended := make(chan error, 1)
	go func() {
		_, err := front.Run(b.Context(), &blocks{block: work.Block, left: b.N}, func([]byte) error { return nil })
		ended <- err
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-tick.C:
			if p := front.Progress(); p.Ended && p.Memory == 0 {
				brokers.commit("sluice", brokers.ends(topic))
			}
		case err := <-ended:
			if err != nil {
				b.Fatal(err)
			}
			running = false
		}
	}
	b.ReportMetric(float64(b.N*work.Records)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(front.Progress().Bytes)/float64(b.N*len(work.Block)), "sent/B")
}

// blocks gives a block so many times.
type blocks struct {
	block []byte
	left  int
	at    int
}

func (b *blocks) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.block[b.at:])
	if b.at += n; b.at == len(b.block) {
		b.at, b.left = 0, b.left-1
	}
	return n, nil
}
