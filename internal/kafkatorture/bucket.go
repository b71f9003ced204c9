package kafkatorture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// bucket is the directory in which the S3 server keeps the objects, a file each. A file
// appears there when its object is complete, and an object that is written again is another
// file. So a link to each file keeps what a reader could have seen, and when.
type bucket struct {
	name string
	root string // the bucket
	keep string // links

	mu       sync.Mutex
	known    map[identity]bool
	versions []version // in the order in which they were seen
}

type identity struct {
	key   string
	inode uint64
	when  time.Time // inodes are used again
}

// version is an object as it was found at some time.
type version struct {
	key  string
	file string
}

func newBucket(name, root, keep string) (*bucket, error) {
	return &bucket{name: name, root: root, keep: keep, known: map[identity]bool{}}, os.MkdirAll(keep, 0o755)
}

// look notes all objects that are complete now. What was seen once counts from then on.
func (b *bucket) look() (seen int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err = filepath.WalkDir(b.root, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was written again at this moment
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != b.root && strings.HasPrefix(d.Name(), ".") { // the server's own
				return filepath.SkipDir
			}
			return nil
		}
		return b.note(name, d)
	})
	return len(b.versions), err
}

func (b *bucket) note(name string, d fs.DirEntry) error {
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("this system does not tell inodes")
	}
	key, err := filepath.Rel(b.root, name)
	if err != nil {
		return err
	}
	id := identity{filepath.ToSlash(key), stat.Ino, info.ModTime()}
	if b.known[id] {
		return nil
	}
	link := filepath.Join(b.keep, fmt.Sprint(len(b.versions)))
	if err := os.Link(name, link); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	b.known[id] = true
	b.versions = append(b.versions, version{id.key, link})
	return nil
}

// since lists the keys of the versions from one on.
func (b *bucket) since(from, to int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	keys := []string{}
	for _, v := range b.versions[from:to] {
		keys = append(keys, v.key)
	}
	return keys
}
