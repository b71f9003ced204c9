package dir

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluice-data/sluice/sink"
)

// record is what is known about an unfinished upload.
type record struct {
	Key      string        `json:"key"`
	Metadata sink.Metadata `json:"metadata,omitempty"`
	Started  time.Time     `json:"started"`
}

// upload writes its parts to their places in one file.
type upload struct {
	store *Store
	info  sink.UploadInfo
	meta  sink.Metadata

	// mu is held for reading while a part is written, and for writing by Complete: no part
	// may change a file that has become an object.
	mu      sync.RWMutex
	visible bool
	done    bool

	partsMu sync.Mutex
	parts   map[int]extent
}

// extent is where a part lies in the object.
type extent struct{ offset, size int64 }

func recordName(id string) string { return uploadsDir + "/" + id + ".json" }
func partName(id string) string   { return uploadsDir + "/" + id + ".part" }

// Create starts an upload.
func (s *Store) Create(ctx context.Context, key string, meta sink.Metadata) (sink.Upload, error) {
	u, err := s.create(ctx, "Create", key, meta)
	if err != nil {
		return nil, err
	}
	return u, nil
}

func (s *Store) create(ctx context.Context, op, key string, meta sink.Metadata) (*upload, error) {
	if err := ready(ctx, op, key); err != nil {
		return nil, err
	}
	info := sink.UploadInfo{Key: key, ID: strings.ToLower(rand.Text()), Started: time.Now().UTC()}
	// The record comes first: a file without one would never be found again.
	err := s.writeJSON(recordName(info.ID), record{Key: key, Metadata: meta, Started: info.Started})
	if err == nil {
		err = s.createEmpty(partName(info.ID))
	}
	if err != nil {
		_ = s.removeUpload(info.ID) // the first error is the cause
		return nil, fail(op, key, err)
	}
	return &upload{store: s, info: info, meta: meta, parts: map[int]extent{}}, nil
}

func (s *Store) createEmpty(name string) error {
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

func (u *upload) Info() sink.UploadInfo { return u.info }

func (u *upload) Part(ctx context.Context, p sink.Part) error { return u.part(ctx, "Part", p) }

func (u *upload) part(ctx context.Context, op string, p sink.Part) error {
	limits := u.store.Properties()
	switch {
	case p.Number < 1 || p.Number > limits.MaxParts:
		return u.fail(op, fmt.Errorf("part number %d is not between 1 and %d", p.Number, limits.MaxParts))
	case p.Offset < 0 || p.Body.Len() > limits.MaxPartSize || p.Offset > limits.MaxObject-p.Body.Len():
		return u.fail(op, fmt.Errorf("part %d of %d bytes at %d is too large", p.Number, p.Body.Len(), p.Offset))
	}
	u.mu.RLock()
	defer u.mu.RUnlock()
	if u.done || u.visible {
		return u.fail(op, fs.ErrNotExist)
	}
	if err := u.write(ctx, p); err != nil {
		return u.fail(op, err)
	}
	u.partsMu.Lock()
	defer u.partsMu.Unlock()
	u.parts[p.Number] = extent{p.Offset, p.Body.Len()}
	return nil
}

// write opens the file anew for each part: thousands of uploads may be under way, more than
// files may be open.
func (u *upload) write(ctx context.Context, p sink.Part) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := u.store.root.OpenFile(partName(u.info.ID), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	at := p.Offset
	p.Body.Chunks(func(chunk []byte) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			_, err = f.WriteAt(chunk, at)
			at += int64(len(chunk))
		}
	})
	// Some file systems tell only now that they are full.
	return errors.Join(err, f.Close())
}

func (u *upload) Complete(ctx context.Context) error { return u.complete(ctx, "Complete") }

func (u *upload) complete(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done {
		return u.fail(op, fs.ErrNotExist)
	}
	size, err := u.joined()
	if err != nil {
		return u.fail(op, err)
	}
	if err := u.store.finish(partName(u.info.ID), size); err != nil {
		return u.fail(op, err)
	}
	if err := u.store.publish(u.info, u.meta); err != nil {
		return u.fail(op, err)
	}
	u.visible = true
	if err := u.store.syncParents(u.info.Key); err != nil {
		// The object is visible, but a power failure could take it away again. Another
		// Complete tries this once more.
		return &sink.Error{Op: op, Key: u.info.Key, Class: sink.Unknown, Err: cause(err)}
	}
	u.done = true
	// What cannot be removed is found by Uploads; the object is there, and that counts.
	_ = u.store.removeUpload(u.info.ID)
	return nil
}

