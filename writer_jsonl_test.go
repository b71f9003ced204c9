package sluice_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
)

// TestWriterJSONL: without a schema a record's fields are members of its line, and it stays one line.
func TestWriterJSONL(t *testing.T) {
	cfg := settings()
	cfg.Format.Type, cfg.Format.JSONL.Flattening = config.FormatJSONL, config.FlatteningRoot
	st := newMemory()
	w, err := sluice.NewWriter(t.Context(), cfg, []sluice.Table{{Name: "a"}}, sluice.Options{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	write(t, w, "a", `{"n":1.50,"city":"Bern"}`, "{\n\"o\":{\r\n\"k\":[]}\r}\n")
	if _, err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for key, object := range st.visible() {
		if !strings.HasSuffix(key, ".jsonl") {
			t.Errorf("the object is %s", key)
		}
		lines = append(lines, strings.SplitAfter(string(object.data), "\n")...)
	}
	metadata := regexp.MustCompile(`^{"_airbyte_ab_id":"[-0-9a-f]{36}","_airbyte_emitted_at":\d+,`)
	for i := range lines {
		lines[i] = metadata.ReplaceAllString(lines[i], "{")
	}
	same(t, "lines", lines, []string{`{"n":1.50,"city":"Bern"}` + "\n", `{"o":{  "k":[]}}` + "\n", ""})
}
