package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// WriteMarkdown writes the report for people.
func (r *Report) WriteMarkdown(w io.Writer) error {
	if err := r.check(); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s, %s, commit %s\n\n%s.\n", r.Title, r.Day(), r.Commit, r.Machine)
	if len(r.Settings) > 0 {
		b.WriteByte('\n')
	}
	for _, name := range slices.Sorted(maps.Keys(r.Settings)) {
		fmt.Fprintf(&b, "- %s: %s\n", name, r.Settings[name])
	}
	for i := range r.Tables {
		r.Tables[i].markdown(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (t *Table) markdown(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## %s\n\n", t.Name)
	if t.Note != "" {
		fmt.Fprintf(b, "%s\n\n", t.Note)
	}
	if len(t.Columns) == 0 {
		return
	}
	// Padded, so that the source and the terminal can be read as they are.
	width := make([]int, len(t.Columns))
	lines := append([][]string{t.Columns}, t.Rows...)
	for _, line := range lines {
		for i, c := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell(c)), 3)
		}
	}
	for n, line := range lines {
		for i, c := range line {
			c = cell(c)
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i == 0 {
				fmt.Fprintf(b, "| %s%s ", c, pad)
			} else {
				fmt.Fprintf(b, "| %s%s ", pad, c)
			}
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, w := range width {
			if i == 0 {
				fmt.Fprintf(b, "| %s ", strings.Repeat("-", w))
			} else {
				fmt.Fprintf(b, "| %s: ", strings.Repeat("-", w-1))
			}
		}
		b.WriteString("|\n")
	}
}

// cell makes text safe inside a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\r", " ", "\n", " ").Replace(text)
}
