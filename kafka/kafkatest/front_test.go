package kafkatest

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/sluice-data/sluice/config"
)

// TestStateWaitsForCommit: a STATE leaves when its rows are committed, and not before.
func TestStateWaitsForCommit(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users"))
	f.send(record("users", 1), record("users", 2), legacyState(1), record("users", 3), legacyState(2))
	if err := f.in.Close(); err != nil {
		t.Fatal(err)
	}
	f.logged(func() bool { return f.Progress().Ended && f.Progress().Memory == 0 })
	f.polled()
	f.left()                                             // nothing
	b.commit("sluice", short(b.ends("sluice.users"), 2)) // without the last row
	f.polled()
	f.left()
	b.commit("sluice", short(b.ends("sluice.users"), 1)) // the barrier is not needed
	f.left(answer(legacyState(1), 2), answer(legacyState(2), 1))
	sum, err := f.result()
	if err != nil || sum.Rows != 3 || sum.States != 2 || sum.Held != 0 || !sum.Streams[0].Complete {
		t.Errorf("got %+v, %v", sum, err)
	}
}

// short takes some off the offsets.
func short(offsets kadm.Offsets, by int64) kadm.Offsets {
	for _, partitions := range offsets {
		for p, o := range partitions {
			o.At = max(o.At-by, 0)
			partitions[p] = o
		}
	}
	return offsets
}

// TestRecordsAreTheLines: what is in Kafka is what came, without line ends, and nothing else but rows.
func TestRecordsAreTheLines(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users"))
	f.send(` `+record("users", 1)+"\r", `{"type":"LOG","log":{"level":"INFO","message":"hello"}}`, record("users", 2), `{"type":"CONTROL"}`, legacyState(1))
	f.ok("sluice.users")
	all := b.read(3, "sluice.users")
	if got, want := string(all[0].Value)+"|"+string(all[1].Value), " "+record("users", 1)+"|"+record("users", 2); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(all) != 3 || all[0].Key != nil || all[2].Value != nil || all[0].Partition != all[1].Partition || all[1].Partition != all[2].Partition {
		t.Errorf("got %v", all)
	}
}

// TestBarriersByAge: a STATE whose time has come gets barriers right behind it; until then it waits.
func TestBarriersByAge(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(b.config(nil), catalogOf(t, "users", "orders"))
	f.send(record("users", 1), legacyState(1))
	f.logged(func() bool { return f.Progress().Held == 1 })
	if rows, barriers := b.count("sluice.users"); rows > 1 || barriers != 0 {
		t.Errorf("before its time: %d rows, %d barriers", rows, barriers)
	}
	f.pass(15 * time.Minute)
	f.send(record("orders", 1), streamState("orders", 2))
	f.logged(func() bool { return f.Progress().Held == 2 && f.Progress().Memory == 0 })
	for _, topic := range []string{"sluice.users", "sluice.orders"} { // the STATE of a stream waits for all rows in front of it
		if rows, barriers := b.count(topic); rows != 1 || barriers != 1 {
			t.Errorf("%s: %d rows, %d barriers", topic, rows, barriers)
		}
	}
	b.commit("sluice", b.ends("sluice.orders"))
	f.polled()
	f.left()
	b.commit("sluice", b.ends("sluice.users"))
	f.left(answer(legacyState(1), 1), answer(streamState("orders", 2), 1))

	f.send(record("users", 2), legacyState(3)) // the next one has its time before it
	f.logged(func() bool { return f.Progress().Held == 1 })
	if _, barriers := b.count("sluice.users"); barriers != 1 {
		t.Errorf("%d barriers", barriers)
	}
	f.ok("sluice.users", "sluice.orders")
	f.left(answer(legacyState(1), 1), answer(streamState("orders", 2), 1), answer(legacyState(3), 2))
	if _, barriers := b.count("sluice.orders"); barriers != 1 {
		t.Errorf("orders had no more rows, and has %d barriers", barriers)
	}
}

// TestQuietSource: barriers come by age, too, when nothing else does.
func TestQuietSource(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(b.config(nil), catalogOf(t, "users"))
	f.send(record("users", 1), legacyState(1))
	f.logged(func() bool { return f.Progress().Held == 1 && f.Progress().Memory == 0 })
	f.pass(15 * time.Minute)
	f.logged(func() bool { _, barriers := b.count("sluice.users"); return barriers == 1 })
	b.commit("sluice", b.ends("sluice.users"))
	f.left(answer(legacyState(1), 1))
	f.ok("sluice.users")
}

// TestRowsWithoutStates ask for no barriers, however old they are.
func TestRowsWithoutStates(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(b.config(nil), catalogOf(t, "users"))
	f.send(record("users", 1))
	f.logged(func() bool { return f.Progress().Flying == 1 })
	f.pass(time.Hour)
	f.polled()
	if _, barriers := b.count("sluice.users"); barriers != 0 {
		t.Errorf("%d barriers", barriers)
	}
	f.ok("sluice.users")
}

// TestCompleteMakesBarriers: the end of a stream ends its objects, and only its.
func TestCompleteMakesBarriers(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users", "orders"))
	f.send(record("users", 1), record("orders", 1), status("users", "COMPLETE"), legacyState(1))
	f.logged(func() bool { return f.Progress().Held == 1 && f.Progress().Memory == 0 })
	_, users := b.count("sluice.users")
	_, orders := b.count("sluice.orders")
	if users != 1 || orders != 0 {
		t.Errorf("barriers: %d of users, %d of orders", users, orders)
	}
	b.commit("sluice", b.ends("sluice.users"))
	f.polled()
	f.left()
	f.send(status("orders", "COMPLETE"))
	f.ok("sluice.users", "sluice.orders")
	f.left(answer(legacyState(1), 2))
}

// TestObjectsBySize: a STATE leaves without any barrier when workers have committed what is in front of it.
func TestObjectsBySize(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(b.config(func(c *config.Config) { c.CheckpointMinutes, c.Kafka.Partitions = 0, 1 }), catalogOf(t, "users"))
	large := large(t, "users", 900_000)
	for range 20 { // more than a run
		f.send(large)
	}
	f.send(legacyState(1))
	for range 18 {
		f.send(large)
	}
	f.logged(func() bool { return f.Progress().Rows >= 38 && f.Progress().Held == 1 && f.Progress().Memory == 0 })
	f.polled()
	f.left()
	if _, barriers := b.count("sluice.users"); barriers != 0 {
		t.Errorf("%d barriers", barriers)
	}
	b.commit("sluice", b.ends("sluice.users"))
	f.left(answer(legacyState(1), 20))
	f.ok("sluice.users")
}
