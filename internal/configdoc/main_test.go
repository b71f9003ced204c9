package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/sluice-data/sluice/config"
)

func TestPageIsCurrent(t *testing.T) {
	want, err := render(config.Spec())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "docs", "CONFIG.md"))
	if err != nil || !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
		t.Errorf("docs/CONFIG.md is not what config/spec.json says (%v); run: go generate ./config", err)
	}
}

// The examples on the page must work as they stand, and the full one must show every key.
func TestExamples(t *testing.T) {
	page, err := render(config.Spec())
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) != 2 {
		t.Fatalf("the page has %d examples, want 2", len(blocks))
	}
	for _, block := range blocks {
		if _, warnings, err := config.Parse(block[1]); err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v %v", block[1], err, warnings)
		}
	}
	var full map[string]json.RawMessage
	var envelope struct {
		Connection *property `json:"connectionSpecification"`
	}
	if err := json.Unmarshal(blocks[1][1], &full); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(config.Spec(), &envelope); err != nil {
		t.Fatal(err)
	}
	for name := range envelope.Connection.Properties {
		if full[name] == nil {
			t.Errorf("the full example has no %s", name)
		}
	}
}

func TestRunWritesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "CONFIG.md")
	if err := run(file); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(text, []byte("# Configuration\n")) {
		t.Errorf("%.40q, %v", text, err)
	}
}

func TestRenderRefusesWhatIsNoSpecification(t *testing.T) {
	if _, err := render([]byte("{")); err == nil {
		t.Error("no error")
	}
}
