package tune

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/sink"
)

// Prefix begins the name of the directory that a Meter makes.
const Prefix = "_sluice_tune_"

// Meter measures settings with uploads to a store, as a sync would make them. They are aborted
// when they are up, never completed: nobody who looks into the bucket ever sees one, there is
// nothing to delete, and a bucket that keeps versions keeps none of it.
type Meter struct {
	Store   sink.Store // without retries
	Options sink.UploadOptions
	Policy  sink.RetryPolicy
	Dir     string        // everything is made in it; its last element begins with Prefix
	Time    time.Duration // that all shares together may take, about
	Bytes   int64         // that may be sent in all
	Log     func(s Setting, got Sample)

	text  []byte
	start time.Time
	rates map[Setting]float64 // the newest of each, MB/s
	left  []string            // keys of uploads that could not be aborted

	Sent     int64 // bytes
	Requests atomic.Int64
}

// Probe measures the default, for a first idea of how fast the network is: it says how much
// each measurement has to send. It opens connections, so it does not count.
func (m *Meter) Probe(ctx context.Context) (Sample, error) {
	m.text = make([]byte, 4*mebibyte)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(m.text) // never fails. Random: a network may compress
	m.rates = map[Setting]float64{}
	m.start = time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, m.Time, errSlow)
	defer cancel()
	got, err := m.upload(ctx, Default, min(Default.Round(), m.Bytes))
	if errors.Is(err, errSlow) {
		return got, fmt.Errorf("%w: %d MiB did not get through in %v, so the network, or the store, is slow, and upload settings matter little; a longer time would tell (--seconds)",
			errSlow, Default.Round()/mebibyte, m.Time)
	}
	m.start = time.Now()
	return got, err
}

// errSlow ends a probe.
var errSlow = errors.New("too slow to measure")

// volume is what a measurement sends: whole rounds, so that none is slower only because some of
// its workers had nothing to do at its end.
func (m *Meter) volume(s Setting, share float64) int64 {
	target := min(m.expected(s)*1e6*share*m.Time.Seconds(), share*float64(m.Bytes))
	return max(1, int64(target/float64(s.Round())+0.5)) * s.Round()
}

// expected is a setting's rate in MB/s: the last one, or else what follows from the probe if
// each connection has a speed of its own.
func (m *Meter) expected(s Setting) float64 {
	if rate := m.rates[s]; rate > 0 {
		return rate
	}
	return m.rates[Default] * min(1, float64(s.Concurrency)/float64(Default.Concurrency))
}

// Measure is a Measure.
func (m *Meter) Measure(ctx context.Context, s Setting, share float64) (Sample, error) {
	const patience = 3 // times as long as planned, before it ends
	volume := m.volume(s, share)
	if m.Sent+volume > m.Bytes || time.Since(m.start) > patience*m.Time {
		return Sample{}, ErrSpent
	}
	return m.upload(ctx, s, volume)
}

// upload sends the volume as one object.
func (m *Meter) upload(ctx context.Context, s Setting, volume int64) (got Sample, err error) {
	clock := &clocked{Store: m.Store, requests: &m.Requests}
	store := sink.Retry(clock, m.Policy)
	opts := m.Options
	opts.PartSize, opts.Concurrency = s.PartSize, s.Concurrency
	up := sink.NewUploader(store, opts)
	key := fmt.Sprintf("%s/%d", m.Dir, m.Requests.Load())
	m.Sent += volume
	runtime.GC() // the buffers of the measurement before: they are used again, not added to
	cpu := cpuTime()
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer up.Close()
		object := up.NewSet(true).Open(key, func(int64) sink.Metadata { return nil }, func() {})
		if err := Feed(gctx, object, m.text, volume); err != nil {
			return err
		}
		return object.Close(gctx)
	})
	group.Go(func() error { return up.Run(gctx) })
	err = group.Wait()
	got.Cores = float64(cpuTime()-cpu) / float64(clock.took())
	if aborting := up.AbortAll(ctx); aborting != nil {
		m.left = append(m.left, key)
		if err == nil {
			err = fmt.Errorf("removing what was uploaded: %w", aborting)
		}
	}
	if err != nil {
		return got, err
	}
	got.Rate = float64(volume) / 1e6 / clock.took().Seconds()
	got.Retries = store.Retries.Load()
	m.rates[s] = got.Rate
	if m.Log != nil {
		m.Log(s, got)
	}
	return got, nil
}

// Feed appends a text again and again, until the object has the given number of bytes.
func Feed(ctx context.Context, object *sink.Object, text []byte, volume int64) error {
	for at := 0; object.Size() < volume; {
		n := int(min(512<<10, int64(len(text)-at), volume-object.Size()))
		if err := object.Append(ctx, text[at:at+n], 1); err != nil {
			return err
		}
		at = (at + n) % len(text)
	}
	return nil
}

// tidyTimeout bounds what is done behind the last measurement.
const tidyTimeout = 10 * time.Second

// Tidy looks whether anything is left of the measurements, also where they have failed or were
// cancelled, aborts it, and returns the keys that stay all the same.
func (m *Meter) Tidy(ctx context.Context) (left []string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	left, err = abort(ctx, sink.Retry(m.Store, m.Policy), m.Dir+"/", func(sink.UploadInfo) bool { return true })
	if err != nil && len(left) == 0 {
		left = m.left // who can't look knows at least what could not be aborted
	}
	return left, err
}

// SweepBefore aborts what a killed run has left in the same place long ago. It is a courtesy.
func (m *Meter) SweepBefore(ctx context.Context, before time.Time) {
	_, _ = abort(ctx, m.Store, m.Dir[:strings.LastIndexByte(m.Dir, '/')+1]+Prefix, func(up sink.UploadInfo) bool { return !up.Started.IsZero() && up.Started.Before(before) })
}

// abort aborts unfinished uploads below a prefix. The error is the first one, and left are the
// keys of those that could not be aborted.
func abort(ctx context.Context, store sink.Store, prefix string, ours func(sink.UploadInfo) bool) (left []string, first error) {
	for up, err := range store.Uploads(ctx, prefix) {
		if err != nil {
			return left, errors.Join(first, err)
		}
		if !ours(up) {
			continue
		}
		if err := store.AbortUpload(ctx, up); err != nil {
			left = append(left, up.Key)
			if first == nil {
				first = err
			}
		}
	}
	slices.Sort(left)
	return slices.Compact(left), first
}

// clocked is a store that notes when the first part went and when the last one was up: opening
// and ending an upload cost the same with all settings.
type clocked struct {
	sink.Store
	requests *atomic.Int64

	mu          sync.Mutex
	first, last time.Time
}

func (c *clocked) Create(ctx context.Context, key string, meta sink.Metadata) (sink.Upload, error) {
	c.requests.Add(1)
	up, err := c.Store.Create(ctx, key, meta)
	if err != nil {
		return nil, err
	}
	return &clockedUpload{up, c}, nil
}

type clockedUpload struct {
	sink.Upload
	clock *clocked
}

func (u *clockedUpload) Part(ctx context.Context, p sink.Part) error {
	u.clock.begin()
	err := u.Upload.Part(ctx, p)
	u.clock.end()
	return err
}

func (c *clocked) begin() {
	c.requests.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first.IsZero() {
		c.first = time.Now()
	}
}

func (c *clocked) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now()
}

func (c *clocked) took() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.last.Sub(c.first), time.Microsecond)
}
