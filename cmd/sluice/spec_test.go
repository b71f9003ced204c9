package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// options are all that a user can set, by the design: the specification must offer each.
const options = `s3_bucket_name s3_bucket_path s3_bucket_region access_key_id secret_access_key role_arn external_id
	s3_endpoint s3_path_format file_name_pattern metadata_columns file_size_mb checkpoint_minutes full_refresh
	format.CSV.flattening format.CSV.compression format.CSV.quoting format.CSV.delimiter format.CSV.line_ending
	format.CSV.header format.CSV.null_value format.CSV.undeclared_fields
	format.JSONL.flattening format.JSONL.compression format.JSONL.undeclared_fields
	format.Avro.compression_codec format.Avro.number_type format.Avro.undeclared_fields
	format.Parquet.compression_codec format.Parquet.block_size_mb format.Parquet.max_padding_size_mb
	format.Parquet.page_size_kb format.Parquet.dictionary_page_size_kb format.Parquet.dictionary_encoding
	format.Parquet.compression_level format.Parquet.number_type format.Parquet.undeclared_fields
	upload.part_size_mb upload.concurrency upload.memory_mb upload.retry_minutes upload.timeout_seconds`

// schema is the part of JSON Schema that names properties.
type schema struct {
	Properties map[string]*schema
	OneOf      []*schema
	Required   []string
	Const      any
	Secret     bool `json:"airbyte_secret"`
}

// find follows a name such as format.CSV.quoting.
func (s *schema) find(name string) *schema {
	for part := range strings.SplitSeq(name, ".") {
		if s == nil {
			return nil
		}
		next := s.Properties[part]
		for _, branch := range s.OneOf {
			if kind := branch.Properties["format_type"]; kind != nil && kind.Const == part {
				next = branch
			}
		}
		s = next
	}
	return s
}

func TestSpec(t *testing.T) {
	t.Parallel()
	r := start(t, nil, "spec").finish().ok()
	if len(r.messages) != 1 || r.messages[0].Type != "SPEC" {
		t.Fatalf("stdout is not one SPEC message:\n%s", r.stdout)
	}
	var spec struct {
		Incremental   bool     `json:"supportsIncremental"`
		Normalization bool     `json:"supportsNormalization"`
		DBT           bool     `json:"supportsDBT"`
		Modes         []string `json:"supported_destination_sync_modes"`
		Connection    *schema  `json:"connectionSpecification"`
	}
	if err := json.Unmarshal(r.messages[0].Spec, &spec); err != nil {
		t.Fatal(err)
	}
	if !spec.Incremental || !slices.Contains(spec.Modes, "append") || !slices.Contains(spec.Modes, "overwrite") {
		t.Errorf("supportsIncremental is %v, the sync modes are %v", spec.Incremental, spec.Modes)
	}
	if spec.Normalization || spec.DBT || slices.Contains(spec.Modes, "append_dedup") {
		t.Errorf("offered is what is not there: %s", r.messages[0].Spec)
	}
	for name := range strings.FieldsSeq(options) {
		if spec.Connection.find(name) == nil {
			t.Errorf("the specification has no %s", name)
		}
	}
	same(t, "required", spec.Connection.Required, []string{"s3_bucket_name", "s3_bucket_path", "s3_bucket_region", "format"})
	for _, name := range []string{"access_key_id", "secret_access_key", "external_id"} {
		if !spec.Connection.Properties[name].Secret {
			t.Errorf("%s is no airbyte_secret", name)
		}
	}
}

// TestEntrypoint starts sluice as the platform's launcher does.
func TestEntrypoint(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	config := writeFile(t, "config.json", at.config)
	f := func(command, want string) {
		t.Helper()
		cmd := exec.Command("sh", "-c", `eval "$AIRBYTE_ENTRYPOINT `+command+`"`)
		cmd.Env = append(os.Environ(), "AIRBYTE_ENTRYPOINT="+binary)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		m, err := parseMessage(strings.TrimSuffix(string(out), "\n"))
		if err != nil || m.Type != want {
			t.Errorf("%s: got %q and %v, want one %s", command, out, err, want)
		}
	}
	f("spec", "SPEC")
	f("check --config "+config, "CONNECTION_STATUS")
}

// TestUsage calls sluice in wrong ways: each is an error of the user's, told as one.
func TestUsage(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	at := inDirectory(t)
	config := writeFile(t, "config.json", at.config)
	good := writeFile(t, "catalog.json", catalog(stream{name: "users"}))
	f := func(want string, args ...string) {
		t.Helper()
		start(t, nil, args...).finish().failed(2, "config_error", want)
	}
	f("frobnicate", "frobnicate")
	f("--frobnicate", "spec", "--frobnicate")
	f("config", "check")
	f("config", "write", "--catalog", good)
	f("catalog", "write", "--config", config)
	f("no-such-file.json", "check", "--config", "no-such-file.json")
	f("no-such-file.json", "write", "--config", "no-such-file.json", "--catalog", good)
	f("no-such-file.json", "write", "--config", config, "--catalog", "no-such-file.json")
	f("stdin", "write", "--config", "-", "--catalog", good)
	f("extra", "spec", "extra")
	f("loud", "spec", "--log-level", "loud")

	broken := func(want, catalog string) {
		t.Helper()
		f(want, "write", "--config", config, "--catalog", writeFile(t, "catalog.json", catalog))
	}
	broken("ConfiguredAirbyteCatalog", `{"streams":[`)
	broken("streams", `{}`)
	broken("no name", `{"streams":[{"stream":{}}]}`)
	broken("append_dedup", `{"streams":[{"stream":{"name":"a"},"destination_sync_mode":"append_dedup"}]}`)
	broken("twice", `{"streams":[{"stream":{"name":"a"}},{"stream":{"name":"a","namespace":""}}]}`)
	broken("minimum_generation_id is 3", `{"streams":[{"stream":{"name":"a"},"generation_id":5,"minimum_generation_id":3}]}`)
	same(t, "objects", at.keys(), []string{})
}

// TestHelp is the only output that is no Airbyte message.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"write", "--help"}, {"--version"}} {
		out, err := exec.Command(binary, args...).Output()
		if err != nil || !strings.Contains(string(out), "sluice") {
			t.Errorf("sluice %v: %v\n%s", args, err, out)
		}
	}
}
