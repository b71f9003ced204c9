package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluice-data/sluice/sink"
)

const testID, testSecret = "AKIDEXAMPLE", "a-very-secret-key"

// serve opens a store on a server that answers with handler.
func serve(t *testing.T, handler http.HandlerFunc) *Store {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return open(t, Settings{Bucket: "b", Endpoint: server.URL, AccessKeyID: testID, SecretAccessKey: testSecret})
}

func stringBody(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func errorBody(code string) string {
	if code == "" {
		return ""
	}
	return fmt.Sprintf("<Error><Code>%s</Code><Message>the message</Message><RequestId>1</RequestId></Error>", code)
}

// calls are all calls to a bucket.
var calls = map[string]func(context.Context, *Store) error{
	opPut: func(ctx context.Context, s *Store) error {
		return s.Put(ctx, "k", sink.NewBody([]byte("data")), nil)
	},
	opHead: func(ctx context.Context, s *Store) error { _, err := s.Stat(ctx, "k"); return err },
	opList: func(ctx context.Context, s *Store) (last error) {
		for _, last = range s.List(ctx, "k", "") {
		}
		return last
	},
	opDeletes: func(ctx context.Context, s *Store) error { return s.deleteBatch(ctx, []string{"k"}) },
	opDelete:  func(ctx context.Context, s *Store) error { return s.deleteOne(ctx, "k") },
	opCreate:  func(ctx context.Context, s *Store) error { _, err := s.Create(ctx, "k", nil); return err },
	opPart: func(ctx context.Context, s *Store) error {
		return uploadOf(s).Part(ctx, sink.Part{Number: 2, Offset: 4, Body: sink.NewBody([]byte("data"))})
	},
	opComplete: func(ctx context.Context, s *Store) error { return uploadOf(s).Complete(ctx) },
	opAbort:    func(ctx context.Context, s *Store) error { return uploadOf(s).Abort(ctx) },
	opParts:    func(ctx context.Context, s *Store) error { _, err := s.Parts(ctx, uploadOf(s).info); return err },
	opUploads: func(ctx context.Context, s *Store) (last error) {
		for _, last = range s.Uploads(ctx, "k") {
		}
		return last
	},
}

// once are the calls that may not simply be made again.
var once = map[string]bool{opPut: true, opCreate: true, opComplete: true}

// uploadOf is an upload that has its first part.
func uploadOf(s *Store) *upload {
	number, etag, sum := int32(1), `"etag"`, "AAAAAA=="
	return &upload{
		store: s, info: sink.UploadInfo{Key: "k", ID: "u"},
		parts: map[int]types.CompletedPart{1: {PartNumber: &number, ETag: &etag, ChecksumCRC32: &sum}},
	}
}

// want checks an error of a call.
func want(t *testing.T, op string, err error, class sink.Class, kind error) {
	t.Helper()
	var e *sink.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: got %v, want a *sink.Error", op, err)
		return
	}
	if e.Op != op || e.Key != "k" || e.Class != class || e.Kind != kind {
		t.Errorf("%s: got class %v, kind %v; want class %v, kind %v: %v", op, e.Class, e.Kind, class, kind, err)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: got the error of a context: %v", op, err)
	}
	for _, hidden := range []string{testID, testSecret, "AWS4-HMAC", "http://", "RequestID", "operation error"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: got %q in %v", op, hidden, err)
		}
	}
}

