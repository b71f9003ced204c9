package kafkatest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/kafka"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// prepared leaves an epoch of all records that is prepared, with no objects.
func (r *rig) prepared() {
	r.t.Helper()
	w := r.worker(func(o *kafka.WorkerOptions) {
		o.Store = faultstore.New(o.Store, faultstore.On(faultstore.Put).Fail(&sink.Error{Kind: sink.ErrDenied}))
	})
	if err := w.result(); err == nil || !strings.Contains(err.Error(), "access denied") {
		r.t.Fatalf("got %v", err)
	}
	if c := r.b.GroupInfo(group).Commits[r.topic][0]; !strings.Contains(c.Metadata, ";E=") {
		r.t.Fatalf("not prepared: %+v", c)
	}
}

// commit sets the offset of partition 0, as a tool does.
func (r *rig) commit(offset int64, metadata string) {
	r.t.Helper()
	offsets := offsetOf(r.topic, offset)
	o := offsets[r.topic][0]
	o.Metadata = metadata
	offsets[r.topic][0] = o
	b := *r.b // a client stays with the id of a topic that it saw first
	b.client = b.dial()
	defer b.client.Close()
	b.admin = kadm.NewClient(b.client)
	b.commit(group, offsets)
}

// finish has a worker bring all there is.
func (r *rig) finish() {
	r.t.Helper()
	w := r.worker(func(o *kafka.WorkerOptions) { o.UntilEnd = true })
	if err := w.result(); err != nil {
		r.t.Fatal(err)
	}
}

// TestChanged: an epoch is finished with what it was prepared with, and nothing else.
func TestChanged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*rig)
		fine   bool
	}{
		{name: "column", change: func(r *rig) { r.catalog.Streams[0].Schema = []byte(`{"properties":{"id":{},"text":{},"more":{}}}`) }},
		{name: "stream", change: func(r *rig) { r.catalog = r.parse("users") }},
		{name: "format", change: func(r *rig) { r.cfg.Format.CSV.Flattening = config.FlatteningNone }},
		{name: "path", change: func(r *rig) { r.cfg.Path = "other" }},
		{name: "compression", change: func(r *rig) { r.cfg.Format.CSV.Compression.Type = config.CompressionGZIP }},
		{name: "where it is cut", change: func(r *rig) { r.cfg.FileSizeMB, r.cfg.CheckpointMinutes, r.cfg.Kafka.MaxRows = 5, 1, 3 }, fine: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			r.produce(30)
			r.prepared()
			cfg, catalog := *r.cfg, r.catalog
			streams := append(catalog.Streams[:0:0], catalog.Streams...)
			tt.change(r)
			if !tt.fine {
				r.worker(nil).refuses(new(*kafka.ChangedError), "offsets 0 to 29", "topic all, partition 0")
				*r.cfg, r.catalog = cfg, catalog
				r.catalog.Streams = streams
			}
			r.finish()
			r.audit()
		})
	}
}

// TestLost: where the place to go on is not known, nothing is guessed.
func TestLost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		lose  func(*rig)
		texts []string
	}{
		{"metadata of another version", func(r *rig) { r.commit(30, "v2;t=0") }, []string{`"v2;t=0"`, "does not know"}},
		{"metadata of another program", func(r *rig) { r.commit(30, "consumer-1") }, []string{`"consumer-1"`}},
		{"the group", func(r *rig) { r.deleteGroup() }, []string{"has no offset", fmt.Sprintf("_%05d_%020d.csv", 0, 0), "kafka-last-offset"}},
		{"records", func(r *rig) {
			r.produce(30)
			if err := r.b.DeleteRecords(r.topic, 0, 45); err != nil {
				r.t.Fatal(err)
			}
		}, []string{"OFFSET_OUT_OF_RANGE", "retention"}},
		{"the end of the log", func(r *rig) { r.commit(70, "") }, []string{"OFFSET_OUT_OF_RANGE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			r.produce(30)
			r.finish()
			before := r.hashes()
			tt.lose(r)
			r.worker(nil).refuses(new(*kafka.LostError), append(tt.texts, "topic all, partition 0")...)
			if after := r.hashes(); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("objects before %v, after %v", before, after)
			}
			if tt.name != "records" {
				r.commit(30, "") // as the advice says
				r.produce(30)
				r.finish()
				r.audit()
			}
		})
	}
}

func (r *rig) deleteGroup() {
	r.t.Helper()
	if _, err := r.b.admin.DeleteGroup(r.t.Context(), group); err != nil {
		r.t.Fatal(err)
	}
}

