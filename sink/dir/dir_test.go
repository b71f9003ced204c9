package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/sinktest"
)

func TestSuite(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sink.Store { return open(t, t.TempDir()) })
}

// TestSuiteWithoutLinks is the suite on a file system that has no hard links.
func TestSuiteWithoutLinks(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sink.Store {
		s := open(t, t.TempDir())
		s.link = func(string, string) error { return syscall.EPERM }
		return s
	})
}

func open(t *testing.T, root string) *Store {
	t.Helper()
	s, err := New(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func body(s string) sink.Body { return sink.NewBody([]byte(s)) }

// files returns every file and empty directory below the root but for the lock.
func files(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ = filepath.Rel(root, name)
		if name = filepath.ToSlash(name); !d.IsDir() && name != lockFile {
			all = append(all, name)
		} else if d.IsDir() && !strings.HasPrefix(name, ".") {
			all = append(all, name+"/")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantFiles(t *testing.T, root string, want ...string) {
	t.Helper()
	if got := files(t, root); !slices.Equal(got, want) {
		t.Errorf("got the files %q, want %q", got, want)
	}
}

func TestKeys(t *testing.T) {
	s := open(t, t.TempDir())
	f := func(key string, ok bool) {
		t.Helper()
		if err := s.Put(t.Context(), key, body("x"), nil); (err == nil) != ok {
			t.Errorf("Put %.40q: got %v, want success: %v", key, err, ok)
		} else if err != nil && (sink.ClassOf(err) != sink.Permanent || errors.Is(err, sink.ErrTaken)) {
			t.Errorf("Put %.40q: got class %v: %v", key, sink.ClassOf(err), err)
		}
	}
	f("a/b.csv", true)
	f("...", true)
	f("..a/b..", true)
	f(strings.Repeat("x", 255), true)
	f(strings.Repeat(strings.Repeat("x", 99)+"/", 10)+"y", true)
	f("", false)
	f("/", false)
	f("/etc/passwd", false)
	f("a//b", false)
	f("a/", false)
	f(".", false)
	f("..", false)
	f("../a", false)
	f("a/../../b", false)
	f("a/./b", false)
	f("a\x00b", false)
	f(strings.Repeat("x", 256), false)
	f("é/"+strings.Repeat("é", 128), false)
	f(strings.Repeat("x/", 512)+"y", false)
	f(".sluice", false)
	f(".sluice/uploads/x", false)
	f(".Sluice/meta/x", false)
	f("a/.sluice", true)
	f("a/b.csv/c", false) // a/b.csv is a file
	f("a", false)         // and a is a directory

	for _, prefix := range []string{"/", "/etc/pass", "../", "a/../", ".sluice/", ".sluice/uploads/"} {
		for info, err := range s.List(t.Context(), prefix, "") {
			if err == nil {
				t.Errorf("List %q: got %s, want an error", prefix, info.Key)
			}
		}
	}
}

func TestSymbolicLinks(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	s := open(t, root)
	for name, to := range map[string]string{"out": outside, "in": "real"} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Skip(err)
		}
	}
	if err := s.Put(t.Context(), "out/a", body("x"), nil); err == nil {
		t.Error("Put through a link out of the root: got no error")
	}
	wantFiles(t, outside)

	for _, key := range []string{"real/b", "in/a"} {
		if err := s.Put(t.Context(), key, body("x"), nil); err != nil {
			t.Error(err)
		}
	}
	if err := s.Delete(t.Context(), "in/a", "in/b"); err != nil {
		t.Error(err)
	}
	wantFiles(t, root, "in", "out", "real/") // the link stays, and what it leads to
}

func TestFiles(t *testing.T) {
	ctx, root := t.Context(), t.TempDir()
	s := open(t, root)
	put := func(key string) {
		t.Helper()
		if err := s.Put(ctx, key, body("x"), sink.Metadata{"a": "b"}); err != nil {
			t.Fatal(err)
		}
	}
	put("a/b/c/1")
	put("a/2")
	wantFiles(t, root, metaFirst(metaName("a/b/c/1"), metaName("a/2"), "a/", "a/2", "a/b/", "a/b/c/", "a/b/c/1")...)
	// The directories that are empty now go with the object, and no others.
	if err := s.Delete(ctx, "a/b/c/1"); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, root, metaName("a/2"), "a/", "a/2")
	if err := s.Delete(ctx, "a/2", "a/2", "a", "a/2/3"); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, root)
}

// metaFirst sorts the two metadata files, whose names are hashes.
func metaFirst(names ...string) []string {
	slices.Sort(names[:2])
	return names
}

