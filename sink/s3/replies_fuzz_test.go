package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// maxRequests is more than any call may make, whatever the store answers: two pages that take
// turns must end it.
const maxRequests = 20

// seedReplies are bodies of real stores, and what proxies and broken stores say instead.
var seedReplies = []string{
	"", " ", "\xef\xbb\xbf", "<", "<a/>", "<!DOCTYPE html><html><body><p>Please log in</p></body></html>",
	"<html><Key>k</Key><IsTruncated>true</IsTruncated></html>", "null", `{"error":"x"}`,
	errorBody("InternalError"), "<?xml version='1.0'?>\n  \n" + errorBody("SlowDown"), errorBody("AccessDenied"),
	"<error><code>SlowDown</code></error>", "<Error/>", "<Error><Code/></Error>", "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
	errorBody("NotImplemented"), errorBody("NoSuchUpload"), errorBody("PreconditionFailed"), errorBody("NoSuchKey"),
	completed, "<CompleteMultipartUploadResult/>", "<CompleteMultipartUploadResult><Key>k</Key>", "<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>",
	"<CompleteMultipartUploadResult><Error><Code>InternalError</Code></Error></CompleteMultipartUploadResult>",
	"<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>", "<InitiateMultipartUploadResult/>",
	listPage("-"), listPage("-", "k1"), listPage("1", "k1", "k2"), listPage("2", "k3"), listPage("", "k1"), listPage("1"),
	strings.TrimSuffix(listPage("-", "k1"), "</ListBucketResult>"), listPage("-", "k1")[:60], listPage("-", "k1") + "<", listPage("-", "k1") + errorBody("SlowDown"),
	"<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>", "<ListBucketResult><Contents><Size>-1</Size><Key/></Contents></ListBucketResult>",
	"<ListBucketResult><Contents><Key>k</Key><Size>9e9</Size><LastModified>yesterday</LastModified></Contents></ListBucketResult>",
	uploadsPage("-"), uploadsPage("-", "k1"), uploadsPage("k1", "k1"), uploadsPage("k2", "k2"), uploadsPage("", "k1"),
	"<DeleteResult/>", "<DeleteResult><Error><Key>k</Key><Code>InternalError</Code></Error></DeleteResult>", "<DeleteResult><Error/></DeleteResult>",
	"<DeleteResult><Error><Key>k</Key><Code>NoSuchKey</Code></Error><Error><Key>j</Key><Code>AccessDenied</Code></Error></DeleteResult>",
}

// document reads a reply as an independent reader: the name of its root, and whether it is
// whole.
func document(body []byte) (root string, whole bool) {
	d := xml.NewDecoder(bytes.NewReader(body))
	depth := 0
	for {
		token, err := d.Token()
		if err != nil {
			return root, errors.Is(err, io.EOF) && root != "" && depth == 0
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; root == "" {
				root = token.Name.Local
			}
		case xml.EndElement:
			if depth--; depth == 0 {
				return root, true
			}
		}
	}
}

// FuzzReplies answers the requests of each call with two replies in turn. A call ends, and
// either it has succeeded, which takes a status that says so and a whole document that is no
// error, or it tells what kind of failure that was.
func FuzzReplies(f *testing.F) {
	ops := slices.Sorted(maps.Keys(calls))
	for i, body := range seedReplies {
		for op := range ops {
			f.Add(uint8(op), uint16(200), []byte(body), uint16(200), []byte(seedReplies[(i+1)%len(seedReplies)]), `"etag"`)
		}
		f.Add(uint8(i), uint16(300+i*7), []byte(body), uint16(200+i), []byte(body), "")
	}
	var answer doFunc // of the input that is tried
	shared, err := New(f.Context(), Settings{
		Bucket: "b", Endpoint: "http://store.invalid", AccessKeyID: testID, SecretAccessKey: testSecret,
		HTTPClient: doFunc(func(r *http.Request) (*http.Response, error) { return answer(r) }),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, which uint8, status uint16, body []byte, status2 uint16, body2 []byte, etag string) {
		op := ops[int(which)%len(ops)]
		replies := []struct {
			status int
			body   []byte
		}{{validStatus(status), body}, {validStatus(status2), body2}}
		requests := 0
		answer = func(r *http.Request) (*http.Response, error) {
			if requests++; requests > maxRequests {
				t.Fatalf("%s: %d requests, and no end", op, requests)
			}
			reply := replies[(requests-1)%2]
			resp := response(r, reply.status, "")
			resp.Header.Set("Etag", etag)
			if r.Method != http.MethodHead {
				resp.Body = io.NopCloser(bytes.NewReader(reply.body))
			}
			return resp, nil
		}
		// A store remembers what it was refused.
		s := &Store{client: shared.client, bucket: shared.bucket, region: shared.region, timeout: shared.timeout}
		err := calls[op](t.Context(), s)
		last := replies[(requests-1)%2]
		root, whole := document(last.body)
		if err == nil {
			gone := op == opAbort && bytes.Contains(last.body, []byte("NoSuchUpload")) ||
				op == opDelete && bytes.Contains(last.body, []byte("NoSuchKey"))
			if (last.status < 200 || last.status > 299) && !gone {
				t.Fatalf("%s succeeded with status %d", op, last.status)
			}
			silent := op == opDeletes && len(bytes.TrimSpace(last.body)) == 0
			if want := roots[op]; want != "" && !silent && (root != want || !whole) {
				t.Fatalf("%s succeeded with <%s>, whole: %v: %q", op, root, whole, last.body)
			}
			return
		}
		judged(t, op, last.status, err)
	})
}

// validStatus leaves every status as it is that comes out of net/http.
func validStatus(n uint16) int {
	if 200 <= n && n < 600 {
		return int(n)
	}
	return 200 + int(n)%400
}

// judged holds an error to what callers rely on.
func judged(t *testing.T, op string, status int, err error) {
	t.Helper()
	var e *sink.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: got %v, want a *sink.Error", op, err)
	}
	if e.Class < sink.Permanent || e.Class > sink.Unknown || e.Op == "" || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%s: got %+v", op, e)
	}
	// What may have happened must not be taken for what did not.
	if once[op] && e.Op == op && e.Class == sink.Retryable && (status >= 500 || status < 300) {
		t.Fatalf("%s: got class %v after status %d: %v", op, e.Class, status, err)
	}
	if !once[op] && e.Class == sink.Unknown {
		t.Fatalf("%s may simply be made again, but got class %v: %v", op, e.Class, err)
	}
	if e.Kind != nil && e.Class != sink.Permanent {
		t.Fatalf("%s: got kind %v of class %v", op, e.Kind, e.Class)
	}
}
