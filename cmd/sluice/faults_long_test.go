package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// faultsWanted is how many requests TestManyFaults brings to harm: make faults asks for a great
// many, and measures what they cost.
var faultsWanted, _ = strconv.Atoi(os.Getenv("SLUICE_FAULTS"))

// TestManyFaults runs syncs in which a third of all requests come to harm, each in another way,
// and counts rows: all that the STATEs cover are there, once.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	wanted, streams := 100, 4
	if faultsWanted > 0 {
		wanted, streams = faultsWanted, 8
	}
	kinds := map[string]misfortune{
		"SlowDown": refuse(http.StatusServiceUnavailable, "SlowDown"), "500": refuse(500, "InternalError"), "500 though done": broken,
		"request cut": cutRequest, "answer cut": cutAnswer, "reply lost": lost, "200 with an error": misled,
	}
	hits := map[string]int{}
	at, p := inWeather(t)
	var faults []*fault
	var names []string
	for name, do := range kinds {
		names = append(names, name)
		chance := sometimes(uint64(len(names)), 1/float64(3*len(kinds)))
		faults = append(faults, &fault{when: func(n, ofKey int) bool {
			hit := chance(n, ofKey)
			if hit {
				hits[name]++ // under the proxy's lock
			}
			return hit
		}, do: do})
	}
	p.begin(faults...)

	syncs, rows := 0, 0
	for begin := time.Now(); p.injected() < wanted; syncs++ {
		if time.Since(begin) > time.Hour {
			t.Fatalf("%d faults in an hour", p.injected())
		}
		rows += soak(t, at, syncs, streams)
	}
	for i := range streams / 2 { // what is lost or doubled stays so: once is enough
		name := fmt.Sprintf("s%d", 2*i)
		same(t, name, at.column("data/"+name, "id"), ids(0, rows/streams))
	}
	t.Logf("%d faults in %d syncs of %d rows in all, none lost, none twice: %v", p.injected(), syncs, rows, hits)
}

// misled is a 200 with an error for the two calls that have it, and a reply lost for the others.
func misled(x *exchange) {
	switch kindOf(x.r) {
	case "CompleteMultipartUpload":
		twoHundred(rand.N(2) == 0)(x)
	case "DeleteObjects":
		oneLeft(x)
	default:
		lost(x)
	}
}

// soak runs one sync of append streams and full refreshes, in objects of a few rows each, over
// what the sync before it left. It returns the number of rows.
func soak(t *testing.T, at *target, sync, streams int) int {
	t.Helper()
	const rows = 600
	var all []stream
	var lines []string
	for i := range streams {
		s := stream{name: fmt.Sprintf("s%d", i), schema: idSchema}
		if i%2 == 1 {
			s.mode, s.gen, s.min = "overwrite", sync+1, sync+1
		}
		all = append(all, s)
		for first := 0; first < rows; first += rows / 3 {
			lines = append(lines, numbered(s.name, sync*rows+first, rows/3)...)
			lines = append(lines, streamState(s.name, fmt.Sprint(first)))
		}
	}
	r := at.sync(job{config: flat(fields{"file_size_mb": 0.005}), streams: all}, lines...).ok()
	if got, want := len(r.states()), 3*streams; got != want {
		t.Errorf("%d states have left, want %d", got, want)
	}
	for _, s := range all {
		if s.mode != "" {
			same(t, s.name, at.column("data/"+s.name, "id"), ids(sync*rows, rows))
		}
	}
	at.clean()
	return rows * streams
}

// TestCostOfFaults measures, for people, how much slower a sync gets by one fault in twenty
// requests, and how much more memory it needs. It takes minutes, and a machine that does nothing
// else.
func TestCostOfFaults(t *testing.T) {
	if faultsWanted == 0 {
		t.Skip("make faults measures")
	}
	measure := func(seed uint64, chance float64) (speed float64, memory int64, faults int) {
		at, p := inWeather(t)
		var all []*fault
		for i, do := range []misfortune{refuse(http.StatusServiceUnavailable, "SlowDown"), broken, cutRequest, cutAnswer, lost} {
			all = append(all, on(sometimes(seed+uint64(i), chance/5), do)...)
		}
		p.begin(all...)
		pr := at.start(job{config: flat(fields{"file_size_mb": 32}), streams: []stream{{name: "users", schema: `{"properties":{"id":{},"pad":{}}}`}}})
		memoryOf := peak(pr.cmd.Process.Pid)
		const megabytes = 320
		begin := time.Now()
		for range megabytes / 16 {
			pr.send(bulky("users", 16)...)
		}
		pr.finish().ok()
		speed = megabytes / time.Since(begin).Seconds()
		at.clean()
		if err := at.store.Delete(t.Context(), at.keys()...); err != nil {
			t.Fatal(err)
		}
		return speed, memoryOf(), p.injected()
	}
	var speeds, memories [2][]float64
	for i := range 5 {
		for j, chance := range []float64{0, 0.05} {
			speed, memory, faults := measure(uint64(100*i), chance)
			t.Logf("%.0f%% faults: %.0f MB/s, %d MiB, %d faults", 100*chance, speed, memory>>20, faults)
			speeds[j], memories[j] = append(speeds[j], speed), append(memories[j], float64(memory>>20))
		}
	}
	ratio := median(speeds[1]) / median(speeds[0])
	t.Logf("medians: %.0f and %.0f MB/s, a ratio of %.2f; %.0f and %.0f MiB", median(speeds[0]), median(speeds[1]), ratio, median(memories[0]), median(memories[1]))
	if ratio < 0.7 {
		t.Errorf("with 5%% faults it is %.2f as fast, want 0.7", ratio)
	}
	if extra := median(memories[1]) - median(memories[0]); extra > 0.2*median(memories[0]) {
		t.Errorf("with 5%% faults it needs %.0f MiB more", extra)
	}
}

// peak watches the memory of a process that ends soon. What it returns tells the most, in bytes;
// 0 where the system does not tell. The maximum of getrusage is of no use: it begins with the
// memory of the process that started this one.
func peak(pid int) (most func() int64) {
	file := fmt.Sprintf("/proc/%d/status", pid)
	found := make(chan int64, 1)
	go func() {
		var kib int64
		for {
			status, err := os.ReadFile(file)
			_, rest, ok := strings.Cut(string(status), "VmHWM:")
			if err != nil || !ok { // it has ended, or has given its memory back
				found <- kib << 10
				return
			}
			_, _ = fmt.Sscanf(rest, "%d kB", &kib)
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return func() int64 { return <-found }
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
