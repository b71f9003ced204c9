package config

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/sluice-data/sluice/internal/hive"
)

// Validate checks everything that Parse checks, for a Config that a program has filled. The
// error is an Errors with everything that is wrong, or nil.
func (c *Config) Validate() error {
	m := mask(SecretsOf(c))
	finite := *c
	problems := finite.finite()
	problems = append(problems, finite.checkFields(m)...)
	problems = append(problems, c.rules(m)...)
	problems = append(problems, c.unsupported(m)...)
	return problems.ordered().err()
}

// problems collects errors about the fields of a Config.
type problems struct {
	errors Errors
	mask   mask
}

func (p *problems) add(field string, value any, allowed string) {
	p.errors = append(p.errors, Error{Field: field, Value: p.mask.value(field, value), Allowed: allowed})
}

// unsupported finds what the specification allows and this version cannot do yet.
func (c *Config) unsupported(m mask) Errors {
	const templates = "this version of sluice does not support templates yet"
	p := problems{mask: m}
	if strings.Contains(c.Path, "${") {
		p.add("s3_bucket_path", c.Path, templates)
	}
	if c.PathFormat != "" && c.PathFormat != DefaultPathFormat {
		p.add("s3_path_format", c.PathFormat, templates+", only "+jsonText(DefaultPathFormat))
	}
	if c.FileNamePattern != "" && c.FileNamePattern != DefaultFileNamePattern {
		p.add("file_name_pattern", c.FileNamePattern, templates+", only "+jsonText(DefaultFileNamePattern))
	}
	if c.Format.Type == FormatParquet && c.Format.Parquet.Codec == "LZO" {
		p.add("format.compression_codec", "LZO", `this version of sluice can't write it: use "SNAPPY" or "ZSTD"`)
	}
	return p.errors
}

// rules checks what a JSON Schema cannot say.
func (c *Config) rules(m mask) Errors {
	p := problems{mask: m}
	if slices.ContainsFunc(strings.Split(c.Path, "/"), func(segment string) bool { return segment == "." || segment == ".." }) {
		p.add("s3_bucket_path", c.Path, `must have no "." or ".." between its slashes`)
	}
	if strings.ContainsFunc(c.Path, unlisted) {
		p.add("s3_bucket_path", c.Path, "must have no control characters")
	}
	const both = "access_key_id and secret_access_key must be given together"
	if c.AccessKeyID == "" && c.SecretAccessKey != "" {
		p.add("access_key_id", nil, both)
	}
	if c.AccessKeyID != "" && c.SecretAccessKey == "" {
		p.add("secret_access_key", nil, both)
	}
	if c.ExternalID != "" && c.RoleARN == "" {
		p.add("external_id", c.ExternalID, "allowed only together with role_arn")
	}
	c.kafkaRules(&p)
	if _, err := hive.ParseAll(c.PartitionBy); err != nil {
		p.add("partition_by", c.PartitionBy, "must be fields, or functions of fields: "+err.Error())
	}
	if wanted := endpointRule(c.Endpoint); wanted != "" {
		p.add(endpointField, c.Endpoint, "must be "+wanted)
	}
	c.Format.rules(&p)
	return p.errors
}

// unlisted reports what the XML of a store's listing can't tell, or tells as something else: an
// object that is not found there can't be replaced.
func unlisted(r rune) bool { return unicode.IsControl(r) || r == '\ufffe' || r == '\uffff' }

// endpointRule says what an endpoint should have been, or "" when it is right. It never
// returns the text of a parser's error, which quotes the URL and a password in it.
func endpointRule(endpoint string) string {
	if endpoint == "" {
		return ""
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "a URL"
	}
	if u.User != nil {
		return "a URL without user name and password"
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(endpoint, "#") {
		return `a URL without "?" and "#"`
	}
	if u.Scheme == "file" {
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return "file:// and an absolute path, such as file:///some/directory"
		}
		return ""
	}
	if u.Hostname() == "" {
		return "a URL with a host"
	}
	return ""
}

// finite reports the numbers that JSON cannot write, and sets them to their defaults.
func (c *Config) finite() Errors {
	var found Errors
	def := Default()
	for _, f := range []struct {
		field string
		n     *float64
		def   float64
	}{
		{"file_size_mb", &c.FileSizeMB, def.FileSizeMB},
		{"checkpoint_minutes", &c.CheckpointMinutes, def.CheckpointMinutes},
		{"upload.retry_minutes", &c.Upload.RetryMinutes, def.Upload.RetryMinutes},
		{"upload.timeout_seconds", &c.Upload.TimeoutSeconds, def.Upload.TimeoutSeconds},
		{"kafka.session_timeout_seconds", &c.Kafka.SessionTimeoutSeconds, def.Kafka.SessionTimeoutSeconds},
		{"kafka.rotate_minutes", &c.Kafka.RotateMinutes, def.Kafka.RotateMinutes},
	} {
		if math.IsNaN(*f.n) || math.IsInf(*f.n, 0) {
			found = append(found, Error{Field: f.field, Value: number(*f.n), Allowed: "must be a finite number"})
			*f.n = f.def
		}
	}
	return found
}

// checkFields checks each field for itself, as the specification says.
func (c *Config) checkFields(m mask) Errors {
	text, err := json.Marshal(c) // secrets are masked, which is as good a string
	if err != nil {
		return Errors{{Field: document, Value: "not readable"}}
	}
	doc, err := readDocument(text)
	if err != nil {
		return Errors{{Field: document, Value: "not readable"}}
	}
	return check(doc, m)
}