// joined returns the size of the object, if its parts are all there and follow one another.
func (u *upload) joined() (int64, error) {
	u.partsMu.Lock()
	defer u.partsMu.Unlock()
	if len(u.parts) == 0 {
		return 0, errors.New("the upload has no parts")
	}
	var size int64
	for n := 1; n <= len(u.parts); n++ {
		p, ok := u.parts[n]
		if !ok {
			return 0, fmt.Errorf("part %d is missing", n)
		}
		if p.offset != size {
			return 0, fmt.Errorf("part %d begins at %d and not at %d, where the one before ends", n, p.offset, size)
		}
		size += p.size
	}
	return size, nil
}

// Abort removes the upload's files.
func (u *upload) Abort(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// The lock waits for parts that are being written, so that nothing is left of them.
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done = true
	if err := u.store.removeUpload(u.info.ID); err != nil {
		return u.fail("Abort", err)
	}
	return nil
}

// fail tells a file of the upload that is gone from other failures.
func (u *upload) fail(op string, err error) error {
	var known *sink.Error
	switch {
	case errors.As(err, &known):
		return &sink.Error{Op: op, Key: u.info.Key, Class: known.Class, Kind: known.Kind, Err: known.Err}
	case errors.Is(err, fs.ErrNotExist):
		return &sink.Error{Op: op, Key: u.info.Key, Kind: sink.ErrNoUpload}
	}
	return fail(op, u.info.Key, err)
}

// Uploads reads the records. They are sorted by key and age.
func (s *Store) Uploads(ctx context.Context, prefix string) iter.Seq2[sink.UploadInfo, error] {
	return func(yield func(sink.UploadInfo, error) bool) {
		all, err := s.uploads(ctx, prefix)
		if err != nil {
			yield(sink.UploadInfo{}, fail("Uploads", prefix, err))
			return
		}
		for _, info := range all {
			if err := ctx.Err(); err != nil {
				yield(sink.UploadInfo{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (s *Store) uploads(ctx context.Context, prefix string) ([]sink.UploadInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	files, err := fs.ReadDir(s.root.FS(), uploadsDir)
	if err != nil {
		return nil, err
	}
	var all []sink.UploadInfo
	for _, file := range files {
		id, ok := strings.CutSuffix(file.Name(), ".json")
		if !ok {
			continue
		}
		var r record
		data, err := s.root.ReadFile(recordName(id))
		if missing(err) {
			continue // it has ended meanwhile
		}
		if err == nil {
			err = json.Unmarshal(data, &r)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the record of upload %s: %w", id, err)
		}
		if strings.HasPrefix(r.Key, prefix) {
			all = append(all, sink.UploadInfo{Key: r.Key, ID: id, Started: r.Started})
		}
	}
	slices.SortFunc(all, func(a, b sink.UploadInfo) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// Parts looks at the upload's file.
func (s *Store) Parts(ctx context.Context, up sink.UploadInfo) (sink.Parts, error) {
	const op = "Parts"
	if err := ready(ctx, op, up.Key); err != nil {
		return sink.Parts{}, err
	}
	gone := &sink.Error{Op: op, Key: up.Key, Kind: sink.ErrNoUpload}
	if !validID(up.ID) {
		return sink.Parts{}, gone
	}
	file, err := s.root.Lstat(partName(up.ID))
	switch {
	case missing(err):
		return sink.Parts{}, gone
	case err != nil:
		return sink.Parts{}, fail(op, up.Key, err)
	case file.Size() == 0:
		return sink.Parts{}, nil
	}
	return sink.Parts{Size: file.Size(), Last: file.ModTime()}, nil
}

// validID keeps an identity, which becomes a file's name, from leading elsewhere.
func validID(id string) bool { return id != "" && !strings.ContainsAny(id, `./\`+"\x00") }

// AbortUpload removes the files of an upload, whichever process began it.
func (s *Store) AbortUpload(ctx context.Context, up sink.UploadInfo) error {
	const op = "AbortUpload"
	if err := ready(ctx, op, up.Key); err != nil {
		return err
	}
	if !validID(up.ID) {
		return nil
	}
	if err := s.removeUpload(up.ID); err != nil {
		return fail(op, up.Key, err)
	}
	return nil
}

// removeUpload removes the record last, so that an upload that is half removed is still found.
func (s *Store) removeUpload(id string) error {
	for _, name := range []string{partName(id), recordName(id)} {
		if err := s.root.Remove(name); err != nil && !missing(err) {
			return err
		}
	}
	return nil
}
