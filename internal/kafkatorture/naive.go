package kafkatorture

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
)

// Naive is the worker of the control arm: a member of the group that writes what it polls,
// and commits once that is in completed objects. It loses nothing, and doubles what it wrote
// between the two whenever it dies there, or is given up.
func Naive(ctx context.Context, configFile, catalogFile, instance string) error {
	cfg, kafka, err := naiveConfig(configFile)
	if err != nil {
		return err
	}
	// Names of others are never met, so that no object is overwritten.
	cfg.Path += "/" + rand.Text()
	var tables []sluice.Table
	var topics []string
	for _, s := range streams {
		tables = append(tables, sluice.Table{Namespace: s.namespace, Name: s.name, Schema: json.RawMessage(schema)})
		topics = append(topics, (&round{Plan: &Plan{}, pattern: kafka.Pattern}).topic(s))
	}
	w, err := sluice.NewWriter(ctx, cfg, tables, sluice.Options{})
	if err != nil {
		return err
	}
	defer w.Abort()
	opts := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(kafka.Brokers, ",")...), kgo.ConsumerGroup(kafka.Group), kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.SessionTimeout(session), kgo.HeartbeatInterval(time.Second),
	}
	if instance != "" {
		opts = append(opts, kgo.InstanceID(instance))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		if err := naiveTurn(ctx, client, w); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

func naiveTurn(ctx context.Context, client *kgo.Client, w *sluice.Writer) error {
	begin := time.Now()
	for time.Since(begin) < time.Second {
		polling, cancel := context.WithTimeout(ctx, time.Second)
		fetches := client.PollFetches(polling)
		cancel()
		var failed error
		fetches.EachRecord(func(r *kgo.Record) {
			var m struct {
				Record struct {
					Stream, Namespace string
					Data              json.RawMessage
				}
			}
			if err := json.Unmarshal(r.Value, &m); err != nil {
				failed = err
				return
			}
			t, err := w.Table(m.Record.Namespace, m.Record.Stream)
			if err == nil {
				err = t.WriteJSON(ctx, m.Record.Data)
			}
			failed = first(failed, err)
		})
		if failed != nil {
			return failed
		}
		if ctx.Err() != nil {
			return nil // it leaves: what was not committed comes again, to others
		}
	}
	if _, err := w.Checkpoint(ctx); err != nil {
		return fmt.Errorf("a checkpoint: %w", err)
	}
	_ = client.CommitUncommittedOffsets(ctx) // a member that was given up is refused, and goes on
	return nil
}

type naiveKafka struct {
	Brokers string `json:"brokers"`
	Group   string `json:"group"`
	Pattern string `json:"topic_pattern"`
}

// naiveConfig takes a worker's config apart.
func naiveConfig(file string) (*config.Config, *naiveKafka, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, nil, err
	}
	kafka := &naiveKafka{}
	if err := json.Unmarshal(all["kafka"], kafka); err != nil {
		return nil, nil, err
	}
	delete(all, "kafka")
	delete(all, "engine")
	if raw, err = json.Marshal(all); err != nil {
		return nil, nil, err
	}
	cfg, _, err := config.Parse(raw)
	return cfg, kafka, err
}
