package main

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"

	"github.com/sluice-data/sluice/bench/report"
)

// lines draws one line a series over a logarithmic axis, with a tick at each input that was
// measured. The other axis begins at 0: else every change looks large.
func lines(series []report.Series) ([]*plot.Plot, vg.Length, error) {
	p := panel()
	p.X.Label.Text, p.Y.Label.Text = series[0].X, series[0].Y
	p.X.Scale = plot.LogScale{}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = rule, rule
	p.Add(grid)
	var at []float64
	most := 0.0
	for i, s := range series {
		var points plotter.XYs
		var whiskers plotter.YErrors
		for _, point := range s.Points {
			if point.X <= 0 {
				return nil, 0, errEmpty // nothing that a logarithm has a place for
			}
			points = append(points, plotter.XY{X: point.X, Y: point.Y})
			low, high := 0.0, 0.0
			if point.High > 0 {
				low, high = point.Y-point.Low, point.High-point.Y
			}
			whiskers = append(whiskers, struct{ Low, High float64 }{low, high})
			at = append(at, point.X)
			most = math.Max(most, math.Max(point.Y, point.High))
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, 0, err
		}
		line.Color, line.Width = colour(series, i), 2
		dots.Color, dots.Shape, dots.Radius = colour(series, i), vgdraw.CircleGlyph{}, 3.2
		bars, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{points, whiskers})
		if err != nil {
			return nil, 0, err
		}
		bars.Color, bars.Width, bars.CapWidth = ink, 0.8, 5
		labels, err := valueLabels(points, whiskers)
		if err != nil {
			return nil, 0, err
		}
		p.Add(line, bars, dots, labels)
	}
	if most <= 0 {
		return nil, 0, errEmpty
	}
	slices.Sort(at)
	p.X.Min, p.X.Max = at[0]*0.8, at[len(at)-1]*1.25
	p.X.Tick.Marker = ticksAt(at)
	p.Y.Min, p.Y.Max = 0, most*1.15 // room for the numbers
	p.Y.Tick.Marker = plot.TickerFunc(fewTicks)
	return []*plot.Plot{p}, 270, nil
}

// valueLabels are the numbers over the points.
func valueLabels(points plotter.XYs, whiskers plotter.YErrors) (*plotter.Labels, error) {
	var names []string
	above := slices.Clone(points)
	for i, p := range points {
		names = append(names, number(p.Y))
		above[i].Y += whiskers[i].High
	}
	labels, err := plotter.NewLabels(plotter.XYLabels{XYs: above, Labels: names})
	if err != nil {
		return nil, err
	}
	for i := range labels.TextStyle {
		labels.TextStyle[i] = style(9.5, ink, false)
		labels.TextStyle[i].XAlign = -0.5
	}
	labels.Offset = vg.Point{Y: 5}
	return labels, nil
}

// ticksAt are ticks at these numbers; those too near to the one before have no name.
func ticksAt(at []float64) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	last := 0.0
	for _, x := range at {
		if x < last*1.02 {
			continue // of another series
		}
		name := ""
		if last == 0 || x > last*1.25 {
			name = number(x)
		}
		last = x
		ticks = append(ticks, plot.Tick{Value: x, Label: name})
	}
	return ticks
}
