package live

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluice-data/sluice"
)

// View is the picture of a sync: where it is now, and how fast it was since an earlier look. It
// is a function of what is given, has at most look.Height-1 lines, and each line leaves the last
// column free: a terminal may break a line there.
func View(now, since *sluice.Progress, look Look) []string {
	lines := look.head(now, since)
	if room := look.Height - 1 - len(lines); len(now.Streams) > 0 && room >= 2 {
		// A line is left free above the streams, where there is room for it.
		if room > 4 {
			lines = append(lines, "")
			room--
		}
		lines = append(lines, look.streams(now, since, room)...)
	}
	if most := max(look.Height-1, 1); len(lines) > most {
		lines = lines[:most]
	}
	for i := range lines {
		lines[i] = cut(lines[i], look.Width-1)
	}
	return lines
}

// head is the title and the numbers of the whole sync.
func (l Look) head(now, since *sluice.Progress) []string {
	took := now.Elapsed - since.Elapsed
	facts := []fact{
		{"rows", count(now.Rows), count(rate(now.Rows-since.Rows, took)) + "/s"},
		{"input", size(now.Input), size(rate(now.Input-since.Input, took)) + "/s"},
		{"sent", size(now.Bytes), size(rate(now.Bytes-since.Bytes, took)) + "/s"},
		{"objects", count(now.Objects), many(now.Parts, "part")},
		{"requests", count(int64(now.Flying)) + " under way", count(now.Retries) + " repeated"},
		{"memory", memory(now.Memory), "of " + memory(now.MemoryLimit)},
		{"states", count(now.States) + " sent", count(int64(now.Held)) + " held"},
		{"waits", "", waits(now, since)},
	}
	title := l.paint(strong, "sluice") + " " + clock(now.Elapsed) + "  " + l.state(now, since)
	return append([]string{title}, l.grid(facts)...)
}

// state says in a few words what is going on.
func (l Look) state(now, since *sluice.Progress) string {
	switch {
	case now.Elapsed == 0:
		return "looking at the bucket"
	case now.Ended && now.Flying > 0:
		return "all is read, " + l.paint(notice, "the store has the rest")
	case now.Ended:
		return "all is read"
	}
	return "bottleneck: " + l.paint(notice, string(now.Limit(since)))
}

// waits says where the time of the reading goroutine went.
func waits(now, since *sluice.Progress) string {
	source, store := now.Source-since.Source, now.Store-since.Store
	own := max(now.Room-since.Room-store, 0)
	whole := source + own + store
	return fmt.Sprintf("source %s CPU %s store %s", share(source, whole), share(own, whole), share(store, whole))
}

// fact is a number with its name, and what there is to say of it.
type fact struct{ name, value, more string }

// The widths of a fact's parts: of its name, its value and the rest.
const (
	nameCells  = 8
	valueCells = 13
	moreCells  = 11
	factCells  = 1 + nameCells + 1 + valueCells + 2 + moreCells + 2
)

// grid puts facts beside each other, as many as there is room for, from the top down.
func (l Look) grid(facts []fact) []string {
	columns := min(max((l.Width-1)/factCells, 1), 2)
	rows := (len(facts) + columns - 1) / columns
	lines := make([]string, rows)
	for i, f := range facts {
		text := right(f.value, valueCells) + "  " + f.more
		if f.value == "" {
			text = f.more
		}
		line := " " + l.paint(quiet, left(f.name, nameCells)) + " " + text
		if i+rows < len(facts) {
			line = left(line, factCells)
		}
		lines[i%rows] += line
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// window is how far back the earlier look lies that rates are told since.
const window = 5 * time.Second
