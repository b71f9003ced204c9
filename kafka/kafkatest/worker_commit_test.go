package kafkatest

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/kafka"
)

// refuse has so many commits answered with an error.
func (r *rig) refuse(err *kerr.Error, count int) *kfake.FaultHandle {
	return r.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: err, Count: count})
}

// TestCommitAgain: what passes is sat out, and the worker stays what it was.
func TestCommitAgain(t *testing.T) {
	t.Parallel()
	for _, err := range []*kerr.Error{
		kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NetworkException,
		kerr.RequestTimedOut, // the commit has happened
	} {
		t.Run(err.Message, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			r.produce(30)
			fault := r.refuse(err, 3)
			w := r.worker(nil)
			r.settled()
			if fault.Hits() != 3 || w.Progress().Rebalances != 1 {
				t.Errorf("%d errors, %d assignments", fault.Hits(), w.Progress().Rebalances)
			}
			r.audit()
			w.stop()
		})
	}
}

// TestJSONL: a worker writes the config's format.
func TestJSONL(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3, func(c *config.Config) {
		c.Format.Type, c.Format.JSONL.Flattening = config.FormatJSONL, config.FlatteningRoot
	})
	r.produce(60)
	w := r.worker(nil)
	r.settled()
	r.audit()
	w.stop()
	for key := range r.objects() {
		if !strings.HasSuffix(key, ".jsonl") {
			t.Errorf("there is %s", key)
		}
	}
}

// TestCommitLost: requests that get lost are sent again.
func TestCommitLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	r.produce(30)
	var n atomic.Int32
	r.onCommit(func(string) (kmsg.Response, error, bool) {
		if n.Add(1)%2 == 1 {
			return nil, errors.New("lost"), true
		}
		return nil, nil, false
	})
	w := r.worker(nil)
	r.settled()
	r.produce(30)
	r.settled()
	r.audit()
	w.stop()
}

// TestCommitRefused: what does not pass ends the worker, and another one finishes its work.
func TestCommitRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  *kerr.Error
		nth  string // of the commits: the prepare, or the last
		text string
	}{
		{kerr.GroupAuthorizationFailed, ";E=", "committing offset 0: GROUP_AUTHORIZATION_FAILED"},
		{kerr.GroupAuthorizationFailed, "", "committing offset 30: GROUP_AUTHORIZATION_FAILED"},
		{kerr.OffsetMetadataTooLarge, ";E=", "committing offset 0: OFFSET_METADATA_TOO_LARGE"},
		{kerr.FencedInstanceID, ";E=", `another process has the instance id "w1"`},
		{kerr.FencedInstanceID, "", `another process has the instance id "w1"`},
	} {
		t.Run(tt.err.Message+tt.nth, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			r.produce(30)
			r.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: tt.err, Count: -1, When: func(req kmsg.Request) bool {
				c := req.(*kmsg.OffsetCommitRequest)
				if tt.err == kerr.FencedInstanceID && (c.InstanceID == nil || *c.InstanceID != "w1") {
					return false
				}
				return strings.Contains(*c.Topics[0].Partitions[0].Metadata, ";E=") == (tt.nth != "")
			}})
			w := r.worker(func(o *kafka.WorkerOptions) { o.InstanceID = "w1" })
			err := w.result()
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("ended with %v", err)
			}
			if tt.err != kerr.FencedInstanceID {
				return
			}
			r.evict() // a static member does not leave
			w = r.worker(func(o *kafka.WorkerOptions) { o.InstanceID = "w2" })
			r.settled()
			r.audit()
			w.stop()
		})
	}
}

// TestCountedOut: a worker that the group has removed joins again, and does its work once more.
func TestCountedOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2, nil)
	r.produce(60)
	var n atomic.Int32
	w := r.worker(nil)
	r.settled()
	r.onCommit(func(metadata string) (kmsg.Response, error, bool) {
		if n.Add(1) == 1 {
			return nil, errors.New("lost"), true
		}
		return nil, nil, false
	})
	r.evict()
	r.produce(60)
	r.settled()
	r.audit()
	w.stop()
}

// TestCountedOutUnnoticed: where the group says so to a commit, and never to the client, the worker
// helps itself with a new client.
func TestCountedOutUnnoticed(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	r.produce(30)
	r.refuse(kerr.UnknownMemberID, 1)
	w := r.worker(nil)
	r.settled()
	w.journal.wait(t, "joins the group anew")
	r.audit()
	w.stop()
}

// TestOtherMember: a client that is counted out while it joins goes on as another member, and keeps
// its partitions without asking for their offsets. Others may have had them in between.
func TestOtherMember(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	r.produce(30)
	a := r.worker(nil)
	r.settled()
	// The group rebalances. When a joins again, it is unknown.
	r.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.RebalanceInProgress})
	r.b.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
		resp.ErrorCode = kerr.UnknownMemberID.Code
		return resp, nil, true
	})
	a.journal.wait(t, "counted this worker out while it joined")
	r.produce(30)
	r.settled()
	r.audit()
	a.stop()
}
