package config

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const minimal = `{"s3_bucket_name": "bucket", "s3_bucket_path": "path", "s3_bucket_region": "", "format": {"format_type": "CSV"}}`

// with returns the minimal config with the keys of a fragment set; null takes a key away.
func with(t testing.TB, fragment string) []byte {
	t.Helper()
	doc, change := map[string]any{}, map[string]any{}
	for text, into := range map[string]*map[string]any{minimal: &doc, "{" + fragment + "}": &change} {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	maps.Copy(doc, change)
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// csv is a fragment that sets options of the CSV format.
func csv(options string) string { return `"format": {"format_type": "CSV", ` + options + `}` }

// What more than one case says is allowed.
const (
	bucketAllowed    = `must be the name of a bucket, without "/"`
	endpointAllowed  = `must be "" or a URL that begins with http://, https:// or file://`
	delimiterAllowed = `must be one ASCII character that is no letter, digit, quote, line end, ".", "+" or "-"`
	formatsAllowed   = `allowed are "CSV", "JSONL", "Avro", "Parquet"`
	levelAllowed     = `must be from 1 to 9`
	partSize         = ` is not used any more and is ignored: the size of parts is upload.part_size_mb`
)

// errorCases are fragments that make the minimal config wrong, and what is said of each.
var errorCases = []struct{ fragment, want string }{
	{`"s3_bucket_name": null`, `s3_bucket_name is missing`},
	{`"s3_bucket_path": null`, `s3_bucket_path is missing`},
	{`"s3_bucket_region": null`, `s3_bucket_region is missing`},
	{`"format": null`, `format is missing`},
	{`"s3_bucket_name": null, "format": null`, `s3_bucket_name is missing; format is missing`},
	{`"s3_bucket_name": 5`, `s3_bucket_name is 5: must be a string`},
	{`"s3_bucket_name": true`, `s3_bucket_name is true: must be a string`},
	{`"s3_bucket_name": ["a"]`, `s3_bucket_name is an array: must be a string`},
	{`"s3_bucket_name": {"a": 1}`, `s3_bucket_name is an object: must be a string`},
	{`"s3_bucket_name": ""`, `s3_bucket_name is "": ` + bucketAllowed},
	{`"s3_bucket_name": "a/b"`, `s3_bucket_name is "a/b": ` + bucketAllowed},
	{`"s3_bucket_name": ".."`, `s3_bucket_name is "..": ` + bucketAllowed},
	{`"s3_bucket_path": "a/../b"`, `s3_bucket_path is "a/../b": must have no "." or ".." between its slashes`},
	{`"s3_bucket_path": "."`, `s3_bucket_path is ".": must have no "." or ".." between its slashes`},
	{`"s3_bucket_path": "a\u0001b"`, `s3_bucket_path is "a\u0001b": must have no control characters`},
	{`"s3_bucket_path": "a\r/b"`, `s3_bucket_path is "a\r/b": must have no control characters`},
	{`"s3_bucket_path": "a\uffff"`, "s3_bucket_path is \"a\uffff\": must have no control characters"},
	{`"s3_bucket_path": "${NAMESPACE}/.."`, `s3_bucket_path is "${NAMESPACE}/..": must have no "." or ".." between its slashes`},
	{`"s3_bucket_region": 1`, `s3_bucket_region is 1: must be a string`},
	{`"access_key_id": "my-id"`, `secret_access_key is missing: access_key_id and secret_access_key must be given together`},
	{`"secret_access_key": "my-key"`, `access_key_id is missing: access_key_id and secret_access_key must be given together`},
	{`"secret_access_key": 5`, `secret_access_key is ***: must be a string`},
	{`"secret_access_key": {"a": "b"}`, `secret_access_key is ***: must be a string`},
	{`"role_arn": 5`, `role_arn is 5: must be a string`},
	{`"external_id": "my-external-id"`, `external_id is ***: allowed only together with role_arn`},
	{`"s3_endpoint": "s3.example.com"`, `s3_endpoint is "s3.example.com": ` + endpointAllowed},
	{`"s3_endpoint": "ftp://s3.example.com"`, `s3_endpoint is "ftp://s3.example.com": ` + endpointAllowed},
	{`"s3_endpoint": "http://"`, `s3_endpoint is "http://": ` + endpointAllowed},
	{`"s3_endpoint": "http:///path"`, `s3_endpoint is "http:///path": must be a URL with a host`},
	{`"s3_endpoint": "http://:9000"`, `s3_endpoint is "http://:9000": must be a URL with a host`},
	{`"s3_endpoint": "http://a b"`, `s3_endpoint is "http://a b": must be a URL`},
	{`"s3_endpoint": "http://a:port"`, `s3_endpoint is "http://a:port": must be a URL`},
	{`"s3_endpoint": "https://me:pw@host"`, `s3_endpoint is ***: must be a URL without user name and password`},
	{`"s3_endpoint": "https://host?a=b"`, `s3_endpoint is ***: must be a URL without "?" and "#"`},
	{`"s3_endpoint": "me:pw@host"`, `s3_endpoint is ***: ` + endpointAllowed},
	{`"s3_endpoint": "file://dir/x"`, `s3_endpoint is "file://dir/x": must be file:// and an absolute path, such as file:///some/directory`},
	{`"format": "CSV"`, `format is "CSV": must be an object`},
	{`"format": {}`, `format.format_type is missing`},
	{`"format": {"format_type": "csv"}`, `format.format_type is "csv": ` + formatsAllowed},
	{`"format": {"format_type": 1, "quoting": 7}`, `format.format_type is 1: ` + formatsAllowed},
	{csv(`"flattening": "root"`), `format.flattening is "root": allowed are "No flattening", "Root level flattening"`},
	{csv(`"compression": "GZIP"`), `format.compression is "GZIP": must be an object`},
	{csv(`"compression": {}`), `format.compression.compression_type is missing`},
	{csv(`"compression": {"compression_type": "zip"}`), `format.compression.compression_type is "zip": allowed are "No Compression", "GZIP", "ZSTD"`},
	{csv(`"compression": {"compression_type": "ZSTD", "compression_level": 23}`), `format.compression.compression_level is 23: must be from 1 to 22`},
	{csv(`"compression": {"compression_type": "GZIP", "compression_level": 10}`), `format.compression.compression_level is 10: ` + levelAllowed},
	{csv(`"quoting": "sometimes"`), `format.quoting is "sometimes": allowed are "non_numeric", "all", "minimal"`},
	{csv(`"quoting": 5`), `format.quoting is 5: allowed are "non_numeric", "all", "minimal"`},
	{csv(`"delimiter": ""`), `format.delimiter is "": ` + delimiterAllowed},
	{csv(`"delimiter": ",,"`), `format.delimiter is ",,": ` + delimiterAllowed},
	{csv(`"delimiter": "é"`), `format.delimiter is "é": ` + delimiterAllowed},
	{csv(`"delimiter": "\n"`), `format.delimiter is "\n": ` + delimiterAllowed},
	{csv(`"delimiter": ",\n"`), `format.delimiter is ",\n": ` + delimiterAllowed},
	{csv(`"line_ending": "CR"`), `format.line_ending is "CR": allowed are "CRLF", "LF"`},
	{csv(`"header": "yes"`), `format.header is "yes": must be true or false`},
	{csv(`"null_value": 0`), `format.null_value is 0: must be a string`},
	{csv(`"null_value": "a,b"`), `format.null_value is "a,b": must contain no delimiter, quote or line end`},
	{csv(`"null_value": "a;b", "delimiter": ";"`), `format.null_value is "a;b": must contain no delimiter, quote or line end`},
	{csv(`"null_value": "\""`), `format.null_value is "\"": must contain no delimiter, quote or line end`},
	{csv(`"null_value": "-1.5e3"`), `format.null_value is "-1.5e3": must not read as a number or a boolean, which are written without quotes too`},
	{csv(`"null_value": "true"`), `format.null_value is "true": must not read as a number or a boolean, which are written without quotes too`},
	{csv(`"null_value": "\r"`), `format.null_value is "\r": must contain no delimiter, quote or line end`},
	{csv(`"undeclared_fields": "warn"`), `format.undeclared_fields is "warn": allowed are "drop", "keep"`},
	{`"metadata_columns": "v3"`, `metadata_columns is "v3": allowed are "v1", "v2"`},
	{`"file_size_mb": -1`, `file_size_mb is -1: must be 0 or more`},
	{`"file_size_mb": "1"`, `file_size_mb is "1": must be a number`},
	{`"file_size_mb": -1e999999999`, `file_size_mb is -1e999999999: must be 0 or more`},
	{`"checkpoint_minutes": -0.5`, `checkpoint_minutes is -0.5: must be 0 or more`},
	{`"full_refresh": "later"`, `full_refresh is "later": allowed are "atomic", "incremental", "purge_first"`},
	{`"partition_by": [7]`, `partition_by is an array: must be a list of up to 8 texts`},
	{`"partition_by": [""]`, `partition_by is an array: must be a list of up to 8 texts`},
	{`"partition_by": {}`, `partition_by is an object: must be a list of up to 8 texts`},
	{`"upload": []`, `upload is an array: must be an object`},
	{`"upload": {"part_size_mb": 4}`, `upload.part_size_mb is 4: must be from 5 to 5120`},
	{`"upload": {"part_size_mb": 5121}`, `upload.part_size_mb is 5121: must be from 5 to 5120`},
	{`"upload": {"part_size_mb": 5.5}`, `upload.part_size_mb is 5.5: must be a whole number`},
	{`"upload": {"concurrency": 0}`, `upload.concurrency is 0: must be from 1 to 64`},
	{`"upload": {"concurrency": 65}`, `upload.concurrency is 65: must be from 1 to 64`},
	{`"upload": {"memory_mb": 31}`, `upload.memory_mb is 31: must be from 32 to 16777216`},
	{`"upload": {"retry_minutes": -1}`, `upload.retry_minutes is -1: must be 0 or more`},
	{`"upload": {"timeout_seconds": 0}`, `upload.timeout_seconds is 0: must be from 0.1 to 3600`},
	{csv(`"quoting": "x", "header": 1, "null_value": ","`) + `, "file_size_mb": -1, "access_key_id": "my-id"`, `secret_access_key is missing: access_key_id and secret_access_key must be given together; ` +
		`format.quoting is "x": allowed are "non_numeric", "all", "minimal"; format.header is 1: must be true or false; ` +
		`format.null_value is ",": must contain no delimiter, quote or line end; file_size_mb is -1: must be 0 or more`},
	{`"full_refresh": "` + strings.Repeat("ä", 100) + `"`, `full_refresh is "` + strings.Repeat("ä", 76) + `...: allowed are "atomic", "incremental", "purge_first"`},
	{`"full_refresh": "<&>\n"`, `full_refresh is "<&>\n": allowed are "atomic", "incremental", "purge_first"`},
}

func TestErrors(t *testing.T) {
	for _, c := range errorCases {
		for range 3 { // maps come in any order, messages must not
			got, _, err := Parse(with(t, c.fragment))
			if err == nil || err.Error() != c.want || got != nil {
				t.Fatalf("%s\n got %v\nwant %s", c.fragment, err, c.want)
			}
		}
	}
}

func TestDocumentErrors(t *testing.T) {
	const object = "must be one JSON object"
	for _, c := range []struct{ raw, want string }{
		{"", "config is empty: " + object},
		{" \n\t", "config is empty: " + object},
		{"\xef\xbb\xbf", "config is empty: " + object},
		{"null", "config is null: " + object},
		{"[]", "config is an array: " + object},
		{`"text"`, "config is a string: " + object},
		{"17", "config is a number: " + object},
		{"true", "config is a boolean: " + object},
		{"{", "config is not valid JSON: line 1, byte 2"},
		{"hello", "config is not valid JSON: line 1, byte 1"},
		{"{\n  \"a\": 1,\n  b}", "config is not valid JSON: line 3, byte 3"},
		{"{\"a\": \"\xff\"}", "config is not valid UTF-8: line 1, byte 8"},
		{minimal + "\n{}", "config is followed by more text: " + object + "; see line 2, byte 1"},
		{minimal + "x", "config is followed by more text: " + object + "; see line 1, byte 113"},
		{`{"s3_bucket_name": "a", "s3_bucket_name": "a"}`, "s3_bucket_name is given twice: line 1, byte 40"},
		{`{"format": {"quoting": 1, "quoting": 2}}`, "format.quoting is given twice: line 1, byte 35"},
		{`{"x": [{"y": 1, "y": 2}]}`, "config is not clear: the same key is given twice in one object, line 1, byte 19"},
		{strings.Repeat("[", 100000), "config is not valid JSON: line 1, byte 10001"},
	} {
		if _, _, err := Parse([]byte(c.raw)); err == nil || err.Error() != c.want {
			t.Errorf("%.50q\n got %v\nwant %s", c.raw, err, c.want)
		}
	}
}

func TestErrorsAreFields(t *testing.T) {
	_, _, err := Parse(with(t, `"file_size_mb": -1, "s3_bucket_name": null`))
	var all Errors
	want := Errors{{Field: "s3_bucket_name"}, {Field: "file_size_mb", Value: "-1", Allowed: "must be 0 or more"}}
	if !errors.As(err, &all) || !slices.Equal(all, want) {
		t.Errorf("got %#v, want %#v", all, want)
	}
	var one Error
	if !errors.As(err, &one) || one != want[0] {
		t.Errorf("the first Error is %#v", one)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ fragment, want string }{
		{``, ``},
		{`"part_size": 10`, `part_size` + partSize},
		{`"S3_Bucket_Name": "other"`, `S3_Bucket_Name is not known and is ignored`},
		{csv(`"part_size_mb": 5`), `format.part_size_mb` + partSize},
		{`"upload": {"part_size": 5}`, `upload.part_size is not known and is ignored`},
		{`"format": {"format_type": "JSONL", "part_size_mb": 5}`, `format.part_size_mb` + partSize},
		{`"format": {"format_type": "JSONL", "quoting": "all"}`, `format.quoting is not known and is ignored`},
		{csv(`"compression_codec": "SNAPPY"`), `format.compression_codec is not known and is ignored`},
		{csv(`"compression": {"compression_type": "No Compression", "compression_level": 3}`), `format.compression.compression_level is not known and is ignored`},
		{`"upload": {"speed": null}, "b": {"c": 1}, "a": 1`, `a is not known and is ignored|b is not known and is ignored|upload.speed is not known and is ignored`},
		{`"a b\n": 1, "": 2, "x.y": 3`, `"" is not known and is ignored|"a b\n" is not known and is ignored|"x.y" is not known and is ignored`},
		{`"role_arn": null, "upload": null, "format": {"format_type": "CSV", "compression": null}`, ``},
	} {
		parsed, warnings, err := Parse(with(t, c.fragment))
		if got := strings.Join(warnings, "|"); err != nil || got != c.want {
			t.Errorf("%s\n got %s, %v\nwant %s", c.fragment, got, err, c.want)
		} else if parsed.Bucket != "bucket" {
			t.Errorf("%s: bucket is %q", c.fragment, parsed.Bucket)
		}
	}
}

func TestParseFillsEveryField(t *testing.T) {
	got, warnings, err := Parse([]byte(`{"s3_bucket_name": "b", "s3_bucket_path": "/p//q/", "s3_bucket_region": "mars-1",
		"access_key_id": "id", "secret_access_key": "key", "role_arn": "arn", "external_id": "ext",
		"s3_endpoint": "https://h:9000/x", "s3_path_format": "", "file_name_pattern": "{part_number}{format_extension}",
		"metadata_columns": "v2", "file_size_mb": 0.5, "checkpoint_minutes": 0.25, "full_refresh": "purge_first",
		"partition_by": ["a", "day(b)"], "partition_columns": "keep", "upload": {"part_size_mb": 5.0, "concurrency": 6e1, "memory_mb": 32, "retry_minutes": 0, "timeout_seconds": 2.5},
		"engine": "kafka", "kafka": {"brokers": "a:1, b:2,", "group": "g", "topic_pattern": "t", "input": "envelope", "partitions": 3,
			"replication_factor": 2, "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "u",
			"sasl_password": "p", "session_timeout_seconds": 6.5, "max_rows": 7, "rotate_minutes": 0.5},
		"format": {"format_type": "CSV", "flattening": "Root level flattening", "quoting": "minimal", "delimiter": "\t",
			"line_ending": "LF", "header": false, "null_value": "\\N", "undeclared_fields": "keep",
			"compression": {"compression_type": "No Compression"}}}`))
	want := Config{
		Bucket: "b", Path: "/p//q/", Region: "mars-1", AccessKeyID: "id", SecretAccessKey: "key", RoleARN: "arn", ExternalID: "ext",
		Endpoint: "https://h:9000/x", PathFormat: "", FileNamePattern: DefaultFileNamePattern, MetadataColumns: MetadataV2,
		FileSizeMB: 0.5, CheckpointMinutes: 0.25, FullRefresh: RefreshPurgeFirst,
		PartitionBy: []string{"a", "day(b)"}, PartitionColumns: PartitionColumnsKeep,
		Upload: Upload{PartSizeMB: 5, Concurrency: 60, MemoryMB: 32, RetryMinutes: 0, TimeoutSeconds: 2.5}, Format: defaultFormat(),
		Engine: EngineKafka, Kafka: Kafka{
			Brokers: "a:1, b:2,", Group: "g", TopicPattern: "t", Input: InputEnvelope, Partitions: 3, ReplicationFactor: 2,
			SecurityProtocol: SecuritySASLSSL, SASLMechanism: SASLScramSHA512, SASLUsername: "u", SASLPassword: "p",
			SessionTimeoutSeconds: 6.5, MaxRows: 7, RotateMinutes: 0.5,
		},
	}
	want.Format.CSV = CSV{
		Flattening: FlatteningRoot, Compression: Compression{Type: CompressionNone}, Quoting: QuoteMinimal, Delimiter: "\t",
		LineEnding: LineEndingLF, Header: false, NullValue: `\N`, UndeclaredFields: UndeclaredKeep,
	}
	if err != nil || len(warnings) > 0 || !reflect.DeepEqual(*got, want) {
		t.Errorf("%v %v\n got %+v\nwant %+v", err, warnings, got, want)
	}
}

// The configs of Airbyte's first releases and of today's must both be good here.
func TestAirbyteConfigs(t *testing.T) {
	const keys = `"s3_bucket_name": "airbyte_sync", "s3_bucket_path": "data_sync/test", "access_key_id": "A012345678910EXAMPLE", "secret_access_key": "a012345678910ABCDEFGH/AbCdEfGhEXAMPLEKEY", `
	for _, c := range []struct{ rest, warnings string }{
		{`"s3_bucket_region": "us-east-1", "format": {"format_type": "CSV", "flattening": "No flattening"}`, ``},
		{`"s3_endpoint": "", "s3_bucket_region": "", "format": {"format_type": "CSV", "flattening": "Root level flattening", "part_size_mb": 5}`, `format.part_size_mb` + partSize},
		{`"s3_endpoint": "http://localhost:9000", "s3_bucket_region": "us-west-1", "part_size": 10, "format": {"format_type": "CSV", "flattening": "No flattening"}`, `part_size` + partSize},
		{`"s3_bucket_region": "eu-south-2", "role_arn": "arn:aws:iam::123456789:role/x", "s3_path_format": "${NAMESPACE}/${STREAM_NAME}/${YEAR}_${MONTH}_${DAY}_${EPOCH}_", "file_name_pattern": "{part_number}{format_extension}", "format": {"format_type": "CSV", "flattening": "Root level flattening", "compression": {"compression_type": "No Compression"}}`, ``},
		{`"s3_bucket_region": "", "format": {"format_type": "CSV", "flattening": "No flattening", "compression": {"compression_type": "GZIP"}}`, ``},
		{`"s3_bucket_region": "", "format": {"format_type": "JSONL", "flattening": "No flattening", "compression": {"compression_type": "GZIP"}}`, ``},
		{`"s3_bucket_region": "", "format": {"format_type": "Avro", "compression_codec": {"codec": "no compression"}}`, ``},
		{`"s3_bucket_region": "", "format": {"format_type": "Avro", "compression_codec": {"codec": "zstandard", "compression_level": 3, "include_checksum": true}}`, ``},
		{`"s3_bucket_region": "", "format": {"format_type": "Parquet", "compression_codec": "SNAPPY", "block_size_mb": 128, "max_padding_size_mb": 8, "page_size_kb": 1024, "dictionary_page_size_kb": 1024, "dictionary_encoding": true}`, ``},
	} {
		_, warnings, err := Parse([]byte("{" + keys + c.rest + "}"))
		if got := strings.Join(warnings, "|"); got != c.warnings {
			t.Errorf("%s: warnings %s", c.rest, got)
		}
		if err != nil {
			t.Errorf("%s: %v", c.rest, err)
		}
	}
}

func TestEveryDelimiter(t *testing.T) {
	const wrong = "\x00\r\n\"0123456789.+-\x7fabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for b := range 0x80 {
		c := good()
		c.Format.CSV.Delimiter = string(rune(b))
		if err := c.Validate(); (err != nil) != strings.ContainsRune(wrong, rune(b)) {
			t.Errorf("delimiter %q: %v", rune(b), err)
		}
	}
}

func TestGoodEndpoints(t *testing.T) {
	for _, endpoint := range []string{"", "http://h", "https://h/", "http://127.0.0.1:9000", "http://[::1]:9000", "https://h/prefix", "file:///tmp/x", "file:///"} {
		c := good()
		if c.Endpoint = endpoint; c.Validate() != nil {
			t.Errorf("%q: %v", endpoint, c.Validate())
		}
	}
}

// good is the smallest Config that a program can fill.
func good() Config {
	c := Default()
	c.Bucket = "bucket"
	return c
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) {}, ""},
		{func(c *Config) { c.Bucket = "" }, `s3_bucket_name is "": must be the name of a bucket, without "/"`},
		{func(c *Config) { c.Format.Type = "XML" }, `format.format_type is "XML": allowed are "CSV", "JSONL", "Avro", "Parquet"`},
		{func(c *Config) { c.Format.Type = "" }, `format.format_type is "": allowed are "CSV", "JSONL", "Avro", "Parquet"`},
		{func(c *Config) { c.Format.Type = FormatParquet }, ``},
		{func(c *Config) { c.Format.CSV.Quoting = "" }, `format.quoting is "": allowed are "non_numeric", "all", "minimal"`},
		{func(c *Config) { c.Format.CSV.Compression.Type = CompressionZSTD }, ""},
		{func(c *Config) { c.Format.CSV.Compression = Compression{CompressionGZIP, 10} }, `format.compression.compression_level is 10: ` + levelAllowed},
		{func(c *Config) { c.FileSizeMB = math.NaN() }, `file_size_mb is NaN: must be a finite number`},
		{func(c *Config) { c.Upload.RetryMinutes = math.Inf(1) }, `upload.retry_minutes is +Inf: must be a finite number`},
		{func(c *Config) { c.Upload.PartSizeMB = 1 }, `upload.part_size_mb is 1: must be from 5 to 5120`},
		{func(c *Config) { c.AccessKeyID, c.SecretAccessKey, c.RoleARN, c.ExternalID = "a", "b", "c", "d" }, ""},
		{func(c *Config) { c.SecretAccessKey, c.FileSizeMB = "my-key", -1 }, `access_key_id is missing: access_key_id and secret_access_key must be given together; file_size_mb is -1: must be 0 or more`},
		{func(c *Config) { *c = Config{} }, `s3_bucket_name is "": must be the name of a bucket, without "/"; format.format_type is "": allowed are "CSV", "JSONL", "Avro", "Parquet"; ` +
			`metadata_columns is "": allowed are "v1", "v2"; full_refresh is "": allowed are "atomic", "incremental", "purge_first"; engine is "": allowed are "local", "kafka"; ` +
			`kafka.group is "": must be a name without spaces; kafka.topic_pattern is "": must be the name of a topic, with {namespace} and {stream} in it or without; ` +
			`kafka.input is "": allowed are "protocol", "envelope"; kafka.partitions is 0: must be from 1 to 10000; ` +
			`kafka.security_protocol is "": allowed are "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"; ` +
			`kafka.sasl_mechanism is "": allowed are "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"; kafka.session_timeout_seconds is 0: must be from 1 to 3600; partition_columns is "": allowed are "drop", "keep"`},
		{func(c *Config) { c.PartitionBy = []string{"week(a)"} }, `partition_by is ["week(a)"]: must be fields, or functions of fields: "week" is no function: there are date, year, month, day and hour`},
		{func(c *Config) { c.Engine = EngineKafka }, `kafka.brokers is "": must name a broker, as host:port, for the engine "kafka"`},
		{func(c *Config) { c.Engine, c.Kafka.Brokers = EngineKafka, "h:9092" }, ""},
		{func(c *Config) { c.Engine, c.Kafka.Brokers = EngineKafka, ", ," }, `kafka.brokers is ", ,": must name a broker, as host:port, for the engine "kafka"`},
		{func(c *Config) { c.Engine, c.Kafka.Brokers, c.Kafka.ReplicationFactor = EngineKafka, "h:9092", 0 }, `kafka.replication_factor is 0: must be -1, or at least 1`},
		{func(c *Config) {
			c.Engine, c.Kafka.Brokers, c.Kafka.SecurityProtocol, c.Kafka.SASLUsername = EngineKafka, "h:9092", SecuritySASLSSL, "me"
		},
			`kafka.sasl_password is missing: needed together with the security protocol SASL_SSL`},
		{func(c *Config) { c.Kafka.RotateMinutes = math.Inf(1) }, `kafka.rotate_minutes is +Inf: must be a finite number`},
	} {
		config := good()
		c.change(&config)
		got := ""
		if err := config.Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("\n got %s\nwant %s", got, c.want)
		}
	}
}

