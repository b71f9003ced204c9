package bench

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice/internal/tune"
	"github.com/sluice-data/sluice/sink/s3"
)

// TestStub uploads as the engine does: an object in parts, and one in one request.
func TestStub(t *testing.T) {
	stub := &Stub{}
	server := httptest.NewServer(stub)
	defer server.Close()
	store, err := s3.New(t.Context(), s3.Settings{Bucket: "bench", Endpoint: server.URL, Region: "us-east-1", AccessKeyID: "x", SecretAccessKey: "x"})
	if err != nil {
		t.Fatal(err)
	}
	s := &Sweep{CSV: bytes.Repeat([]byte("a,b\r\n"), 1<<18)}
	f := func(volume, objects int64) {
		t.Helper()
		before := stub.Bytes.Load()
		s.Volume = volume
		if _, err := s.upload(t.Context(), store, at(5, 2, 0)); err != nil {
			t.Fatal(err)
		}
		if got := stub.Bytes.Load() - before; got != volume || stub.Objects.Load() != objects {
			t.Errorf("%d bytes of %d, %d objects of %d", got, volume, stub.Objects.Load(), objects)
		}
	}
	f(12<<20, 1)
	f(1000, 2)
	up, err := store.Create(t.Context(), "aborted", nil)
	if err != nil || up.Abort(t.Context()) != nil {
		t.Errorf("an upload that is aborted: %v", err)
	}
	if _, err := store.Stat(t.Context(), "x"); err == nil {
		t.Error("a request that the stub does not know: no error")
	}
}

// TestStubLooksAtSums: bytes that were damaged on their way are refused.
func TestStubLooksAtSums(t *testing.T) {
	f := func(sum string, want int) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPut, "/bench/key", strings.NewReader("123456789"))
		r.Header.Set(sumHeader, sum)
		w := httptest.NewRecorder()
		if (&Stub{}).ServeHTTP(w, r); w.Code != want {
			t.Errorf("%q: got %d %s, want %d", sum, w.Code, w.Body, want)
		}
	}
	f("y/Q5Jg==", http.StatusOK) // 0xcbf43926, the check value of CRC-32
	f("y/Q5Jw==", http.StatusBadRequest)
	f("", http.StatusBadRequest)
}

// at is a cell with parts of so many MiB.
func at(part int64, concurrency int, rate float64) cell {
	return cell{Setting: tune.Setting{PartSize: part << 20, Concurrency: concurrency}, Rate: rate}
}

func TestVerdict(t *testing.T) {
	f := func(want string, cells ...cell) {
		t.Helper()
		if got := verdict(cells); !strings.Contains(got, want) {
			t.Errorf("%v: got %q, want %q", cells, got, want)
		}
	}
	f("it is right here", at(8, 16, 100), at(16, 10, 104), at(5, 16, 90))
	f("5 MiB × 16 with 96 MB/s and 95 MiB. The default, 8 MiB × 16, gets 100 MB/s with 152 MiB: it is right here", at(8, 16, 100), at(5, 16, 96))
	f("80% of the fastest: 8 MiB × 20 would be better here", at(8, 16, 80), at(8, 20, 99), at(16, 12, 100))
	f("the fastest is 8 MiB × 16", at(8, 16, 80), at(32, 32, 999)) // too large
	f("No cell", at(32, 32, 999))
}

// TestSweep needs Toxiproxy, which make bench-sweep builds. No connection is faster than it
// may be. (That two are twice as fast shows only on a machine that has nothing else to do.)
func TestSweep(t *testing.T) {
	const program = "../.bin/toxiproxy-server"
	if _, err := os.Stat(program); errors.Is(err, os.ErrNotExist) {
		t.Skip("Toxiproxy is not built")
	}
	s := &Sweep{
		Command: suite().Command, Proxy: program, Log: io.Discard, Runs: 1,
		Network:   Network{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, Bandwidth: 20e6},
		PartSizes: []int64{5 << 20}, Concurrency: []int{1, 2}, CSV: bytes.Repeat([]byte("a,b\r\n"), 1<<18), Volume: 20 << 20,
	}
	table, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 2 || len(table.Series) != 2 || len(table.Rows[0]) != len(table.Columns) {
		t.Fatalf("got %+v", table)
	}
	for _, series := range table.Series {
		one, two := series.Points[0].Z, series.Points[1].Z
		if one <= 0 || one > 21 || two <= 0 || two > 42 {
			t.Errorf("%s: one connection gets %.1f MB/s, two get %.1f", series.Name, one, two)
		}
	}
	if !strings.Contains(table.Note, "10 to 30 ms") {
		t.Errorf("the note: %s", table.Note)
	}
}
