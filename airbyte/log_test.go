package airbyte

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// logged runs f with a logger and returns its messages, each with its level.
func logged(t *testing.T, level slog.Leveler, f func(*slog.Logger)) string {
	t.Helper()
	var out calls
	f(NewLogger(NewEmitter(&out), level))
	var all []string
	for _, line := range out.lines {
		var m struct {
			Log struct{ Level, Message string }
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Log.Level+" "+m.Log.Message)
	}
	return strings.Join(all, "\n")
}

// masked is a value that knows how it wants to be logged.
type masked string

func (masked) LogValue() slog.Value { return slog.GroupValue(slog.String("shown", "***")) }

func TestLogger(t *testing.T) {
	f := func(log func(*slog.Logger), want string) {
		t.Helper()
		if got := logged(t, slog.LevelInfo, log); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(func(l *slog.Logger) { l.Info("hello") }, "INFO hello")
	f(func(l *slog.Logger) { l.Info("a\nb", "n", 1, "s", "x y", "e", errors.New("bad")) }, "INFO a\nb n=1 s=x y e=bad")
	f(func(l *slog.Logger) { l.Info("m", "t", true, "d", time.Second, "f", 1.5, "z", nil) }, "INFO m t=true d=1s f=1.5 z=<nil>")
	f(func(l *slog.Logger) { l.Info("m", slog.Group("g", "a", 1, slog.Group("h", "b", 2)), "c", 3) }, "INFO m g.a=1 g.h.b=2 c=3")
	f(func(l *slog.Logger) { l.Info("m", slog.Group("", "a", 1), slog.Group("g"), slog.Attr{}) }, "INFO m a=1") // slog's rules
	f(func(l *slog.Logger) { l.With("a", 1, "b", 2).Info("m", "c", 3) }, "INFO m a=1 b=2 c=3")
	f(func(l *slog.Logger) { l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h").Info("m", "c", 3) }, "INFO m a=1 g.b=2 g.h.c=3")
	f(func(l *slog.Logger) { l.WithGroup("g").Info("m", slog.Group("h", "a", 1)) }, "INFO m g.h.a=1")
	f(func(l *slog.Logger) { slog.New(l.Handler().WithGroup("")).Info("m", "a", 1) }, "INFO m a=1")
	f(func(l *slog.Logger) { l.Info("m", "v", masked("secret")) }, "INFO m v.shown=***")
	f(func(l *slog.Logger) { l.With("v", masked("secret")).Info("m") }, "INFO m v.shown=***")
	// Two children of one logger do not share what they add.
	f(func(l *slog.Logger) {
		parent := l.With("a", 1)
		one, two := parent.With("b", 2).WithGroup("g"), parent.With("c", 3)
		one.Info("one", "x", 1)
		two.Info("two", "x", 1)
		parent.Info("parent", "x", 1)
	}, "INFO one a=1 b=2 g.x=1\nINFO two a=1 c=3 x=1\nINFO parent a=1 x=1")
}

func TestLoggerLevels(t *testing.T) {
	levels := []slog.Level{-8, slog.LevelDebug, -1, slog.LevelInfo, 2, slog.LevelWarn, 7, slog.LevelError, 12}
	f := func(level slog.Leveler, want string) {
		t.Helper()
		got := logged(t, level, func(l *slog.Logger) {
			for _, at := range levels {
				l.Log(context.Background(), at, "x")
			}
		})
		if got = strings.ReplaceAll(strings.ReplaceAll(got, " x", ""), "\n", " "); got != want {
			t.Errorf("from %v: got %s, want %s", level, got, want)
		}
	}
	f(slog.Level(-10), "DEBUG DEBUG DEBUG INFO INFO WARN WARN ERROR ERROR")
	f(slog.LevelDebug, "DEBUG DEBUG INFO INFO WARN WARN ERROR ERROR")
	f(slog.LevelInfo, "INFO INFO WARN WARN ERROR ERROR")
	f(slog.LevelWarn, "WARN WARN ERROR ERROR")
	f(slog.LevelError, "ERROR ERROR")
	f(slog.Level(20), "")
}

// The level may change while the sync runs.
func TestLoggerLevelVar(t *testing.T) {
	var level slog.LevelVar
	got := logged(t, &level, func(l *slog.Logger) {
		l.Debug("one")
		level.Set(slog.LevelDebug)
		l.Debug("two")
	})
	if got != "DEBUG two" {
		t.Errorf("got %q", got)
	}
}

func TestLoggerDropsWriteErrors(t *testing.T) {
	l := NewLogger(NewEmitter(&calls{err: errors.New("broken pipe")}), slog.LevelInfo)
	if err := l.Handler().Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelInfo, "x", 0)); err != nil {
		t.Error(err)
	}
}
