package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-data/sluice/config"
)

// cluster is what the front asks the brokers for, beside taking its rows.
type cluster struct {
	cfg    *config.Kafka
	client *kgo.Client
	admin  *kadm.Client
}

func newCluster(cfg *config.Kafka, client *kgo.Client) *cluster {
	return &cluster{cfg: cfg, client: client, admin: kadm.NewClient(client)}
}

// found is a topic as the brokers have it.
type found struct {
	id         [16]byte
	partitions int
	err        error // why it can't be used now
}

// sizesOf are the numbers of their partitions.
func sizesOf(topics map[string]found) map[string]int {
	all := map[string]int{}
	for name, t := range topics {
		all[name] = t.partitions
	}
	return all
}

// look asks for topics. kadm's answer may be some seconds old, and whether a topic is still the same
// one has to be known now.
func (c *cluster) look(ctx context.Context, names []string) (map[string]found, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{} // nil would be all topics
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return nil, wrong("asking the brokers for their topics", err)
	}
	all := map[string]found{}
	for _, t := range resp.Topics {
		f := found{id: t.TopicID, partitions: len(t.Partitions), err: kerr.ErrorForCode(t.ErrorCode)}
		for _, p := range t.Partitions {
			if f.err == nil && p.Leader < 0 {
				f.err = kerr.LeaderNotAvailable
			}
		}
		if t.Topic != nil {
			all[*t.Topic] = f
		}
	}
	return all, nil
}

// topics looks the topics up, and makes those that do not exist.
func (c *cluster) topics(ctx context.Context, names []string) (map[string]found, error) {
	all, err := c.look(ctx, names)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		if errors.Is(all[name].err, kerr.UnknownTopicOrPartition) {
			missing = append(missing, name)
		}
	}
	if err := c.create(ctx, missing); err != nil {
		return nil, err
	}
	for begin := time.Now(); ; {
		name, err := unusable(names, all)
		if err == nil {
			return all, nil
		}
		// The brokers tell each other of a new topic in their own time.
		const patience = 30 * time.Second
		var answer *kerr.Error
		if !errors.As(err, &answer) || !answer.Retriable || time.Since(begin) > patience {
			return nil, wrong("looking at the topic "+name, err)
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
		if all, err = c.look(ctx, names); err != nil {
			return nil, err
		}
	}
}

// unusable finds a topic that can't be used, and tells why.
func unusable(names []string, all map[string]found) (string, error) {
	for _, name := range names {
		t, there := all[name]
		switch {
		case !there:
			return name, kerr.UnknownTopicOrPartition
		case t.err != nil:
			return name, t.err
		case t.id == [16]byte{}:
			return name, fmt.Errorf("the brokers do not tell its id: %w", kerr.UnsupportedVersion)
		}
	}
	return "", nil
}

// create makes topics. Another front, or a broker, may be quicker.
func (c *cluster) create(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	made, err := c.admin.CreateTopics(ctx, c.cfg.Partitions, c.cfg.ReplicationFactor, nil, names...)
	if err != nil {
		return wrong("creating topics", err)
	}
	for _, t := range made.Sorted() {
		if t.Err == nil || errors.Is(t.Err, kerr.TopicAlreadyExists) {
			continue
		}
		err := t.Err
		if t.ErrMessage != "" {
			err = fmt.Errorf("%w (%s)", err, t.ErrMessage)
		}
		return wrong(fmt.Sprintf("creating the topic %s with partitions: %d and replication factor: %d", t.Topic, c.cfg.Partitions, c.cfg.ReplicationFactor), err)
	}
	return nil
}

// Sizes of record batches. The default is what brokers take where nobody has set another one.
const (
	leastBatch   = 512
	defaultBatch = 1_000_012
	mostBatch    = 64 << 20 // a request may have 100 MiB (socket.request.max.bytes)
)

// batches tells how large a record batch may be, by topic. Who may not ask gets the default.
func (c *cluster) batches(ctx context.Context, names []string) (map[string]int, error) {
	all := map[string]int{}
	for _, name := range names {
		all[name] = defaultBatch
	}
	configs, err := c.admin.DescribeTopicConfigs(ctx, names...)
	for _, topic := range configs {
		for _, entry := range topic.Configs {
			if entry.Key != "max.message.bytes" || topic.Err != nil {
				continue
			}
			if n, err := strconv.Atoi(entry.MaybeValue()); err == nil {
				all[topic.Name] = min(max(n, leastBatch), mostBatch)
			}
		}
	}
	return all, err
}

// offsets are some of partitions, by topic.
type offsets map[string][]int64

// committed are the offsets that the group has committed, of the first so many partitions of topics; -1:
// none. They are asked for by name: of all that there are, brokers leave out those that one may not see.
func (c *cluster) committed(ctx context.Context, partitions map[string]int) (offsets, error) {
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = c.cfg.Group
	all := offsets{}
	for topic, n := range partitions {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic = topic
		for p := range n {
			t.Partitions = append(t.Partitions, int32(p))
			all[topic] = append(all[topic], -1)
		}
		group.Topics = append(group.Topics, t)
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Groups = append(req.Groups, group)
	resp, err := req.RequestWith(ctx, c.client)
	if err == nil && len(resp.Groups) == 1 {
		err = all.take(&resp.Groups[0])
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return all, nil
	}
	return all, wrong("asking for the committed offsets of the group "+c.cfg.Group, err)
}

func (o offsets) take(group *kmsg.OffsetFetchResponseGroup) error {
	if err := kerr.ErrorForCode(group.ErrorCode); err != nil {
		return err
	}
	for _, t := range group.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("topic %s: %w", t.Topic, err)
			}
			if known := o[t.Topic]; int(p.Partition) < len(known) {
				known[p.Partition] = p.Offset
			}
		}
	}
	return nil
}

// starts are the offsets of the first records, by topic and partition.
func (c *cluster) starts(ctx context.Context, names []string) (kadm.ListedOffsets, error) {
	return listed(c.admin.ListStartOffsets(ctx, names...))
}

// ends are the offsets behind the last records.
func (c *cluster) ends(ctx context.Context, names []string) (kadm.ListedOffsets, error) {
	return listed(c.admin.ListEndOffsets(ctx, names...))
}

func listed(offsets kadm.ListedOffsets, err error) (kadm.ListedOffsets, error) {
	if err == nil {
		err = offsets.Error()
	}
	return offsets, wrong("asking where the partitions begin and end", err)
}

// members is the number of the group's workers. Brokers describe a group of the old and of the new
// protocol (KIP-848) by calls of their own, and say of the other kind that it does not exist.
func (c *cluster) members(ctx context.Context) (int, error) {
	doing := "asking for the workers of the group " + c.cfg.Group
	groups, err := c.admin.DescribeGroups(ctx, c.cfg.Group)
	if err != nil {
		return 0, wrong(doing, err)
	}
	group := groups[c.cfg.Group]
	if n := len(group.Members); n > 0 {
		return n, nil
	}
	if newer, err := c.admin.DescribeConsumerGroups(ctx, c.cfg.Group); err == nil && len(newer[c.cfg.Group].Members) > 0 {
		return len(newer[c.cfg.Group].Members), nil
	}
	if errors.Is(group.Err, kerr.GroupIDNotFound) {
		return 0, nil
	}
	return 0, wrong(doing, group.Err)
}
