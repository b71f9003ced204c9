package inventory

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-data/sluice/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when these tests happen.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// bucket is a store that a test fills with things of any age. What no look needs is missing.
type bucket struct {
	sink.Store
	objects map[string]sink.Info
	uploads []sink.UploadInfo
	parts   map[string]sink.Parts // by the upload's id
	fail    map[string]error      // by the operation, or it and a key

	mu              sync.Mutex
	aborted         []string      // ids
	stats           int           // HEAD requests
	atOnce, atMost  int           // of them under way
	takes           time.Duration // of one, for a test in a bubble
	deletedMeantime string        // a key that is listed, and is not there any more
}

func newBucket() *bucket {
	return &bucket{objects: map[string]sink.Info{}, parts: map[string]sink.Parts{}, fail: map[string]error{}}
}

// put makes an object that is some hours old.
func (b *bucket) put(key string, size int64, hours int, meta sink.Metadata) {
	b.objects[key] = sink.Info{Key: key, Size: size, Modified: now.Add(-time.Duration(hours) * time.Hour), Metadata: meta}
}

// begin makes an upload that is some hours old; below 0: of unknown age. Its id is its key.
func (b *bucket) begin(key string, hours int) {
	up := sink.UploadInfo{Key: key, ID: key, Started: now.Add(-time.Duration(hours) * time.Hour)}
	if hours < 0 {
		up.Started = time.Time{}
	}
	b.uploads = append(b.uploads, up)
}

func (b *bucket) failing(op, key string) error {
	for _, rule := range []string{op, op + " " + key} {
		if err := b.fail[rule]; err != nil {
			return err
		}
	}
	return nil
}

func (b *bucket) Walk(ctx context.Context, prefix, _ string) iter.Seq2[sink.Info, error] {
	return func(yield func(sink.Info, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(b.objects)) {
			info := b.objects[key]
			info.Metadata = nil
			if strings.HasPrefix(key, prefix) && !yield(info, nil) {
				return
			}
		}
		if err := b.failing("Walk", prefix); err != nil {
			yield(sink.Info{}, err)
		}
	}
}

func (b *bucket) List(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return func(yield func(sink.Info, error) bool) {
		for info := range b.Walk(ctx, prefix, after) {
			if !strings.Contains(info.Key[min(len(prefix), len(info.Key)):], "/") && info.Key != "" && !yield(info, nil) {
				return
			}
		}
		if err := b.failing("List", prefix); err != nil {
			yield(sink.Info{}, err)
		}
	}
}

func (b *bucket) Stat(_ context.Context, key string) (sink.Info, error) {
	b.mu.Lock()
	b.stats++
	b.atOnce++
	b.atMost = max(b.atMost, b.atOnce)
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.atOnce--
		b.mu.Unlock()
	}()
	time.Sleep(b.takes)
	if err := b.failing("Stat", key); err != nil {
		return sink.Info{}, err
	}
	info, ok := b.objects[key]
	if !ok || key == b.deletedMeantime {
		return sink.Info{}, &sink.Error{Op: "Stat", Key: key, Kind: sink.ErrNotFound}
	}
	return info, nil
}

func (b *bucket) Uploads(_ context.Context, prefix string) iter.Seq2[sink.UploadInfo, error] {
	return func(yield func(sink.UploadInfo, error) bool) {
		for _, up := range b.uploads {
			if strings.HasPrefix(up.Key, prefix) && !yield(up, nil) {
				return
			}
		}
		if err := b.failing("Uploads", prefix); err != nil {
			yield(sink.UploadInfo{}, err)
		}
	}
}

func (b *bucket) Parts(_ context.Context, up sink.UploadInfo) (sink.Parts, error) {
	return b.parts[up.ID], b.failing("Parts", up.Key)
}

func (b *bucket) AbortUpload(_ context.Context, up sink.UploadInfo) error {
	if err := b.failing("AbortUpload", up.Key); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.aborted = append(b.aborted, up.ID)
	return nil
}

// denied is an answer of a store that does not allow something.
func denied() error { return &sink.Error{Op: "Something", Kind: sink.ErrDenied} }
