package avro

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
)

const small = `{"properties":{"id":{"type":"integer"},"text":{"type":"string"}}}`

func records(from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf(`{"id":%d,"text":"row %d"}`, i, i))
	}
	return all
}

func TestCodecs(t *testing.T) {
	f := func(name string, level *int, checksum bool) {
		t.Helper()
		table := &format.Table{Columns: []string{"id", "text"}}
		e := newEncoder(t, table, small, mustCodec(t, name, level, checksum))
		made := object(t, e, table, records(0, 1), nil, records(1, 1000), records(1000, 1001))
		rows := read(t, made)
		if len(rows) != 1001 {
			t.Fatalf("%s: %d rows", name, len(rows))
		}
		for i, row := range rows {
			if row["id"] != int64(i) || row["text"] != fmt.Sprintf("row %d", i) {
				t.Fatalf("%s: row %d is %v", name, i, row)
			}
		}
		if again := object(t, e, table, records(0, 1), nil, records(1, 1000), records(1000, 1001)); !bytes.Equal(made, again) {
			t.Errorf("%s: the same rows make another object", name)
		}
		if want := []byte("avro.codec"); !bytes.Contains(made[:60], want) {
			t.Errorf("%s: %q is not in the header", name, want)
		}
	}
	level := func(x int) *int { return &x }
	f("no compression", nil, false)
	f("bzip2", nil, false)
	f("snappy", nil, false)
	for i := range 10 {
		f("Deflate", level(i), false)
	}
	for _, i := range []int{0, 6, 9} {
		f("xz", level(i), false)
	}
	for i := -5; i <= 22; i++ {
		f("zstandard", level(i), i%2 == 0)
	}
}

// Whatever the blocks hold, what was compressed comes back.
func TestCompressorsAreExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	blocks := [][]byte{{0}, []byte("a"), bytes.Repeat([]byte("a"), 100_000), []byte(strings.Repeat("abc, ", 300_000))} // bzip2's own blocks have 900 kB
	for _, n := range []int{1, 100, 5000, 70_000} {
		noise, few := make([]byte, n), make([]byte, n)
		for i := range noise {
			noise[i], few[i] = byte(random.Uint32()), "abcd\n"[random.IntN(5)]
		}
		blocks = append(blocks, noise, few)
	}
	decompress := map[string]func([]byte) ([]byte, error){"bzip2": readBzip2.Decompress, "xz": readXZ.Decompress}
	for name, read := range decompress {
		c := mustCodec(t, name, nil, false).newCompressor()
		for i, block := range blocks {
			out, err := c.append([]byte("before"), block)
			if err != nil {
				t.Fatal(err)
			}
			back, err := read(out[len("before"):])
			if err != nil || !bytes.Equal(back, block) {
				t.Errorf("%s: block %d of %d bytes: %d bytes came back, %v", name, i, len(block), len(back), err)
			}
		}
	}
}

func FuzzBzip2(f *testing.F) {
	f.Add([]byte("banana"))
	f.Add(bytes.Repeat([]byte("ab"), 5000))
	f.Fuzz(func(t *testing.T, block []byte) {
		out, err := newBzip2(Codec{}).append(nil, block)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := readBzip2.Decompress(out); err != nil || !bytes.Equal(back, block) {
			t.Fatalf("%q came back, %v", back, err)
		}
	})
}

func TestNewCodec(t *testing.T) {
	f := func(name string, level int, want string) {
		t.Helper()
		c, err := NewCodec(name, &level, false)
		got := c.container()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s, level %d: got %s, want %s", name, level, got, want)
		}
	}
	f("no compression", 99, "null")
	f("No Compression", 0, "null")
	f("Deflate", 9, "deflate")
	f("bzip2", 5, "bzip2")
	f("xz", 0, "xz")
	f("zstandard", -5, "zstandard")
	f("snappy", 0, "snappy")
	f("Deflate", 10, "compression level 10: Deflate has 0 to 9")
	f("zstandard", 23, "compression level 23: zstandard has -5 to 22")
	f("lzo", 1, `there is no Avro codec "lzo": it must be one of "no compression", "Deflate", "bzip2", "xz", "zstandard", "snappy"`)
	if c := mustCodec(t, "xz", nil, false); c.level != 6 {
		t.Errorf("the default of xz is %d", c.level)
	}
	if got := (Codec{}).container(); got != "null" {
		t.Errorf("the zero Codec is %q", got)
	}
}

// A block's rows may come in any number of chunks, and go behind anything.
func TestAppendGroup(t *testing.T) {
	for _, name := range []string{"no compression", "Deflate", "bzip2", "xz", "zstandard", "snappy"} {
		table := &format.Table{Columns: []string{"id", "text"}}
		e := newEncoder(t, table, small, mustCodec(t, name, nil, false))
		b := e.NewBuilder()
		var chunks [][]byte
		for _, data := range records(0, 300) {
			row, _ := e.AppendRow(nil, rowOf(table, []byte(data)))
			chunks = append(chunks, row)
		}
		want, _, err := b.AppendGroup(nil, e, [][]byte{bytes.Join(chunks, nil)}, 300)
		if err != nil {
			t.Fatal(err)
		}
		for _, room := range []int{0, 1, 10, 20_000} {
			got, info, err := b.AppendGroup(append(make([]byte, 0, 6+room), "before"...), e, chunks, 300)
			if err != nil || info != nil || string(got[:6]) != "before" || !bytes.Equal(got[6:], want) {
				t.Errorf("%s, room for %d bytes: %v, got %d bytes, want %d", name, room, err, len(got)-6, len(want))
			}
		}
	}
}

func TestEncoder(t *testing.T) {
	table := &format.Table{Columns: []string{"id"}}
	e := newEncoder(t, table, small, Codec{})
	if e.Extension() != "avro" || e.GroupSize() != 0 || string(e.AppendTrailer([]byte("a"), []format.Group{{}})) != "a" {
		t.Errorf("%q, %d", e.Extension(), e.GroupSize())
	}
	// Another schema or codec has another marker.
	markers := map[[16]byte]bool{}
	for _, columns := range [][]string{{"id"}, {"text"}} {
		for _, codec := range []string{"no compression", "snappy"} {
			markers[newEncoder(t, &format.Table{Columns: columns}, small, mustCodec(t, codec, nil, false)).marker] = true
		}
	}
	if len(markers) != 4 {
		t.Errorf("%d markers of 4", len(markers))
	}
	rows, err := typed.New(&format.Table{Flatten: true}, nil, typed.Numbers{})
	if err != nil {
		t.Fatal(err)
	}
	if e, err = New(rows, "", "no columns", Codec{}); err != nil {
		t.Fatal(err)
	}
	if rows := read(t, object(t, e, &format.Table{}, []string{`{"a":1}`})); len(rows) != 1 || len(rows[0]) != 2 {
		t.Errorf("%v", rows)
	}
}