// TestReplies gives the same reply to every call.
func TestReplies(t *testing.T) {
	f := func(status int, code string, class sink.Class, kind error, except ...string) {
		t.Helper()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, status, errorBody(code)) })
		for op, do := range calls {
			if strings.Contains(strings.Join(except, " "), op) {
				continue
			}
			class := class
			if once[op] && status >= 500 && class == sink.Retryable {
				class = sink.Unknown
			}
			err := do(t.Context(), s)
			want(t, op, err, class, kind)
			if err == nil || op == opHead {
				continue // the reply to HEAD has no body
			}
			if code != "" && !strings.Contains(err.Error(), code+": the message, HTTP "+fmt.Sprint(status)) {
				t.Errorf("%s: got %v, want code, message and status in it", op, err)
			}
		}
	}
	f(503, "SlowDown", sink.Retryable, nil)
	f(503, "ServiceUnavailable", sink.Retryable, nil)
	f(500, "InternalError", sink.Retryable, nil)
	f(503, "NeverHeardOf", sink.Retryable, nil)
	f(429, "TooManyRequests", sink.Retryable, nil)
	f(400, "RequestTimeout", sink.Retryable, nil, opHead)
	f(403, "RequestTimeTooSkewed", sink.Retryable, sink.ErrClock)
	f(400, "BadDigest", sink.Retryable, nil, opHead)
	f(409, "ConditionalRequestConflict", sink.Retryable, nil, opHead)
	f(403, "AccessDenied", sink.Permanent, sink.ErrDenied)
	f(403, "InvalidAccessKeyId", sink.Permanent, sink.ErrCredentials)
	f(403, "SignatureDoesNotMatch", sink.Permanent, sink.ErrCredentials)
	f(400, "ExpiredToken", sink.Permanent, sink.ErrExpired)
	f(400, "InvalidToken", sink.Permanent, sink.ErrCredentials)
	f(404, "NoSuchBucket", sink.Permanent, sink.ErrNoBucket, opHead)
	f(404, "NoSuchUpload", sink.Permanent, sink.ErrNoUpload, opHead, opAbort)
	f(412, "PreconditionFailed", sink.Permanent, sink.ErrTaken)
	f(400, "EntityTooSmall", sink.Permanent, nil)
	f(409, "BucketNotEmpty", sink.Permanent, nil)
	f(507, "XMinioStorageFull", sink.Permanent, sink.ErrFull)
	f(400, "EntityTooLarge", sink.Permanent, sink.ErrTooLarge, opHead)
	// A proxy in between has no codes.
	f(502, "", sink.Retryable, nil)
	f(504, "", sink.Retryable, nil)
	f(408, "", sink.Retryable, nil)
	f(413, "", sink.Permanent, sink.ErrTooLarge)
	f(429, "", sink.Retryable, nil)
	f(403, "", sink.Permanent, sink.ErrDenied)
	f(400, "", sink.Permanent, nil)
}

func TestNotFound(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 404, "") })
	_, err := s.Stat(t.Context(), "k")
	want(t, opHead, err, sink.Permanent, sink.ErrNotFound)
	s = serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 404, errorBody("NoSuchUpload")) })
	if err := uploadOf(s).Abort(t.Context()); err != nil {
		t.Errorf("Abort of an upload that is gone: %v", err)
	}
}

func TestHTMLReply(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 502, "<html><p>Bad Gateway</html>") })
	for op, do := range calls {
		err := do(t.Context(), s)
		want(t, op, err, lost(op), nil)
		if err != nil && !strings.HasSuffix(err.Error(), "HTTP 502") && !strings.HasSuffix(err.Error(), "HTTP 502 Bad Gateway") {
			t.Errorf("%s: got %v", op, err)
		}
	}
}

// TestLostReply cuts the connection once the request has come.
func TestLostReply(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	for op, do := range calls {
		want(t, op, do(t.Context(), s), lost(op), nil)
		if once[op] != (lost(op) == sink.Unknown) {
			t.Errorf("%s: got class %v for a lost reply", op, lost(op))
		}
	}
}

// TestBrokenReply cuts the connection in the middle of a reply with status 200.
func TestBrokenReply(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		reply(w, 200, "<?xml version='1.0'?><Result><Key>k")
	})
	for _, op := range []string{opList, opDeletes, opCreate, opComplete, opUploads} {
		want(t, op, calls[op](t.Context(), s), lost(op), nil)
	}
}

// TestEmptyReply has status 200 and nothing of what was asked for.
func TestEmptyReply(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	for _, op := range []string{opCreate, opComplete, opPart} {
		want(t, op, calls[op](t.Context(), s), lost(op), nil)
	}
}

// TestErrorWithStatus200 is how S3 reports a Complete that fails after it has begun to answer.
func TestErrorWithStatus200(t *testing.T) {
	f := func(body string, class sink.Class, kind error) {
		t.Helper()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, body) })
		want(t, opComplete, calls[opComplete](t.Context(), s), class, kind)
	}
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	f(head+errorBody("InternalError"), sink.Unknown, nil)
	f(head+strings.Repeat(" ", 500)+"\n"+errorBody("SlowDown"), sink.Unknown, nil)
	f(head+errorBody("NoSuchUpload"), sink.Permanent, sink.ErrNoUpload)
	f(head+errorBody("PreconditionFailed"), sink.Permanent, sink.ErrTaken)
	f(head+strings.Repeat(" ", 500), sink.Unknown, nil)
}

// TestNoConnection calls a port on which nobody listens.
func TestNoConnection(t *testing.T) {
	s := open(t, Settings{Bucket: "b", Endpoint: "http://127.0.0.1:1", AccessKeyID: testID, SecretAccessKey: testSecret})
	for op, do := range calls {
		want(t, op, do(t.Context(), s), sink.Retryable, nil)
	}
}

