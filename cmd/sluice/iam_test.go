package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/s3"
)

// TestIAM has users who may do what deploy/iam-policy.json says, and no more, or less by one
// action. docs/IAM.md tells the results.
func TestIAM(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	a := startAmazon(t)
	whole := func(p *policy) *policy { return p }

	at, _ := a.bucket(t, whole)
	everyStep(at)
	closed(at)

	at, user := a.bucket(t, nil)
	contains(t, "the check of a user without a policy", at.check(nil).ok().status().Message, "s3:PutObject")
	a.putPolicy(at, user, deployed(t, at.config["s3_bucket_name"].(string)))
	everyStep(at)
	closed(at)

	tried := map[string]bool{}
	f := func(action, call, check string, less func(at *target, right string)) {
		t.Helper()
		tried[action] = true
		at, _ := a.bucket(t, func(p *policy) *policy { return p.without(action) })
		at.t = t
		at.put(nil, "data/users/README.txt", "elsewhere/file")
		right := "it takes the right " + action + " on the "
		r := at.check(nil).ok()
		if got := r.status(); got.Status != check {
			t.Errorf("without %s: got %+v", action, got)
		} else if check == "FAILED" {
			contains(t, "the message", got.Message, call, right, "docs/IAM.md")
		} else {
			contains(t, "the warning", strings.Join(r.logs("WARN"), "\n"), call, right, "Syncs work without")
		}
		var left []string
		for _, key := range at.keys() {
			if strings.Contains(key, "_sluice_connection_test_") {
				left = append(left, key)
			}
		}
		if want := map[string]int{"s3:DeleteObject": 2}[action]; len(left) != want || len(at.keys()) != want+2 {
			t.Errorf("without %s the check leaves %v", action, at.keys())
		}
		less(at, right)
	}
	f("s3:ListBucket", "ListObjectsV2", "FAILED", withoutList)
	f("s3:ListBucketMultipartUploads", "ListMultipartUploads", "SUCCEEDED", withoutUploads)
	f("s3:PutObject", "CreateMultipartUpload", "FAILED", withoutPut)
	f("s3:AbortMultipartUpload", "AbortMultipartUpload", "FAILED", withoutAbort)
	f("s3:GetObject", "HeadObject", "FAILED", withoutGet)
	f("s3:DeleteObject", "DeleteObjects", "FAILED", withoutDelete)
	for _, action := range deployed(t, "b").actions() {
		if !tried[action] {
			t.Errorf("%s is in the policy, and nothing is known to need it", action)
		}
	}
}

// refresh is a full refresh of users in two uploads, which is of generation 7.
func refresh(mode string) job {
	return job{config: flat(fields{"full_refresh": mode, "file_size_mb": 0.1}), streams: []stream{{name: "users", schema: numberedSchema, mode: "overwrite", gen: 7, min: 7}}}
}

// rowsOf are enough rows for the two, and numberedSchema has all of their fields.
const (
	rowsOf         = 3000
	numberedSchema = `{"type":"object","properties":{"id":{"type":"integer"},"pad":{"type":"string"}}}`
)

// everyStep does all that a sync can do, and finds no right missing.
func everyStep(at *target) {
	at.t.Helper()
	quiet := func(r *result) {
		at.t.Helper()
		if warnings := r.ok().logs("WARN"); len(warnings) > 0 {
			at.t.Errorf("got the warnings %q", warnings)
		}
	}
	r := at.check(nil)
	if quiet(r); r.status().Status != "SUCCEEDED" {
		at.t.Errorf("got %+v", r.status())
	}
	users := job{config: flat(), streams: []stream{{name: "users", schema: numberedSchema}}}
	quiet(at.sync(users, numbered("users", 0, 3)...))
	quiet(at.sync(users, numbered("users", 3, 2)...))
	same(at.t, "appended rows", at.column("data/users", "id"), ids(0, 5))
	for _, mode := range []string{"atomic", "incremental", "purge_first"} {
		at.put(sink.Metadata{sink.MetaGeneration: "6"}, oldKeys("data/users", 2)...)
		for _, key := range at.keysIn("data/users") { // of generation 7 are those of the mode before
			if !slices.Contains(oldKeys("data/users", 2), key) {
				if err := at.store.Delete(at.t.Context(), key); err != nil {
					at.t.Fatal(err)
				}
			}
		}
		quiet(at.sync(refresh(mode), numbered("users", 0, rowsOf)...))
		same(at.t, "rows of the refresh, "+mode, at.column("data/users", "id"), ids(0, rowsOf))
	}
	at.sync(refresh("atomic"), append(numbered("users", 0, rowsOf), status("users", "INCOMPLETE"))...).failed(1, "transient_error", "users")
	at.clean() // aborted

	half := at.halfShown("data/events")
	quiet(at.sync(job{streams: []stream{{name: "events"}}}, record("events", `{"n":1}`)))
	same(at.t, "rows beside "+half, at.data("data/events"), []string{`{"n":1}`})
	at.halfShown("data/table")
	quiet(at.sync(job{streams: []stream{{name: "table", mode: "overwrite", gen: 7, min: 7}}}, record("table", `{"n":1}`)))
	same(at.t, "rows of table", at.data("data/table"), []string{`{"n":1}`})
}

