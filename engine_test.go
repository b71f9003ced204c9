package sluice_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/gateway/gatewaytest"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
	"github.com/sluice-data/sluice/sink/faultstore"
	"github.com/sluice-data/sluice/sink/s3"
)

func TestMain(m *testing.M) { gatewaytest.Main(m) }

// store is a sink.Store that can read.
type store interface {
	sink.Store
	Get(ctx context.Context, key string) (io.ReadCloser, error)
}

// inStores runs a test with each kind of store.
func inStores(t *testing.T, f func(t *testing.T, st store)) {
	t.Run("dir", func(t *testing.T) {
		st, err := dir.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		f(t, st)
	})
	t.Run("s3", func(t *testing.T) {
		gw := gatewaytest.ForTest(t)
		st, err := s3.New(t.Context(), s3.Settings{
			Bucket: gw.Bucket, Region: gw.Region, Endpoint: gw.Endpoint, AccessKeyID: gw.AccessKey, SecretAccessKey: gw.SecretKey,
		})
		if err != nil {
			t.Fatal(err)
		}
		f(t, st)
	})
}

// then is the time of the example in the connector's first documentation, told by a clock
// whose calendar is a day ahead.
var then = time.UnixMilli(1609541171643).In(time.FixedZone("far east", 14*60*60))

const prefix = "data/users/2021_01_01_1609541171643_"

func settings() *config.Config {
	c := config.Default()
	c.Bucket, c.Path, c.Region = "bucket", "data", "us-east-1"
	return &c
}

// users is a catalog of one stream.
func users(mode airbyte.DestinationSyncMode) *airbyte.Catalog {
	return &airbyte.Catalog{Streams: []airbyte.Stream{{ID: airbyte.StreamID{Name: "users"}, Mode: mode}}}
}