// TestNoAnswer has each attempt end by its own time limit.
func TestNoAnswer(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	s.timeout = 20 * time.Millisecond
	for op, do := range calls {
		err := do(t.Context(), s)
		want(t, op, err, lost(op), nil)
		if err != nil && !strings.Contains(err.Error(), "no answer within") {
			t.Errorf("%s: got %v", op, err)
		}
	}
	if got := s.bodyLimit(640 << 10); got != s.timeout+10*time.Second {
		t.Errorf("got a limit of %v for 640 KiB, want 10 s more", got)
	}
}

// TestCallerGivesUp has the caller's context end during each call.
func TestCallerGivesUp(t *testing.T) {
	for op, do := range calls {
		ctx, cancel := context.WithCancel(t.Context())
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		if err := do(ctx, s); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", op, err, context.Canceled)
		}
	}
}

// TestTransport judges what is hard to bring about.
func TestTransport(t *testing.T) {
	f := func(err error, class sink.Class) {
		t.Helper()
		err = &smithy.OperationError{ServiceID: "S3", OperationName: opPut, Err: err}
		want(t, opPut, (&Store{}).judge(opPut, "k", err), class, nil)
	}
	// What is wrong with the endpoint is wrong from the beginning, or a trouble that will pass.
	endpoint := func(err error) {
		t.Helper()
		err = &smithy.OperationError{ServiceID: "S3", OperationName: opPut, Err: err}
		s := &Store{}
		want(t, opPut, s.judge(opPut, "k", err), sink.Permanent, sink.ErrEndpoint)
		s.answered.Store(true)
		want(t, opPut, s.judge(opPut, "k", err), sink.Retryable, nil)
	}
	sent := func(err error) error { return &smithyhttp.RequestSendError{Err: err} }
	f(sent(&net.OpError{Op: "dial", Err: &net.DNSError{IsTemporary: true}}), sink.Retryable)
	f(sent(&net.OpError{Op: "dial", Err: &net.DNSError{IsTimeout: true}}), sink.Retryable)
	endpoint(sent(&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}))
	f(sent(&net.OpError{Op: "proxyconnect", Err: io.EOF}), sink.Retryable)
	f(sent(&net.OpError{Op: "read", Err: io.EOF}), sink.Unknown)
	f(sent(io.ErrUnexpectedEOF), sink.Unknown)
	endpoint(sent(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}))
	endpoint(sent(tls.RecordHeaderError{Msg: "no TLS"}))
	endpoint(sent(http.ErrSchemeMismatch))
	f(errors.New("refused by the SDK"), sink.Permanent)
}

func TestCredentialsClass(t *testing.T) {
	f := func(err error, class sink.Class) {
		t.Helper()
		if got := (&credentialsError{err}).class(); got != class {
			t.Errorf("%v: got %v, want %v", err, got, class)
		}
	}
	from := func(service string, err error) error {
		return fmt.Errorf("get them: %w", &smithy.OperationError{ServiceID: service, OperationName: "Get", Err: err})
	}
	refused := &smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: io.EOF}}
	f(errors.New("no profile"), sink.Permanent)
	f(from("ec2imds", refused), sink.Permanent)
	f(from("STS", refused), sink.Retryable)
	f(from("STS", &smithyhttp.RequestSendError{Err: io.EOF}), sink.Retryable)
	f(from("STS", &smithy.GenericAPIError{Code: "AccessDenied"}), sink.Permanent)
	f(from("STS", &smithy.GenericAPIError{Code: "Throttling"}), sink.Retryable)

	s := &Store{}
	want(t, opPut, s.judge(opPut, "k", &credentialsError{from("STS", &smithy.GenericAPIError{Code: "ExpiredTokenException"})}), sink.Permanent, sink.ErrExpired)
	want(t, opPut, s.judge(opPut, "k", &credentialsError{from("STS", &smithy.GenericAPIError{Code: "AccessDenied"})}), sink.Permanent, sink.ErrCredentials)
}

func TestOtherRegion(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(regionHeader, "eu-west-3")
		reply(w, 301, errorBody("PermanentRedirect"))
	})
	for op, do := range calls {
		err := do(t.Context(), s)
		want(t, op, err, sink.Permanent, nil)
		if err == nil || !strings.Contains(err.Error(), "the bucket is in region eu-west-3, not us-east-1") {
			t.Errorf("%s: got %v, want the region in it", op, err)
		}
	}
}
