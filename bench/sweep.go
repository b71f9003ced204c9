package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/bench/report"
	"github.com/sluice-data/sluice/internal/tune"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/s3"
)

// Sweep uploads the same CSV with each part size and each number of requests at a time,
// over a network that is as slow a connection as S3 is. The CSV is made before, so nothing
// but the upload is measured.
type Sweep struct {
	Command     func(context.Context) *exec.Cmd // a program that runs Child when IsChild says so
	Proxy       string                          // the program toxiproxy-server
	Network     Network
	PartSizes   []int64 // bytes
	Concurrency []int
	CSV         []byte
	Volume      int64 // bytes that each cell uploads
	Runs        int   // of each cell; medians are shown
	Log         io.Writer
}

// defaultMemory is the engine's budget for the buffers of uploads (see sink.UploadOptions). The
// settings that fit into it are judged.
const defaultMemory = 256 << 20

// cell is one place of the sweep, and what it was measured to bring.
type cell = tune.Rated

// target is a server of the sweep.
type target struct {
	name   string
	bucket Bucket
	clear  func() error
}

// Run sweeps both servers: a real one, and the stub that only discards.
func (s *Sweep) Run(ctx context.Context) (t report.Table, err error) {
	server, err := StartServer(ctx)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	stub, endpoint, err := startStub(ctx, s.Command)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, stub.stop()) }()
	p, err := startProxy(ctx, s.Proxy)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, p.process.stop()) }()

	t = report.Table{Name: "Part size and concurrency", Columns: []string{"server, part size"}}
	for _, n := range s.Concurrency {
		t.Columns = append(t.Columns, strconv.Itoa(n))
	}
	verdicts := []string{fmt.Sprintf("MB/s of uploading %d MB of CSV as one object, by part size and requests at a time, through Toxiproxy: %s. "+
		"Servers, proxy and uploader share the cores; %s.", s.Volume/1e6, s.Network, medians(s.Runs))}
	for _, to := range []target{
		{"versitygw", server.Bucket, server.Clear},
		{"S3 stub (discards)", Bucket{Endpoint: endpoint, Region: "us-east-1", Name: "bench", AccessKey: "x", SecretKey: "x"}, func() error { return nil }},
	} {
		cells, verdict, err := s.sweep(ctx, p, to)
		if err != nil {
			return t, fmt.Errorf("%s: %w", to.name, err)
		}
		s.add(&t, to.name, cells)
		verdicts = append(verdicts, verdict)
	}
	t.Note = strings.Join(verdicts, "\n\n")
	return t, nil
}

// sweep measures all cells against one server, and what bounds them: the server without a
// proxy, and the proxy without a slow network.
func (s *Sweep) sweep(ctx context.Context, p *proxy, to target) ([]cell, string, error) {
	name := report.Slug(to.name)
	fast, err := p.to(ctx, name+"-fast", to.bucket.Endpoint, Network{})
	if err != nil {
		return nil, "", err
	}
	slow, err := p.to(ctx, name+"-slow", to.bucket.Endpoint, s.Network)
	if err != nil {
		return nil, "", err
	}
	def := cell{Setting: tune.Default}
	direct, err := s.measure(ctx, to, to.bucket.Endpoint, def)
	if err != nil {
		return nil, "", err
	}
	copied, err := s.measure(ctx, to, fast, def)
	if err != nil {
		return nil, "", err
	}
	var cells []cell
	for _, part := range s.PartSizes {
		for _, n := range s.Concurrency {
			c, err := s.measure(ctx, to, slow, cell{Setting: tune.Setting{PartSize: part, Concurrency: n}})
			if err != nil {
				return nil, "", err
			}
			_, _ = fmt.Fprintf(s.Log, "  %s, %v: %.0f MB/s\n", to.name, c, c.Rate)
			cells = append(cells, c)
		}
	}
	return cells, fmt.Sprintf("%s: without the proxy %v gets %.0f MB/s, through the proxy alone %.0f. %s",
		to.name, def, direct.Rate, copied.Rate, verdict(cells)), nil
}

