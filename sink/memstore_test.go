package sink_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/sinktest"
)

// TestMemStore holds the store of these tests to the rules of a real one.
func TestMemStore(t *testing.T) {
	sinktest.Run(t, func(*testing.T) sink.Store { return newMemStore(sink.Properties{}) })
}

// memStore is a bucket in memory with the rules of S3.
type memStore struct {
	limits sink.Properties

	mu      sync.Mutex
	objects map[string]memObject
	uploads map[string]*memUpload
	begun   int      // uploads so far
	shown   []string // keys, in the order in which they became visible
}

type memObject struct {
	data     []byte
	meta     sink.Metadata
	modified time.Time
	parts    []int64 // the sizes; nil after a Put
}

// newMemStore makes an empty store. A limit of 0 is that of S3; the smallest part is 1 byte.
func newMemStore(limits sink.Properties) *memStore {
	return &memStore{
		limits: sink.Properties{
			Name:        "memory",
			MinPartSize: cmp.Or(limits.MinPartSize, 1),
			MaxPartSize: cmp.Or(limits.MaxPartSize, 5<<30),
			MaxParts:    cmp.Or(limits.MaxParts, 10_000),
			MaxObject:   cmp.Or(limits.MaxObject, 5<<40),
			MaxKey:      cmp.Or(limits.MaxKey, 1024),
			EqualParts:  limits.EqualParts,
		},
		objects: map[string]memObject{},
		uploads: map[string]*memUpload{},
	}
}

func (s *memStore) Properties() sink.Properties { return s.limits }

// receive copies a body, without the lock: the race detector notices who changes it.
func receive(body sink.Body) []byte {
	data := make([]byte, 0, body.Len())
	body.Chunks(func(c []byte) { data = append(data, c...) })
	return data
}

// ready checks what all calls have in common.
func (s *memStore) ready(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(key) > s.limits.MaxKey {
		return &sink.Error{Op: op, Key: key, Err: errors.New("the key is too long")}
	}
	return nil
}

// show makes an object visible, if its key is free. The lock is held.
func (s *memStore) show(op, key string, o memObject) error {
	if _, taken := s.objects[key]; taken {
		return &sink.Error{Op: op, Key: key, Kind: sink.ErrTaken}
	}
	o.modified = time.Now()
	s.objects[key] = o
	s.shown = append(s.shown, key)
	return nil
}

