package stages

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/pipeline"
)

var topicID = uuid.MustParse("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")

// TestOriginStamp: an id is that of the library's version 5, made of where the record stands.
func TestOriginStamp(t *testing.T) {
	f := func(log uuid.UUID, partition int32, offsets ...int64) {
		t.Helper()
		b := &pipeline.Batch{}
		for i, offset := range offsets {
			b.Origins = append(b.Origins, pipeline.Origin{Offset: offset})
			b.Records = append(b.Records, pipeline.Record{Line: int32(len(offsets) - 1 - i)}) // in another order
		}
		if err := NewOriginStamp(log, partition).Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for i := range b.Records {
			name := fmt.Sprintf("%d/%d", partition, offsets[b.Records[i].Line])
			if got, want := b.Records[i].ID, uuid.NewSHA1(log, []byte(name)); got != want {
				t.Errorf("%s in %s: got %s, want %s", name, log, got, want)
			}
		}
	}
	f(topicID, 0, 0)
	f(topicID, 3, 42, 7, 123456789, 8, math.MaxInt64)
	f(topicID, math.MaxInt32, 1)
	f(uuid.Nil, 3, 42) // brokers that know no ids
}

// TestOriginStampKeeps what a record brings: its id, and its time.
func TestOriginStampKeeps(t *testing.T) {
	own := uuid.MustParse("00000000-0000-0000-0000-000000000001")
	b := &pipeline.Batch{
		Origins: []pipeline.Origin{{Offset: 1, Time: 10}, {Offset: 2, Time: 20, ID: own}, {Offset: 3, Time: 30}},
		Records: []pipeline.Record{{Line: 2, EmittedAt: 7}, {Line: 1, NoTime: true}, {Line: 0, NoTime: true}},
	}
	if err := NewOriginStamp(topicID, 0).Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		id   uuid.UUID
		time int64
	}{{uuid.NewSHA1(topicID, []byte("0/3")), 7}, {own, 20}, {uuid.NewSHA1(topicID, []byte("0/1")), 10}} {
		if r := b.Records[i]; r.ID != want.id || r.EmittedAt != want.time {
			t.Errorf("record %d: got %s and %d, want %s and %d", i, r.ID, r.EmittedAt, want.id, want.time)
		}
	}
}

func TestOriginStampAllocatesNothing(t *testing.T) {
	b := &pipeline.Batch{Origins: make([]pipeline.Origin, 1000), Records: make([]pipeline.Record, 1000)}
	for i := range b.Records {
		b.Origins[i].Offset, b.Records[i].Line = math.MaxInt64-int64(i), int32(i)
	}
	stamp := NewOriginStamp(topicID, math.MaxInt32)
	run := func() {
		if err := stamp.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if allocs := testing.AllocsPerRun(10, run); allocs > 1 { // once the name is long enough
		t.Errorf("%v allocations for 1000 records", allocs)
	}
}