func isDefault(c cell) bool { return c.Setting == tune.Default }

// verdict says which part size and concurrency are right: the ones that need the least
// memory among those that are nearly as fast as the fastest, within the default budget.
func verdict(cells []cell) string {
	cells = slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return c.Memory() > defaultMemory })
	if len(cells) == 0 {
		return "No cell fits into the default memory budget."
	}
	best, cheapest := tune.Fastest(cells), tune.Frugal(cells)
	text := fmt.Sprintf("Within the default budget of %d MiB the fastest is %v with %.0f MB/s; the one with the least memory within 5%% of it is %v with %.0f MB/s and %d MiB.",
		defaultMemory>>20, best, best.Rate, cheapest, cheapest.Rate, cheapest.Memory()>>20)
	i := slices.IndexFunc(cells, isDefault)
	if i < 0 {
		return text
	}
	def := cells[i]
	text += fmt.Sprintf(" The default, %v, gets %.0f MB/s with %d MiB", def, def.Rate, def.Memory()>>20)
	if def.Rate >= 0.95*best.Rate {
		return text + ": it is right here."
	}
	return text + fmt.Sprintf(", %.0f%% of the fastest: %v would be better here.", def.Rate/best.Rate*100, cheapest)
}

// add appends the rows and the heat map of one server.
func (s *Sweep) add(t *report.Table, name string, cells []cell) {
	series := report.Series{Kind: report.Heat, Name: name, X: "requests at a time", Y: "part size, MiB", Z: "MB/s"}
	for i, part := range s.PartSizes {
		row := []string{fmt.Sprintf("%s, %d MiB", name, part>>20)}
		for _, c := range cells[i*len(s.Concurrency) : (i+1)*len(s.Concurrency)] {
			row = append(row, grouped(c.Rate))
			p := report.Point{X: float64(c.Concurrency), Y: float64(c.PartSize >> 20), Z: c.Rate}
			if isDefault(c) {
				p.Label = "default"
			}
			series.Points = append(series.Points, p)
		}
		t.Rows = append(t.Rows, row)
	}
	t.Series = append(t.Series, series)
}

// measure uploads through the endpoint and returns the cell with its median rate.
func (s *Sweep) measure(ctx context.Context, to target, endpoint string, c cell) (cell, error) {
	var rates []float64
	for range s.Runs {
		store, err := s3.New(ctx, s3.Settings{
			Bucket: to.bucket.Name, Region: to.bucket.Region, Endpoint: endpoint,
			AccessKeyID: to.bucket.AccessKey, SecretAccessKey: to.bucket.SecretKey, Connections: c.Concurrency,
		})
		if err != nil {
			return c, err
		}
		took, err := s.upload(ctx, store, c)
		if err := errors.Join(err, to.clear()); err != nil {
			return c, fmt.Errorf("%v: %w", c, err)
		}
		rates = append(rates, float64(s.Volume)/1e6/took.Seconds())
	}
	slices.Sort(rates)
	c.Rate = rates[len(rates)/2]
	return c, nil
}

// upload sends the volume as one object.
func (s *Sweep) upload(ctx context.Context, store sink.Store, c cell) (time.Duration, error) {
	up := sink.NewUploader(store, sink.UploadOptions{
		PartSize: c.PartSize, Concurrency: c.Concurrency, Memory: max(defaultMemory, c.Memory()+c.PartSize),
	})
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer up.Close()
		set := up.NewSet(false)
		object := set.Open("sweep/object.csv", func(int64) sink.Metadata { return nil }, func() {})
		if err := tune.Feed(ctx, object, s.CSV, s.Volume); err != nil {
			return err
		}
		return set.Commit(ctx, nil)
	})
	group.Go(func() error { return up.Run(ctx) })
	if err := group.Wait(); err != nil {
		return 0, err
	}
	if got := up.Stats.Bytes.Load(); got != s.Volume {
		return 0, fmt.Errorf("%d bytes were sent instead of %d", got, s.Volume)
	}
	return time.Since(start), nil
}
