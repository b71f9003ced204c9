package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Verdict is what scripts/compare.py found.
type Verdict struct {
	Rows     int               `json:"rows"`
	Findings map[string]string `json:"findings"` // a text for people by kind
}

// beyond returns what was found besides the kinds that are allowed.
func (v Verdict) beyond(allowed []string) []string {
	var found []string
	for _, kind := range slices.Sorted(maps.Keys(v.Findings)) {
		if !slices.Contains(allowed, kind) {
			found = append(found, v.Findings[kind])
		}
	}
	return found
}

// String says how the output differs.
func (v Verdict) String() string {
	var said []string
	for _, kind := range slices.Sorted(maps.Keys(v.Findings)) {
		switch kind {
		case "numbers":
			said = append(said, "numbers by value ("+v.Findings[kind]+")")
		case "json":
			said = append(said, "JSON by value")
		default:
			said = append(said, v.Findings[kind])
		}
	}
	if len(said) == 0 {
		return "same"
	}
	return strings.Join(said, "; ")
}

// verify has every peer write a few thousand rows and compares them cell by cell, CSV with
// Sluice's, typed columns with the messages. A peer whose output differs in other things than it
// may is out of the race.
func (s *Suite) verify(ctx context.Context) error {
	small, err := writeMessages(s.work("small.jsonl"), s.block, smallSize)
	if err != nil {
		return err
	}
	small.Files[Singer] = s.work("small-singer.jsonl")
	if err := writeSinger(small.Files[Singer], small.Files[Messages], s.workload.Catalog); err != nil {
		return err
	}
	references := map[Table]string{}
	for _, t := range []Table{Flattened, Unflattened} {
		if references[t], err = s.reference(ctx, t, small, s.work("small-%s.csv", t)); err != nil {
			return fmt.Errorf("what to compare with: %w", err)
		}
	}
	references[ToS3] = references[Flattened]
	small.Files[Rows] = references[Flattened]
	fmt.Fprintf(s.Log, "comparing %d rows of each peer\n", small.Records)
	for i := range s.Peers {
		p := &s.Peers[i]
		var v Verdict
		if p.Table.typed() {
			v, err = s.compareTyped(ctx, p, small)
		} else {
			v, err = s.compare(ctx, p, small, references[p.Table])
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if found := v.beyond(p.Allow); err == nil && len(found) > 0 {
			err = fmt.Errorf("what it writes is not the same: %s", shorten(strings.Join(found, "; "), 300))
		}
		if err != nil {
			s.fail(p, err)
			continue
		}
		s.verdicts[p] = v
	}
	return nil
}

// compare runs a peer and compares what it wrote with a file of Sluice's. The flags are for
// compare.py.
func (s *Suite) compare(ctx context.Context, p *Peer, in *Input, reference string, flags ...string) (Verdict, error) {
	_, out, err := s.run(ctx, p, in, false)
	if err != nil || p.Way != "" {
		// The pipe's end counts its rows itself. What they look like is the binary's matter.
		return Verdict{Rows: int(in.Records)}, err
	}
	if len(out.files) != 1 {
		return Verdict{}, fmt.Errorf("it wrote %d files", len(out.files))
	}
	args := slices.Concat([]string{s.Env.script("compare.py")}, flags, []string{s.Env.Catalog, reference, out.files[0]})
	text, err := output(ctx, s.Env.Work, s.Env.Python, args...)
	if err != nil {
		return Verdict{}, err
	}
	var v Verdict
	return v, json.Unmarshal([]byte(text), &v)
}
