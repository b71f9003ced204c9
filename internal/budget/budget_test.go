package budget

import (
	"strings"
	"testing"
)

// TestDivide: a small container gets a small budget, and what may be there at the same time
// is less than the container has.
func TestDivide(t *testing.T) {
	f := func(limit, set int, buffers, line int64, warning string) {
		t.Helper()
		b := Divide(int64(limit)*mebibyte, int64(set)*mebibyte)
		if b.Buffers/mebibyte != buffers || b.Line(TextCopies)/mebibyte != line || warning == "" != (b.Warning == "") || !strings.Contains(b.Warning, warning) {
			t.Errorf("of %d MiB, memory_mb %d: buffers %d MiB, line %d MiB, warning %q", limit, set, b.Buffers/mebibyte, b.Line(TextCopies)/mebibyte, b.Warning)
		}
		if most := b.Buffers + TextCopies*b.Line(TextCopies); limit >= 160 && set == 0 && most > int64(limit)*mebibyte*9/10 {
			t.Errorf("of %d MiB: %d MiB may be in use", limit, most/mebibyte)
		}
	}
	f(0, 0, 256, 1024, "")
	f(-1, 0, 256, 1024, "")
	f(0, 4000, 4000, 1024, "")
	f(64, 0, 32, 8, "")
	f(128, 0, 128/3, 8, "")
	f(192, 0, 64, 8, "")
	f(256, 0, 256/3, 16, "")
	f(512, 0, 512/3, 45, "")
	f(768, 0, 256, 74, "")
	f(2048, 0, 256, 304, "")
	f(8192, 0, 256, 1024, "")
	f(2048, 1024, 1024, 151, "")
	f(512, 300, 300, 19, "upload.memory_mb is 300, but all of the process may use 512 MiB")
	f(512, 4000, 4000, 8, "upload.memory_mb is 4000")
	for limit, line := range map[int64]int64{0: 1024, 128: 4, 256: 8, 512: 22, 2048: 152} {
		if b := Divide(limit*mebibyte, 0); b.Line(ParquetCopies)/mebibyte != line {
			t.Errorf("Parquet, of %d MiB: line %d MiB, not %d", limit, b.Line(ParquetCopies)/mebibyte, line)
		}
	}
}
