package live

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/stages"
)

// most is how many streams a summary names. The others are counted.
const most = 40

// End is what is left of a picture: what the sync did, or, if it has no summary, how far it came;
// and why it failed, unless that is "".
func End(s *sluice.Summary, p *sluice.Progress, why string, look Look) []string {
	var lines []string
	if s != nil {
		lines = look.summary(s)
	} else {
		lines = look.failure(p)
	}
	if why != "" {
		lines = append(lines, look.wrap("  "+look.paint(bad, "! "), printable(why))...)
	}
	for i := range lines {
		lines[i] = cut(lines[i], look.Width-1)
	}
	return lines
}

func (l Look) summary(s *sluice.Summary) []string {
	mark, style := "✓", good
	if s.Held > 0 || slices.ContainsFunc(s.Streams, func(s stages.StreamSummary) bool { return !s.Complete }) {
		mark, style = "✗", bad
	}
	lines := l.wrap(l.paint(style, mark)+" "+l.paint(strong, "sluice")+": ", fmt.Sprintf("%s of %s in %s: %s read (%s/s), %s sent as %s, %s",
		many(s.Rows, "row"), many(int64(len(s.Streams)), "stream"), lasted(s.Took), size(s.Input), size(rate(s.Input, s.Took)),
		size(s.Bytes), many(s.Objects, "object"), many(s.States, "state")))
	remark := func(n int64, what, happened string) {
		if n > 0 {
			lines = append(lines, l.wrap("  "+l.paint(notice, "! "), many(n, what)+" "+happened)...)
		}
	}
	remark(s.Retries, "request", "repeated")
	remark(s.Early, "object", "closed early because the memory budget was spent")
	remark(int64(s.Held), "state", "not sent because rows in front are not durable")
	lines = append(lines, l.summaries(s.Streams)...)
	return append(lines, l.times(s)...)
}

// failure is how far a sync was that failed.
func (l Look) failure(p *sluice.Progress) []string {
	return l.wrap(l.paint(bad, "✗")+" "+l.paint(strong, "sluice")+": ", fmt.Sprintf("failed after %s: %s, %s read, %s complete, %s sent",
		lasted(p.Elapsed), many(p.Rows, "row"), size(p.Input), many(p.Objects, "object"), many(p.States, "state")))
}

// summaries is the table of the streams: those with something to say first, then the largest.
func (l Look) summaries(all []stages.StreamSummary) []string {
	if len(all) == 0 {
		return nil
	}
	all = slices.Clone(all)
	if len(all) > most {
		slices.SortStableFunc(all, func(a, b stages.StreamSummary) int {
			return cmp.Or(cmp.Compare(len(notes(&b)), len(notes(&a))), cmp.Compare(b.Rows, a.Rows))
		})
	}
	shown := all[:min(len(all), most)]
	cells := [][4]string{{"", "rows", "bytes", "objects"}}
	for _, s := range shown {
		cells = append(cells, [4]string{printable(s.Stream.String()), count(s.Rows), size(s.Bytes), count(s.Objects)})
	}
	var wide [4]int
	for _, row := range cells {
		for i, cell := range row {
			wide[i] = max(wide[i], width(cell))
		}
	}
	const gap = 2
	wide[0] = min(wide[0], max(l.Width-1-2*gap-wide[1]-wide[2]-wide[3]-2*gap, 8))
	lines := []string{""}
	for i, row := range cells {
		line := space(gap) + left(cutLeft(row[0], wide[0]), wide[0])
		for c := 1; c < len(row); c++ {
			line += space(gap) + right(row[c], wide[c])
		}
		if i == 0 {
			line = l.paint(quiet, line)
		}
		lines = append(lines, line)
		if i > 0 {
			for _, note := range notes(&shown[i-1]) {
				lines = append(lines, l.wrap("    "+l.paint(notice, "! "), note)...)
			}
		}
	}
	if rest := all[len(shown):]; len(rest) > 0 {
		var rows int64
		for _, s := range rest {
			rows += s.Rows
		}
		lines = append(lines, l.paint(quiet, "  and "+count(int64(len(rest)))+" more with "+many(rows, "row")))
	}
	return lines
}

// notes are what a stream's reader should know.
func notes(s *stages.StreamSummary) []string {
	var all []string
	if !s.Complete {
		all = append(all, "its source did not complete it")
	}
	for _, n := range s.Notes() {
		var fields []string
		for _, field := range slices.Sorted(maps.Keys(n.Fields)) {
			fields = append(fields, fmt.Sprintf("%s (%s)", printable(field), count(n.Fields[field])))
		}
		all = append(all, n.Text+": "+strings.Join(fields, ", "))
	}
	if s.Replaced > 0 {
		all = append(all, many(s.Replaced, "character")+" replaced: no UTF-8")
	}
	return all
}

// times says where the time has gone.
func (l Look) times(s *sluice.Summary) []string {
	work := make([]string, 0, len(s.Stages)+1)
	for _, stage := range s.Stages {
		work = append(work, stage.Name+" "+lasted(stage.Took))
	}
	work = append(work, "requests "+lasted(s.Requests))
	lines := append([]string{""}, l.wrap(l.paint(quiet, "  waited  "), fmt.Sprintf("source %s, store %s (of %s)", lasted(s.Source), lasted(s.Store), lasted(s.Took)))...)
	return append(lines, l.wrap(l.paint(quiet, "  worked  "), strings.Join(work, ", "))...)
}

// wrap breaks a text that is too long between its words; what comes first stands in front of it,
// and nothing in front of the lines that follow.
func (l Look) wrap(first, text string) []string {
	indent := width(first)
	cells := max(l.Width-1-indent, 10)
	lines := strings.Split(ansi.Wrap(text, cells, " "), "\n")
	for i := range lines {
		if i == 0 {
			lines[i] = first + lines[i]
		} else {
			lines[i] = space(indent) + lines[i]
		}
	}
	return lines
}
