package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluice-data/sluice/bench"
)

// run runs a peer on an input and looks at what it wrote. With null it may write to
// /dev/null, if it can. The files that it wrote stay until the next run.
func (s *Suite) run(ctx context.Context, p *Peer, in *Input, null bool) (Run, written, error) {
	if p.Way != "" {
		r, err := s.pipe(ctx, p, in)
		return r, written{}, err
	}
	job, err := s.job(p, in)
	if err != nil {
		return Run{}, written{}, err
	}
	null = null && p.Null
	if null {
		job.Output = s.null()
	}
	args := p.Args(s.Env, job)
	var stdin, stdout string
	if p.Stdin {
		stdin = job.Input
	}
	if p.Stdout {
		stdout = job.Output
	}
	r, err := execute(ctx, args, s.Env.variables(), s.Env.Work, stdin, stdout)
	if err != nil {
		return Run{}, written{}, err
	}
	r.Bytes = in.Bytes
	if null {
		return r, written{}, s.stillNull()
	}
	out, err := collect(job.Dir)
	if err != nil {
		return Run{}, written{}, err
	}
	r.Output = out.bytes
	if p.Table.typed() {
		return r, out, nil // count looks at them
	}
	// A line end in a cell would count too; the workload has none.
	if rows := out.lines - int64(len(out.files)); len(out.files) == 0 || in.Records > 0 && rows != in.Records {
		return Run{}, written{}, fmt.Errorf("%d records went in, %d rows in %d files came out", in.Records, rows, len(out.files))
	}
	return r, out, nil
}

// pipe runs Sluice's engine behind a pipe, into a store that discards.
func (s *Suite) pipe(ctx context.Context, p *Peer, in *Input) (Run, error) {
	r, err := bench.Measure(ctx, s.Command, bench.Job{Way: p.Way, Volume: in.Bytes}, &s.workload)
	if err != nil {
		return Run{}, err
	}
	return Run{Bytes: r.Bytes, Took: r.Took, CPU: r.CPU, Peak: r.PeakRSS, Output: r.Uploaded}, nil
}

// job makes an empty place for the output.
func (s *Suite) job(p *Peer, in *Input) (Job, error) {
	job := Job{Input: in.Files[p.Form], Dir: s.work("out")}
	job.Output = filepath.Join(job.Dir, "out."+p.Table.format())
	if p.Table == ToS3 {
		job.Dir = filepath.Join(s.Env.Gateway.DataDir, bucket)
		job.Output = bucket + "/out.csv"
		return job, empty(job.Dir)
	}
	if err := os.RemoveAll(job.Dir); err != nil {
		return job, err
	}
	return job, os.Mkdir(job.Dir, 0o755)
}

// empty removes what is in a bucket, without the server's own files.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name()[0] == '.' {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// stillNull makes sure that the output went to nowhere: a tool that writes a new file and
// renames it would have done more work than we say.
func (s *Suite) stillNull() error {
	target, err := os.Readlink(s.null())
	if err != nil || target != os.DevNull {
		return fmt.Errorf("it put a file in the place of %s", os.DevNull)
	}
	return nil
}
