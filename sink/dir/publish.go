package dir

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"syscall"

	"github.com/sluice-data/sluice/sink"
)

// exclude keeps all others, in this process and elsewhere, from making objects appear or go
// until the function it returns is called.
func (s *Store) exclude() (func(), error) {
	s.mu.Lock()
	if err := lockOthers(s.lock); err != nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("locking the directory: %w", err)
	}
	return func() {
		unlockOthers(s.lock)
		s.mu.Unlock()
	}, nil
}

// finish gives the file its size, which is less than what was written if a part was sent
// again with fewer bytes, and its bytes to the disk.
func (s *Store) finish(name string, size int64) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// publish makes the upload's file visible under its key, if that is free. It may be called
// again after a failure further on.
func (s *Store) publish(info sink.UploadInfo, meta sink.Metadata) error {
	unlock, err := s.exclude()
	if err != nil {
		return err
	}
	defer unlock()
	file := partName(info.ID)
	taken, err := s.taken(file, info.Key)
	if err != nil || taken {
		return err
	}
	// From here to the link nothing that can be seen has changed: a process that dies leaves
	// directories, which are no objects, and metadata that the next object with this key
	// replaces.
	if err := s.root.MkdirAll(path.Dir(info.Key), 0o755); err != nil {
		return err
	}
	if err := s.writeMetadata(info.Key, meta); err != nil {
		return err
	}
	// A link, unlike a rename, never replaces a file that some other program has put there.
	err = s.link(file, info.Key)
	switch {
	case errors.Is(err, fs.ErrExist):
		return &sink.Error{Kind: sink.ErrTaken}
	case err != nil && noLinks(err):
		// FAT and some network file systems have no hard links. The lock is held and the key
		// was free, so the rename can replace nothing but a file that a program other than
		// Sluice has made in this moment.
		return s.root.Rename(file, info.Key)
	}
	return err
}

// taken says whether the key already is this very file: then an earlier try to publish it
// got that far. Any other file there is an error.
func (s *Store) taken(file, key string) (bool, error) {
	there, err := s.root.Lstat(key)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if there.IsDir() {
		return false, syscall.EISDIR
	}
	ours, err := s.root.Lstat(file)
	if err != nil {
		return false, err
	}
	if os.SameFile(ours, there) {
		return true, nil
	}
	return false, &sink.Error{Kind: sink.ErrTaken}
}

// syncParents makes the names of an object and of the directories above it durable. They are
// all synced, and not only those that were made for it: another call may have made one of
// them a moment ago and not have synced it yet.
func (s *Store) syncParents(key string) error {
	for dir := path.Dir(key); ; dir = path.Dir(dir) {
		// A directory that is gone again was removed together with the object.
		if err := s.syncDir(dir); err != nil && !missing(err) {
			return err
		}
		if dir == "." {
			return nil
		}
	}
}

func (s *Store) syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it cannot sync a directory
	}
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // this file system keeps its directories in its own way
	}
	return errors.Join(err, f.Close())
}

func metaName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return metaDir + "/" + hex.EncodeToString(sum[:]) + ".json"
}

// sidecar holds the key too, for people: the file's name does not tell it.
type sidecar struct {
	Key      string        `json:"key"`
	Metadata sink.Metadata `json:"metadata"`
}

// writeMetadata needs the lock. It never leaves older metadata for the key.
func (s *Store) writeMetadata(key string, meta sink.Metadata) error {
	name := metaName(key)
	if len(meta) == 0 {
		if err := s.root.Remove(name); err != nil && !missing(err) {
			return err
		}
		return nil
	}
	// What is there belongs to no object, so that it may be written over.
	if err := s.writeJSON(name, sidecar{key, meta}); err != nil {
		return err
	}
	return s.syncDir(metaDir)
}

func (s *Store) readMetadata(key string) (sink.Metadata, error) {
	data, err := s.root.ReadFile(metaName(key))
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var kept sidecar
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("reading the metadata: %w", err)
	}
	return kept.Metadata, nil
}

// writeJSON returns when the file is on the disk. Others see the whole of it or nothing.
func (s *Store) writeJSON(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	temp := name + ".new"
	f, err := s.root.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.root.Rename(temp, name)
	}
	if err != nil {
		_ = s.root.Remove(temp) // the first error is the cause
	}
	return err
}