// records are n records of about 1 kB, and a STATE behind them.
func records(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"type":"RECORD","record":{"stream":"users","emitted_at":1,"data":{"n":%d,"pad":"%s"}}}`+"\n", i, strings.Repeat("x", 1000))
	}
	return b.String() + `{"type":"STATE","state":{"data":{}}}` + "\n"
}

// outcome is what a sync did.
type outcome struct {
	sum    *sluice.Summary
	states []string
	log    string
	err    error
}

func sync(t *testing.T, cfg *config.Config, catalog *airbyte.Catalog, st sink.Store, now time.Time, input string) outcome {
	t.Helper()
	var out outcome
	var log bytes.Buffer
	engine, err := sluice.Open(t.Context(), cfg, catalog, sluice.Options{
		Store: st, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	out.sum, out.err = engine.Run(t.Context(), strings.NewReader(input), func(state []byte) error {
		out.states = append(out.states, string(state))
		return nil
	})
	out.log = log.String()
	return out
}

func keys(t *testing.T, st sink.Store, prefix string) []string {
	t.Helper()
	all := []string{}
	for info, err := range st.List(t.Context(), prefix, "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

func get(t *testing.T, st store, key string) string {
	t.Helper()
	body, err := st.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func put(t *testing.T, st sink.Store, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := st.Put(t.Context(), key, sink.NewBody([]byte("old")), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestTakenKeys has another sync have begun in the same millisecond: its partition ids are
// left out, and nothing is written over.
func TestTakenKeys(t *testing.T) {
	inStores(t, func(t *testing.T, st store) {
		taken := []string{prefix + "0.csv", prefix + "2.csv", prefix + "3.csv.gz"}
		put(t, st, taken...)
		cfg := settings()
		cfg.FileSizeMB = 0.01
		out := sync(t, cfg, users(airbyte.Append), st, then, records(25))
		if out.err != nil || len(out.states) != 1 {
			t.Fatalf("%v, with %d states", out.err, len(out.states))
		}
		same(t, "objects", keys(t, st, "data/users/"),
			[]string{prefix + "0.csv", prefix + "1.csv", prefix + "2.csv", prefix + "3.csv.gz", prefix + "4.csv", prefix + "5.csv"})
		for _, key := range taken {
			same(t, key, []string{get(t, st, key)}, []string{"old"})
		}
		rows := 0
		for _, id := range []string{"1", "4", "5"} {
			rows += strings.Count(get(t, st, prefix+id+".csv"), "xxx\"\"}")
		}
		if rows != 25 {
			t.Errorf("%d rows, want 25", rows)
		}
		// A full refresh in the same millisecond: the others are its older objects.
		out = sync(t, settings(), users(airbyte.Overwrite), st, then, records(1))
		if out.err != nil {
			t.Fatal(out.err)
		}
		same(t, "objects after a full refresh", keys(t, st, "data/users/"), []string{prefix + "6.csv"})
	})
}

// TestKeyTakenMeanwhile has somebody write under our key when the sync has looked already:
// the object moves to the next partition id. The other's stays, in a full refresh too: that
// has found by then what it replaces.
func TestKeyTakenMeanwhile(t *testing.T) {
	f := func(mode airbyte.DestinationSyncMode) {
		inStores(t, func(t *testing.T, st store) {
			rude := faultstore.New(st, faultstore.On(faultstore.Put).First(1).Call(func(ctx context.Context, _ faultstore.Op, key string) error {
				return st.Put(ctx, key, sink.NewBody([]byte("old")), nil)
			}))
			out := sync(t, settings(), users(mode), rude, then, records(1))
			if out.err != nil || len(out.states) != 1 {
				t.Fatalf("%v, with %d states", out.err, len(out.states))
			}
			same(t, "objects", keys(t, st, "data/users/"), []string{prefix + "0.csv", prefix + "1.csv"})
			same(t, "the other's object", []string{get(t, st, prefix+"0.csv")}, []string{"old"})
			if rows := strings.Count(get(t, st, prefix+"1.csv"), "xxx\"\"}"); rows != 1 {
				t.Errorf("%d rows, want 1", rows)
			}
		})
	}
	f(airbyte.Append)
	f(airbyte.Overwrite)
}

// TestEveryKeyTaken: a store that calls every key taken must not be asked for ever.
func TestEveryKeyTaken(t *testing.T) {
	taken := &sink.Error{Op: "Put", Kind: sink.ErrTaken}
	rude := faultstore.New(directory(t), faultstore.On(faultstore.Put).Fail(taken))
	if out := sync(t, settings(), users(airbyte.Append), rude, then, records(1)); !errors.Is(out.err, sink.ErrTaken) || len(out.states) > 0 {
		t.Errorf("got %v, and %d states", out.err, len(out.states))
	}
}

// TestStaleUploads leaves unfinished uploads behind and lets time pass.
func TestStaleUploads(t *testing.T) {
	inStores(t, func(t *testing.T, st store) {
		const dead = "data/users/2021_01_01_1609541171643_0.csv"
		foreign := []string{
			"data/events/2021_01_01_1609541171643_0.csv", // no stream of this sync
			"data/users/backup.tar",
			"data/users/sub/2021_01_01_1609541171643_0.csv",
			"data/users_archive/2021_01_01_1609541171643_0.csv",
			"users/2021_01_01_1609541171643_0.csv",
		}
		for _, key := range append([]string{dead, dead}, foreign...) {
			up, err := st.Create(t.Context(), key, nil)
			if err == nil {
				err = up.Part(t.Context(), sink.Part{Number: 1, Body: sink.NewBody([]byte("half"))})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		left := func() []string { return slices.Sorted(slices.Values(uploads(t, st))) }
		all := left()
		out := sync(t, settings(), users(airbyte.Append), st, time.Now().Add(23*time.Hour), records(1))
		if out.err != nil {
			t.Fatal(out.err)
		}
		same(t, "uploads after less than a day", left(), all)
		out = sync(t, settings(), users(airbyte.Append), st, time.Now().Add(25*time.Hour), records(1))
		if out.err != nil || !strings.Contains(out.log, "2 unfinished uploads") {
			t.Fatalf("%v: %s", out.err, out.log)
		}
		same(t, "uploads after more than a day", left(), foreign)
	})
}

// TestSweepIsNoDuty has a store that can't list uploads, or may not: the sync goes on.
func TestSweepIsNoDuty(t *testing.T) {
	for _, kind := range []error{sink.ErrUnsupported, sink.ErrDenied} {
		st, err := dir.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		broken := faultstore.New(st, faultstore.On(faultstore.Uploads).Fail(&sink.Error{Op: "Uploads", Kind: kind}))
		out := sync(t, settings(), users(airbyte.Append), broken, then, records(1))
		if out.err != nil || len(out.states) != 1 {
			t.Errorf("%v: got %v and the states %q", kind, out.err, out.states)
		}
	}
}
