package dir

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/sluice-data/sluice/sink"
)

// Walk goes through the directories, and does not follow links into others. The names in those
// that it stands in are held in memory, to be sorted.
func (s *Store) Walk(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return func(yield func(sink.Info, error) bool) {
		parent, start := path.Split(prefix)
		s.walk(ctx, parent, start, after, yield)
	}
}

// walk yields what lies below parent, in names that begin with start, and reports whether to
// go on.
func (s *Store) walk(ctx context.Context, parent, start, after string, yield func(sink.Info, error) bool) bool {
	const op = "Walk"
	keys, err := s.below(ctx, parent, start)
	if err != nil {
		yield(sink.Info{}, fail(op, parent+start, err))
		return false
	}
	for _, key := range keys {
		if strings.HasSuffix(key, "/") {
			if !s.walk(ctx, key, "", after, yield) {
				return false
			}
			continue
		}
		if key <= after {
			continue
		}
		if err := ctx.Err(); err != nil {
			yield(sink.Info{}, err)
			return false
		}
		file, err := s.root.Lstat(key)
		if missing(err) || err == nil && !file.Mode().IsRegular() {
			continue
		}
		if err != nil {
			yield(sink.Info{}, fail(op, key, err))
			return false
		}
		if !yield(sink.Info{Key: key, Size: file.Size(), Modified: file.ModTime()}, nil) {
			return false
		}
	}
	return true
}

// below returns the keys of the files in a directory, and of its directories what their keys
// begin with. Sorted like that, each directory stands where its keys do: "a.csv" before "a/b",
// and "a_" behind it.
func (s *Store) below(ctx context.Context, parent, start string) ([]string, error) {
	all, err := entries(ctx, s, parent, start, func(f *os.File) ([]fs.DirEntry, error) { return f.ReadDir(-1) }, fs.DirEntry.Name)
	var keys []string
	for _, e := range all {
		switch {
		case parent == "" && strings.EqualFold(e.Name(), stateDir):
		case e.IsDir():
			keys = append(keys, parent+e.Name()+"/")
		case e.Type().IsRegular():
			keys = append(keys, parent+e.Name())
		}
	}
	slices.Sort(keys)
	return keys, err
}
