package kafka

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
)

// TestNewWorker: it looks at what it is given, and begins nothing.
func TestNewWorker(t *testing.T) {
	f := func(want string, change func(*setting, *WorkerOptions)) {
		t.Helper()
		defer goleak.VerifyNone(t)
		s := settings(t)
		s.cfg.Endpoint = "file://" + t.TempDir()
		var opts WorkerOptions
		change(s, &opts)
		w, err := NewWorker(t.Context(), &s.cfg, s.catalog, opts)
		if want == "" {
			if err != nil || strings.Join(w.names(), " ") != "sluice.orders sluice.public.users" || w.Progress().Joined {
				t.Errorf("got %+v, %v", w, err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f("", func(*setting, *WorkerOptions) {})
	f("", func(_ *setting, o *WorkerOptions) { o.InstanceID, o.UntilEnd = "worker-0", true })
	f("kafka.brokers", func(s *setting, _ *WorkerOptions) { s.cfg.Kafka.Brokers = "" })
	f(`a worker needs "kafka"`, func(s *setting, _ *WorkerOptions) { s.cfg.Engine = config.EngineLocal })
	f("kafka: ", func(s *setting, _ *WorkerOptions) { s.cfg.Kafka.Brokers = "h:port" })
	f("kafka: ", func(_ *setting, o *WorkerOptions) { o.Client = []kgo.Opt{kgo.ConsumeRegex(), kgo.ConsumerGroup("")} })
	s := settings(t)
	s.cfg.Engine = config.EngineLocal
	_, err := NewWorker(t.Context(), &s.cfg, s.catalog, WorkerOptions{})
	var bad *sluice.PlanError
	if !errors.As(err, &bad) {
		t.Errorf("got %v, want a PlanError", err)
	}
}

// TestUnreachable: brokers that do not answer are named.
func TestUnreachable(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := settings(t)
	s.cfg.Endpoint = "file://" + t.TempDir()
	w, err := NewWorker(t.Context(), &s.cfg, s.catalog, WorkerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "connecting to the brokers 127.0.0.1:1: ") || !strings.Contains(sluice.Advice(err), "kafka.brokers") {
		t.Errorf("got %v", err)
	}
}

func TestProgress(t *testing.T) {
	w := &Worker{partitions: map[id]*partition{}}
	for _, at := range []id{{"b", 0}, {"a", 10}, {"a", 2}} {
		p := newPartition(w, &topicPlan{name: at.topic}, at.number)
		p.committed.Store(5)
		p.end.Store(int64(at.number))
		w.partitions[at] = p
	}
	w.totals = WorkerProgress{Rows: 1, Objects: 2, Bytes: 1_500_000, Epochs: 3}
	p := w.Progress()
	if got := strings.Join(keys(w.partitions), " "); got != "a/2 a/10 b/0" || p.Partitions[0].Partition != 2 || p.Partitions[1].Topic != "a" || w.assigned() != 3 {
		t.Errorf("got %s, %+v", got, p)
	}
	if p.Partitions[0].Lag() != 0 || p.Partitions[1].Lag() != 5 {
		t.Errorf("got %+v", p.Partitions)
	}
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(p.String(), "1 row in 2 objects, 1.5 MB, 3 commits")
	p.Rows, p.Replays, p.DeadLetters = 21, 1, 1
	f(p.String(), "21 rows in 2 objects, 1.5 MB, 3 commits, 1 of them begun by other workers, 1 dead letter")
	f(p.Since(w.totals, 10*time.Second), "2 rows/s, 3 partitions, 5 offsets behind; so far "+p.String())
}
