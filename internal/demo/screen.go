package demo

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// width is how many columns a terminal has, at least.
const width = 80

// screen writes lines that fit a terminal. That nobody reads them is no reason to fail.
type screen struct{ w io.Writer }

// title begins a new part.
func (s screen) title(format string, args ...any) {
	s.line("")
	s.line(format, args...)
}

// line writes a line as it is: a path that was cut could not be copied.
func (s screen) line(format string, args ...any) {
	_, _ = fmt.Fprintf(s.w, format+"\n", args...)
}

// data writes a line of which the beginning is enough.
func (s screen) data(format string, args ...any) {
	s.line("%s", cut(fmt.Sprintf(format, args...), width))
}

// log writes a LOG message of sluice. They are written for a log, where lines may be long.
func (s screen) log(level, text string) {
	const indent = "       "
	line := fmt.Sprintf("  %-4s", level)
	for _, word := range strings.Fields(text) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width && line != indent[1:] {
			s.line("%s", line)
			line = indent[1:]
		}
		line += " " + word
	}
	s.line("%s", line)
}

// table aligns its columns: numbers to the right, together with what stands above them.
func (s screen) table(rows [][]string) {
	var widths []int
	var right []bool
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths, right = append(widths, 0), append(right, false)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			right[i] = right[i] || cell != "" && cell[0] >= '0' && cell[0] <= '9'
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				cell, pad = pad+cell, ""
			}
			line.WriteString("  " + cell + pad)
		}
		s.data("%s", strings.TrimRight(line.String(), " "))
	}
}

// cut shortens a line to n columns.
func cut(line string, n int) string {
	if utf8.RuneCountInString(line) <= n {
		return line
	}
	return string([]rune(line)[:n-1]) + "…"
}

// number writes 1234567 as 1,234,567.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