// TestTaken: an object of somebody else is neither replaced nor taken for ours.
func TestTaken(t *testing.T) {
	t.Parallel()
	t.Run("before prepare", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, 1, nil)
		r.produce(30)
		r.finish()
		r.commit(0, "") // somebody sets the offset back
		r.worker(nil).refuses(new(*kafka.TakenError), "no epoch was prepared")
		if c := r.b.GroupInfo(group).Commits[r.topic][0]; strings.Contains(c.Metadata, "E=") {
			t.Errorf("it was prepared: %+v", c)
		}
		r.audit()
	})
	for _, tt := range []struct {
		name string
		meta func(sink.Metadata)
		body string
		want string
	}{
		{"other place", func(m sink.Metadata) { m["kafka-first-offset"] = "1" }, "x", `its kafka-first-offset is "1", not "0"`},
		{"other end", func(m sink.Metadata) { m["kafka-last-offset"] = "28" }, "x", `its kafka-last-offset is "28", not "29"`},
		{"other size", func(sink.Metadata) {}, "x", "it has 1 bytes"},
		{"no metadata", func(m sink.Metadata) { clear(m) }, "x", `is "", not`},
	} {
		t.Run("after prepare, "+tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			r.produce(30)
			r.prepared()
			id := r.b.TopicInfo(r.topic).TopicID
			meta := sink.Metadata{
				"kafka-topic": r.topic, "kafka-topic-id": fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]),
				"kafka-partition": "0", "kafka-first-offset": "0", "kafka-last-offset": "29",
			}
			tt.meta(meta)
			key := fmt.Sprintf("data/users/all_%x_%05d_%020d.csv", id[:4], 0, 0)
			if err := r.store.Put(context.Background(), key, sink.NewBody([]byte(tt.body)), meta); err != nil {
				t.Fatal(err)
			}
			r.worker(nil).refuses(new(*kafka.TakenError), key, tt.want)
			if got := string(r.objects()[key]); got != tt.body {
				t.Errorf("the object is %q now", got)
			}
			if err := r.store.Delete(context.Background(), key); err != nil { // as the advice says
				t.Fatal(err)
			}
			r.finish()
			r.audit()
		})
	}
}

// TestReplay: a log that has lost records since an epoch was prepared does not pass for that epoch.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		newer []string // keys that are written again
		want  string
	}{
		{"in the middle", []string{"k10", "k11"}, "offsets 0 to 29 were prepared as 30 rows and 0 dead letters, and now read as 28 and 0, up to 29"},
		{"at the end", []string{"k29"}, "now read as 29 and 0, up to 28"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			compact := "compact"
			r.topic = "compacted"
			if err := r.b.CreateTopic(r.topic, 1, map[string]string{"cleanup.policy": compact}); err != nil {
				t.Fatal(err)
			}
			r.cfg.Kafka.TopicPattern = r.topic
			for i := range 30 {
				r.put(&kgo.Record{Key: fmt.Appendf(nil, "k%d", i), Value: []byte(row(i))})
			}
			r.prepared()
			for i, key := range append(tt.newer, "other", "last") { // the newest batch stays
				r.put(&kgo.Record{Key: []byte(key), Value: []byte(row(100 + i))})
			}
			r.b.Compact()
			r.worker(nil).refuses(new(*kafka.ReplayError), tt.want)
			if n := len(r.objects()); n != 0 {
				t.Errorf("%d objects", n)
			}
		})
	}
}

// TestWorkerTopicMadeAgain: a topic of the same name is another one, from its beginning on.
func TestWorkerTopicMadeAgain(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprintf("running %v", running), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1, nil)
			r.produce(30)
			w := r.worker(nil)
			r.settled()
			if !running {
				w.stop()
			}
			before := r.hashes()
			if err := r.b.DeleteTopic(r.topic); err != nil {
				t.Fatal(err)
			}
			if err := r.b.CreateTopic(r.topic, 1, nil); err != nil {
				t.Fatal(err)
			}
			if !running { // the group has kept what belongs to the old one
				r.commit(30, fmt.Sprintf("v1;t=%s", strings.Split(sorted(before)[0], "_")[1]))
			}
			r.produce(50) // more than were in the old one
			if !running {
				w = r.worker(nil)
			}
			r.settled()
			w.stop()
			after := r.hashes()
			for key, hash := range before {
				if after[key] != hash {
					t.Errorf("%s has changed", key)
				}
				if err := r.store.Delete(context.Background(), key); err != nil {
					t.Fatal(err)
				}
			}
			r.audit()
		})
	}
}
