package stages

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/format"
)

// noting is an encoder that has something to say of each row.
type noting struct{ *format.CSV }

func (n noting) AppendRow(dst []byte, row *format.Row) ([]byte, int) {
	row.Changed = append(row.Changed, format.Change{Field: "a"}, format.Change{Field: "b.c", Truncated: true})
	row.Dropped = append(row.Dropped, "b.x")
	return n.CSV.AppendRow(dst, row)
}

func TestNotesOfEncoders(t *testing.T) {
	users := table("users", "a")
	users.Encoder = noting{users.Encoder.(*format.CSV)}
	r := newRig(t, 0, 0, users, table("orders", "a"))
	var log bytes.Buffer
	r.opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	for range 2 {
		if err := r.send(record("users", `{}`), record("orders", `{}`), record("users", `{}`)); err != nil {
			t.Fatal(err)
		}
	}
	r.end()
	s := r.Summary()
	if got := s[0].String(); !strings.HasSuffix(got, ", fields that are not in the schema: b.x (4), values that became null, which their columns can't hold: a (4), values that lost digits, which their columns can't hold: b.c (4)") {
		t.Error(got)
	}
	if len(s[1].Notes()) > 0 {
		t.Error(s[1])
	}
	for _, text := range []string{`\"b.x\" is not in the schema`, `\"a\" has a value that its column can't hold`, `\"b.c\" has a value with more digits`} {
		if n := strings.Count(log.String(), text); n != 1 {
			t.Errorf("%d times %q in %s", n, text, log.String())
		}
	}
}

// TestSummariesAdd: what is new is told once.
func TestSummariesAdd(t *testing.T) {
	var all StreamSummary
	var told []Warning
	for range 2 {
		all.Add(&StreamSummary{Undeclared: map[string]int64{"x": 2}, Nulled: map[string]int64{"x": 3}, Truncated: map[string]int64{"y": 1}}, func(w Warning) { told = append(told, w) })
	}
	if len(told) != 3 || all.Undeclared["x"] != 4 || all.Nulled["x"] != 6 || all.Truncated["y"] != 2 {
		t.Errorf("%+v, told %+v", all, told)
	}
}