// closed looks for what the policy must not allow.
func closed(at *target) {
	at.t.Helper()
	text := func(name string) string { return at.config[name].(string) }
	user, err := s3.New(at.t.Context(), s3.Settings{
		Bucket: text("s3_bucket_name"), Region: text("s3_bucket_region"), Endpoint: text("s3_endpoint"),
		AccessKeyID: text("access_key_id"), SecretAccessKey: text("secret_access_key"),
	})
	if err != nil {
		at.t.Fatal(err)
	}
	at.put(nil, "data2/file", "file")
	ctx := at.t.Context()
	list := func(prefix string) (last error) {
		for _, last = range user.List(ctx, prefix, "") {
		}
		return last
	}
	for _, key := range []string{"data2/file", "file"} {
		_, stat := user.Stat(ctx, key)
		_, get := user.Get(ctx, key)
		for call, err := range map[string]error{
			"HEAD": stat, "GET": get, "DELETE": user.Delete(ctx, key), "LIST": list(key), "PUT": user.Put(ctx, key+"2", sink.NewBody(nil), nil),
		} {
			if !errors.Is(err, sink.ErrDenied) {
				at.t.Errorf("%s of %s: got %v", call, key, err)
			}
		}
	}
	for _, prefix := range []string{"", "data", "dat"} {
		if err := list(prefix); !errors.Is(err, sink.ErrDenied) {
			at.t.Errorf("LIST of %q: got %v", prefix, err)
		}
	}
	got := at.check(fields{"s3_bucket_path": "data2"}).ok().status()
	contains(at.t, "the check of another path", got.Message, "s3:PutObject on the object")
}

func withoutList(at *target, right string) {
	at.sync(job{streams: []stream{{name: "users"}}}, record("users", `{}`)).failed(2, "config_error", "ListObjectsV2 data/users/", right)
}

func withoutUploads(at *target, right string) {
	half := at.halfShown("data/users")
	for _, mode := range []string{"append", "overwrite"} {
		r := at.sync(job{config: flat(), streams: []stream{{name: "users", schema: numberedSchema, mode: mode, gen: 7, min: 7}}}, numbered("users", 0, 3)...).ok()
		contains(at.t, "the warnings of "+mode, strings.Join(r.logs("WARN"), "\n"), "ListMultipartUploads", right)
		if !slices.Contains(at.keys(), half) {
			at.t.Errorf("%s is gone after %s, though nothing proves that it was half shown", half, mode)
		}
	}
}

func withoutPut(at *target, right string) {
	at.sync(job{streams: []stream{{name: "users"}}}, record("users", `{}`)).failed(2, "config_error", "PutObject data/users/", right)
	at.sync(refresh("atomic"), numbered("users", 0, rowsOf)...).failed(2, "config_error", "CreateMultipartUpload data/users/", right)
}

// withoutAbort: a sync that goes well does not need it; one that fails leaves its uploads.
func withoutAbort(at *target, right string) {
	at.sync(refresh("atomic"), numbered("users", 0, rowsOf)...).ok()
	before := len(at.uploads())
	r := at.sync(refresh("atomic"), append(numbered("users", 0, rowsOf), status("users", "INCOMPLETE"))...).failed(1, "transient_error", "users")
	contains(at.t, "the warnings", strings.Join(r.logs("WARN"), "\n"), "AbortMultipartUpload", right)
	if len(at.uploads()) == before {
		at.t.Error("the uploads are gone")
	}
}

