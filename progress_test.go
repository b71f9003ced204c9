package sluice_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// TestLimit names what was waited for most, since the earlier look.
func TestLimit(t *testing.T) {
	f := func(source, room, store time.Duration, ended bool, flying int, want sluice.Limit) {
		t.Helper()
		since := &sluice.Progress{Source: time.Hour, Room: time.Hour, Store: time.Hour}
		now := &sluice.Progress{Source: time.Hour + source, Room: time.Hour + room, Store: time.Hour + store, Ended: ended, Flying: flying}
		if got := now.Limit(since); got != want {
			t.Errorf("source %v, room %v, store %v, ended %v: got %s, want %s", source, room, store, ended, got, want)
		}
	}
	f(10, 0, 0, false, 0, sluice.LimitSource)
	f(6, 4, 0, false, 3, sluice.LimitSource)
	f(4, 6, 0, false, 3, sluice.LimitCPU)
	f(4, 6, 1, false, 16, sluice.LimitCPU)
	f(1, 9, 8, false, 16, sluice.LimitStore)
	f(0, 9, 9, false, 16, sluice.LimitStore)
	f(0, 0, 0, true, 2, sluice.LimitStore)
	f(0, 9, 0, true, 0, sluice.LimitCPU)
	f(0, 0, 0, false, 0, sluice.LimitSource)
}

// TestProgress looks at a sync while its source is silent, and while its store is.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		st := faultstore.New(newMemory(), faultstore.On(faultstore.Put).Delay(time.Minute))
		l := run(t, cfg, usersAnd(airbyte.Append, airbyte.Append), st)
		begin := l.engine.Progress()
		l.send("u u o u1")
		time.Sleep(10 * time.Second)
		p := l.engine.Progress()
		if p.Rows != 3 || len(p.Streams) != 2 || p.Streams[0].Rows != 2 || p.Streams[1].Objects != 1 || p.Streams[0].Ended {
			t.Errorf("got %+v", p)
		}
		if want := int64(len(message("u")) + len(message("u")) + len(message("o")) + len(message("u1")) + 4); p.Input != want || p.Ended {
			t.Errorf("got %d bytes of input, want %d", p.Input, want)
		}
		if p.Held != 1 || p.States != 0 || p.Flying != 0 || p.Objects != 0 || p.Elapsed != 10*time.Second || p.Source != 10*time.Second {
			t.Errorf("got %+v", p)
		}
		if p.Memory != 2*64<<10 || p.MemoryLimit < 64<<20 {
			t.Errorf("got %d bytes of memory of %d", p.Memory, p.MemoryLimit)
		}
		if got := p.Limit(begin); got != sluice.LimitSource {
			t.Errorf("it is limited by %s", got)
		}

		done := make(chan error)
		go func() { done <- l.end() }()
		time.Sleep(30 * time.Second)
		before, p := p, l.engine.Progress()
		if p.Flying != 2 || !p.Ended || p.Limit(before) != sluice.LimitStore || !p.Streams[1].Ended {
			t.Errorf("got %+v", p)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		p = l.engine.Progress()
		if p.Objects != 2 || p.Parts != 0 || p.Bytes == 0 || p.States != 1 || p.Held != 0 || p.Memory != 0 || p.Requests != 2*time.Minute {
			t.Errorf("got %+v", p)
		}
		var names []string
		for _, s := range p.Stages {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != "decode stamp flatten encode assemble" {
			t.Errorf("got the stages %s", got)
		}
	})
}

// TestProgressOfASlowStore: rows wait for the uploads, and are not read.
func TestProgressOfASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.Upload.MemoryMB, cfg.Upload.PartSizeMB, cfg.Upload.Concurrency = 32, 5, 1
		st := faultstore.New(newMemory(), faultstore.On(faultstore.Part).Delay(time.Minute))
		l := run(t, cfg, usersAnd(airbyte.Append, airbyte.Append), st)
		sent := make(chan error)
		go func() {
			_, err := io.WriteString(l.in, strings.Repeat(message("u")+"\n", 60_000))
			sent <- err
		}()
		time.Sleep(time.Second)
		begin := l.engine.Progress()
		time.Sleep(10 * time.Second)
		p := l.engine.Progress()
		if got := p.Limit(begin); got != sluice.LimitStore {
			t.Errorf("it is limited by %s: %+v", got, p)
		}
		if p.Store-begin.Store != 10*time.Second || p.Flying != 1 {
			t.Errorf("got %+v", p)
		}
		if err := errors.Join(<-sent, l.end()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestProgressOfStreams: what the source says of a stream is told within half a second, and an
// estimate moves no STATE.
func TestProgressOfStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := run(t, settings(), usersAnd(airbyte.Append, airbyte.Append), newMemory())
		estimate := func(stream string, rows int) {
			text := fmt.Sprintf(`{"type":"TRACE","trace":{"type":"ESTIMATE","estimate":{"name":%q,"type":"STREAM","row_estimate":%d}}}`, stream, rows)
			if _, err := io.WriteString(l.in, text+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		look := func(want string) {
			t.Helper()
			time.Sleep(time.Second / 2)
			got := ""
			for _, s := range l.engine.Progress().Streams {
				got += fmt.Sprintf("%s %d of %d %v %v. ", s.Stream, s.Rows, s.Estimate, s.Ended, s.Failed)
			}
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
		estimate("users", 9)
		estimate("elsewhere", 7)
		l.send("u o u")
		look("users 2 of 9 false false. orders 1 of 0 false false. ")
		estimate("users", 3)
		l.send("u u1 u!")
		look("users 3 of 3 true false. orders 1 of 0 false false. ")
		l.want("")
		var incomplete *sluice.IncompleteError
		if err := l.end(); !errors.As(err, &incomplete) {
			t.Fatal(err)
		}
		look("users 3 of 3 true false. orders 1 of 0 true true. ")
		l.want("u1:3")
	})
}
