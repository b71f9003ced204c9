package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/bench"
	"github.com/sluice-data/sluice/internal/gateway"
)

// Suite measures peers in turns.
type Suite struct {
	Env     *Env
	Peers   []Peer
	Runs    int   // of each
	Volume  int64 // bytes of input of a run, of peers that are not slow
	Probes  bool  // see what the tools make of unusual records
	Log     io.Writer
	Command func(context.Context) *exec.Cmd // see bench.Measure

	workload bench.Workload
	block    []byte             // of it, RECORD messages only
	inputs   map[int64]*Input   // by volume
	verdicts map[*Peer]Verdict  // of those whose output is as it should be
	probed   map[*Peer][]string // a cell for each probe
	results  map[*Peer][]Run    // in the order of the rounds
	failed   []string           // peers that are not in the tables because something went wrong
}

const (
	bucket = "bench"
	// blockSize is that of the workload's block, which is repeated, in bytes.
	blockSize = 64 << 20
	// smallSize is the input of the comparison, in bytes: a few thousand rows.
	smallSize = 2 << 20
)

// Run does it all. What it returns has the tables of what went well also if there is an
// error.
func (s *Suite) Run(ctx context.Context) error {
	s.workload = bench.Lineitem(1, blockSize)
	s.block = recordsOnly(s.workload.Block)
	s.inputs, s.results = map[int64]*Input{}, map[*Peer][]Run{}
	s.verdicts, s.probed = map[*Peer]Verdict{}, map[*Peer][]string{}
	e := s.Env
	e.Catalog = filepath.Join(e.Work, "catalog.json")
	if err := os.WriteFile(e.Catalog, s.workload.Catalog, 0o644); err != nil {
		return err
	}
	if err := s.typedCatalog(); err != nil {
		return err
	}
	catalog, err := airbyte.ParseCatalog(s.workload.Catalog)
	if err != nil {
		return err
	}
	if e.Columns, err = catalog.Streams[0].Columns(); err != nil {
		return err
	}
	// A tool that puts a new file in its output's place replaces this name, not the device.
	if err := os.Symlink(os.DevNull, s.null()); err != nil {
		return err
	}
	e.Install(ctx, s.Peers, s.Log)
	s.Peers = slices.DeleteFunc(s.Peers, func(p Peer) bool {
		_, ok := e.Tools[p.Tool]
		return p.Tool != "" && !ok
	})
	stop, err := s.serve(ctx)
	if err != nil {
		return err
	}
	err = errors.Join(s.measure(ctx), stop())
	if err == nil && len(s.failed) > 0 {
		err = fmt.Errorf("not in the tables: %s", strings.Join(s.failed, ", "))
	}
	return err
}

// serve starts the S3 server if anybody needs it.
func (s *Suite) serve(ctx context.Context) (stop func() error, err error) {
	if !slices.ContainsFunc(s.Peers, func(p Peer) bool { return p.Table == ToS3 }) {
		return func() error { return nil }, nil
	}
	g, err := gateway.Start(ctx, gateway.Options{Dir: filepath.Join(s.Env.Work, "server"), Buckets: []string{bucket}})
	if err != nil {
		return nil, err
	}
	s.Env.Gateway = g
	return g.Stop, nil
}

func (s *Suite) measure(ctx context.Context) error {
	if err := s.verify(ctx); err != nil {
		return err
	}
	if s.Probes {
		if err := s.probe(ctx); err != nil {
			return err
		}
	}
	for _, table := range Tables {
		for round := range s.Runs {
			for _, p := range s.of(table) {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := s.round(ctx, p, round); err != nil {
					return err
				}
			}
		}
	}
	return ctx.Err()
}

// round measures a peer once. A peer that fails is out of the race; other errors end it.
func (s *Suite) round(ctx context.Context, p *Peer, round int) error {
	in, err := s.input(ctx, p)
	if err != nil {
		return err
	}
	r, out, err := s.run(ctx, p, in, true)
	if err == nil && p.Table.typed() {
		err = s.count(ctx, p, in, out, round == 0)
	}
	if err != nil {
		s.fail(p, err)
		return nil
	}
	s.results[p] = append(s.results[p], r)
	fmt.Fprintf(s.Log, "%d/%d %-12s %-26s %6.0f MB/s %7.1f s %7.0f MiB\n",
		round+1, s.Runs, p.Table, p.Name, r.Rate(), r.Took.Seconds(), float64(r.Peak)/(1<<20))
	return nil
}

// of returns the peers of a table that have not failed.
func (s *Suite) of(table Table) (found []*Peer) {
	for i := range s.Peers {
		if p := &s.Peers[i]; p.Table == table {
			if _, ok := s.verdicts[p]; ok {
				found = append(found, p)
			}
		}
	}
	return found
}

// fail takes a peer out of the race.
func (s *Suite) fail(p *Peer, err error) {
	delete(s.verdicts, p)
	s.failed = append(s.failed, p.String())
	fmt.Fprintf(s.Log, "out: %s: %v\n", p, err)
}

// input makes the file that a peer reads, once, and reads it once.
func (s *Suite) input(ctx context.Context, p *Peer) (*Input, error) {
	volume := p.volume(s.Volume)
	in := s.inputs[volume]
	if in == nil {
		fmt.Fprintf(s.Log, "writing %d MB of input\n", volume/1e6)
		var err error
		if in, err = writeMessages(s.work("messages-%d.jsonl", volume), s.block, volume); err != nil {
			return nil, err
		}
		s.inputs[volume] = in
	}
	if in.Files[p.Form] == "" {
		path, err := s.translate(ctx, in, p.Form, volume)
		if err != nil {
			return nil, err
		}
		in.Files[p.Form] = path
	}
	return in, warm(in.Files[p.Form])
}

// translate writes the same records in another form.
func (s *Suite) translate(ctx context.Context, in *Input, form Form, volume int64) (string, error) {
	if form == Singer {
		path := s.work("singer-%d.jsonl", volume)
		return path, writeSinger(path, in.Files[Messages], s.workload.Catalog)
	}
	return s.reference(ctx, Flattened, in, s.work("rows-%d.csv", volume))
}

// reference has Sluice write the CSV of a table, and keeps it under the path.
func (s *Suite) reference(ctx context.Context, table Table, in *Input, path string) (string, error) {
	flattening := "Root level flattening"
	if table == Unflattened {
		flattening = "No flattening"
	}
	p := &Peer{Name: "Sluice", Form: Messages, Stdin: true, Args: sluiceLocal(flattening)}
	_, out, err := s.run(ctx, p, in, false)
	if err != nil {
		return "", err
	}
	return path, join(path, out.files)
}

// join writes the files one behind the other. Of the second and later ones the header is
// left in: only the bytes count where there are several.
func join(path string, files []string) error {
	if len(files) == 1 {
		return os.Rename(files[0], path)
	}
	return writeFile(path, func(out io.Writer) error {
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := out.Write(text); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Suite) work(format string, args ...any) string {
	return filepath.Join(s.Env.Work, fmt.Sprintf(format, args...))
}

func (s *Suite) null() string { return s.work("null.csv") }
