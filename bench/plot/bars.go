package main

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"

	"github.com/sluice-data/sluice/bench/report"
)

const (
	bar      = 15 // points, the thickness
	barSpace = 11 // between groups
)

// bars draws horizontal bars, so that long names can be read, in the order of the points.
// Bars of the same label stand together. The whiskers are the slowest and fastest runs.
func bars(series []report.Series) ([]*plot.Plot, vg.Length, error) {
	g := &grouped{series: series}
	thickest := 0
	for _, s := range series {
		for _, p := range s.Points {
			if !slices.Contains(g.labels, p.Label) {
				g.labels = append(g.labels, p.Label)
			}
			g.most = math.Max(g.most, math.Max(p.Y, p.High))
		}
	}
	if g.most <= 0 {
		return nil, 0, errEmpty
	}
	for _, label := range g.labels {
		thickest = max(thickest, len(g.of(label)))
	}
	p := panel()
	p.Add(g)
	p.X.Label.Text = series[0].Y
	p.X.Min, p.X.Max = 0, g.most*1.12 // room for the numbers
	p.X.Tick.Marker = plot.TickerFunc(fewTicks)
	p.Y.Tick.Marker = g
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	p.Y.Min, p.Y.Max = -float64(len(g.labels))+0.5, 0.5
	each := vg.Length(thickest*bar + barSpace)
	return []*plot.Plot{p}, vg.Length(len(g.labels))*each + 44, nil
}

// grouped is the plotter of bars. The groups are at 0, -1, -2, ...: the first is on top.
type grouped struct {
	series []report.Series
	labels []string
	most   float64
}

type oneBar struct {
	report.Point
	colour color.Color
}

// of returns the bars of a label.
func (g *grouped) of(label string) (all []oneBar) {
	for i, s := range g.series {
		for _, p := range s.Points {
			if p.Label != label {
				continue
			}
			c := colour(g.series, i)
			switch {
			case reference(label):
				c = grey
			case len(g.series) == 1 && g.peers() && !ours(label):
				c = colours[1]
			}
			all = append(all, oneBar{p, c})
		}
	}
	return all
}

// ours tells our own bars from those of peers.
func ours(label string) bool { return strings.HasPrefix(strings.ToLower(label), "sluice") }

// peers reports whether bars of ours stand among others.
func (g *grouped) peers() bool { return slices.ContainsFunc(g.labels, ours) }

// Ticks names the groups.
func (g *grouped) Ticks(_, _ float64) (ticks []plot.Tick) {
	for i, label := range g.labels {
		ticks = append(ticks, plot.Tick{Value: -float64(i), Label: label})
	}
	return ticks
}

// Plot implements plot.Plotter.
func (g *grouped) Plot(c vgdraw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, tick := range fewTicks(p.X.Min, p.X.Max) {
		at := x(tick.Value)
		c.StrokeLine2(vgdraw.LineStyle{Color: rule, Width: 0.6}, at, c.Min.Y, at, c.Max.Y)
	}
	label := style(9.5, ink, false)
	label.YAlign = text.YCenter
	for i, name := range g.labels {
		group := g.of(name)
		top := y(-float64(i)) + vg.Length(len(group))*bar/2
		for n, b := range group {
			high := top - vg.Length(n)*bar - 0.75
			low := high - bar + 1.5
			middle := (high + low) / 2
			c.FillPolygon(b.colour, corners(vg.Rectangle{Min: vg.Point{X: x(0), Y: low}, Max: vg.Point{X: x(b.Y), Y: high}}))
			end := b.Y
			if b.High > 0 {
				end = math.Max(end, b.High)
				line := vgdraw.LineStyle{Color: ink, Width: 0.8}
				c.StrokeLine2(line, x(b.Low), middle, x(b.High), middle)
				c.StrokeLine2(line, x(b.Low), middle-2.5, x(b.Low), middle+2.5)
				c.StrokeLine2(line, x(b.High), middle-2.5, x(b.High), middle+2.5)
			}
			c.FillText(label, vg.Point{X: x(end) + 4, Y: middle + 0.8}, number(b.Y))
		}
	}
}

// fewTicks are at round numbers, about six of them.
func fewTicks(low, high float64) (ticks []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/6)))
	for _, n := range []float64{1, 2, 2.5, 5, 10} {
		if (high-low)/(n*step) <= 7 {
			step *= n
			break
		}
	}
	for at := math.Ceil(low/step) * step; at <= high; at += step {
		name := number(at)
		if at == 0 {
			name = "0"
		}
		ticks = append(ticks, plot.Tick{Value: at, Label: name})
	}
	return ticks
}
