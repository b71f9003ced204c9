package sluice_test

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	gosync "sync"
	"time"

	"github.com/sluice-data/sluice/sink"
)

// memory is a bucket in memory. Unlike a directory it needs no time of a real clock, so it
// fits into a bubble, and it is quick enough for random tests. It obeys the sync of one
// engine; sink has one that passes the suite of stores.
type memory struct {
	minPart int64

	mu      gosync.Mutex
	objects map[string]*blob
	uploads map[string]*memoryUpload
}

type blob struct {
	data     []byte
	meta     sink.Metadata
	modified time.Time
}

func newMemory() *memory {
	return &memory{minPart: 1, objects: map[string]*blob{}, uploads: map[string]*memoryUpload{}}
}

func (s *memory) Properties() sink.Properties {
	return sink.Properties{Name: "memory", MinPartSize: s.minPart, MaxPartSize: 5 << 30, MaxParts: 10_000, MaxObject: 5 << 40, MaxKey: 1024}
}

// show makes an object visible. The lock is held.
func (s *memory) show(op, key string, data []byte, meta sink.Metadata) error {
	if s.objects[key] != nil {
		return &sink.Error{Op: op, Key: key, Kind: sink.ErrTaken}
	}
	s.objects[key] = &blob{data, meta, time.Now()}
	return nil
}

// visible returns the objects, which do not change any more.
func (s *memory) visible() map[string]*blob {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.objects)
}

func content(body sink.Body) []byte {
	var all []byte
	body.Chunks(func(c []byte) { all = append(all, c...) })
	return all
}

func (s *memory) Put(_ context.Context, key string, body sink.Body, meta sink.Metadata) error {
	data := content(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.show("Put", key, data, meta)
}

func (s *memory) Stat(_ context.Context, key string) (sink.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[key]
	if o == nil {
		return sink.Info{}, &sink.Error{Op: "Stat", Key: key, Kind: sink.ErrNotFound}
	}
	return sink.Info{Key: key, Size: int64(len(o.data)), Modified: o.modified, Metadata: o.meta}, nil
}

func (s *memory) List(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return func(yield func(sink.Info, error) bool) {
		for info, err := range s.Walk(ctx, prefix, after) {
			if !strings.Contains(strings.TrimPrefix(info.Key, prefix), "/") && !yield(info, err) {
				return
			}
		}
	}
}

func (s *memory) Walk(_ context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return func(yield func(sink.Info, error) bool) {
		all := s.visible()
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if !strings.HasPrefix(key, prefix) || key <= after {
				continue
			}
			if !yield(sink.Info{Key: key, Size: int64(len(all[key].data)), Modified: all[key].modified}, nil) {
				return
			}
		}
	}
}

func (s *memory) Delete(_ context.Context, keys ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		delete(s.objects, key)
	}
	return nil
}

func (s *memory) Uploads(_ context.Context, prefix string) iter.Seq2[sink.UploadInfo, error] {
	return func(yield func(sink.UploadInfo, error) bool) {
		s.mu.Lock()
		all := slices.Collect(maps.Values(s.uploads))
		s.mu.Unlock()
		for _, up := range all {
			if strings.HasPrefix(up.info.Key, prefix) && !yield(up.info, nil) {
				return
			}
		}
	}
}

func (s *memory) AbortUpload(_ context.Context, up sink.UploadInfo) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, up.ID)
	return nil
}

func (s *memory) Create(_ context.Context, key string, meta sink.Metadata) (sink.Upload, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strconv.Itoa(len(s.uploads)) + key
	up := &memoryUpload{store: s, meta: meta, parts: map[int][]byte{}, info: sink.UploadInfo{Key: key, ID: id, Started: time.Now()}}
	s.uploads[id] = up
	return up, nil
}

type memoryUpload struct {
	store *memory
	info  sink.UploadInfo
	meta  sink.Metadata
	parts map[int][]byte
}

func (u *memoryUpload) Info() sink.UploadInfo { return u.info }

func (u *memoryUpload) Part(_ context.Context, p sink.Part) error {
	data := content(p.Body)
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	u.parts[p.Number] = data
	return nil
}

func (u *memoryUpload) Complete(context.Context) error {
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	parts := make([][]byte, len(u.parts))
	for n, data := range u.parts {
		parts[n-1] = data
	}
	delete(u.store.uploads, u.info.ID)
	return u.store.show("Complete", u.info.Key, bytes.Join(parts, nil), u.meta)
}

func (u *memoryUpload) Abort(ctx context.Context) error { return u.store.AbortUpload(ctx, u.info) }
