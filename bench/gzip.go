package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/bench/report"
	"github.com/sluice-data/sluice/config"
)

// CSV returns what the engine makes of the workload's block, flattened: the bytes of one
// object. The workload must have one stream.
func CSV(ctx context.Context, w *Workload) (object []byte, err error) {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	catalog, err := airbyte.ParseCatalog(w.Catalog)
	if err != nil {
		return nil, err
	}
	cfg := config.Default()
	cfg.Bucket, cfg.Path, cfg.Region, cfg.Endpoint = "bench", "bench", "us-east-1", "file://"+filepath.ToSlash(dir)
	cfg.Format.CSV.Flattening = config.FlatteningRoot
	engine, err := sluice.Open(ctx, &cfg, catalog, sluice.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := engine.Run(ctx, bytes.NewReader(w.Block), func([]byte) error { return nil }); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".csv") {
			return err
		}
		if object != nil {
			return fmt.Errorf("the workload %s makes more than one object", w.Name)
		}
		object, err = os.ReadFile(name)
		return err
	})
	if err == nil && len(object) == 0 {
		err = fmt.Errorf("the workload %s makes no object", w.Name)
	}
	return object, err
}

// compressed is one run of a compressor.
type compressed struct {
	in, out int64 // bytes
	took    time.Duration
	cpu     time.Duration
}

// perCore is MB of CSV for each second of CPU time.
func (c compressed) perCore() float64 { return float64(c.in) / 1e6 / c.cpu.Seconds() }

// gzipCLI feeds the bytes to gzip -1, again and again until volume bytes are through.
func gzipCLI(ctx context.Context, csv []byte, volume int64) (c compressed, err error) {
	cmd := exec.CommandContext(ctx, "gzip", "-1", "-c")
	in, err := cmd.StdinPipe()
	if err != nil {
		return c, err
	}
	var out counter
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return c, err
	}
	for c.in < volume {
		n, err := in.Write(csv[:min(int64(len(csv)), volume-c.in)])
		if c.in += int64(n); err != nil {
			break // Wait says why
		}
	}
	_ = in.Close() // gzip sees the end
	if err := cmd.Wait(); err != nil {
		return c, fmt.Errorf("gzip: %w", err)
	}
	c.took, c.out = time.Since(start), int64(out)
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return c, nil
}

// counter counts and forgets.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

var _ io.Writer = (*counter)(nil)

// Compression compares the engine's GZIP with gzip -1, by CSV a core: both on the same
// bytes, alternating.
func (s *Suite) Compression(ctx context.Context, name string, volume int64) (report.Table, error) {
	t := report.Table{
		Name:    "Compression against gzip -1",
		Columns: []string{"what", "MB/s of CSV", "MB of CSV per core second", "CPU s/GB of CSV", "compressed to"},
	}
	w, err := s.workload(name)
	if err != nil {
		return t, err
	}
	csv, err := CSV(ctx, &w)
	if err != nil {
		return t, err
	}
	// The objects of a run hold as much CSV as its input makes, whatever the compression.
	share := float64(len(csv)) / float64(len(w.Block))
	t.Note = fmt.Sprintf("Workload %s, %d MB of input a run, %.0f MB of CSV; %s. A core second is one second of CPU time. "+
		"The engine's lines hold all that it does, from the pipe to the upload; \"its compression alone\" is their CPU time less that of the same run without compression.",
		name, volume/1e6, float64(volume)/1e6*share, medians(s.Runs))

	var refused refusals
	var cli []compressed
	ours := map[Way][]compressed{}
	jobs := []Way{Flattened, Gzip1}
	if err := Gzip1.Check(); err != nil {
		refused.add("sluice, GZIP level 1", err)
		jobs = jobs[:1]
	}
	for range s.Runs {
		c, err := gzipCLI(ctx, csv, int64(float64(volume)*share))
		if err != nil {
			return t, err
		}
		s.logf("  gzip -1: %.0f MB/s", float64(c.in)/1e6/c.took.Seconds())
		cli = append(cli, c)
		for _, way := range jobs {
			r, err := Measure(ctx, s.Command, Job{Way: way, Volume: volume}, &w)
			if err != nil {
				return t, err
			}
			s.logf("  %s: %.0f MB/s of input", way, r.Rate())
			ours[way] = append(ours[way], compressed{int64(float64(r.Bytes) * share), r.Uploaded, r.Took, r.CPU})
		}
	}
	t.Rows = append(compressionRows(cli, ours), refused.rows(len(t.Columns))...)
	t.Note += refused.note()
	return t, nil
}

func compressionRows(cli []compressed, ours map[Way][]compressed) [][]string {
	row := func(what string, c compressed) []string {
		rate, size := "–", "–"
		if c.took > 0 {
			rate = grouped(float64(c.in) / 1e6 / c.took.Seconds())
		}
		if c.out > 0 {
			size = fmt.Sprintf("%.1f%%", float64(c.out)/float64(c.in)*100)
		}
		return []string{what, rate, grouped(c.perCore()), fmt.Sprintf("%.2f", c.cpu.Seconds()/float64(c.in)*1e9), size}
	}
	plain := middle(ours[Flattened])
	rows := [][]string{row("gzip -1, the program", middle(cli)), row("sluice, no compression", plain)}
	if len(ours[Gzip1]) == 0 {
		return rows
	}
	zipped := middle(ours[Gzip1])
	alone := compressed{in: zipped.in, out: zipped.out, cpu: zipped.cpu - plain.cpu}
	return append(rows, row("sluice, GZIP level 1", zipped), row("... its compression alone", alone))
}

// middle is the run with the median CPU time.
func middle(runs []compressed) compressed {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b compressed) int { return cmp.Compare(a.cpu, b.cpu) })
	return sorted[len(sorted)/2]
}
