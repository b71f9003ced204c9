package main

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/sluice-data/sluice/bench/report"
)

// A chart is one or more panels side by side under a heading, on a white ground of its own:
// so it reads the same on a page of any colour.
const (
	width   = 640 // points
	heading = 52
	margin  = 14
)

// colours of the series, from the palette of Okabe and Ito, which people who can't tell red
// from green can tell apart. What is only there for comparison is grey.
var (
	ink     = color.RGBA{0x22, 0x22, 0x22, 0xff}
	faint   = color.RGBA{0x66, 0x66, 0x66, 0xff}
	rule    = color.RGBA{0xe0, 0xe0, 0xe0, 0xff}
	grey    = color.RGBA{0xa6, 0xab, 0xb2, 0xff}
	colours = []color.RGBA{
		{0x00, 0x72, 0xb2, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff},
		{0xcc, 0x79, 0xa7, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0xd5, 0x5e, 0x00, 0xff},
	}
)

// reference reports whether a series or a bar is no engine, but what engines are held to.
func reference(name string) bool {
	return name == "pipe" || strings.HasPrefix(name, "ceiling")
}

// colour is the i-th series' own.
func colour(series []report.Series, i int) color.RGBA {
	if reference(series[i].Name) {
		return grey
	}
	n := 0
	for _, s := range series[:i] {
		if !reference(s.Name) {
			n++
		}
	}
	return colours[n%len(colours)]
}

// draw writes the chart of a table.
func draw(w io.Writer, r *report.Report, t *report.Table) error {
	var panels []*plot.Plot
	var height vg.Length
	var err error
	switch t.Series[0].Kind {
	case report.Bars:
		panels, height, err = bars(t.Series)
	case report.Line:
		panels, height, err = lines(t.Series)
	case report.Heat:
		panels, height, err = heat(t.Series)
	default:
		err = fmt.Errorf("a chart of kind %q can't be drawn", t.Series[0].Kind)
	}
	if err != nil {
		return err
	}
	top := vg.Length(heading)
	name := t.Name
	legend := t.Series[0].Kind != report.Heat
	switch {
	case legend && len(t.Series) > 1:
		top += 20
	case legend && t.Series[0].Name != "" && t.Series[0].Name != t.Name:
		name += ": " + t.Series[0].Name
	}
	canvas := &svgCanvas{Canvas: vgsvg.New(width, top+height+margin)}
	all := vgdraw.New(canvas)
	all.FillPolygon(color.White, corners(all.Rectangle))
	title(all, name, subtitle(r))
	if top > heading {
		legendRow(all, t.Series)
	}
	each := (width - 2*margin) / vg.Length(len(panels))
	for i, p := range panels {
		left := margin + vg.Length(i)*each
		p.Draw(vgdraw.Canvas{Canvas: canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: left + 4, Y: margin}, Max: vg.Point{X: left + each - 4, Y: margin + height},
		}})
	}
	return canvas.write(w)
}

func subtitle(r *report.Report) string {
	cores := "cores"
	if r.Machine.Virtual {
		cores = "virtual cores"
	}
	return fmt.Sprintf("%s, commit %s; %d %s, %s; %s", r.Day(), r.Commit, r.Machine.Cores, cores, r.Machine.CPU, r.Machine.Go)
}

func title(c vgdraw.Canvas, name, sub string) {
	top := c.Max.Y - margin
	c.FillText(style(15, ink, true), vg.Point{X: margin + 4, Y: top - 12}, name)
	c.FillText(style(9.5, faint, false), vg.Point{X: margin + 4, Y: top - 28}, sub)
}

// legendRow names the series in one row under the title, where it covers nothing.
func legendRow(c vgdraw.Canvas, series []report.Series) {
	x, y := vg.Length(margin+4), c.Max.Y-margin-44
	text := style(10, ink, false)
	for i, s := range series {
		c.FillPolygon(colour(series, i), corners(vg.Rectangle{Min: vg.Point{X: x, Y: y - 1}, Max: vg.Point{X: x + 16, Y: y + 8}}))
		c.FillText(text, vg.Point{X: x + 21, Y: y}, s.Name)
		x += 21 + text.Width(s.Name) + 18
	}
}

// style of a text. It begins at the point where it is drawn, unless its alignment is changed.
func style(size vg.Length, c color.Color, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: c, Font: f, Handler: plot.DefaultTextHandler, XAlign: text.XLeft, YAlign: text.YBottom}
}

// panel is a plot in our style.
func panel() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.White
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Color, a.Tick.LineStyle.Color = faint, faint
		a.Tick.Label.Font, a.Tick.Label.Color = style(10, ink, false).Font, ink
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = style(10.5, ink, false).Font, ink
		a.Padding = 4
	}
	p.Title.TextStyle.Font = style(11.5, ink, true).Font
	p.Title.Padding = 6
	return p
}

func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Min.X, Y: r.Max.Y}, r.Max, {X: r.Max.X, Y: r.Min.Y}}
}

// number is a rate as it stands beside a bar or in a cell.
func number(f float64) string {
	switch {
	case f >= 999.5:
		return fmt.Sprintf("%d,%03d", int(f+0.5)/1000, int(f+0.5)%1000)
	case f >= 10:
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.1f", f)
}

var errEmpty = errors.New("the chart has no points")