func (s *memStore) Put(ctx context.Context, key string, body sink.Body, meta sink.Metadata) error {
	if err := s.ready(ctx, "Put", key); err != nil {
		return err
	}
	data := receive(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.show("Put", key, memObject{data: data, meta: maps.Clone(meta)})
}

func (s *memStore) Stat(ctx context.Context, key string) (sink.Info, error) {
	if err := s.ready(ctx, "Stat", key); err != nil {
		return sink.Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	if !ok {
		return sink.Info{}, &sink.Error{Op: "Stat", Key: key, Kind: sink.ErrNotFound}
	}
	return sink.Info{Key: key, Size: int64(len(o.data)), Modified: o.modified, Metadata: maps.Clone(o.meta)}, nil
}

// Get is what the suite reads objects with.
func (s *memStore) Get(_ context.Context, key string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	if !ok {
		return nil, &sink.Error{Op: "Get", Key: key, Kind: sink.ErrNotFound}
	}
	return io.NopCloser(bytes.NewReader(o.data)), nil
}

func (s *memStore) List(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return func(yield func(sink.Info, error) bool) {
		for info, err := range s.Walk(ctx, prefix, after) {
			if strings.Contains(strings.TrimPrefix(info.Key, prefix), "/") {
				continue
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

func (s *memStore) Walk(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return func(yield func(sink.Info, error) bool) {
		for _, key := range s.keys() {
			if !strings.HasPrefix(key, prefix) || key <= after {
				continue
			}
			info, err := s.Stat(ctx, key)
			if errors.Is(err, sink.ErrNotFound) {
				continue
			}
			info.Metadata = nil
			if !yield(info, err) || err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(sink.Info{}, err)
		}
	}
}

func (s *memStore) Delete(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := s.ready(ctx, "Delete", key); err != nil {
			return err
		}
		s.mu.Lock()
		delete(s.objects, key)
		s.mu.Unlock()
	}
	return nil
}

func (s *memStore) Uploads(ctx context.Context, prefix string) iter.Seq2[sink.UploadInfo, error] {
	return func(yield func(sink.UploadInfo, error) bool) {
		for _, info := range s.unfinished() {
			if err := ctx.Err(); err != nil {
				yield(sink.UploadInfo{}, err)
				return
			}
			if strings.HasPrefix(info.Key, prefix) && !yield(info, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(sink.UploadInfo{}, err)
		}
	}
}

func (s *memStore) AbortUpload(ctx context.Context, up sink.UploadInfo) error {
	if err := s.ready(ctx, "AbortUpload", up.Key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, up.ID)
	return nil
}

func (s *memStore) Parts(ctx context.Context, up sink.UploadInfo) (sink.Parts, error) {
	if err := s.ready(ctx, "Parts", up.Key); err != nil {
		return sink.Parts{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[up.ID]
	if u == nil {
		return sink.Parts{}, &sink.Error{Op: "Parts", Key: up.Key, Kind: sink.ErrNoUpload}
	}
	var sum sink.Parts
	for _, data := range u.parts {
		sum.Size += int64(len(data))
		sum.Last = u.touched
	}
	return sum, nil
}

// keys lists the objects, sorted.
func (s *memStore) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// unfinished lists the uploads by key and age.
func (s *memStore) unfinished() []sink.UploadInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []sink.UploadInfo
	for _, up := range s.uploads {
		all = append(all, up.info)
	}
	slices.SortFunc(all, func(a, b sink.UploadInfo) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// object returns an object, which may be missing.
func (s *memStore) object(key string) memObject {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[key]
}

// begin starts an upload that began at the given time, as a dead run would have left it.
func (s *memStore) begin(key string, at time.Time, meta sink.Metadata) *memUpload {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	id := strconv.Itoa(1000 + s.begun)
	up := &memUpload{
		store: s, meta: maps.Clone(meta), parts: map[int][]byte{}, offsets: map[int]int64{},
		info: sink.UploadInfo{Key: key, ID: id, Started: at},
	}
	s.uploads[id] = up
	return up
}

func (s *memStore) Create(ctx context.Context, key string, meta sink.Metadata) (sink.Upload, error) {
	if err := s.ready(ctx, "Create", key); err != nil {
		return nil, err
	}
	return s.begin(key, time.Now(), meta), nil
}

type memUpload struct {
	store   *memStore
	info    sink.UploadInfo
	meta    sink.Metadata
	parts   map[int][]byte
	offsets map[int]int64
	touched time.Time
}

func (u *memUpload) Info() sink.UploadInfo { return u.info }

// gone says whether the upload has ended. The lock is held.
func (u *memUpload) gone(op string) error {
	if u.store.uploads[u.info.ID] != u {
		return &sink.Error{Op: op, Key: u.info.Key, Kind: sink.ErrNoUpload}
	}
	return nil
}

func (u *memUpload) Part(ctx context.Context, p sink.Part) error {
	s := u.store
	if err := s.ready(ctx, "Part", u.info.Key); err != nil {
		return err
	}
	if p.Number < 1 || p.Number > s.limits.MaxParts || p.Body.Len() > s.limits.MaxPartSize {
		return &sink.Error{Op: "Part", Key: u.info.Key, Err: fmt.Errorf("part %d has %d bytes", p.Number, p.Body.Len())}
	}
	data := receive(p.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := u.gone("Part"); err != nil {
		return err
	}
	u.parts[p.Number], u.offsets[p.Number], u.touched = data, p.Offset, time.Now()
	return nil
}

func (u *memUpload) Complete(ctx context.Context) error {
	s := u.store
	if err := s.ready(ctx, "Complete", u.info.Key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := u.gone("Complete"); err != nil {
		return err
	}
	size := 0
	for _, data := range u.parts {
		size += len(data)
	}
	o := memObject{data: make([]byte, 0, size), meta: u.meta}
	for n := 1; n <= len(u.parts); n++ {
		data, ok := u.parts[n]
		switch {
		case !ok || u.offsets[n] != int64(len(o.data)):
			return &sink.Error{Op: "Complete", Key: u.info.Key, Err: fmt.Errorf("part %d is not at %d", n, len(o.data))}
		case n < len(u.parts) && int64(len(data)) < s.limits.MinPartSize:
			return &sink.Error{Op: "Complete", Key: u.info.Key, Err: fmt.Errorf("part %d has only %d bytes", n, len(data))}
		case s.limits.EqualParts && n < len(u.parts) && len(data) != len(u.parts[1]):
			return &sink.Error{Op: "Complete", Key: u.info.Key, Err: fmt.Errorf("part %d has %d bytes, the first one %d", n, len(data), len(u.parts[1]))}
		}
		o.data = append(o.data, data...)
		o.parts = append(o.parts, int64(len(data)))
	}
	if len(o.parts) == 0 {
		return &sink.Error{Op: "Complete", Key: u.info.Key, Err: errors.New("no parts")}
	}
	if err := s.show("Complete", u.info.Key, o); err != nil {
		return err
	}
	delete(s.uploads, u.info.ID)
	return nil
}

func (u *memUpload) Abort(ctx context.Context) error { return u.store.AbortUpload(ctx, u.info) }
