package avro

import (
	"testing"

	"github.com/sluice-data/sluice/format"
)

// TestCountRows: all rows of a file, and no part of it is taken for the whole.
func TestCountRows(t *testing.T) {
	e := newEncoder(t, &format.Table{Columns: []string{"id", "text"}}, small, Codec{})
	file := e.AppendHeader(nil)
	if n, err := CountRows(file); n != 0 || err != nil {
		t.Errorf("of no blocks: %d, %v", n, err)
	}
	b := e.NewBuilder()
	for _, rows := range []int64{3, 200} {
		var err error
		if file, _, err = b.AppendGroup(file, e, [][]byte{make([]byte, 10*rows)}, rows); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := CountRows(file); n != 203 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, cut := range []int{0, 3, 10, len(e.header) - 1, len(e.header) + 1, len(file) - 1} {
		if n, err := CountRows(file[:cut]); err == nil {
			t.Errorf("of %d bytes: %d", cut, n)
		}
	}
}
