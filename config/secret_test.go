package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// marker is the secret that must be seen nowhere.
const marker = "h4nter2/hush+hush"

func TestSecret(t *testing.T) {
	s, empty := Secret(marker), Secret("")
	for got, want := range map[string]string{
		s.String(): "***", s.GoString(): `"***"`, s.LogValue().String(): "***",
		fmt.Sprintf("%s %v %d %x", s, s, s, s): "*** *** *** ***",
		fmt.Sprintf("%q %#v", s, s):            `"***" "***"`,
		fmt.Sprintf("[%s%v]", empty, empty):    "[]",
		fmt.Sprintf("%q", empty):               `""`,
		s.Reveal():                             marker,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	text, err := json.Marshal([]Secret{s, empty})
	if err != nil || string(text) != `["***",""]` {
		t.Errorf("JSON is %s, %v", text, err)
	}
}

func TestConfigShowsNoSecret(t *testing.T) {
	c := good()
	c.AccessKeyID, c.SecretAccessKey, c.RoleARN, c.ExternalID, c.Kafka.SASLPassword = marker, marker, "role", marker, marker
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&out, verb+"\n", c)
		fmt.Fprintf(&out, verb+"\n", &c)
		fmt.Fprintf(&out, verb+"\n", struct{ Config Config }{c})
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("config", "value", c, "pointer", &c, "key", c.SecretAccessKey)
	}
	shown := out.String()
	if hidden := fmt.Sprintf("%x", marker); strings.Contains(shown, marker) || strings.Contains(shown, hidden) || !strings.Contains(shown, "***") {
		t.Errorf("a secret is shown:\n%s", shown)
	}
	if got := SecretsOf(&c); !slices.Equal(got, []string{marker, marker, marker, marker}) {
		t.Errorf("SecretsOf gives %q", got)
	}
	if c.ExternalID = ""; len(SecretsOf(&c)) != 3 {
		t.Errorf("SecretsOf gives %q", SecretsOf(&c))
	}
}

// What is wrong with a config must be said without its secrets, wherever they stand.
func TestErrorsShowNoSecret(t *testing.T) {
	for _, raw := range []string{
		`{"secret_access_key": "MARKER"}`,
		`{"secret_access_key": "MARKER", "access_key_id": 5}`,
		`{"secret_access_key": ["MARKER"]}`,
		`{"secret_access_key": {"a": "MARKER"}}`,
		`{"secret_access_key": {"MARKER": 1}}`,
		`{"secret_access_key": {"MARKER": 1, "MARKER": 2}}`,
		`{"external_id": "MARKER"}`,
		`{"secret_access_key": "MARKER"`,
		`{"secret_access_key": MARKER}`,
		`{"secret_access_key": "MARKER" "MARKER"}`,
		`{"secret_access_key": "MARKER"} "MARKER"`,
		`"MARKER"`,
		`["MARKER"]`,
		`{"MARKER`,
		`MARKER`,
		`{"s3_bucket_name": {"secret_access_key": "MARKER"}}`,
		`{"format": ["MARKER"]}`,
		`{"s3_endpoint": "https://me:MARKER@host"}`,
		`{"s3_endpoint": "https://MARKER@host"}`,
		`{"s3_endpoint": "ftp://me:MARKER@host"}`,
		`{"s3_endpoint": "https://me:MARKER%@ho st"}`,
		`{"s3_endpoint": "https://host?signature=MARKER"}`,
		`{"secret_access_key": "MARKER", "full_refresh": "x MARKER y"}`,
		`{"secret_access_key": "MARKER", "s3_bucket_path": "../MARKER"}`,
		`{"secret_access_key": ["MARKER"], "s3_bucket_path": "../MARKER"}`,
		`{"secret_access_key": "MARKER", "MARKER": "MARKER"}`,
		`{"secret_access_key": "MARKER", "upload": {"xMARKERx": 1}}`,
		`{"secret_access_key": "MARKER", "s3_path_format": "MARKER"}`,
		`{"secret_access_key": "MARKER", "secret_access_key": "MARKER"}`,
		`{"secret_access_key": 123454321, "file_size_mb": -123454321}`,
		`{"a": "MARKER", "a": "MARKER", "MARKER": 1}`,
		`{"kafka": {"sasl_password": "MARKER", "brokers": "MARKER"}, "engine": "MARKER"}`,
		`{"kafka": {"sasl_password": "MARKER", "xMARKERx": 1}}`,
		`{"kafka": {"sasl_password": ["MARKER"], "group": "a MARKER"}}`,
	} {
		_, warnings, err := Parse([]byte(strings.ReplaceAll(raw, "MARKER", marker)))
		if err == nil {
			t.Errorf("%s is wrong and was accepted", raw)
		}
		shown := fmt.Sprintf("%v %+v %#v %q", err, err, err, warnings)
		if strings.Contains(shown, marker) || strings.Contains(shown, "123454321") {
			t.Errorf("%s: a secret is shown: %s", raw, shown)
		}
	}
}

func TestValidateShowsNoSecret(t *testing.T) {
	c := good()
	c.AccessKeyID, c.ExternalID = "my-id", marker
	c.Bucket, c.Path, c.Endpoint, c.FullRefresh = marker, "../"+marker, "https://u:"+marker+"@h", marker
	if err := c.Validate(); err == nil || strings.Contains(fmt.Sprintf("%v %#v", err, err), marker) {
		t.Errorf("a secret is shown: %v", err)
	}
}
