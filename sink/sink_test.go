package sink_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/sink"
)

func TestBody(t *testing.T) {
	f := func(want string, chunks ...string) {
		t.Helper()
		var all [][]byte
		for _, c := range chunks {
			all = append(all, []byte(c))
		}
		b := sink.NewBody(all...)
		if b.Len() != int64(len(want)) {
			t.Errorf("Len of %q: got %d, want %d", chunks, b.Len(), len(want))
		}
		var joined []byte
		b.Chunks(func(c []byte) { joined = append(joined, c...) })
		if string(joined) != want {
			t.Errorf("Chunks of %q: got %q, want %q", chunks, joined, want)
		}
		// Twice, because each reader begins anew. TestReader seeks too.
		for range 2 {
			if err := iotest.TestReader(b.Reader(), []byte(want)); err != nil {
				t.Errorf("reading %q: %v", chunks, err)
			}
		}
	}
	f("")
	f("", "")
	f("", "", "")
	f("a", "a")
	f("abc", "abc")
	f("abc", "a", "b", "c")
	f("abc", "", "ab", "", "", "c", "")
	f("abcdefghij", "abcd", "e", "fghij")
}

// TestReaderLikeBytes makes the same calls on a body's reader and on a bytes.Reader.
func TestReaderLikeBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chunks := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 9), 0, 6).Draw(t, "chunks")
		data := slices.Concat(chunks...)
		size := int64(len(data))
		got, want := sink.NewBody(chunks...).Reader(), bytes.NewReader(data)
		at := func() int64 { return size - int64(want.Len()) }
		t.Repeat(map[string]func(*rapid.T){
			"read": func(t *rapid.T) {
				n := rapid.IntRange(1, 20).Draw(t, "n")
				g, w := make([]byte, n), make([]byte, n)
				gn, gerr := got.Read(g)
				wn, werr := want.Read(w)
				if gn != wn || gerr != werr || !bytes.Equal(g[:gn], w[:wn]) {
					t.Fatalf("Read: got %q and %v, want %q and %v", g[:gn], gerr, w[:wn], werr)
				}
			},
			"writeTo": func(t *rapid.T) {
				var g, w bytes.Buffer
				gn, gerr := got.(io.WriterTo).WriteTo(&g)
				wn, werr := want.WriteTo(&w)
				if gn != wn || gerr != werr || !bytes.Equal(g.Bytes(), w.Bytes()) {
					t.Fatalf("WriteTo: got %q and %v, want %q and %v", &g, gerr, &w, werr)
				}
			},
			"seek": func(t *rapid.T) {
				to := rapid.Int64Range(0, size).Draw(t, "to")
				whence := rapid.IntRange(io.SeekStart, io.SeekEnd).Draw(t, "whence")
				offset := to - []int64{0, at(), size}[whence]
				gn, gerr := got.Seek(offset, whence)
				wn, werr := want.Seek(offset, whence)
				if gn != wn || gerr != nil || werr != nil {
					t.Fatalf("Seek(%d, %d): got %d and %v, want %d", offset, whence, gn, gerr, wn)
				}
			},
			"seek outside": func(t *rapid.T) {
				offset := rapid.SampledFrom([]int64{-1, size + 1}).Draw(t, "offset")
				if n, err := got.Seek(offset, io.SeekStart); err == nil {
					t.Fatalf("Seek(%d): got %d and no error", offset, n)
				}
			},
		})
	})
}

// limited takes n bytes and then fails.
type limited struct{ n int }

var errLimit = errors.New("limit")

func (l *limited) Write(p []byte) (int, error) {
	n := min(l.n, len(p))
	l.n -= n
	if n < len(p) {
		return n, errLimit
	}
	return n, nil
}

// TestWriteToGoesOn writes on from where a writer failed.
func TestWriteToGoesOn(t *testing.T) {
	data := []byte("abcdefghij")
	for limit := range len(data) {
		r := sink.NewBody(data[:3], data[3:4], data[4:]).Reader()
		n, err := r.(io.WriterTo).WriteTo(&limited{limit})
		if n != int64(limit) || !errors.Is(err, errLimit) {
			t.Errorf("WriteTo with room for %d: got %d and %v", limit, n, err)
		}
		rest, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(rest, data[limit:]) {
			t.Errorf("after %d bytes: got %q and %v, want %q", limit, rest, err, data[limit:])
		}
	}
}
