package config

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"strings"

	"github.com/sluice-data/sluice/internal/hive"
	"github.com/sluice-data/sluice/internal/naming"
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
	p := problems{mask: m}
	if c.Format.Type == FormatParquet && c.Format.Parquet.Codec == "LZO" {
		p.add("format.compression_codec", "LZO", `this version of sluice can't write it: use "SNAPPY" or "ZSTD"`)
	}
	return p.errors
}

// rules checks what a JSON Schema cannot say.
func (c *Config) rules(m mask) Errors {
	p := problems{mask: m}
	c.templateRules(&p)
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

// templateRules checks the fields that make the names of objects. Which streams they can tell apart
// is known with a catalog.
func (c *Config) templateRules(p *problems) {
	_, err := c.Template()
	var wrong naming.Errors
	errors.As(err, &wrong)
	for _, w := range wrong {
		value := map[string]string{naming.FieldBucket: c.Path, naming.FieldPath: c.PathFormat, naming.FieldFile: c.FileNamePattern}[w.Field]
		reason := w.Reason
		if p.mask.hides(reason) {
			reason = "has a variable that is not known"
		}
		p.add(w.Field, value, reason)
	}
	if len(wrong) > 0 || c.Engine != EngineKafka {
		return
	}
	// The names that workers give tell where a file begins in the log.
	if c.FileNamePattern != "" && c.FileNamePattern != DefaultFileNamePattern {
		p.add(naming.FieldFile, c.FileNamePattern, "with the engine kafka only "+jsonText(DefaultFileNamePattern)+": workers name files after topic, partition and offset")
	}
	const names = "with the engine kafka a path may have ${NAMESPACE} and ${STREAM_NAME} alone"
	if naming.OfTime(c.Path) {
		p.add(naming.FieldBucket, c.Path, names)
	}
	if c.PathFormat != "" && c.PathFormat != DefaultPathFormat && (naming.OfTime(c.PathFormat) || !strings.HasSuffix(c.PathFormat, "/")) {
		p.add(naming.FieldPath, c.PathFormat, names+" and has to end with a slash, or is "+jsonText(DefaultPathFormat))
	}
}

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
