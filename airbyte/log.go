package airbyte

import (
	"context"
	"log/slog"
	"strings"
)

// NewLogger returns a logger whose records become LOG messages of the emitter: the text
// first, then the attributes as key=value. A sync can't fail because of its logs, so write
// errors are dropped here; the next STATE meets the same broken pipe.
func NewLogger(e *Emitter, level slog.Leveler) *slog.Logger {
	return slog.New(&logHandler{out: e, level: level})
}

type logHandler struct {
	out    *Emitter
	level  slog.Leveler
	prefix string // of attribute names, from WithGroup
	attrs  string // rendered, from WithAttrs
}

func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(&b, h.prefix, a)
		return true
	})
	_ = h.out.Log(levelName(r.Level), b.String())
	return nil
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, a := range attrs {
		appendAttr(&b, h.prefix, a)
	}
	next := *h
	next.attrs += b.String()
	return &next
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.prefix += name + "."
	return &next
}

func appendAttr(b *strings.Builder, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if a.Key == "" && v.Equal(slog.Value{}) {
		return // slog's rule: an empty Attr is none
	}
	if v.Kind() == slog.KindGroup {
		if a.Key != "" { // without a name, its members belong to the outer group
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			appendAttr(b, prefix, inner)
		}
		return
	}
	b.WriteString(" " + prefix + a.Key + "=" + v.String())
}

func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARN"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}
