package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// width is how many columns a plain terminal has, at least.
const width = 100

// screen writes lines that fit a terminal. That nobody reads them is no reason to fail.
type screen struct{ w io.Writer }

func (s screen) title(text string) {
	s.line("")
	s.line("%s", text)
}

func (s screen) line(format string, args ...any) {
	_, _ = fmt.Fprintln(s.w, cut(fmt.Sprintf(format, args...), width))
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
		s.line("%s", strings.TrimRight(line.String(), " "))
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
