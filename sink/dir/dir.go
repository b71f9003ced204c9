// Package dir keeps objects as files in a local directory, in the same layout as a bucket.
//
// An object is the file of that name below the root. What is no object lives beside them in
// root/.sluice:
//
//	uploads/<id>.json  the key, metadata and start of an unfinished upload
//	uploads/<id>.part  its bytes so far
//	meta/<hash>.json   the metadata of the object whose key has that SHA-256
//	lock               locked while objects appear or go
//
// A metadata file is named by a hash because a key may be as long as a file name can be, and
// because the files of "a" and "a.json/b" would otherwise get into each other's way.
//
// What if the process dies? An upload's record is written first and removed last, so what is
// left behind is found by Uploads and removed by AbortUpload (but for a record that was only
// half written, a few bytes). Metadata are written before their object appears; without it
// nobody reads them, and the next object with that key replaces them.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/sluice-data/sluice/sink"
)

const (
	stateDir   = ".sluice"
	uploadsDir = stateDir + "/uploads"
	metaDir    = stateDir + "/meta"
	lockFile   = stateDir + "/lock"

	maxKey  = 1024 // bytes, as in S3, so that what works here works there
	maxName = 255  // bytes between two slashes: the limit of most file systems
)

// Store is a directory. Several processes may use the same one.
type Store struct {
	name string
	// root refuses to follow a symbolic link out of the directory.
	root *os.Root

	// mu and the lock file together allow one goroutine of one process to make objects
	// appear or go: that a key is free, its metadata and its file have to change in one
	// step. The kernel releases the lock of a process that dies.
	mu   sync.Mutex
	lock *os.File

	// link is root.Link, except in tests.
	link func(oldname, newname string) error
}

var _ sink.Inspector = (*Store)(nil)

// New opens the directory, which is made if it does not exist.
func New(root string) (*Store, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fail("Open", "", err)
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fail("Open", "", err)
	}
	for _, dir := range []string{uploadsDir, metaDir} {
		if err := r.MkdirAll(dir, 0o755); err != nil {
			return nil, fail("Open", "", errors.Join(err, r.Close()))
		}
	}
	lock, err := r.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fail("Open", "", errors.Join(err, r.Close()))
	}
	return &Store{name: root, root: r, lock: lock, link: r.Link}, nil
}

// Properties are those of S3, so that both get the same parts and objects, but for the
// least size of a part.
func (s *Store) Properties() sink.Properties {
	return sink.Properties{
		Name:        s.name,
		MinPartSize: 1,
		MaxPartSize: 5 << 30,
		MaxParts:    10_000,
		MaxObject:   5 << 40,
		MaxKey:      maxKey,
		MaxName:     maxName,
	}
}

// Put is an upload of one part.
func (s *Store) Put(ctx context.Context, key string, body sink.Body, meta sink.Metadata) error {
	const op = "Put"
	u, err := s.create(ctx, op, key, meta)
	if err != nil {
		return err
	}
	err = u.part(ctx, op, sink.Part{Number: 1, Body: body})
	if err == nil {
		err = u.complete(ctx, op)
	}
	if err != nil {
		// What cannot be removed here is found by Uploads; the first error is the cause.
		_ = s.removeUpload(u.info.ID)
	}
	return err
}

// Stat returns the size and time of the file, and the metadata kept beside it.
func (s *Store) Stat(ctx context.Context, key string) (sink.Info, error) {
	const op = "Stat"
	if err := ready(ctx, op, key); err != nil {
		return sink.Info{}, err
	}
	file, err := s.root.Lstat(key)
	if missing(err) || err == nil && !file.Mode().IsRegular() {
		return sink.Info{}, &sink.Error{Op: op, Key: key, Kind: sink.ErrNotFound}
	}
	if err != nil {
		return sink.Info{}, fail(op, key, err)
	}
	meta, err := s.readMetadata(key)
	if err != nil {
		return sink.Info{}, fail(op, key, err)
	}
	return sink.Info{Key: key, Size: file.Size(), Modified: file.ModTime(), Metadata: meta}, nil
}

// Get opens an object for reading. It is no part of sink.Store: Sluice itself only writes.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	const op = "Get"
	if err := ready(ctx, op, key); err != nil {
		return nil, err
	}
	f, err := s.root.Open(key)
	if missing(err) {
		return nil, &sink.Error{Op: op, Key: key, Kind: sink.ErrNotFound}
	}
	if err != nil {
		return nil, fail(op, key, err)
	}
	return f, nil
}

