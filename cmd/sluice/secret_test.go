package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// TestSecrets runs every command, well and badly, and looks for the keys in all that comes
// out.
func TestSecrets(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	const id, key = "AKIASECRETSECRETID00", `wJalr/SECRET+KEY/"abcdefgh`
	at, proxy := throughProxy(t)
	look := func(r *result, secrets ...string) {
		t.Helper()
		for _, s := range append(secrets, at.config["secret_access_key"].(string)) {
			quoted := quote(s)
			for _, form := range []string{s, quoted[1 : len(quoted)-1], url.QueryEscape(s), url.PathEscape(s)} {
				if strings.Contains(r.stdout+r.stderr, form) {
					t.Errorf("the output has %q:\n%s%s", form, r.stdout, r.stderr)
				}
			}
		}
	}
	look(start(t, nil, "spec", "--log-level", "debug").finish().ok())

	// Keys that work.
	good := at.config["access_key_id"].(string)
	look(at.check(nil).ok(), good)
	users := []stream{{name: "users"}}
	write := func(config fields) *result {
		t.Helper()
		return at.sync(job{config: config, streams: users, args: []string{"--log-level", "debug"}}, record("users", `{}`), legacyState(`{}`))
	}
	look(write(nil).ok(), good)
	proxy.deny("PutObject")
	look(write(nil).failed(2, "config_error", "access denied"), good)
	look(write(fields{"s3_endpoint": closedPort(t), "upload": fields{"retry_minutes": 0}}).failed(1, "transient_error"), good)

	// Keys that do not.
	fake := fields{"access_key_id": id, "secret_access_key": key}
	look(at.check(fake).ok(), id, key)
	look(write(fake).failed(2, "config_error", "credentials"), id, key)

	// Configs that are wrong, with the keys in them, or in the wrong place.
	for _, change := range []fields{
		{"access_key_id": []string{id}, "secret_access_key": fields{"value": key}},
		{"access_key_id": fields{id: key}, "secret_access_key": []any{id, key}},
		{"secret_access_key": nil, "access_key_id": id},
		{"access_key_id": id, "secret_access_key": key, "format": key},
		{"access_key_id": id, "secret_access_key": key, "format": fields{"format_type": key}},
		{"access_key_id": id, "secret_access_key": key, "s3_bucket_name": "/" + key, "full_refresh": id, "file_size_mb": key},
		{"access_key_id": id, "secret_access_key": key, "s3_endpoint": fmt.Sprintf("http://%s:%s@localhost", id, url.PathEscape(key)), key: id},
		{"access_key_id": id, "secret_access_key": key, "role_arn": 1, "external_id": 2},
	} {
		look(at.check(change).ok(), id, key)
		look(write(change).failed(2, "config_error"), id, key)
	}
	whole := toJSON(t, at.with(fake))
	for _, text := range []string{whole[:len(whole)-1], whole + "x", whole + whole, whole[1:], "\xff" + whole,
		strings.ReplaceAll(whole, `":`, `"`), strings.Replace(whole, "{", `{"secret_access_key":`+quote(key)+`,`, 1)} {
		config := writeFile(t, "config.json", text)
		if got := start(t, nil, "check", "--config", config).finish().ok(); got.status().Status != "FAILED" {
			t.Errorf("%q is accepted", text)
		} else {
			look(got, id, key)
		}
		r := start(t, nil, "write", "--log-level", "debug", "--config", config, "--catalog", writeFile(t, "catalog.json", catalog(users...))).finish()
		look(r.failed(2, "config_error"), id, key)
	}
}
