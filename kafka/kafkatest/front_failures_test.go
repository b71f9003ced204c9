package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/kafka"
	"github.com/sluice-data/sluice/pipeline"
)

// large is a record whose line has so many bytes.
func large(t testing.TB, stream string, size int) string {
	t.Helper()
	line := fmt.Sprintf(`{"type":"RECORD","record":{"stream":%q,"emitted_at":1,"data":{"text":""}}}`, stream)
	return strings.Replace(line, `""}`, `"`+strings.Repeat("x", size-len(line))+`"}`, 1)
}

// fails wants Run to return this kind of error with all of these texts.
func (f *front) fails(class kafka.Class, texts ...string) {
	f.t.Helper()
	_, err := f.result()
	var e *kafka.Error
	if !errors.As(err, &e) || e.Class != class {
		f.t.Fatalf("got %v (%+v), want the class %d", err, e, class)
	}
	for _, text := range texts {
		if got := err.Error() + " (" + e.Advice + ")"; !strings.Contains(got, text) {
			f.t.Errorf("got  %s\nwant %s", got, text)
		}
	}
}

// TestBadInput: the line is named, and nothing of it, or behind it, is produced.
func TestBadInput(t *testing.T) {
	t.Parallel()
	f := func(line, want string) {
		t.Helper()
		b := cluster(t)
		f := b.front(nil, catalogOf(t, "users"))
		f.send(record("users", 1))
		f.logged(func() bool { return f.Progress().Flying == 1 && f.Progress().Memory == 0 })
		f.send(line, record("users", 2))
		_, err := f.result()
		var at *pipeline.LineError
		if !errors.As(err, &at) || at.Line != 2 || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want %s", line, err, want)
		}
		if rows, _ := b.count("sluice.users"); rows != 1 {
			t.Errorf("%.40s: %d rows", line, rows)
		}
	}
	f(`{"type":"RECORD","record":{"stream":"users","data":{]}}`, "JSON")
	f(record("orders", 1), "RECORD of stream orders, which is not in the catalog")
	f(large(t, "users", 2<<20), "RECORD of stream users: its 2097152 bytes are more than the topic sluice.users takes")
}

// TestLargeRecord: what the topic takes is asked for.
func TestLargeRecord(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	if err := b.CreateTopic("sluice.users", 1, map[string]string{"max.message.bytes": "3000000"}); err != nil {
		t.Fatal(err)
	}
	f := b.front(nil, catalogOf(t, "users"))
	f.send(large(t, "users", 3_000_000-128), record("users", 1))
	if sum := f.ok("sluice.users"); sum.Rows != 2 {
		t.Errorf("got %+v", sum)
	}
	f = b.front(nil, catalogOf(t, "users"))
	f.send(large(t, "users", 3_000_000-127))
	if _, err := f.result(); err == nil || !strings.Contains(err.Error(), "line 1: ") || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("got %v", err)
	}
}

// TestIncomplete: what the source did deliver gets into objects, and its STATEs leave.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	f := func(name, reported string, lines ...string) {
		t.Helper()
		b := cluster(t)
		f := b.front(nil, catalogOf(t, "users", "orders"))
		f.send(record("users", 1), record("orders", 1), legacyState(1))
		f.send(lines...)
		f.finish("sluice.users", "sluice.orders")
		sum, err := f.result()
		var incomplete *sluice.IncompleteError
		if !errors.As(err, &incomplete) || len(incomplete.Streams) != 1 || incomplete.Streams[0].Name != "orders" || incomplete.Held != 0 || incomplete.Reported != reported {
			t.Errorf("%s: got %v", name, err)
		}
		if sum == nil || sum.Rows != 2 || !sum.Streams[0].Complete || !sum.Streams[1].Failed {
			t.Errorf("%s: got %+v", name, sum)
		}
		f.left(answer(legacyState(1), 2))
	}
	complete := status("users", "COMPLETE")
	f("INCOMPLETE", "", complete, status("orders", "INCOMPLETE"))
	f("INCOMPLETE behind COMPLETE", "", complete, status("orders", "COMPLETE"), status("orders", "INCOMPLETE"))
	f("COMPLETE behind INCOMPLETE", "", complete, status("orders", "INCOMPLETE"), status("orders", "COMPLETE"))
	f("no status", "", complete)
	f("ERROR", "no power", complete, `{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1,"error":{"message":"no power"}}}`)
}

