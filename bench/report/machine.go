package report

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Machine is what the numbers were measured on.
type Machine struct {
	CPU     string `json:"cpu"`             // the model, as the system names it
	Virtual bool   `json:"virtual"`         // it says that it runs under a hypervisor
	Cores   int    `json:"cores"`           // that the process may use
	Memory  int64  `json:"memory"`          // bytes; 0: not known
	Load    string `json:"load,omitempty"`  // the load average of the minute before
	OS      string `json:"os"`              // with the kernel's version where it is known
	Arch    string `json:"arch"`            // as Go names it
	Go      string `json:"go"`              // the version that built the program
	Flags   string `json:"flags,omitempty"` // of the CPU that matter here: avx2, avx512
}

// String is one line for people.
func (m Machine) String() string {
	kind := ""
	if m.Virtual {
		kind = " of a virtual machine"
	}
	text := fmt.Sprintf("%d cores%s, %s", m.Cores, kind, m.CPU)
	if m.Flags != "" {
		text += " (" + m.Flags + ")"
	}
	if m.Memory > 0 {
		text += fmt.Sprintf(", %.0f GiB", float64(m.Memory)/(1<<30))
	}
	text += fmt.Sprintf("; %s, %s; %s", m.OS, m.Arch, m.Go)
	if m.Load != "" {
		text += "; load average before: " + m.Load
	}
	return text
}

// Environment describes this machine. What the system does not tell stays empty.
func Environment() Machine {
	m := Machine{CPU: "unknown CPU", Cores: runtime.GOMAXPROCS(0), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
	m.cpu(contents("/proc/cpuinfo"))
	m.memory(contents("/proc/meminfo"))
	// Without what a distribution puts behind the version.
	if kernel, _, _ := strings.Cut(strings.TrimSpace(contents("/proc/sys/kernel/osrelease")), "-"); kernel != "" {
		m.OS += " " + kernel
	}
	m.Load, _, _ = strings.Cut(contents("/proc/loadavg"), " ")
	return m
}

func contents(name string) string {
	text, _ := os.ReadFile(name) // not there: nothing is known
	return string(text)
}

// cpu reads /proc/cpuinfo.
func (m *Machine) cpu(text string) {
	for key, value := range pairs(text) {
		switch key {
		case "model name":
			m.CPU = strings.Join(strings.Fields(value), " ")
		case "flags":
			flags := " " + value + " "
			m.Virtual = strings.Contains(flags, " hypervisor ")
			switch {
			case strings.Contains(flags, " avx512f "):
				m.Flags = "AVX-512"
			case strings.Contains(flags, " avx2 "):
				m.Flags = "AVX2"
			}
			return // the other cores are the same
		}
	}
}

// memory reads /proc/meminfo.
func (m *Machine) memory(text string) {
	for key, value := range pairs(text) {
		if key == "MemTotal" {
			var kib int64
			_, _ = fmt.Sscan(value, &kib) // stays 0
			m.Memory = kib << 10
			return
		}
	}
}

// pairs yields the lines "key: value" of a file under /proc.
func pairs(text string) func(func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		lines := bufio.NewScanner(strings.NewReader(text))
		for lines.Scan() {
			key, value, ok := strings.Cut(lines.Text(), ":")
			if ok && !yield(strings.TrimSpace(key), strings.TrimSpace(value)) {
				return
			}
		}
	}
}

// New begins a report about the sources in the working directory, measured now and here.
func New(title string) *Report {
	return &Report{
		Title: title, Date: time.Now().UTC().Format(time.RFC3339), Commit: commit(),
		Machine: Environment(), Settings: map[string]string{},
	}
}

// commit names the sources by git. Results themselves are no part of what is measured.
func commit() string {
	id, err := exec.Command("git", "rev-parse", "--short=7", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(id))
	changed, err := exec.Command("git", "status", "--porcelain", "--", ":/", ":(exclude,top)bench/results", ":(exclude,top)docs").Output()
	if err != nil || len(changed) > 0 {
		name += "+changes"
	}
	return name
}
