package compress

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestCRC32Combine(t *testing.T) {
	f := func(a, b string) {
		t.Helper()
		got := crc32Combine(crc32.ChecksumIEEE([]byte(a)), crc32.ChecksumIEEE([]byte(b)), int64(len(b)))
		if want := crc32.ChecksumIEEE([]byte(a + b)); got != want {
			t.Errorf("%.20q and %.20q: got %08x, want %08x", a, b, got, want)
		}
	}
	f("", "")
	f("a", "")
	f("", "a")
	f("123456789", "123456789")
	f("\x00", "\x00\x00\x00\x00")
	f("\xff\xff\xff\xff", "\xff\xff\xff\xff")
	f(string(make([]byte, 1<<16)), string(make([]byte, 1<<20+1)))
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var all Sum
		whole := crc32.NewIEEE()
		var bytes int64
		for range rapid.IntRange(0, 10).Draw(t, "pieces") {
			p := randomBytes(r, rapid.IntRange(0, 1<<rapid.IntRange(0, 16).Draw(t, "log")).Draw(t, "size"))
			_, _ = whole.Write(p)
			bytes += int64(len(p))
			all = all.Join(Sum{int64(len(p)), crc32.ChecksumIEEE(p)})
		}
		if want := (Sum{bytes, whole.Sum32()}); all != want {
			t.Fatalf("got %v, want %v", all, want)
		}
	})
}

// Joining does not depend on which two are joined first, at lengths no test can have as bytes.
func TestJoinIsAssociative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sum := func(name string) Sum {
			return Sum{rapid.Int64Range(0, 1<<60).Draw(t, name), rapid.Uint32().Draw(t, name+"'s CRC")}
		}
		a, b, c := sum("a"), sum("b"), sum("c")
		if x, y := a.Join(b).Join(c), a.Join(b.Join(c)); x != y {
			t.Fatalf("%v and %v", x, y)
		}
		if a.Join(Sum{}) != a {
			t.Fatalf("nothing behind %v changes it", a)
		}
	})
}

func BenchmarkJoin(b *testing.B) {
	f := func(name string, n int64) {
		b.Run(name, func(b *testing.B) {
			s := Sum{}
			for b.Loop() {
				s = s.Join(Sum{n, 0x12345678})
			}
		})
	}
	f("1KiB", 1<<10)
	f("16KiB-1", 16<<10-1)
	f("512KiB-1", 512<<10-1)
	f("1TiB-1", 1<<40-1)
}
