package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/gateway/gatewaytest"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/sinktest"
)

func TestMain(m *testing.M) {
	// What the machine has of its own must not decide what the tests see.
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	gatewaytest.Main(m)
}

func TestSuite(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sink.Store {
		gw := gatewaytest.ForTest(t)
		return open(t, Settings{
			Bucket: gw.Bucket, Region: gw.Region, Endpoint: gw.Endpoint,
			AccessKeyID: gw.AccessKey, SecretAccessKey: gw.SecretKey,
		})
	})
}

// TestGatewayRefuses has a real store refuse what is wrong.
func TestGatewayRefuses(t *testing.T) {
	gw := gatewaytest.ForTest(t)
	f := func(bucket, id, secret string, want error) {
		t.Helper()
		s := open(t, Settings{Bucket: bucket, Endpoint: gw.Endpoint, AccessKeyID: id, SecretAccessKey: secret})
		err := s.Put(t.Context(), "a", sink.NewBody([]byte("x")), nil)
		if !errors.Is(err, want) || sink.ClassOf(err) != sink.Permanent {
			t.Errorf("got %v, want %v", err, want)
		}
		if err != nil && (strings.Contains(err.Error(), id) || strings.Contains(err.Error(), secret)) {
			t.Errorf("got credentials in %v", err)
		}
	}
	f("no-such-bucket", gw.AccessKey, gw.SecretKey, sink.ErrNoBucket)
	f(gw.Bucket, "AKIDNOTTHERE", gw.SecretKey, sink.ErrCredentials)
	f(gw.Bucket, gw.AccessKey, "not-the-secret", sink.ErrCredentials)
}

