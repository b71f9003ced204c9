package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// readAll fills batches until the end and returns their inputs, with each one's first line.
func readAll(r *reader) (inputs []string, lines []int64, err error) {
	for {
		var b Batch
		if err := r.fill(context.Background(), &b); err != nil {
			if err == io.EOF {
				err = nil
			}
			return inputs, lines, err
		}
		inputs = append(inputs, string(b.Input))
		lines = append(lines, b.Line)
	}
}

func newReader(in io.Reader, block int) *reader {
	return &reader{in: in, block: block, maxLine: 1 << 20, line: 1, large: make(chan struct{}, 1), stats: &Stats{}}
}

func TestFillCutsAtTheLastLineEnd(t *testing.T) {
	f := func(in string, block int, want ...string) {
		t.Helper()
		got, _, err := readAll(newReader(strings.NewReader(in), block))
		if err != nil || strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("fill(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	f("", 16)
	f("a\n", 16, "a\n")
	f("a", 16, "a") // a last line without a line end
	f("a\nb", 16, "a\n", "b")
	f("\n\n", 16, "\n\n")
	f("aaaa\nbbbb\ncccc\n", 10, "aaaa\nbbbb\n", "cccc\n")
	f("aaaa\nbbbbbbbb\ncc\n", 8, "aaaa\n", "bbbbbbbb\n", "cc\n")
	f(strings.Repeat("x", 100)+"\ny\n", 8, strings.Repeat("x", 100)+"\n", "y\n") // longer than a block
	f("a\r\nb\r\n", 16, "a\r\nb\r\n")
}

func TestFillLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringOfN(rapid.SampledFrom([]rune("ab\n")), 0, 300, -1).Draw(t, "input")
		block := rapid.IntRange(4, 64).Draw(t, "block")
		wrap := rapid.SampledFrom([]func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader,
		}).Draw(t, "reader")
		inputs, lines, err := readAll(newReader(wrap(strings.NewReader(in)), block))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(inputs, ""); got != in {
			t.Fatalf("got %q, want %q", got, in)
		}
		line := int64(1)
		for i, input := range inputs {
			if lines[i] != line {
				t.Fatalf("batch %d begins at line %d, want %d", i, lines[i], line)
			}
			if i < len(inputs)-1 && !strings.HasSuffix(input, "\n") {
				t.Fatalf("batch %d ends inside a line: %q", i, input)
			}
			line += int64(strings.Count(input, "\n"))
		}
	})
}

func TestFillPassesOnWhatIsThere(t *testing.T) {
	// A slow source's whole lines must not wait for a full block.
	pr, pw := io.Pipe()
	defer func() { _ = pw.Close() }()
	go func() { _, _ = pw.Write([]byte("first\nhalf of the se")) }()
	var b Batch
	if err := newReader(pr, 1024).fill(context.Background(), &b); err != nil || string(b.Input) != "first\n" {
		t.Fatalf("got %q, %v", b.Input, err)
	}
}

func TestFillErrors(t *testing.T) {
	broken := errors.New("cable cut")
	r := newReader(io.MultiReader(strings.NewReader("a\nb\nc"), iotest.ErrReader(broken)), 16)
	_, _, err := readAll(r)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "after line 2") && !strings.Contains(err.Error(), "after line 3") {
		t.Errorf("a broken read gives %v", err)
	}
	r = newReader(iotest.ErrReader(io.ErrUnexpectedEOF), 16)
	if _, _, err := readAll(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a truncated input is taken for its end: %v", err)
	}
	r = newReader(bytes.NewReader(bytes.Repeat([]byte("x"), 2<<20)), 1024)
	_, _, err = readAll(r)
	if want := "line 1: the line is longer than what fits into memory: the limit is 1 MiB"; err == nil || err.Error() != want {
		t.Errorf("a line that is too long gives %v", err)
	}
}
