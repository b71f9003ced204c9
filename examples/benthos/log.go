package main

import (
	"context"
	"log/slog"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// logHandler gives what Sluice logs to Benthos.
type logHandler struct{ to *service.Logger }

func (h logHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	to := h.to
	r.Attrs(func(a slog.Attr) bool {
		to = to.With(a.Key, a.Value.String())
		return true
	})
	switch {
	case r.Level >= slog.LevelError:
		to.Error(r.Message)
	case r.Level >= slog.LevelWarn:
		to.Warn(r.Message)
	default: // a writer's everyday is not the pipeline's
		to.Debug(r.Message)
	}
	return nil
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.to = h.to.With(a.Key, a.Value.String())
	}
	return h
}

func (h logHandler) WithGroup(string) slog.Handler { return h }
