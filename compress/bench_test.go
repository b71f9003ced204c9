package compress

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// BenchmarkPiece is one core's speed, in bytes before compression, and the ratio of what joined
// pieces of that size have.
func BenchmarkPiece(b *testing.B) {
	rows := csvRows(rand.New(rand.NewPCG(12, 13)), 8<<20)
	for _, c := range codecs {
		for _, size := range []int{1 << 10, 16 << 10, 512 << 10} {
			b.Run(fmt.Sprintf("%s/%dKiB", c.name, size>>10), func(b *testing.B) {
				w := c.codec.NewCompressor()
				dst := make([]byte, 0, 2*size+1000)
				var in, out int64
				b.SetBytes(int64(size))
				b.ReportAllocs()
				at := 0
				for b.Loop() {
					if at+size > len(rows) {
						at = 0
					}
					got, _ := w.AppendPiece(dst, rows[at:at+size])
					at += size
					in += int64(size)
					out += int64(len(got))
				}
				b.ReportMetric(float64(in)/float64(out), "ratio")
			})
		}
	}
}

// BenchmarkCommand is what the usual commands make of the same rows, in time of one core, which
// another process can't take away.
func BenchmarkCommand(b *testing.B) {
	rows := csvRows(rand.New(rand.NewPCG(12, 13)), 8<<20)
	for _, args := range [][]string{{"gzip", "-1"}, {"gzip", "-6"}, {"zstd", "-1"}, {"zstd", "-3"}} {
		b.Run(args[0]+args[1], func(b *testing.B) {
			path, err := exec.LookPath(args[0])
			if err != nil {
				b.Skip("not here")
			}
			var cpu time.Duration
			var out int
			for b.Loop() {
				cmd := exec.Command(path, args[1], "-c")
				cmd.Stdin = bytes.NewReader(rows)
				got, err := cmd.Output()
				if err != nil {
					b.Fatal(err)
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				out = len(got)
			}
			b.ReportMetric(float64(len(rows))*float64(b.N)/1e6/cpu.Seconds(), "MB/core-s")
			b.ReportMetric(float64(len(rows))/float64(out), "ratio")
		})
	}
}

// BenchmarkMemory is what a compressor holds after a long piece, in KiB.
func BenchmarkMemory(b *testing.B) {
	rows := csvRows(rand.New(rand.NewPCG(12, 13)), 512<<10)
	for _, c := range codecs {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				dst := make([]byte, 0, len(rows))
				before := heap()
				w := c.codec.NewCompressor()
				w.AppendPiece(dst, rows)
				b.ReportMetric(float64(heap()-before)/1024, "KiB")
				runtime.KeepAlive(w)
			}
		})
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkCheck is the part of AppendPiece that makes sure that zstd blocks can be joined.
func BenchmarkCheck(b *testing.B) {
	rows := csvRows(rand.New(rand.NewPCG(12, 13)), 512<<10)
	for _, size := range []int{1 << 10, 16 << 10, 512 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			w := Zstd(1).NewCompressor().(*zstdCompressor)
			frame := w.encoder.EncodeAll(rows[:size], nil)
			for b.Loop() {
				w.check.isAlone(frame[frameHeader(frame):])
			}
		})
	}
}
