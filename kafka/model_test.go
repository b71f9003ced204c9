package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// The property: whatever owners a partition has, and whatever becomes of them, the objects have each
// row of the log once, up to the committed offset, and behind it nothing but what is prepared. The
// partitions, epochs and intents are the real ones; the group is a model with one partition.

// model is the group and the store, and what the owners do to each other.
type model struct {
	log       []*kgo.Record
	store     *dir.Store
	replace   bool // the store writes over objects
	replacing sync.Mutex

	mu       sync.Mutex
	owner    string // member
	offset   int64
	text     string
	finished chan struct{} // closed: all is committed
	wrong    []string
}

// bad notes what is wrong. The bubble has a goroutine of its own, where rapid's T must not be failed.
func (m *model) bad(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

// fate is what happens to an owner.
type fate struct {
	After  int    // calls to the store and the group that succeed
	How    string // what becomes of it then
	Wakes  int    // the paused: when so many other owners have come
	Lost   []bool // answers to commits that get lost
	Rows   int64  // max_rows
	Minute float64
}

func drawFate(t *rapid.T) fate {
	return fate{
		After: rapid.IntRange(0, 14).Draw(t, "after"), How: rapid.SampledFrom([]string{"dies", "pauses", "pauses", "is reborn", "is revoked"}).Draw(t, "how"),
		Wakes: rapid.IntRange(1, 3).Draw(t, "wakes"), Lost: rapid.SliceOfN(rapid.Bool(), 0, 4).Draw(t, "lost"),
		Rows: rapid.SampledFrom([]int64{0, 1, 3, 10}).Draw(t, "rows"), Minute: rapid.SampledFrom([]float64{0, 1}).Draw(t, "minute"),
	}
}

// drawLog makes records of two streams, poison and barriers, with gaps.
func drawLog(t *rapid.T) []*kgo.Record {
	var log []*kgo.Record
	offset := int64(0)
	for i, what := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a", "b", "b", "poison", "hard", "soft", "gap"}), 1, 40).Draw(t, "log") {
		r := &kgo.Record{Topic: "all", Offset: offset, Timestamp: time.UnixMilli(int64(i) * 13_000)}
		offset++
		switch what {
		case "gap":
			continue
		case barrierHard, barrierSoft:
			r.Headers = []kgo.RecordHeader{{Key: barrierHeader, Value: []byte(what)}}
		case "poison":
			r.Value = []byte("poison")
		default:
			r.Value = fmt.Appendf(nil, `{"type":"RECORD","record":{"stream":%q,"emitted_at":1,"data":{"offset":%d}}}`, what, r.Offset)
		}
		log = append(log, r)
	}
	if len(log) == 0 {
		t.Skip("nothing to do")
	}
	return log
}

func (m *model) end() int64 { return m.log[len(m.log)-1].Offset + 1 }

// owner is a worker that has the partition, or believes so.
type owner struct {
	m      *model
	name   string
	fate   fate
	member string // as its client says
	p      *partition

	mu     sync.Mutex
	calls  int
	lost   int
	struck chan struct{} // closed: its fate has come
	wake   chan struct{} // closed: it goes on
	dead   bool
}

// step comes before each call to the store and the group.
func (o *owner) step(ctx context.Context) error {
	o.mu.Lock()
	o.calls++
	strikes := o.calls > o.fate.After
	if o.calls == o.fate.After+1 {
		close(o.struck)
	}
	o.mu.Unlock()
	if strikes {
		<-o.wake
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dead {
		return context.Canceled
	}
	return ctx.Err()
}

// GroupMetadata implements member.
func (o *owner) GroupMetadata() (string, int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.member, 1
}

// Request implements member, for commits.
func (o *owner) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	c := req.(*kmsg.OffsetCommitRequest)
	if err := o.step(ctx); err != nil {
		return nil, err
	}
	part := c.Topics[0].Partitions[0]
	answer := kmsg.NewOffsetCommitResponseTopicPartition()
	m := o.m
	m.mu.Lock()
	if c.MemberID == m.owner {
		m.offset, m.text = part.Offset, *part.Metadata
		if m.offset == m.end() && !strings.Contains(m.text, "E=") {
			select {
			case <-m.finished:
			default:
				close(m.finished)
			}
		}
	} else {
		answer.ErrorCode = kerr.UnknownMemberID.Code
	}
	m.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost++; o.lost <= len(o.fate.Lost) && o.fate.Lost[o.lost-1] {
		return nil, io.ErrUnexpectedEOF
	}
	resp := c.ResponseKind().(*kmsg.OffsetCommitResponse)
	resp.Topics = []kmsg.OffsetCommitResponseTopic{{Partitions: []kmsg.OffsetCommitResponseTopicPartition{answer}}}
	return resp, nil
}

