package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/s3"
)

// amazon is a gateway with an IAM server: its users may do what their policies say.
type amazon struct {
	*gateway.Gateway
	t      testing.TB
	client http.Client
	users  int
}

func startAmazon(t *testing.T) *amazon {
	t.Helper()
	dir, err := os.MkdirTemp("", "iam-") // the path of a socket may not be as long as t.TempDir can get
	if err != nil {
		t.Fatal(err)
	}
	gw, err := gateway.Start(t.Context(), gateway.Options{Dir: dir, IAM: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gw.Stop(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return &amazon{Gateway: gw, t: t, client: http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// policy is an IAM policy. Its statements are as Amazon reads them, but for a field more.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal map[string]string `json:",omitempty"` // of bucket policies
	Action    actions
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// actions are a list, or one text.
type actions []string

func (a *actions) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '[' {
		return json.Unmarshal(raw, (*[]string)(a))
	}
	*a = make([]string, 1)
	return json.Unmarshal(raw, &(*a)[0])
}

// deployed is deploy/iam-policy.json for a bucket and the path "data".
func deployed(t testing.TB, bucket string) *policy {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "deploy", "iam-policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(strings.NewReplacer("BUCKET", bucket, "PATH", "data").Replace(string(raw))))
	dec.DisallowUnknownFields()
	p := &policy{}
	if err := dec.Decode(p); err != nil {
		t.Fatal(err)
	}
	return p
}

// actions are all that the policy allows.
func (p *policy) actions() (all []string) {
	for _, s := range p.Statement {
		all = append(all, s.Action...)
	}
	return all
}

// without takes one action away.
func (p *policy) without(action string) *policy {
	for i := range p.Statement {
		s := &p.Statement[i]
		s.Action = slices.DeleteFunc(s.Action, func(a string) bool { return a == action })
	}
	p.Statement = slices.DeleteFunc(p.Statement, func(s statement) bool { return len(s.Action) == 0 })
	return p
}

// bucket is a fresh one, and a user whose policy is what change makes of the deployed one; nil
// is a user without any. The target's own store is the root user's.
func (a *amazon) bucket(t testing.TB, change func(p *policy) *policy) (at *target, user string) {
	t.Helper()
	a.users++
	name := fmt.Sprintf("user-%d", a.users)
	bucket := "bucket-of-" + name
	if err := a.MakeBucket(bucket); err != nil {
		t.Fatal(err)
	}
	st, err := s3.New(t.Context(), s3.Settings{
		Bucket: bucket, Region: a.Region, Endpoint: a.Endpoint, AccessKeyID: a.AccessKey, SecretAccessKey: a.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		Arn string `xml:"CreateUserResult>User>Arn"`
	}
	a.iam(&made, url.Values{"Action": {"CreateUser"}, "UserName": {name}})
	var keys struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	a.iam(&keys, url.Values{"Action": {"CreateAccessKey"}, "UserName": {name}})
	if change != nil {
		document := toJSON(t, change(deployed(t, bucket)))
		a.iam(nil, url.Values{"Action": {"PutUserPolicy"}, "UserName": {name}, "PolicyName": {"sluice"}, "PolicyDocument": {document}})
	}
	return &target{t: t, store: st, root: filepath.Join(a.DataDir, bucket), config: fields{
		"s3_bucket_name": bucket, "s3_bucket_path": "data", "s3_bucket_region": a.Region, "s3_endpoint": a.Endpoint,
		"access_key_id": keys.ID, "secret_access_key": keys.Secret, "format": fields{"format_type": "CSV"},
	}}, made.Arn
}

// putPolicy makes p the bucket's own policy, for one user.
func (a *amazon) putPolicy(at *target, user string, p *policy) {
	a.t.Helper()
	for i := range p.Statement {
		p.Statement[i].Principal = map[string]string{"AWS": user}
	}
	bucket := at.config["s3_bucket_name"].(string)
	a.root(http.MethodPut, "s3", a.Endpoint+"/"+bucket+"?policy=", "application/json", []byte(toJSON(a.t, p)))
}

// iam is a call of the IAM API by the root user.
func (a *amazon) iam(result any, params url.Values) {
	a.t.Helper()
	params.Set("Version", "2010-05-08")
	body := a.root(http.MethodPost, "iam", a.IAMEndpoint+"/", "application/x-www-form-urlencoded", []byte(params.Encode()))
	if result == nil {
		return
	}
	if err := xml.Unmarshal(body, result); err != nil {
		a.t.Fatalf("%v: %s", err, body)
	}
}

// root is a request of the root user.
func (a *amazon) root(method, service, endpoint, kind string, body []byte) []byte {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, endpoint, bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("Content-Type", kind)
	req.Header.Set("X-Amz-Content-Sha256", hash)
	keys := aws.Credentials{AccessKeyID: a.AccessKey, SecretAccessKey: a.SecretKey}
	if err := v4.NewSigner().SignHTTP(a.t.Context(), keys, req, hash, service, a.Region, time.Now()); err != nil {
		a.t.Fatal(err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		a.t.Fatalf("%s %s: %s, %v: %s", method, endpoint, resp.Status, err, answer)
	}
	return answer
}

// halfShown leaves what a sync leaves that was killed two hours ago, when it had shown the second
// of the two objects of a full refresh: the first one is still an upload.
func (at *target) halfShown(dir string) (second string) {
	at.t.Helper()
	then := time.Now().Add(-2 * time.Hour)
	stamp := fmt.Sprintf("%s/%s_%d_", dir, then.UTC().Format("2006_01_02"), then.UnixMilli())
	first, second := stamp+"0.csv", stamp+"1.csv"
	meta := sink.Metadata{sink.MetaSet: path.Base(first), sink.MetaReplaces: sink.Replaces(nil), sink.MetaGeneration: "7"}
	up, err := at.store.Create(at.t.Context(), first, meta)
	if err != nil {
		at.t.Fatal(err)
	}
	if err := up.Part(at.t.Context(), sink.Part{Number: 1, Body: sink.NewBody([]byte("id\r\n1\r\n"))}); err != nil {
		at.t.Fatal(err)
	}
	at.put(meta, second)
	if err := os.Chtimes(filepath.Join(at.root, filepath.FromSlash(second)), then, then); err != nil {
		at.t.Fatal(err)
	}
	at.t.Cleanup(func() { _ = up.Abort(at.t.Context()) })
	return second
}
