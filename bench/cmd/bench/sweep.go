package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/sluice-data/sluice/bench"
	"github.com/sluice-data/sluice/bench/report"
)

// sweepOptions are the flags of the sweep. Sizes are in MB, 10^6 bytes.
type sweepOptions struct {
	on        bool
	megabytes int64
	runs      int
	latency   time.Duration
	jitter    time.Duration
	bandwidth int64
	proxy     string
}

func (o *sweepOptions) flags(f *flag.FlagSet) {
	f.BoolVar(&o.on, "sweep", false, "instead of all that, sweep part size and concurrency of uploads over a slow network")
	f.Int64Var(&o.megabytes, "sweep-mb", 512, "what each cell of the sweep uploads, in `MB`")
	f.IntVar(&o.runs, "sweep-runs", 1, "`runs` of each cell of the sweep")
	f.DurationVar(&o.latency, "latency", 40*time.Millisecond, "`time` to the first byte of an answer in the sweep")
	f.DurationVar(&o.jitter, "jitter", 20*time.Millisecond, "`time` by which the latency varies, to both sides")
	f.Int64Var(&o.bandwidth, "bandwidth", 20, "`MB/s` that one connection sends at most in the sweep")
	f.StringVar(&o.proxy, "toxiproxy", ".bin/toxiproxy-server", "`program` that makes the network slow")
}

// run makes the report of the sweep.
func (o *sweepOptions) run(ctx context.Context, workload string, seed uint64) (*report.Report, error) {
	if o.runs < 1 || o.megabytes < 1 {
		return nil, fmt.Errorf("-sweep-runs is %d and -sweep-mb is %d: both must be at least 1", o.runs, o.megabytes)
	}
	g, err := bench.Find(workload)
	if err != nil {
		return nil, err
	}
	w := g.Make(seed, 64<<20)
	csv, err := bench.CSV(ctx, &w)
	if err != nil {
		return nil, err
	}
	s := &bench.Sweep{
		Command: self, Proxy: o.proxy, Log: os.Stderr,
		Network:     bench.Network{Latency: o.latency, Jitter: o.jitter, Bandwidth: o.bandwidth * 1e6},
		PartSizes:   []int64{5 << 20, 8 << 20, 16 << 20, 32 << 20},
		Concurrency: []int{1, 2, 4, 8, 16, 32},
		CSV:         csv, Volume: o.megabytes * 1e6, Runs: o.runs,
	}
	r := report.New("Upload sweep")
	r.Settings["data"] = "CSV of the workload " + workload + ", made before"
	r.Settings["network"] = "Toxiproxy on the same machine: " + s.Network.String()
	t, err := s.Run(ctx)
	r.Tables = []report.Table{t}
	return r, err
}
