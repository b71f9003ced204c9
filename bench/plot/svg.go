package main

import (
	"bytes"
	"fmt"
	"io"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// svgCanvas remembers how wide each text is meant to be. A viewer without our font takes
// another one, and texts that end somewhere (names at an axis, numbers in a cell) would
// stand in the bars: so each text says its width, and the viewer makes it fit.
//
// The alternatives: fonts inside of the file, 300 KB each, or outlines, which nobody can
// search or read aloud.
type svgCanvas struct {
	*vgsvg.Canvas
	widths []vg.Length
}

// FillString implements vg.Canvas.
func (c *svgCanvas) FillString(f font.Face, at vg.Point, text string) {
	c.widths = append(c.widths, f.Width(text))
	c.Canvas.FillString(f, at, text)
}

func (c *svgCanvas) write(w io.Writer) error {
	var raw, out bytes.Buffer
	if _, err := c.WriteTo(&raw); err != nil {
		return err
	}
	const tag = "<text "
	for i, piece := range bytes.SplitAfter(raw.Bytes(), []byte(tag)) {
		out.Write(piece)
		if i < len(c.widths) {
			fmt.Fprintf(&out, `textLength="%.1f" lengthAdjust="spacingAndGlyphs" `, c.widths[i].Points())
		}
	}
	// Arial has the same widths; with none of these a browser would take a font with serifs.
	svg := bytes.ReplaceAll(out.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
	_, err := w.Write(svg)
	return err
}
