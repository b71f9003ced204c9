package live

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/sluice-data/sluice"
)

// row is one stream in the picture.
type row struct {
	name           string
	rows, estimate int64
	new            int64 // rows since the earlier look
	ended, failed  bool
}

// streams lists the streams, the most active ones first, in at most room lines.
func (l Look) streams(now, since *sluice.Progress, room int) []string {
	all := rowsOf(now, since)
	slices.SortStableFunc(all, func(a, b row) int { return cmp.Compare(b.rank(), a.rank()) })
	shown := all
	if len(all) > room {
		shown = all[:room-1]
	}
	lines := l.table(all, shown, now.Elapsed-since.Elapsed)
	if rest := all[len(shown):]; len(rest) > 0 {
		lines = append(lines, l.paint(quiet, "   and "+more(rest)))
	}
	return lines
}

func rowsOf(now, since *sluice.Progress) []row {
	all := make([]row, len(now.Streams))
	for i, s := range now.Streams {
		all[i] = row{name: printable(s.Stream.String()), rows: s.Rows, estimate: s.Estimate, new: s.Rows, ended: s.Ended, failed: s.Failed}
		if i < len(since.Streams) {
			all[i].new -= since.Streams[i].Rows
		}
	}
	return all
}

// rank is higher for what one wants to see first. Streams of about the same speed have the same,
// and stay where they are: a list that changes all the time can't be read.
func (r row) rank() int {
	const idle = 3
	switch {
	case r.new > 0:
		return idle + bits.Len64(uint64(r.new))
	case r.failed:
		return idle
	case r.ended:
		return 0
	case r.rows > 0:
		return 2
	}
	return 1
}

func (r row) mark() (string, ansi.Style) {
	switch {
	case r.failed:
		return "✗", bad
	case r.ended:
		return "✓", good
	case r.new > 0:
		return "▸", filled
	}
	return "·", quiet
}

// progress is how much of the stream is done, as far as its source can tell.
func (r row) progress() string {
	switch {
	case r.failed:
		return "failed"
	case r.ended:
		return "done"
	case r.estimate == 0:
		return ""
	}
	// An estimate may be too low.
	return fmt.Sprintf("%d%%", min(100*r.rows/max(r.estimate, 1), 99))
}

// table draws the rows that are shown. Its columns are as wide as all of them need, so that it
// does not move when others come to the top.
func (l Look) table(all, shown []row, took time.Duration) []string {
	var names, rows, rates, estimates int
	for _, r := range all {
		names = max(names, width(r.name))
		rows = max(rows, width(count(r.rows))+len(" rows"))
		rates = max(rates, width(count(rate(r.new, took))+"/s"))
		if r.estimate > 0 {
			estimates = l.Width / 6
		}
	}
	const progress, gap = len("failed"), 2
	free := l.Width - 1 - len("   ") - (gap + progress) - (gap + rows)
	if free -= gap + rates; free < 20 { // narrow: what matters least goes first
		free, rates = free+gap+rates, 0
	}
	if estimates > 0 {
		if free -= gap + estimates; free < 12 {
			free, estimates = free+gap+estimates, 0
		}
	}
	names = min(names, max(free, 8), 60)
	var lines []string
	for _, r := range shown {
		var b strings.Builder
		mark, style := r.mark()
		b.WriteString(" " + l.paint(style, mark) + " " + left(cutLeft(r.name, names), names))
		if estimates > 0 {
			bar := space(estimates)
			if r.estimate > 0 && !r.ended {
				bar = l.bar(r.rows, r.estimate, estimates)
			}
			b.WriteString(space(gap) + bar)
		}
		b.WriteString(space(gap) + right(r.progress(), progress) + space(gap) + right(count(r.rows), rows-len(" rows")) + left(noun(r.rows, " row"), len(" rows")))
		if rates > 0 && r.new > 0 {
			b.WriteString(space(gap) + right(count(rate(r.new, took))+"/s", rates))
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}

// more counts the streams that there is no room for.
func more(rest []row) string {
	var running, waiting, done, failed int64
	for _, r := range rest {
		switch {
		case r.failed:
			failed++
		case r.ended:
			done++
		case r.rows > 0:
			running++
		default:
			waiting++
		}
	}
	var kinds []string
	for _, k := range []struct {
		n    int64
		what string
	}{{failed, "failed"}, {running, "running"}, {waiting, "not begun"}, {done, "done"}} {
		if k.n > 0 {
			kinds = append(kinds, count(k.n)+" "+k.what)
		}
	}
	return count(int64(len(rest))) + " more: " + strings.Join(kinds, ", ")
}
