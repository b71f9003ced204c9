package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// sums are what scripts/check_files.py finds in a file: a number for each column.
type sums struct {
	Rows int64              `json:"rows"`
	Sums map[string]float64 `json:"sums"`
}

// typedCatalog writes the catalog for tables with typed columns: the nested field has its
// members in the schema, so that it is no text.
func (s *Suite) typedCatalog() error {
	const opaque = `"l_source":{"type":["null","object"]}`
	const nested = `"l_source":{"type":["null","object"],"properties":{"system":{"type":["null","string"]},` +
		`"chunk":{"type":["null","integer"]},"ok":{"type":["null","boolean"]}}}`
	if !bytes.Contains(s.workload.Catalog, []byte(opaque)) {
		return errors.New("the catalog does not have " + opaque)
	}
	s.Env.Typed = s.work("typed.json")
	return os.WriteFile(s.Env.Typed, bytes.Replace(s.workload.Catalog, []byte(opaque), []byte(nested), 1), 0o644)
}

// compareTyped runs a peer and compares what it wrote with the messages, value by value.
func (s *Suite) compareTyped(ctx context.Context, p *Peer, in *Input) (Verdict, error) {
	_, out, err := s.run(ctx, p, in, false)
	if err != nil {
		return Verdict{}, err
	}
	if len(out.files) != 1 {
		return Verdict{}, fmt.Errorf("it wrote %d files", len(out.files))
	}
	var v Verdict
	return v, s.check(ctx, &v, "--messages", in.Files[Messages], p.Table.format(), s.Env.Typed, out.files[0])
}

// count makes sure that all rows of the input are there, and with all that the columns are as in
// the input, too.
func (s *Suite) count(ctx context.Context, p *Peer, in *Input, out written, all bool) error {
	if len(out.files) == 0 {
		return errors.New("it wrote nothing")
	}
	if !all {
		var got sums
		if err := s.check(ctx, &got, slices.Concat([]string{"--rows", p.Table.format(), s.Env.Typed}, out.files)...); err != nil {
			return err
		}
		return in.hold(&got)
	}
	if in.sums == nil {
		in.sums = &sums{}
		if err := s.check(ctx, in.sums, "messages", s.Env.Typed, in.Files[Messages]); err != nil {
			return fmt.Errorf("the sums of the input: %w", err)
		}
	}
	var got sums
	if err := s.check(ctx, &got, slices.Concat([]string{p.Table.format(), s.Env.Typed}, out.files)...); err != nil {
		return err
	}
	return errors.Join(in.hold(&got), in.sums.hold(&got))
}

func (in *Input) hold(got *sums) error {
	if got.Rows != in.Records {
		return fmt.Errorf("%d records went in, %d rows came out", in.Records, got.Rows)
	}
	return nil
}

// hold compares the columns. Sums of floats depend on the order of the rows in their last digits.
func (want *sums) hold(got *sums) error {
	const most = 1e-9
	for _, name := range slices.Sorted(maps.Keys(want.Sums)) {
		w, g := want.Sums[name], got.Sums[name]
		if math.Abs(g-w) > most*math.Abs(w) {
			return fmt.Errorf("the sum of %s is %v, in the input %v", name, g, w)
		}
	}
	return nil
}

// check runs scripts/check_files.py.
func (s *Suite) check(ctx context.Context, found any, args ...string) error {
	python := filepath.Join(s.Env.Bin, checker, "bin", "python")
	text, err := output(ctx, s.Env.Work, python, append([]string{s.Env.script("check_files.py")}, args...)...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), found)
}