// TestStop: STATEs that only wait for workers leave, and nothing else is waited for.
func TestStop(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users", "orders"))
	f.send(record("users", 1), legacyState(1), record("orders", 1))
	f.logged(func() bool { return f.Progress().Held == 1 && f.Progress().Flying == 2 })
	asked := errors.New("asked to")
	f.stop(asked)
	f.logged(func() bool { _, barriers := b.count("sluice.users"); return barriers == 1 })
	if _, barriers := b.count("sluice.orders"); barriers != 0 {
		t.Error("rows behind the last STATE are waited for")
	}
	b.commit("sluice", b.ends("sluice.users"))
	if _, err := f.result(); !errors.Is(err, asked) {
		t.Errorf("got %v", err)
	}
	f.left(answer(legacyState(1), 1))

	f = b.front(nil, catalogOf(t, "users", "orders")) // nothing to wait for
	f.send(record("users", 1))
	f.logged(func() bool { return f.Progress().Flying == 1 })
	f.stop(asked)
	if _, err := f.result(); !errors.Is(err, asked) {
		t.Errorf("got %v", err)
	}
}

// TestHurry: who is asked twice to stop does not wait for workers.
func TestHurry(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users"))
	f.send(record("users", 1), legacyState(1))
	f.logged(func() bool { return f.Progress().Held == 1 })
	asked := errors.New("asked to")
	f.stop(asked)
	f.logged(func() bool { _, barriers := b.count("sluice.users"); return barriers == 1 })
	close(f.hurry)
	if _, err := f.result(); !errors.Is(err, asked) {
		t.Errorf("got %v", err)
	}
	f.left()
}

// TestNobodyListens: a STATE that can't be written ends the sync.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users"))
	f.mu.Lock()
	f.deaf = errors.New("stdout is closed")
	f.mu.Unlock()
	f.send(record("users", 1), legacyState(1))
	f.finish("sluice.users")
	if _, err := f.result(); !errors.Is(err, f.deaf) {
		t.Errorf("got %v", err)
	}
}

// TestProduceErrors: what goes away by itself is sat out; the rest ends the sync, with its reason.
func TestProduceErrors(t *testing.T) {
	t.Parallel()
	f := func(fault *kerr.Error, times int) *front {
		t.Helper()
		b := cluster(t)
		handle := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: fault, Count: times})
		f := b.front(b.config(func(c *config.Config) { c.CheckpointMinutes, c.Upload.RetryMinutes = 0, 0 }), catalogOf(t, "users"))
		f.send(record("users", 1), legacyState(1))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := handle.Wait(ctx, 1); err != nil {
			t.Fatal(err)
		}
		return f
	}
	sat := f(kerr.NotLeaderForPartition, 2)
	sat.ok("sluice.users")
	sat.left(answer(legacyState(1), 1))
	f(kerr.NotEnoughReplicas, -1).fails(kafka.Transient, "producing to partition ", " of the topic sluice.users: ", "timed out")
	f(kerr.TopicAuthorizationFailed, 1).fails(kafka.Setting, "TOPIC_AUTHORIZATION_FAILED", "allow the user DESCRIBE and WRITE")
	f(kerr.InvalidRecord, 1).fails(kafka.Setting, "cleanup.policy")
	f(kerr.OutOfOrderSequenceNumber, 1).fails(kafka.Fatal, "partition")
}

// TestOffsetsThatGoBack: a group that was reset says nothing of what is in objects.
func TestOffsetsThatGoBack(t *testing.T) {
	t.Parallel()
	f := func(reset func(*brokers), want string) {
		t.Helper()
		b := cluster(t)
		f := b.front(b.config(func(c *config.Config) { c.CheckpointMinutes, c.Kafka.Partitions = 0.001, 1 }), catalogOf(t, "users"))
		f.send(record("users", 1), legacyState(1))
		f.logged(func() bool { return f.Progress().Held == 1 })
		f.pass(time.Second)
		f.logged(func() bool { _, barriers := b.count("sluice.users"); return barriers == 1 })
		b.commit("sluice", b.ends("sluice.users"))
		f.left(answer(legacyState(1), 1))
		reset(b)
		f.send(record("users", 2), legacyState(2))
		f.fails(kafka.Fatal, "the committed offset of partition 0 of the topic sluice.users was 2 and "+want)
		f.left(answer(legacyState(1), 1))
	}
	f(func(b *brokers) { b.commit("sluice", short(b.ends("sluice.users"), 1)) }, "is 1")
	f(func(b *brokers) {
		if _, err := b.admin.DeleteGroup(t.Context(), "sluice"); err != nil {
			t.Fatal(err)
		}
	}, "is gone")
}

