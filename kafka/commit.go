package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errFenced says that the group does not count the worker among its members any more. Its
// partitions are lost, as the client will find out too.
var errFenced = errors.New("the group has given the partition to another worker")

// member is what a worker needs of its membership in the group: a client has it.
type member interface {
	kmsg.Requestor
	GroupMetadata() (id string, generation int32)
}

// commit commits an offset with an intent, and returns when the group has it. It is how an owner
// proves that it still is one: the request carries the member's id and generation. It is repeated
// while the group rebalances, the coordinator moves or the network fails; saying it twice does no
// harm.
func (w *Worker) commit(ctx context.Context, p *partition, offset int64, i intent) error {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := w.commitOnce(ctx, p, offset, i)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, errFenced):
			return fmt.Errorf("%s: committing offset %d: %w", p, offset, errFenced)
		case errors.Is(err, kerr.FencedInstanceID):
			return fmt.Errorf("%s: committing offset %d: another process has the instance id %q: %w", p, offset, w.opts.InstanceID, err)
		case !again(err):
			return fmt.Errorf("%s: committing offset %d: %w", p, offset, err)
		}
		w.log.Debug(fmt.Sprintf("%s: committing offset %d: %v; trying again", p, offset, err))
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// again reports whether a commit is worth repeating.
func again(err error) bool {
	var code *kerr.Error
	if !errors.As(err, &code) {
		return !errors.Is(err, kgo.ErrClientClosed) // of the network
	}
	return code.Retriable || errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.StaleMemberEpoch)
}

func (w *Worker) commitOnce(ctx context.Context, p *partition, offset int64, i intent) error {
	text := i.String()
	// The generation is the newest: as long as the member is the same, the group takes its partitions
	// away by telling it. A client that was counted out while it joined goes on as a new member, and
	// keeps partitions that others may have had in between.
	member, generation := w.group.GroupMetadata()
	if member != p.memberID {
		return errFenced
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = w.cfg.Kafka.Group, member, generation
	if w.opts.InstanceID != "" {
		req.InstanceID = &w.opts.InstanceID
	}
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = p.topic.name, p.topicID
	part := kmsg.NewOffsetCommitRequestTopicPartition()
	part.Partition, part.Offset, part.Metadata = p.number, offset, &text
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, w.group)
	if err != nil {
		return err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return errors.New("the broker's answer does not name the partition")
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}
