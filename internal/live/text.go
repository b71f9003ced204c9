package live

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// Look is what a text is made for.
type Look struct {
	Width, Height int  // of the terminal
	Color         bool // else the text is plain
}

// paint gives s a style, if colours are wanted.
func (l Look) paint(style ansi.Style, s string) string {
	if !l.Color || s == "" {
		return s
	}
	return style.Styled(s)
}

// The styles are of the terminal's own palette, so that they suit a dark one and a light one.
var (
	strong = ansi.NewStyle().Bold()
	quiet  = ansi.NewStyle().Faint()
	good   = ansi.NewStyle().ForegroundColor(ansi.Green)
	bad    = ansi.NewStyle().Bold().ForegroundColor(ansi.Red)
	notice = ansi.NewStyle().Bold().ForegroundColor(ansi.Yellow)
	filled = ansi.NewStyle().ForegroundColor(ansi.Cyan)
)

// width is how many cells of a terminal s takes.
func width(s string) int { return ansi.StringWidth(s) }

// cut makes s fit into so many cells.
func cut(s string, cells int) string {
	if cells <= 0 {
		return ""
	}
	return ansi.Truncate(s, cells, "…")
}

// cutLeft keeps the end of a name: names of one source begin alike.
func cutLeft(s string, cells int) string {
	if over := width(s) - cells; over > 0 && cells > 0 {
		return ansi.TruncateLeft(s, over+1, "…")
	}
	return cut(s, cells)
}

// left and right fill s up to so many cells.
func left(s string, cells int) string  { return s + space(cells-width(s)) }
func right(s string, cells int) string { return space(cells-width(s)) + s }

func space(cells int) string { return strings.Repeat(" ", max(cells, 0)) }

// printable takes what a terminal would act on out of a name that a source has chosen.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// bar is a bar of so many cells, done of whole of it filled.
func (l Look) bar(done, whole int64, cells int) string {
	n := 0
	if whole > 0 {
		n = int(float64(cells) * float64(min(max(done, 0), whole)) / float64(whole))
	}
	return l.paint(filled, strings.Repeat("━", n)) + l.paint(quiet, strings.Repeat("─", cells-n))
}
