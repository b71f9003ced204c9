package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/config"
)

// Check proves that brokers answer, and that the user may see what the workers commit. It makes no
// topics, and joins no group. What is in the store is for sluice.Check.
func Check(ctx context.Context, cfg *config.Config, opts Options) error {
	opts = opts.complete()
	// A check is somebody waiting in front of a form: an outage is not sat out.
	const patience = 15 * time.Second
	slow := errors.New("no answer")
	ctx, cancel := context.WithTimeoutCause(ctx, patience, slow)
	defer cancel()
	client, err := kgo.NewClient(clientOptions(&cfg.Kafka, opts.Log, "check", opts.Client)...)
	if err != nil {
		return &Error{Doing: "kafka", Class: Setting, Err: err}
	}
	defer client.Close()
	c := newCluster(&cfg.Kafka, client)
	doing := "speaking to the brokers " + cfg.Kafka.Brokers
	meta, err := c.admin.BrokerMetadata(ctx)
	if err == nil {
		if n := len(meta.Brokers); int(cfg.Kafka.ReplicationFactor) > n {
			err := fmt.Errorf("kafka.replication_factor is %d: %w", cfg.Kafka.ReplicationFactor, kerr.InvalidReplicationFactor)
			return wrong(fmt.Sprintf("the cluster has %d brokers", n), err)
		}
		doing = "looking at the group " + cfg.Kafka.Group
		if _, err = c.members(ctx); err == nil {
			_, err = c.committed(ctx, nil)
		}
	}
	if err != nil && errors.Is(context.Cause(ctx), slow) {
		err = fmt.Errorf("no answer in %s: %w", patience, context.DeadlineExceeded)
	}
	return wrong(doing, err)
}
