package main

import (
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"

	"github.com/sluice-data/sluice/bench/report"
)

const cellHeight = 40 // points

// heat draws a map for each series, side by side, each with its own scale of colours: one
// that is slower in all places has its best place too. A point with a label gets a frame.
func heat(series []report.Series) ([]*plot.Plot, vg.Length, error) {
	var panels []*plot.Plot
	rows := 0
	for _, s := range series {
		g := &cells{points: s.Points}
		for _, p := range s.Points {
			g.xs, g.ys = append(g.xs, p.X), append(g.ys, p.Y)
			g.most = math.Max(g.most, p.Z)
		}
		if len(g.xs) == 0 || g.most <= 0 {
			return nil, 0, errEmpty
		}
		slices.Sort(g.xs)
		slices.Sort(g.ys)
		g.xs, g.ys = slices.Compact(g.xs), slices.Compact(g.ys)
		p := panel()
		p.Title.Text = s.Name + ", " + s.Z
		p.X.Label.Text, p.Y.Label.Text = s.X, s.Y
		p.Add(g)
		p.X.Min, p.X.Max = -0.5, float64(len(g.xs))-0.5
		p.Y.Min, p.Y.Max = -0.5, float64(len(g.ys))-0.5
		p.X.Tick.Marker, p.Y.Tick.Marker = nominal(g.xs), nominal(g.ys)
		for _, a := range []*plot.Axis{&p.X, &p.Y} {
			a.Tick.Length, a.LineStyle.Width, a.Padding = 0, 0, 2
		}
		rows = max(rows, len(g.ys))
		panels = append(panels, p)
	}
	return panels, vg.Length(rows*cellHeight + 74), nil
}

// nominal are ticks that name the rows or columns, whose distances are all the same.
func nominal(at []float64) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for i, x := range at {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: strconv.FormatFloat(x, 'f', -1, 64)})
	}
	return ticks
}

// cells is the plotter of a heat map with a number in each cell.
type cells struct {
	points []report.Point
	xs, ys []float64
	most   float64
}

// Plot implements plot.Plotter.
func (g *cells) Plot(c vgdraw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, point := range g.points {
		column, row := float64(slices.Index(g.xs, point.X)), float64(slices.Index(g.ys, point.Y))
		r := vg.Rectangle{Min: vg.Point{X: x(column-0.5) + 1, Y: y(row-0.5) + 1}, Max: vg.Point{X: x(column+0.5) - 1, Y: y(row+0.5) - 1}}
		fill, ink := shade(point.Z / g.most)
		c.FillPolygon(fill, corners(r))
		middle := vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: (r.Min.Y + r.Max.Y) / 2}
		number := style(11, ink, point.Label != "")
		number.XAlign, number.YAlign = text.XCenter, text.YCenter
		value := strconv.FormatFloat(point.Z, 'f', 0, 64)
		if point.Label == "" {
			c.FillText(number, middle, value)
			continue
		}
		small := style(8, ink, false)
		small.XAlign, small.YAlign = text.XCenter, text.YCenter
		c.FillText(number, vg.Point{X: middle.X, Y: middle.Y + 5}, value)
		c.FillText(small, vg.Point{X: middle.X, Y: middle.Y - 8}, point.Label)
		frame := append(corners(r), r.Min)
		c.StrokeLines(vgdraw.LineStyle{Color: colours[5], Width: 2}, frame)
	}
}

// shade is the colour for a part of the most, from nearly white to dark blue, and one for
// text on it.
func shade(part float64) (fill, ink color.Color) {
	stops := [][3]float64{{0xf1, 0xf6, 0xfb}, {0x9c, 0xc6, 0xe3}, {0x2f, 0x7f, 0xbc}, {0x08, 0x3a, 0x73}}
	at := math.Min(math.Max(part, 0), 1) * float64(len(stops)-1)
	i := min(int(at), len(stops)-2)
	var mixed [3]uint8
	for n := range mixed {
		mixed[n] = uint8(stops[i][n] + (stops[i+1][n]-stops[i][n])*(at-float64(i)))
	}
	ink = color.RGBA{0x22, 0x22, 0x22, 0xff}
	if part > 0.55 {
		ink = color.White
	}
	return color.RGBA{mixed[0], mixed[1], mixed[2], 0xff}, ink
}
