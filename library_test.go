package sluice_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	stdsync "sync"
	"testing"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
	"github.com/sluice-data/sluice/sink/faultstore"
)

func directory(t *testing.T) *dir.Store {
	t.Helper()
	st, err := dir.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// TestSummary is for the programs that embed the engine.
func TestSummary(t *testing.T) {
	st := directory(t)
	out := sync(t, settings(), users(airbyte.Append), st, then, records(3))
	if out.err != nil {
		t.Fatal(out.err)
	}
	key := prefix + "0.csv"
	info, err := st.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := out.sum
	if s.Rows != 3 || s.Objects != 1 || s.States != 1 || s.Held != 0 || s.Bytes != info.Size || len(s.Streams) != 1 {
		t.Errorf("got %+v", s)
	}
	if one := s.Streams[0]; one.Rows != 3 || one.Objects != 1 || one.Bytes != info.Size || !one.Complete {
		t.Errorf("got %+v", one)
	}
}

// TestOptions opens the store that the config names, with every other option left out.
func TestOptions(t *testing.T) {
	top := t.TempDir()
	cfg := settings()
	cfg.Endpoint = "file://" + filepath.ToSlash(top)
	engine, err := sluice.Open(t.Context(), cfg, users(airbyte.Append), sluice.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Run(t.Context(), strings.NewReader(records(1)), func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	st, err := dir.New(filepath.Join(top, "bucket"))
	if err != nil {
		t.Fatal(err)
	}
	if got := keys(t, st, "data/users/"); len(got) != 1 {
		t.Errorf("got the objects %q", got)
	}
	if err := sluice.Check(t.Context(), cfg, sluice.Options{}); err != nil {
		t.Error(err)
	}
}

// TestErrors are of types that a program can tell apart.
func TestErrors(t *testing.T) {
	st := directory(t)
	twins := users(airbyte.Append)
	twins.Streams = append(twins.Streams, airbyte.Stream{ID: airbyte.StreamID{Name: "üsers"}})
	var plan *sluice.PlanError
	if _, err := sluice.Open(t.Context(), settings(), twins, sluice.Options{Store: st}); !errors.As(err, &plan) {
		t.Errorf("got %v, want a PlanError", err)
	}

	const status = `{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"users"},"status":"INCOMPLETE"}}}` + "\n"
	out := sync(t, settings(), users(airbyte.Overwrite), st, then, records(2)+status)
	var incomplete *sluice.IncompleteError
	if !errors.As(out.err, &incomplete) || len(incomplete.Streams) != 1 || incomplete.Held != 1 {
		t.Errorf("got %+v, want an IncompleteError", out.err)
	}
	if out.sum == nil || out.sum.Streams[0].Complete || out.sum.Held != 1 {
		t.Errorf("got %+v", out.sum)
	}
	if got := keys(t, st, "data/users/"); len(got) > 0 {
		t.Errorf("got the objects %q", got)
	}
}

// TestEmitFails ends the sync: a STATE that can't be told must not be taken as told.
func TestEmitFails(t *testing.T) {
	st := directory(t)
	engine, err := sluice.Open(t.Context(), settings(), users(airbyte.Append), sluice.Options{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("the disk is full")
	if _, err := engine.Run(t.Context(), strings.NewReader(records(1)), func([]byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

// TestCancel ends a sync whose source is silent, and leaves nothing under way.
func TestCancel(t *testing.T) {
	st := directory(t)
	cfg := settings()
	cfg.FileSizeMB = 0.01
	engine, err := sluice.Open(t.Context(), cfg, users(airbyte.Overwrite), sluice.Options{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	in, source := io.Pipe()
	defer source.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	why := errors.New("somebody pressed the button")
	done := make(chan error, 1)
	go func() {
		_, err := engine.Run(ctx, in, func([]byte) error { return nil })
		done <- err
	}()
	if _, err := io.WriteString(source, records(100)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(uploads(t, st)) > 0 })
	cancel(why)
	select {
	case err := <-done:
		if !errors.Is(err, why) {
			t.Errorf("got %v, want %v", err, why)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Run does not return")
	}
	if got := uploads(t, st); len(got) > 0 {
		t.Errorf("the uploads %q are left", got)
	}
}

// TestCancelWhileTheStoreIsGone has a STATE wait for an upload that does not end: there is a bound
// to that, and Hurry is none at all.
func TestCancelWhileTheStoreIsGone(t *testing.T) {
	f := func(opts sluice.Options, least time.Duration) {
		t.Helper()
		st := directory(t)
		asked := make(chan struct{})
		once := stdsync.OnceFunc(func() { close(asked) })
		hang := func(ctx context.Context, _ faultstore.Op, _ string) error {
			once()
			<-ctx.Done()
			return ctx.Err()
		}
		opts.Store = faultstore.New(st, faultstore.On(faultstore.Put).Call(hang))
		cfg := settings()
		cfg.FileSizeMB = 0.05
		engine, err := sluice.Open(t.Context(), cfg, users(airbyte.Append), opts)
		if err != nil {
			t.Fatal(err)
		}
		in, source := io.Pipe()
		defer source.Close()
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("somebody pressed the button")
		done := make(chan error, 1)
		go func() {
			_, err := engine.Run(ctx, in, func([]byte) error { t.Error("a STATE has left"); return nil })
			done <- err
		}()
		if _, err := io.WriteString(source, records(100)); err != nil {
			t.Fatal(err)
		}
		<-asked
		begin := time.Now()
		cancel(why)
		select {
		case err := <-done:
			if took := time.Since(begin); !errors.Is(err, why) || took < least {
				t.Errorf("got %v after %v, want %v and at least %v", err, took, why, least)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("Run does not return")
		}
	}
	f(sluice.Options{StopTimeout: 300 * time.Millisecond}, 300*time.Millisecond)
	hurry := make(chan struct{})
	close(hurry)
	f(sluice.Options{StopTimeout: time.Hour, Hurry: hurry}, 0)
}

func uploads(t *testing.T, st sink.Store) []string {
	t.Helper()
	all := []string{}
	for up, err := range st.Uploads(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, up.Key)
	}
	return all
}

// waitFor looks until ok.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	end := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("waited in vain")
		}
	}
}

// TestConfigOfAProgram: a config that was filled by hand is checked like one from a file.
func TestConfigOfAProgram(t *testing.T) {
	f := func(change func(*config.Config), want string) {
		t.Helper()
		cfg := settings()
		change(cfg)
		opts := sluice.Options{Store: directory(t)}
		_, err := sluice.Open(t.Context(), cfg, users(airbyte.Append), opts)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open: got %v, want %s", err, want)
		}
		if err := sluice.Check(t.Context(), cfg, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check: got %v, want %s", err, want)
		}
	}
	f(func(c *config.Config) { *c = config.Config{} }, "s3_bucket_name")
	f(func(c *config.Config) { c.Format.CSV.Delimiter = "" }, "format.delimiter")
	f(func(c *config.Config) { c.Format.Type = "XML" }, "format.format_type")
	f(func(c *config.Config) { c.Format.CSV.Compression.Type = "LZ4" }, "format.compression.compression_type")
}
