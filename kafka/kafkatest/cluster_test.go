package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/config"
)

// patience is for what should come at once, and is late on a machine that is busy.
const patience = 30 * time.Second

// brokers are a cluster in this process.
type brokers struct {
	t testing.TB
	*kfake.Cluster
	client *kgo.Client
	admin  *kadm.Client
}

// cluster starts one broker, unless the options want more.
func cluster(t testing.TB, opts ...kfake.Opt) *brokers {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	b := &brokers{t: t, Cluster: c}
	b.client = b.dial()
	b.admin = kadm.NewClient(b.client)
	t.Cleanup(func() {
		b.client.Close()
		c.Close()
	})
	return b
}

// dial makes a client of the cluster.
func (b *brokers) dial(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.ListenAddrs()...)}, opts...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// config is a valid one for the engine "kafka" and this cluster, with three partitions.
func (b *brokers) config(change func(*config.Config)) *config.Config {
	cfg := config.Default()
	cfg.Bucket, cfg.Path, cfg.Region = "bucket", "data", "us-east-1"
	cfg.Engine = config.EngineKafka
	cfg.Kafka.Brokers = strings.Join(b.ListenAddrs(), ",")
	cfg.Kafka.Partitions = 3
	if change != nil {
		change(&cfg)
	}
	return &cfg
}

// commit commits offsets by hand, as a worker does that has all in front of them in objects. Without
// offsets, all that is in the topics.
func (b *brokers) commit(group string, offsets kadm.Offsets) {
	b.t.Helper()
	if err := b.admin.CommitAllOffsets(b.t.Context(), group, offsets); err != nil {
		b.t.Fatal(err)
	}
}

// offsetOf is an offset of partition 0.
func offsetOf(topic string, at int64) kadm.Offsets {
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, at, -1)
	return offsets
}

// ends are the offsets behind the last records of a topic.
func (b *brokers) ends(topics ...string) kadm.Offsets {
	b.t.Helper()
	listed, err := b.admin.ListEndOffsets(b.t.Context(), topics...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return listed.Offsets()
}

// read returns the first n records of the topics.
func (b *brokers) read(n int, topics ...string) []*kgo.Record {
	b.t.Helper()
	c := b.dial(kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer c.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	var all []*kgo.Record
	for len(all) < n {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			b.t.Fatalf("read %d of %d records: %v", len(all), n, err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

// journal is a log that tests wait on.
type journal struct {
	mu    sync.Mutex
	cond  *sync.Cond
	lines []string
}

func newJournal() *journal {
	j := &journal{}
	j.cond = sync.NewCond(&j.mu)
	return j
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(p))
	j.cond.Broadcast()
	return len(p), nil
}

// wait waits until a line has the text in it.
func (j *journal) wait(t testing.TB, text string) {
	t.Helper()
	eventually(t, fmt.Sprintf("log line with %q", text), &j.mu, j.cond, func() bool {
		return strings.Contains(strings.Join(j.lines, ""), text)
	})
}

// has reports whether a line has the text in it.
func (j *journal) has(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(strings.Join(j.lines, ""), text)
}

// eventually waits for a condition that is signalled.
func eventually(t testing.TB, what string, mu *sync.Mutex, cond *sync.Cond, holds func() bool) {
	t.Helper()
	late := errors.New("late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, late)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		cond.Broadcast()
	})()
	mu.Lock()
	defer mu.Unlock()
	for !holds() {
		if ctx.Err() != nil {
			t.Fatalf("%s: waited for it in vain", what)
		}
		cond.Wait()
	}
}

// join makes somebody a member of the group, until leave.
func (b *brokers) join(group string, topics ...string) (leave func()) {
	b.t.Helper()
	c := b.dial(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...), kgo.DisableAutoCommit())
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	if _, err := b.WaitGroupStable(ctx, group, 1); err != nil {
		c.Close()
		b.t.Fatal(err)
	}
	var once sync.Once
	return func() { once.Do(func() { c.Close() }) }
}