// A number that no float64 holds is as good as the largest one.
func TestHugeNumber(t *testing.T) {
	c, _, err := Parse(with(t, `"file_size_mb": 1e999999999, "checkpoint_minutes": 1e-999999999`))
	if err != nil || c.FileSize() != math.MaxInt64 || c.CheckpointAge() != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestUnits(t *testing.T) {
	c := good()
	c.Upload.PartSizeMB, c.Upload.MemoryMB = 5120, 16777216
	for _, u := range []struct {
		n    float64
		size int64
		age  time.Duration
	}{
		{0, 0, 0},
		{1, 1 << 20, time.Minute},
		{0.5, 1 << 19, 30 * time.Second},
		{1e-300, 1, 1},
		{1e300, math.MaxInt64, math.MaxInt64},
		{-1, 0, 0},
	} {
		c.FileSizeMB, c.CheckpointMinutes, c.Upload.RetryMinutes = u.n, u.n, u.n
		if c.FileSize() != u.size || c.CheckpointAge() != u.age || c.Upload.RetryFor() != u.age {
			t.Errorf("%v: %d, %v, %v", u.n, c.FileSize(), c.CheckpointAge(), c.Upload.RetryFor())
		}
	}
	if c.Upload.TimeoutSeconds = 2.5; c.Upload.Timeout() != 2500*time.Millisecond {
		t.Errorf("timeout %v", c.Upload.Timeout())
	}
	if c.Upload.PartSize() != 5<<30 || c.Upload.Memory() != 16<<40 {
		t.Errorf("part %d, memory %d", c.Upload.PartSize(), c.Upload.Memory())
	}
}