// withoutGet: an append can't look for a half shown table, and a refresh not for generations.
func withoutGet(at *target, right string) {
	at.sync(job{streams: []stream{{name: "users"}}}, record("users", `{}`)).ok()
	r := at.sync(job{streams: []stream{{name: "users"}}}, record("users", `{}`)).ok()
	contains(at.t, "the warnings", strings.Join(r.logs("WARN"), "\n"), "HeadObject", right)
	at.sync(job{streams: []stream{{name: "users", mode: "overwrite"}}}, record("users", `{}`)).ok()
	at.sync(refresh("atomic"), numbered("users", 0, rowsOf)...).failed(2, "config_error", "HeadObject data/users/", right)
}

// withoutDelete: the new table is there, and acknowledged, beside the old one.
func withoutDelete(at *target, right string) {
	at.put(nil, oldKeys("data/users", 1)...)
	r := at.sync(refresh("atomic"), append(numbered("users", 0, rowsOf), streamState("users", `{"n":1}`))...).failed(2, "config_error", "DeleteObjects data/users/", right)
	same(at.t, "counts", r.counts(), []float64{rowsOf})
	at.sync(refresh("purge_first"), numbered("users", 0, 1)...).failed(2, "config_error", "DeleteObjects data/users/", right)
	at.sync(job{config: flat(), streams: []stream{{name: "events", schema: numberedSchema}}}, numbered("events", 0, 1)...).ok()
}

// TestHiddenObjects has a store that answers as Amazon does to who may not list the whole bucket:
// that an object is not there is no answer to a HEAD, but a refusal.
func TestHiddenObjects(t *testing.T) {
	t.Parallel()
	hidden := func(x *exchange) {
		if x.forward(); x.resp.StatusCode == http.StatusNotFound {
			x.resp.StatusCode = http.StatusForbidden
		}
		x.answer()
	}
	at, p := inWeather(t, on(always, hidden, "HeadObject")...)
	at.halfShown("data/events")
	at.sync(job{streams: []stream{{name: "events"}}}, record("events", `{"n":1}`)).ok()
	same(t, "rows of events", at.data("data/events"), []string{`{"n":1}`})
	at.halfShown("data/table")
	at.sync(job{streams: []stream{{name: "table", mode: "overwrite", gen: 7, min: 7}}}, record("table", `{"n":1}`)).ok()
	same(t, "rows of table", at.data("data/table"), []string{`{"n":1}`})
	if p.injected() == 0 {
		t.Error("no HEAD came by")
	}
}

// TestRole takes on a role whose trust asks for an external id.
func TestRole(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	const arn, id = "arn:aws:iam::111122223333:role/sluice", "a-secret-of-two"
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		if r.FormValue("Action") != "AssumeRole" || r.FormValue("RoleArn") != arn || r.FormValue("ExternalId") != id {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:iam::444455556666:user/airbyte`+
				` is not authorized to perform: sts:AssumeRole on resource: %s</Message></Error></ErrorResponse>`, arn)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId>`+
			`<SecretAccessKey>%s</SecretAccessKey><SessionToken></SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			at.config["access_key_id"], at.config["secret_access_key"], time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(sts.Close)
	check := func(externalID string) connection {
		t.Helper()
		config := at.with(fields{"role_arn": arn, "external_id": externalID, "access_key_id": "AKIAOFTHEUSER", "secret_access_key": "its-secret"})
		return start(t, []string{"AWS_ENDPOINT_URL_STS=" + sts.URL}, "check", "--config", writeFile(t, "config.json", config)).finish().ok().status()
	}
	if got := check(id); got.Status != "SUCCEEDED" {
		t.Errorf("got %+v", got)
	}
	got := check("another")
	if got.Status != "FAILED" || strings.Contains(got.Message, "another") {
		t.Errorf("got %+v", got)
	}
	contains(t, "the message", got.Message, "AssumeRole: AccessDenied", "it takes the right sts:AssumeRole on the role", "external_id", arn, "docs/IAM.md")
}
