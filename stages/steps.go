package stages

import (
	"context"
	"slices"

	"github.com/sluice-data/sluice/pipeline"
)

// Step is what one worker of a stage does with a batch.
type Step = func(context.Context, *pipeline.Batch) error

// Steps are the stages between a source and an end, in their order, each with so many workers. How
// lines are decoded, and what rows are stamped with, differs by source.
func Steps(catalog *Catalog, workers int, decode, stamp func() Step) []pipeline.Stage {
	steps := []pipeline.Stage{
		{Name: "decode", Workers: workers, New: decode},
		{Name: "stamp", Workers: workers, New: stamp},
		{Name: "flatten", Workers: workers, New: func() Step { return NewFlatten(catalog).Process }},
		{Name: "encode", Workers: workers, New: func() Step { return NewEncode(catalog).Process }},
	}
	if catalog.Partitioned() { // in front of what its order is for
		steps = slices.Insert(steps, 2, pipeline.Stage{Name: "partition", Workers: workers, New: func() Step { return NewPartition(catalog).Process }})
	}
	if catalog.Pieces() {
		name := "compress"
		if catalog.Codec() == nil {
			name = "pack"
		}
		steps = append(steps, pipeline.Stage{Name: name, Workers: workers, New: func() Step { return NewPack(catalog).Process }})
	}
	return steps
}
