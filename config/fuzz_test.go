package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// FuzzParse holds Parse to its promises on any text: it does not panic, it says the same
// thing twice, it accepts only what the published specification accepts, what it accepts is
// valid for Validate too, and a secret is never shown.
func FuzzParse(f *testing.F) {
	for _, fragment := range []string{
		``,
		`"s3_bucket_name": "b", "s3_bucket_path": "", "s3_bucket_region": "", "format": {"format_type": "CSV"}`,
		`"s3_bucket_name": "b", "s3_bucket_path": "p", "s3_bucket_region": "r", "access_key_id": "a", "format": {"format_type": "CSV", "compression": null}`,
		`"s3_bucket_name": "b", "s3_bucket_path": "p", "s3_bucket_region": "r", "access_key_id": "a", "upload": {"memory_mb": 1e30, "part_size_mb": 5.0}`,
		`"format": {"format_type": "Avro", "compression_codec": {"codec": "xz", "compression_level": 1e-999999999}}`,
		`"format": {"format_type": "Parquet", "compression_codec": {}, "page_size_kb": -1}, "file_size_mb": 1e999999999`,
		`"s3_endpoint": "https://u:p@h", "checkpoint_minutes": "x", "a": [{"b": {"c": [null, true]}}], "external_id": {"x": 1}`,
		`"s3_endpoint": "file:///x", "format": {"format_type": "CSV", "delimiter": "\t", "null_value": "\\N"}, "role_arn": ""`,
		`"s3_bucket_name": "b"} {`, `"a": 1, "a": 2`, "\"\xff\": \"\\ud800\"",
	} {
		f.Add(fragment, uint16(len(fragment)))
		f.Add(fragment, uint16(20))
	}
	schema := published(f)
	f.Fuzz(func(t *testing.T, fragment string, cut uint16) {
		if strings.Contains(fragment, marker) {
			t.Skip("the secret is the test's to place")
		}
		whole := `{"secret_access_key": "` + marker + `", "access_key_id": "` + marker + `", ` + fragment + `}`
		for _, raw := range []string{fragment, "{" + fragment + "}", whole, whole[:min(int(cut), len(whole))]} {
			hold(t, schema, []byte(raw))
		}
	})
}

func hold(t *testing.T, schema *jsonschema.Schema, raw []byte) {
	t.Helper()
	c, warnings, err := Parse(raw)
	shown := fmt.Sprintf("%v %#v %q", err, err, warnings)
	if strings.Contains(shown, marker) {
		t.Fatalf("%q: a secret is shown: %s", raw, shown)
	}
	_, warningsAgain, errAgain := Parse(raw)
	if again := fmt.Sprintf("%v %#v %q", errAgain, errAgain, warningsAgain); again != shown {
		t.Fatalf("%q:\n first %s\n then %s", raw, shown, again)
	}
	if strings.Contains(shown, "not readable") {
		t.Fatalf("%q passes the specification and cannot be decoded: %s", raw, shown)
	}
	agree(t, schema, raw)
	if err != nil {
		return
	}
	if err := c.Validate(); err != nil {
		t.Fatalf("%q is good for Parse, but Validate says: %v", raw, err)
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, *c); strings.Contains(text, marker) {
		t.Fatalf("%q: a secret is shown: %s", raw, text)
	}
}

// agree checks that the guided schema accepts exactly what the published one does.
func agree(t *testing.T, schema *jsonschema.Schema, raw []byte) {
	t.Helper()
	doc, err := readDocument(raw)
	if err != nil {
		return
	}
	kept, _ := model().root.keep(doc, "", nil)
	v := plain(kept)
	want, got := schema.Validate(v), validator().Validate(v)
	if (want == nil) != (got == nil) {
		t.Fatalf("%q: the published schema says %v, ours %v", raw, want, got)
	}
	if problems := check(kept, nil); (want == nil) != (len(problems) == 0) {
		t.Fatalf("%q: the published schema says %v, check %v", raw, want, problems)
	}
}

func BenchmarkParse(b *testing.B) {
	raw := bytes.TrimSpace([]byte(minimal))
	for b.Loop() {
		if _, _, err := Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}