// List reads the names of one directory, since the objects it is to yield are all in one.
// Only the names that match are held in memory, to be sorted; the rest of what is known
// about a file is read when its turn comes.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	const op = "List"
	return func(yield func(sink.Info, error) bool) {
		parent, start := path.Split(prefix)
		names, err := s.names(ctx, parent, start)
		if err != nil {
			yield(sink.Info{}, fail(op, prefix, err))
			return
		}
		for _, name := range names {
			if parent+name <= after {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(sink.Info{}, err)
				return
			}
			file, err := s.root.Lstat(parent + name)
			// A file that has gone meanwhile, and what is no file, is no object.
			if missing(err) || err == nil && !file.Mode().IsRegular() {
				continue
			}
			if err != nil {
				yield(sink.Info{}, fail(op, parent+name, err))
				return
			}
			if !yield(sink.Info{Key: parent + name, Size: file.Size(), Modified: file.ModTime()}, nil) {
				return
			}
		}
	}
}

// names returns the sorted names in a directory that begin with start. Their order is that
// of their keys, because all of these begin with the same parent, which ends with a slash or
// is empty.
func (s *Store) names(ctx context.Context, parent, start string) ([]string, error) {
	names, err := entries(ctx, s, parent, start, func(f *os.File) ([]string, error) { return f.Readdirnames(-1) }, func(name string) string { return name })
	slices.Sort(names)
	return names, err
}

// entries reads a directory, or what is there of it: nothing where there is none. It keeps
// those whose name begins with start.
func entries[E any](ctx context.Context, s *Store, parent, start string, read func(*os.File) ([]E, error), name func(E) string) ([]E, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir := "."
	if parent != "" {
		dir = strings.TrimSuffix(parent, "/")
		if err := checkKey(dir); err != nil {
			return nil, err
		}
	}
	f, err := s.root.Open(dir)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := read(f)
	if err = errors.Join(err, f.Close()); err != nil {
		if errors.Is(err, errNotDirectory) {
			return nil, nil
		}
		return nil, err
	}
	return slices.DeleteFunc(all, func(e E) bool { return !strings.HasPrefix(name(e), start) }), nil
}

// Delete removes the files, then directories that became empty: a bucket has none.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	const op = "Delete"
	changed := map[string]bool{} // directories that lost an entry and are still there
	for _, key := range keys {
		if err := ready(ctx, op, key); err != nil {
			return err
		}
		dir, err := s.remove(key)
		if err != nil {
			return fail(op, key, err)
		}
		if dir != "" {
			changed[dir] = true
		}
	}
	// Without this an object could be back after a power failure.
	for dir := range changed {
		if err := s.syncDir(dir); err != nil && !missing(err) {
			return fail(op, dir, err)
		}
	}
	return nil
}

// remove returns the directory that lost an entry by it, or "" if there was no such object.
func (s *Store) remove(key string) (string, error) {
	unlock, err := s.exclude()
	if err != nil {
		return "", err
	}
	defer unlock()
	file, err := s.root.Lstat(key)
	if missing(err) || err == nil && !file.Mode().IsRegular() {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := s.root.Remove(key); err != nil {
		return "", err
	}
	// The object goes first: metadata without it do no harm, but it without them would.
	if err := s.root.Remove(metaName(key)); err != nil && !missing(err) {
		return "", err
	}
	dir := path.Dir(key)
	// The lock is held, so no new object is just about to need the directory.
	for dir != "." && s.removeIfEmpty(dir) {
		dir = path.Dir(dir)
	}
	return dir, nil
}

// removeIfEmpty leaves a symbolic link to a directory alone: that somebody has made.
func (s *Store) removeIfEmpty(dir string) bool {
	file, err := s.root.Lstat(dir)
	return err == nil && file.IsDir() && s.root.Remove(dir) == nil
}

// ready says whether a call with this key may begin.
func ready(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkKey(key); err != nil {
		return fail(op, key, err)
	}
	return nil
}

// checkKey refuses what is no path below the root, or would be in the way of our own state.
func checkKey(key string) error {
	if key == "" {
		return errors.New("the key is empty")
	}
	if len(key) > maxKey {
		return fmt.Errorf("the key has %d bytes; at most %d are allowed", len(key), maxKey)
	}
	if strings.ContainsRune(key, 0) {
		return errors.New("the key holds a NUL")
	}
	for i, name := range strings.Split(key, "/") {
		switch {
		case name == "" || name == "." || name == "..":
			return fmt.Errorf("%q between two slashes of the key is not possible in a directory", name)
		case len(name) > maxName:
			return fmt.Errorf("the name %.20q... in the key has %d bytes; at most %d are allowed", name, len(name), maxName)
		// Some file systems do not tell upper from lower case.
		case i == 0 && strings.EqualFold(name, stateDir):
			return fmt.Errorf("the name %s is kept for Sluice", stateDir)
		}
	}
	return nil
}

// missing says whether err means that there is no such file. So does a file where a
// directory would have to be.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDirectory)
}