// TestTopicMadeAgain: offsets of another topic of the same name are not those that are waited for.
func TestTopicMadeAgain(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(b.config(func(c *config.Config) { c.CheckpointMinutes, c.Kafka.Partitions = 0, 1 }), catalogOf(t, "users"))
	f.send(record("users", 1), legacyState(1))
	f.logged(func() bool { return f.Progress().Held == 1 && f.Progress().Memory == 0 && f.Progress().Flying == 1 })
	if err := f.in.Close(); err != nil {
		t.Fatal(err)
	}
	f.logged(func() bool { _, barriers := b.count("sluice.users"); return barriers == 1 })
	if err := b.DeleteTopic("sluice.users"); err != nil {
		t.Fatal(err)
	}
	if err := b.CreateTopic("sluice.users", 1, nil); err != nil {
		t.Fatal(err)
	}
	fresh := &brokers{t: t, Cluster: b.Cluster, client: b.dial()} // that knows the topic's new id
	defer fresh.client.Close()
	fresh.admin = kadm.NewClient(fresh.client)
	fresh.commit("sluice", offsetOf("sluice.users", 5))
	f.fails(kafka.Fatal, "the topic sluice.users is not the one that the sync began with")
	f.left()
}

// TestRowsThatAreGone: retention was quicker than the workers.
func TestRowsThatAreGone(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(b.config(func(c *config.Config) { c.Kafka.Partitions = 1 }), catalogOf(t, "users"))
	f.send(record("users", 1), record("users", 2), legacyState(1))
	f.logged(func() bool { return f.Progress().Held == 1 && f.Progress().Memory == 0 })
	if err := b.DeleteRecords("sluice.users", 0, 1); err != nil {
		t.Fatal(err)
	}
	f.polled() // it waits for them
	f.pass(time.Minute)
	f.fails(kafka.Fatal, "partition 0 of the topic sluice.users begins at the offset 1", "retention.ms")
}

// TestNoWorker: it is said that nobody works, how long it takes, and that somebody does.
func TestNoWorker(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users"))
	f.send(record("users", 1), record("users", 2), legacyState(1))
	f.logged(func() bool { return f.Progress().Held == 1 })
	f.said(31*time.Second, `the group \"sluice\" has no worker, so nothing gets into objects: start one`)
	if err := f.in.Close(); err != nil {
		t.Fatal(err)
	}
	f.logged(func() bool { rows, barriers := b.count("sluice.users"); return rows == 2 && barriers == 1 })
	f.said(31*time.Second, `all rows are in Kafka; the workers of the group \"sluice\" have 3 records to go, and have committed nothing that a STATE waits for in `)
	leave := b.join("sluice", "sluice.users")
	defer leave()
	f.said(31*time.Second, `the group \"sluice\" has 1 worker now`)
	leave()
	b.commit("sluice", b.ends("sluice.users"))
	if _, err := f.result(); err != nil {
		t.Error(err)
	}
}

// TestOffsetFetchErrors: what goes away by itself is sat out, and rights that are missing are named.
func TestOffsetFetchErrors(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users"))
	f.send(record("users", 1), legacyState(1))
	f.logged(func() bool { return f.Progress().Held == 1 })
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "sluice", Err: kerr.CoordinatorLoadInProgress, Count: 2})
	f.ok("sluice.users")
	f.left(answer(legacyState(1), 1))

	f = b.front(nil, catalogOf(t, "users"))
	f.send(record("users", 1), legacyState(1))
	f.logged(func() bool { return f.Progress().Held == 1 })
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "sluice", Err: kerr.GroupAuthorizationFailed, Count: -1})
	f.fails(kafka.Setting, "asking for the committed offsets of the group sluice: GROUP_AUTHORIZATION_FAILED", "allow the user DESCRIBE on the group")
}
