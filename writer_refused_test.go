package sluice_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
)

// TestWriterRefuses single records, and goes on.
func TestWriterRefuses(t *testing.T) {
	st := newMemory()
	w, err := sluice.NewWriter(t.Context(), settings(), []sluice.Table{{Name: "a"}}, sluice.Options{Store: st, MemoryLimit: 128 << 20})
	if err != nil {
		t.Fatal(err)
	}
	a := table(t, w, "a")
	f := func(err error, want string) {
		t.Helper()
		var record *sluice.RecordError
		if !errors.As(err, &record) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "table a") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	j := func(doc string) error {
		err := a.WriteJSON(t.Context(), []byte(doc))
		if checked := a.Check([]byte(doc)); fmt.Sprint(checked) != fmt.Sprint(err) {
			t.Errorf("Check says %v, WriteJSON %v", checked, err)
		}
		return err
	}
	f(j(``), "no JSON object")
	f(j(`[1]`), "no JSON object")
	f(j(`null`), "no JSON object")
	f(j(`{"a":1`), "not JSON")
	f(j(`{"a":1}{"b":2}`), "not JSON")
	f(j("{\"a\":\"\n\"}"), "not JSON")
	f(j(`{"a":"`+strings.Repeat("x", 9<<20)+`"}`), "the limit is 8 MiB")
	nested := func(depth int) string {
		return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
	}
	f(j(nested(10_001)), "not JSON")
	for _, depth := range []int{10_000, 9_999} { // valid, but not in its message
		f(j(nested(depth)), "nested too deep")
	}
	f(a.Write(t.Context(), make(chan int)), "unsupported type")
	f(a.Write(t.Context(), 1), "no JSON object")
	if err := j(`{"a":"` + strings.Repeat("x", 7<<20) + `"}`); err != nil {
		t.Error(err)
	}
	if err := j(nested(9_998)); err != nil {
		t.Error(err)
	}
	if err := a.Write(t.Context(), struct {
		N json.Number `json:"n"`
		S string      `json:"s"`
	}{"12345678901234567890.10", "<b>"}); err != nil {
		t.Error(err)
	}
	if err := a.Write(t.Context(), map[string]any{"k": nil}); err != nil {
		t.Error(err)
	}
	if _, err := w.Table("other", "a"); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("a table that is none: got %v", err)
	}
	if _, err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "a", rowsIn(t, st, "a")[2:], []string{`{"n":12345678901234567890.10,"s":"<b>"}`, `{"k":null}`})
}

// TestWriterTables: what can't be right is refused at once.
func TestWriterTables(t *testing.T) {
	f := func(want string, flattening config.Flattening, undeclared config.UndeclaredFields, tables ...sluice.Table) {
		t.Helper()
		cfg := settings()
		cfg.Format.CSV.Flattening, cfg.Format.CSV.UndeclaredFields = flattening, undeclared
		w, err := sluice.NewWriter(t.Context(), cfg, tables, sluice.Options{Store: newMemory()})
		if err == nil {
			w.Abort()
			err = errors.New("")
		}
		if want == "" && err.Error() != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %q, want %q", tables, err, want)
		}
	}
	a, id := sluice.Table{Name: "a"}, json.RawMessage(`{"properties":{"id":{}}}`)
	f("", config.FlatteningNone, config.UndeclaredDrop, a, sluice.Table{Namespace: "a", Name: "a"})
	f("no character", config.FlatteningNone, config.UndeclaredDrop, sluice.Table{})
	f("both be written", config.FlatteningNone, config.UndeclaredDrop, a, a)
	f("table a: the config flattens", config.FlatteningRoot, config.UndeclaredDrop, a)
	f("table a: the config flattens", config.FlatteningRoot, config.UndeclaredDrop, sluice.Table{Name: "a", Schema: json.RawMessage(`{"properties":{}}`)})
	f("not valid JSON", config.FlatteningRoot, config.UndeclaredDrop, sluice.Table{Name: "a", Schema: json.RawMessage(`{"properties":`)})
	f("", config.FlatteningRoot, config.UndeclaredKeep, a)
	f("", config.FlatteningRoot, config.UndeclaredDrop, sluice.Table{Name: "a", Schema: id})
}