// take makes a new owner, and has it begin where the group says.
func (m *model) take(name string, f fate) *owner {
	o := &owner{m: m, name: name, fate: f, member: name, struck: make(chan struct{}), wake: make(chan struct{})}
	cfg := config.Default()
	cfg.Bucket, cfg.Path, cfg.Region, cfg.Engine, cfg.Kafka.Brokers = "bucket", "data", "r", config.EngineKafka, "none:1"
	cfg.Format.CSV.Flattening, cfg.CheckpointMinutes, cfg.Kafka.TopicPattern = config.FlatteningRoot, 0.001, "all"
	cfg.Kafka.MaxRows, cfg.Kafka.RotateMinutes = f.Rows, f.Minute
	catalog, err := airbyte.ParseCatalog([]byte(`{"streams":[
		{"stream":{"name":"a","json_schema":{"properties":{"offset":{"type":"integer"}}}},"destination_sync_mode":"append"},
		{"stream":{"name":"b","json_schema":{"properties":{"offset":{"type":"integer"}}}},"destination_sync_mode":"append"}]}`))
	if err != nil {
		panic(err)
	}
	store := sink.Store(m.store)
	if m.replace {
		store = over{m.store, &m.replacing}
	}
	w, err := NewWorker(context.Background(), &cfg, catalog, WorkerOptions{
		Store: faultstore.New(store, faultstore.On(faultstore.Any).Call(func(ctx context.Context, op faultstore.Op, _ string) error {
			if op == faultstore.Uploads { // tidying up, which an owner with nothing to do does too
				return nil
			}
			return o.step(ctx)
		})),
	})
	if err != nil {
		panic(err)
	}
	w.group = o
	w.fail = func(err error) {
		o.mu.Lock()
		dead := o.dead
		o.mu.Unlock()
		if !dead && !errors.Is(err, errStale) { // which one is that was counted out, with no client to notice
			m.bad("%s: %v", name, err)
		}
	}
	p := newPartition(w, w.topics["all"], 0)
	p.topicID, p.memberID = uuid.UUID{1, 2, 3, 4, 5}, name
	w.partitions[id{"all", 0}] = p
	m.mu.Lock()
	m.owner = name
	c := committed{offset: m.offset, text: m.text}
	m.mu.Unlock()
	position, prepared, err := w.where(context.Background(), p, c)
	if err != nil {
		panic(err)
	}
	o.p = p
	p.start(context.Background(), position, prepared)
	from := slices.IndexFunc(m.log, func(r *kgo.Record) bool { return r.Offset >= position })
	if from >= 0 {
		p.queue.push(slices.Clone(m.log[from:]))
	}
	return o
}

// spared ends an owner in order whose fate has not come.
func (o *owner) spared() bool {
	o.mu.Lock()
	select {
	case <-o.struck:
		o.mu.Unlock()
		return false
	default:
	}
	o.fate.After = 1 << 30
	o.mu.Unlock()
	o.p.stop(0)
	return true
}

// strike has an owner meet its fate.
func (o *owner) strike() {
	switch o.fate.How {
	case "dies":
		o.mu.Lock()
		o.dead = true
		o.mu.Unlock()
		close(o.wake)
		o.p.stop(0)
	case "is revoked":
		close(o.wake)
		o.p.stop(time.Duration(o.fate.Wakes-1) * time.Millisecond)
	case "pauses", "is reborn": // see awake
	}
}

// awake has one that was paused go on.
func (o *owner) awake() {
	if o.fate.How == "is reborn" { // its client has joined once more, without telling, and has the partition
		o.m.mu.Lock()
		o.mu.Lock()
		o.member += " again"
		o.m.owner = o.member
		o.mu.Unlock()
		o.m.mu.Unlock()
	}
	close(o.wake)
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		store, err := dir.New(t.TempDir())
		if err != nil {
			rt.Fatal(err)
		}
		log, fates := drawLog(rt), rapid.SliceOfN(rapid.Custom(drawFate), 0, 6).Draw(rt, "fates")
		m := &model{log: log, store: store, replace: rapid.Bool().Draw(rt, "replace")}
		synctest.Test(t, func(*testing.T) { m.run(fates) })
		if len(m.wrong) > 0 {
			rt.Fatal(strings.Join(m.wrong, "\n"))
		}
	})
}

func (m *model) run(fates []fate) {
	if len(m.log) == 0 {
		return // and nothing would ever happen
	}
	m.finished = make(chan struct{})
	var paused []*owner
	for i, f := range fates {
		o := m.take(fmt.Sprintf("owner %d", i), f)
		paused = m.wake(paused)
		select {
		case <-o.struck:
		case <-o.p.done: // it was counted out by one that was reborn
		case <-m.finished:
		}
		synctest.Wait()
		if !o.spared() {
			if o.strike(); f.How == "pauses" || f.How == "is reborn" {
				paused = append(paused, o)
			}
		}
		m.audit()
	}
	last := m.take("the last owner", fate{After: 1 << 30})
	for _, o := range paused {
		o.fate.How = "pauses"
		o.awake()
	}
	select {
	case <-m.finished:
	case <-time.After(time.Hour):
		m.bad("not finished: offset %d %s of %d", m.offset, m.text, m.end())
	}
	for _, o := range paused {
		o.p.stop(0)
	}
	last.p.stop(0)
	m.audit()
}

// wake wakes those whose time has come. They learn from the group that they are no owners any more. One
// that had only an upload to abort, since all is committed, doesn't ask it; its client would tell.
func (m *model) wake(paused []*owner) []*owner {
	return slices.DeleteFunc(paused, func(o *owner) bool {
		if o.fate.Wakes--; o.fate.Wakes > 0 {
			return false
		}
		o.awake()
		select {
		case <-o.p.done:
		case <-time.After(time.Hour):
			if begun := o.p.committed.Load(); begun < m.end() {
				m.bad("%s was woken, and neither works nor ends at offset %d of %d", o.name, begun, m.end())
			}
			o.p.stop(0)
		}
		return true
	})
}