func open(t *testing.T, set Settings) *Store {
	t.Helper()
	s, err := New(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettings(t *testing.T) {
	f := func(set Settings, want string) {
		t.Helper()
		_, err := New(t.Context(), set)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q in it", set, err, want)
		}
	}
	f(Settings{}, "bucket")
	f(Settings{Bucket: "b", AccessKeyID: "x"}, "secret access key")
	f(Settings{Bucket: "b", SecretAccessKey: "x"}, "access key id")
	f(Settings{Bucket: "b", Endpoint: "minio:9000"}, "must be a URL")
	f(Settings{Bucket: "b", Endpoint: "localhost"}, "must be a URL")
	f(Settings{Bucket: "b", Endpoint: "ftp://x"}, "must be a URL")
	f(Settings{Bucket: "b", Endpoint: "https://"}, "must be a URL")
}

// doFunc is an HTTP client that makes up its replies.
type doFunc func(*http.Request) (*http.Response, error)

func (f doFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

func response(r *http.Request, status int, region string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}
	if region != "" {
		resp.Header.Set(regionHeader, region)
	}
	return resp
}

// TestRegion looks to which host the first call goes.
func TestRegion(t *testing.T) {
	f := func(set Settings, status int, region, want string) {
		t.Helper()
		asked, host := 0, ""
		set.Bucket, set.AccessKeyID, set.SecretAccessKey = "data.of-us", "id", "secret"
		set.HTTPClient = doFunc(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodHead && r.Header.Get("Authorization") == "" {
				asked++
				if got := r.URL.String(); got != "https://s3.amazonaws.com/data.of-us" {
					t.Errorf("asked %s for the region", got)
				}
				if status == 0 {
					return nil, errors.New("no network")
				}
				return response(r, status, region), nil
			}
			host = r.URL.Host + " " + strings.Split(r.Header.Get("Authorization"), "/")[2]
			return response(r, http.StatusNoContent, ""), nil
		})
		s := open(t, set)
		if err := s.deleteOne(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		if host != want {
			t.Errorf("got %s, want %s", host, want)
		}
		if wanted := status >= 0; asked != 0 != wanted {
			t.Errorf("asked %d times for the region, want that to be needed: %v", asked, wanted)
		}
	}
	const notAsked, noNetwork = -1, 0
	f(Settings{Region: "eu-west-3"}, notAsked, "", "s3.eu-west-3.amazonaws.com eu-west-3")
	f(Settings{Endpoint: "http://127.0.0.1:1"}, notAsked, "", "127.0.0.1:1 us-east-1")
	f(Settings{Endpoint: "http://127.0.0.1:1", Region: "auto"}, notAsked, "", "127.0.0.1:1 auto")
	for _, status := range []int{200, 301, 400, 403} {
		f(Settings{}, status, "eu-north-1", "s3.eu-north-1.amazonaws.com eu-north-1")
	}
	f(Settings{}, http.StatusNotFound, "", "s3.us-east-1.amazonaws.com us-east-1")
	f(Settings{}, noNetwork, "", "s3.us-east-1.amazonaws.com us-east-1")
	t.Setenv("AWS_REGION", "sa-east-1")
	f(Settings{}, notAsked, "", "s3.sa-east-1.amazonaws.com sa-east-1")
}

func TestNoCredentials(t *testing.T) {
	s := open(t, Settings{Bucket: "b", Region: "us-east-1"})
	_, err := s.Stat(t.Context(), "a")
	if !errors.Is(err, sink.ErrCredentials) || sink.ClassOf(err) != sink.Permanent || !strings.Contains(err.Error(), "no access key is set") {
		t.Errorf("got %v, want %v that says that there are none", err, sink.ErrCredentials)
	}
}

// TestRole answers for STS and for S3.
func TestRole(t *testing.T) {
	const session = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
		<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
		<SessionToken>role-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
		</Credentials></AssumeRoleResult></AssumeRoleResponse>`
	const denied = `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>
		<Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`
	f := func(status int, reply string, check func(roles, calls []*http.Request, err error)) {
		t.Helper()
		var roles, calls []*http.Request
		s := open(t, Settings{
			Bucket: "b", Region: "us-east-1", AccessKeyID: "AKIAOWN", SecretAccessKey: "own-secret",
			RoleARN: "arn:aws:iam::123456789012:role/writer", ExternalID: "ext-1",
			HTTPClient: doFunc(func(r *http.Request) (*http.Response, error) {
				if strings.HasPrefix(r.URL.Host, "sts.") {
					if err := r.ParseForm(); err != nil {
						t.Error(err)
					}
					roles = append(roles, r)
					resp := response(r, status, "")
					resp.Body = stringBody(reply)
					return resp, nil
				}
				calls = append(calls, r)
				return response(r, http.StatusNoContent, ""), nil
			}),
		})
		var err error
		for range 2 {
			err = s.deleteOne(t.Context(), "a")
		}
		check(roles, calls, err)
	}
	f(http.StatusOK, session, func(roles, calls []*http.Request, err error) {
		if err != nil || len(roles) != 1 || len(calls) != 2 {
			t.Fatalf("got %v after %d calls for the role and %d to the bucket", err, len(roles), len(calls))
		}
		if r := roles[0]; r.Form.Get("ExternalId") != "ext-1" || !strings.Contains(r.Header.Get("Authorization"), "AKIAOWN") {
			t.Errorf("got %v", r.Form)
		}
		if h := calls[1].Header; h.Get("X-Amz-Security-Token") != "role-token" || !strings.Contains(h.Get("Authorization"), "ASIAROLE") {
			t.Errorf("the call to the bucket was not signed with the role: %v", h)
		}
	})
	f(http.StatusForbidden, denied, func(_, calls []*http.Request, err error) {
		if !errors.Is(err, sink.ErrCredentials) || sink.ClassOf(err) != sink.Permanent || len(calls) != 0 {
			t.Errorf("got %v and %d calls, want %v", err, len(calls), sink.ErrCredentials)
		}
		const want = "DeleteObject a: credentials not accepted, it takes the right sts:AssumeRole on the role, and the role's trust with this external_id (AssumeRole: AccessDenied: not authorized to perform: sts:AssumeRole, HTTP 403)"
		if err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	})
}

// TestBodiesHaveNoWriteTo: see plainBodies. That what it prevents does not happen can't be
// tested reliably: it takes an answer that is quicker than a goroutine of net/http.
func TestBodiesHaveNoWriteTo(t *testing.T) {
	bodies := 0
	s := open(t, Settings{
		Bucket: "b", Endpoint: "http://store.invalid", AccessKeyID: testID, SecretAccessKey: testSecret,
		HTTPClient: doFunc(func(r *http.Request) (*http.Response, error) {
			if _, quick := r.Body.(io.WriterTo); quick && r.Body != http.NoBody {
				t.Errorf("%s %s: the body has a WriteTo", r.Method, r.URL)
			}
			if r.ContentLength > 0 {
				bodies++
			}
			return response(r, http.StatusForbidden, ""), nil
		}),
	})
	for _, do := range calls {
		_ = do(t.Context(), s)
	}
	if bodies != 4 { // Put, Part, DeleteObjects and Complete
		t.Errorf("%d requests had a body", bodies)
	}
}

// TestCancelledBetweenPages ends the context while a listing is under way.
func TestCancelledBetweenPages(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		reply(w, 200, listPage("1", "a"))
	})
	var last error
	for _, err := range s.List(ctx, "", "") {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v, want %v", last, context.Canceled)
	}
}

// TestR2 is known by its host: its parts must have one size.
func TestR2(t *testing.T) {
	f := func(endpoint string, want bool) {
		t.Helper()
		s, err := New(t.Context(), Settings{Bucket: "b", Region: "auto", Endpoint: endpoint, AccessKeyID: "a", SecretAccessKey: "s"})
		if err != nil || s.Properties().EqualParts != want {
			t.Errorf("%q: equal parts is not %v, or error %v", endpoint, want, err)
		}
	}
	f("https://0123456789abcdef.r2.cloudflarestorage.com", true)
	f("https://0123456789abcdef.eu.r2.cloudflarestorage.com/", true)
	f("https://s3.example.com/x.r2.cloudflarestorage.com", false)
	f("https://r2.cloudflarestorage.com.example.com", false)
	f("", false)
}
