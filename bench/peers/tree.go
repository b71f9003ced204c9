package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// sampleEvery is how often a process tree is looked at: a page of text for each process,
// some 50 µs of another core's time.
const sampleEvery = 10 * time.Millisecond

// memory is the most memory that a process tree had resident, in bytes.
type memory struct {
	peak int64 // all of it: also files that are mapped, such as the libraries
	anon int64 // without mapped files, of which the system may take back what it needs
}

// watch samples the tree below a process until stop is closed, and then sends what it found:
// the greatest sum over all processes of one moment, or the system's own record of one
// process (VmHWM) where that is more, since memory comes and goes between two samples.
//
// It must begin after the program was loaded, which is when exec.Cmd.Start returns: before,
// the child still shows the memory of its parent. That is also why it is not taken from
// getrusage, whose maximum keeps what was seen at the fork.
func watch(proc string, pid int, every time.Duration, stop <-chan struct{}) <-chan memory {
	result := make(chan memory, 1)
	go func() {
		var m memory
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			m.sample(proc, pid)
			select {
			case <-tick.C:
			case <-stop:
				result <- m
				return
			}
		}
	}()
	return result
}

func (m *memory) sample(proc string, root int) {
	var resident, anon int64
	for _, pid := range tree(proc, root) {
		s, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "status"))
		if err != nil {
			continue // it has ended
		}
		text := string(s)
		resident += kib(text, "VmRSS:")
		// Not RssShmem: an input in /dev/shm that is mapped counts there.
		anon += kib(text, "RssAnon:")
		m.peak = max(m.peak, kib(text, "VmHWM:"))
	}
	m.peak, m.anon = max(m.peak, resident), max(m.anon, anon)
}

// kib returns a line of /proc/<pid>/status in bytes, 0 if it is not there.
func kib(status, name string) int64 {
	_, rest, _ := strings.Cut(status, "\n"+name)
	var n int64
	_, _ = fmt.Sscan(rest, &n) // stays 0
	return n << 10
}

// tree returns a process and all that it started, directly or not.
func tree(proc string, root int) []int {
	pids := []int{root}
	for i := 0; i < len(pids); i++ {
		// Each thread has a list of its own.
		lists, _ := filepath.Glob(filepath.Join(proc, strconv.Itoa(pids[i]), "task", "*", "children")) // the pattern is good
		for _, list := range lists {
			text, err := os.ReadFile(list)
			if err != nil {
				continue // the thread has ended
			}
			for _, field := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}
