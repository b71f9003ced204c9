package tune

import (
	"context"
	"errors"
	"path"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
	"github.com/sluice-data/sluice/sink/faultstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// meter measures uploads into a directory, through a store that fails as the rules say.
func meter(t *testing.T, rules ...*faultstore.Rule) (*Meter, *faultstore.Store) {
	t.Helper()
	inner, err := dir.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	store := faultstore.New(inner, rules...)
	return &Meter{
		Store: store, Options: sink.UploadOptions{Memory: 64 * mebibyte}, Policy: sink.RetryPolicy{Limit: time.Second, First: time.Millisecond},
		Dir: "data/" + Prefix + "x", Time: time.Minute, Bytes: 1e9, text: make([]byte, mebibyte), start: time.Now(), rates: map[Setting]float64{},
	}, store
}

// unfinished lists the uploads in a store.
func unfinished(t *testing.T, store sink.Store) (keys []string) {
	t.Helper()
	for up, err := range store.Uploads(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, up.Key)
	}
	return keys
}

// TestUpload measures, and nothing of it is ever completed, or left.
func TestUpload(t *testing.T) {
	m, store := meter(t)
	for range 2 {
		got, err := m.upload(t.Context(), mib(1, 3), 7*mebibyte)
		if err != nil || got.Rate <= 0 || got.Retries != 0 {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	parts := 0
	for _, call := range store.Calls() {
		switch op := strings.Fields(call)[0]; op {
		case "Part":
			parts++
		case "Complete", "Put", "Delete":
			t.Errorf("the call %s", call)
		}
		if key := strings.Fields(call)[1]; !strings.HasPrefix(key, m.Dir+"/") {
			t.Errorf("a key outside of %s: %s", m.Dir, call)
		}
	}
	if parts != 14 || m.Sent != 14*mebibyte || m.Requests.Load() != 16 {
		t.Errorf("%d parts, %d bytes, %d requests", parts, m.Sent, m.Requests.Load())
	}
	if left := unfinished(t, store); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestRetries are counted, and bytes that go again are not.
func TestRetries(t *testing.T) {
	m, _ := meter(t, faultstore.On(faultstore.Part).First(2).Fail(&sink.Error{Class: sink.Retryable}))
	got, err := m.upload(t.Context(), mib(1, 3), 6*mebibyte)
	if err != nil || got.Retries != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

var errStopped = errors.New("stopped by the test")

// TestNothingIsLeft, whatever ends a measurement.
func TestNothingIsLeft(t *testing.T) {
	f := func(name string, want error, ruled func(stop func()) *faultstore.Rule) {
		t.Helper()
		ctx, stop := context.WithCancelCause(t.Context())
		defer stop(nil)
		m, store := meter(t, ruled(func() { stop(errStopped) }))
		if _, err := m.upload(ctx, mib(1, 3), 20*mebibyte); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
		if left, err := m.Tidy(ctx); err != nil || len(left) > 0 {
			t.Errorf("%s: told that there are %v, %v", name, left, err)
		}
		if left := unfinished(t, store); len(left) > 0 {
			t.Errorf("%s: left: %v", name, left)
		}
	}
	full := &sink.Error{Kind: sink.ErrFull}
	f("a part fails", sink.ErrFull, func(func()) *faultstore.Rule { return faultstore.On(faultstore.Part).Nth(5).Fail(full) })
	f("the upload can't be created", sink.ErrFull, func(func()) *faultstore.Rule { return faultstore.On(faultstore.Create).Fail(full) })
	f("a signal", errStopped, func(stop func()) *faultstore.Rule {
		return faultstore.On(faultstore.Part).Nth(4).Call(func(context.Context, faultstore.Op, string) error { stop(); return nil })
	})
	f("the first abort fails", sink.ErrFull, func(func()) *faultstore.Rule { return faultstore.On(faultstore.Abort).Nth(1).Fail(full) })
}

// TestLeft says what a store does not let us remove.
func TestLeft(t *testing.T) {
	f := func(want string, rules ...*faultstore.Rule) {
		t.Helper()
		m, _ := meter(t, rules...)
		_, err := m.upload(t.Context(), mib(1, 3), 5*mebibyte)
		if !errors.Is(err, sink.ErrDenied) || !strings.Contains(err.Error(), "removing what was uploaded") {
			t.Errorf("got %v", err)
		}
		left, err := m.Tidy(t.Context())
		if strings.Join(left, " ") != want || !errors.Is(err, sink.ErrDenied) {
			t.Errorf("left are %v, error %v", left, err)
		}
	}
	deny := func(op faultstore.Op) *faultstore.Rule {
		return faultstore.On(op).Fail(&sink.Error{Kind: sink.ErrDenied})
	}
	f("data/_sluice_tune_x/0", deny(faultstore.Abort), deny(faultstore.AbortUpload))
	f("data/_sluice_tune_x/0", deny(faultstore.Abort), deny(faultstore.Uploads))
}

// TestSweepBefore aborts old uploads of this command, and no others.
func TestSweepBefore(t *testing.T) {
	m, store := meter(t)
	for _, key := range []string{"data/_sluice_tune_dead/3", "data/users/2021_01_01_1_0.csv", "other/_sluice_tune_dead/3"} {
		if _, err := store.Create(t.Context(), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	f := func(before time.Time, want int) {
		t.Helper()
		m.SweepBefore(t.Context(), before)
		if left := unfinished(t, store); len(left) != want {
			t.Errorf("left: %v", left)
		}
	}
	f(time.Now().Add(-time.Hour), 3)
	f(time.Now().Add(time.Hour), 2)
}

// TestVolume: whole rounds, about the share of time and bytes, and at least one round.
func TestVolume(t *testing.T) {
	f := func(s Setting, share float64, wantMiB int64) {
		t.Helper()
		m := &Meter{Time: 30 * time.Second, Bytes: 20e9, rates: map[Setting]float64{Default: 100, mib(5, 8): 40}}
		if got := m.volume(s, share); got != wantMiB*mebibyte || got%s.Round() != 0 {
			t.Errorf("%v, %.2f: got %d MiB, want %d", s, share, got/mebibyte, wantMiB)
		}
	}
	f(Default, 0.1, 256)    // 300 MB
	f(Default, 0.01, 128)   // one round
	f(mib(5, 8), 0.1, 120)  // 120 MB, as measured
	f(mib(16, 4), 0.1, 64)  // 75 MB, by the connections
	f(mib(5, 32), 0.1, 320) // 300 MB: more at a time may be faster, and then just ends earlier
	f(Default, 1, 2816)     // 3 GB
	m := &Meter{Time: time.Hour, Bytes: 1e9, rates: map[Setting]float64{Default: 1000}}
	if got := m.volume(Default, 0.5); got != 512*mebibyte {
		t.Errorf("of a bound of bytes: got %d", got)
	}
}

// TestSpends stops when a measurement would send more than is allowed, or comes too late.
func TestSpends(t *testing.T) {
	m, _ := meter(t)
	m.rates[Default], m.Bytes = 1, 10*mebibyte
	if _, err := m.Measure(t.Context(), mib(1, 4), 0.1); err != nil {
		t.Error(err)
	}
	m.Sent = 7 * mebibyte
	if _, err := m.Measure(t.Context(), mib(1, 4), 0.1); !errors.Is(err, ErrSpent) {
		t.Errorf("out of bytes: got %v", err)
	}
	m.Sent, m.start = 0, time.Now().Add(-time.Hour)
	if _, err := m.Measure(t.Context(), mib(1, 4), 0.1); !errors.Is(err, ErrSpent) {
		t.Errorf("out of time: got %v", err)
	}
}

// TestPlan is near to what a search sends, and asks the store nothing.
func TestPlan(t *testing.T) {
	m, store := meter(t)
	m.rates[Default], m.Time, m.Bytes = 200, 30*time.Second, 20e9
	p, err := m.Plan(t.Context(), within(256))
	if err != nil || len(store.Calls()) > 0 {
		t.Fatalf("%v, calls %v", err, store.Calls())
	}
	if p.Bytes < 3e9 || p.Bytes > 8e9 || p.Time < 20*time.Second || p.Time > 45*time.Second || p.Requests < p.Bytes/(32*mebibyte) || p.Requests > MostRequests(p.Bytes) {
		t.Errorf("got %+v", p)
	}
	if got := Cost(2000); got != 0.01 {
		t.Errorf("2000 requests cost $%v", got)
	}
}

// TestSlowProbe ends in time, and says what to do.
func TestSlowProbe(t *testing.T) {
	m, store := meter(t, faultstore.On(faultstore.Part).Delay(time.Hour))
	m.Time = 50 * time.Millisecond
	if _, err := m.Probe(t.Context()); !errors.Is(err, errSlow) || !strings.Contains(err.Error(), "--seconds") {
		t.Errorf("got %v", err)
	}
	if left := unfinished(t, store); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if !strings.HasPrefix(path.Base(m.Dir), Prefix) {
		t.Errorf("the directory %s", m.Dir)
	}
}