// TestDeath ends the process, so to say, at each step of making an object visible, and looks
// at what the next one finds.
func TestDeath(t *testing.T) {
	died := errors.New("died")
	f := func(name string, link func(s *Store, oldname, newname string) error, visible bool) {
		t.Helper()
		ctx, root := t.Context(), t.TempDir()
		s := open(t, root)
		up, err := s.Create(ctx, "a/b", sink.Metadata{"rows": "1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := up.Part(ctx, sink.Part{Number: 1, Body: body("data")}); err != nil {
			t.Fatal(err)
		}
		s.link = func(oldname, newname string) error { return link(s, oldname, newname) }
		if err := up.Complete(ctx); !errors.Is(err, died) {
			t.Fatalf("%s: got %v, want %v", name, err, died)
		}

		s = open(t, root)
		info, err := s.Stat(ctx, "a/b")
		if visible && (err != nil || info.Size != 4 || !maps.Equal(info.Metadata, sink.Metadata{"rows": "1"})) {
			t.Errorf("%s: got %+v and %v, want the object", name, info, err)
		} else if !visible && !errors.Is(err, sink.ErrNotFound) {
			t.Errorf("%s: got %+v and %v, want no object", name, info, err)
		}
		left := 0
		for up, err := range s.Uploads(ctx, "a/") {
			if err != nil {
				t.Fatal(err)
			}
			if err := s.AbortUpload(ctx, up); err != nil {
				t.Errorf("%s: AbortUpload: %v", name, err)
			}
			left++
		}
		if left != 1 {
			t.Errorf("%s: found %d uploads, want 1", name, left)
		}
		if visible {
			wantFiles(t, root, metaName("a/b"), "a/", "a/b")
			return
		}
		// The metadata that stayed are not those of the next object.
		if err := s.Put(ctx, "a/b", body("new"), nil); err != nil {
			t.Errorf("%s: Put: %v", name, err)
		}
		if info, err := s.Stat(ctx, "a/b"); err != nil || info.Size != 3 || len(info.Metadata) != 0 {
			t.Errorf("%s: got %+v and %v, want the new object", name, info, err)
		}
	}
	f("before the link", func(*Store, string, string) error { return died }, false)
	f("after the link", func(s *Store, oldname, newname string) error {
		return errors.Join(s.root.Link(oldname, newname), died)
	}, true)
}

// TestCompleteAgain repeats a Complete whose link was made before it failed.
func TestCompleteAgain(t *testing.T) {
	ctx, root := t.Context(), t.TempDir()
	s := open(t, root)
	up, err := s.Create(ctx, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Part(ctx, sink.Part{Number: 1, Body: body("data")}); err != nil {
		t.Fatal(err)
	}
	s.link = func(oldname, newname string) error {
		return errors.Join(s.root.Link(oldname, newname), syscall.EIO)
	}
	if err := up.Complete(ctx); !errors.Is(err, syscall.EIO) {
		t.Fatalf("got %v, want %v", err, syscall.EIO)
	}
	if err := up.Complete(ctx); err != nil {
		t.Errorf("Complete again: %v", err)
	}
	wantFiles(t, root, "a")
}

// TestTwoStores stands for two processes that write the same keys.
func TestTwoStores(t *testing.T) {
	root := t.TempDir()
	stores := []*Store{open(t, root), open(t, root)}
	const keys = 20
	var won [keys][]string
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			s, me := stores[w%2], fmt.Sprint(w)
			for i := range keys {
				err := s.Put(t.Context(), fmt.Sprintf("d%d/x", i), body(me), sink.Metadata{"writer": me})
				if err == nil {
					mu.Lock()
					won[i] = append(won[i], me)
					mu.Unlock()
				} else if !errors.Is(err, sink.ErrTaken) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range keys {
		key := fmt.Sprintf("d%d/x", i)
		info, err := stores[0].Stat(t.Context(), key)
		data, _ := os.ReadFile(filepath.Join(root, key))
		if err != nil || len(won[i]) != 1 || won[i][0] != info.Metadata["writer"] || won[i][0] != string(data) {
			t.Errorf("%s: %q won; got %q of %v and %v", key, won[i], data, info.Metadata, err)
		}
	}
}

// TestDeleteWhileOthersPut has no Put fail because its directory was empty and went.
func TestDeleteWhileOthersPut(t *testing.T) {
	s := open(t, t.TempDir())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			key := fmt.Sprintf("a/b/%d", w)
			for range 50 {
				if err := s.Put(t.Context(), key, body("x"), nil); err != nil {
					t.Error(err)
				}
				if err := s.Delete(t.Context(), key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestErrors(t *testing.T) {
	f := func(err error, kind error, class sink.Class) {
		t.Helper()
		got := fail("Put", "a/b", &fs.PathError{Op: "write", Path: "somewhere/else", Err: err})
		if !errors.Is(got, kind) || sink.ClassOf(got) != class {
			t.Errorf("%v: got %v, class %v; want %v, class %v", err, got, sink.ClassOf(got), kind, class)
		}
		if strings.Contains(got.Error(), "somewhere") {
			t.Errorf("got the path in %v", got)
		}
	}
	f(syscall.ENOSPC, sink.ErrFull, sink.Permanent)
	f(syscall.EDQUOT, sink.ErrFull, sink.Permanent)
	f(syscall.EACCES, sink.ErrDenied, sink.Permanent)
	f(syscall.EROFS, sink.ErrDenied, sink.Permanent)
	f(syscall.EIO, syscall.EIO, sink.Permanent)
	f(syscall.EMFILE, syscall.EMFILE, sink.Retryable)
	if got := fail("Put", "a/b", context.Canceled); got != context.Canceled {
		t.Errorf("got %v, want the context's own error", got)
	}
}

func TestFull(t *testing.T) {
	s := open(t, t.TempDir())
	s.link = func(string, string) error { return &os.LinkError{Op: "link", Err: syscall.ENOSPC} }
	if err := s.Put(t.Context(), "a/b", body("x"), nil); !errors.Is(err, sink.ErrFull) {
		t.Errorf("got %v, want %v", err, sink.ErrFull)
	}
	for up := range s.Uploads(t.Context(), "") {
		t.Errorf("the upload %+v is left", up)
	}
}
