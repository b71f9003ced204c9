package s3

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

const completed = `<CompleteMultipartUploadResult><Key>k</Key><ETag>"done"</ETag></CompleteMultipartUploadResult>`

// script answers the requests in turn and says what came: "PUT *" is a PUT with the condition
// If-None-Match: *. Each entry is a status, a space and a body.
func script(t *testing.T, replies ...string) (*Store, func() []string) {
	var mu sync.Mutex
	var got []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, strings.TrimSpace(r.Method+" "+r.Header.Get("If-None-Match")))
		if len(got) > len(replies) {
			reply(w, 500, errorBody("NotInTheScript"))
			return
		}
		var status int
		next := replies[len(got)-1]
		if _, err := fmt.Sscan(next, &status); err != nil {
			t.Error(err)
		}
		_, body, _ := strings.Cut(next, " ")
		w.Header().Set("ETag", `"etag"`)
		reply(w, status, body)
	})
	return s, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

func wantRequests(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got the requests %q, want %q", got, want)
	}
}

// TestWithoutCondition is a store that does not know If-None-Match.
func TestWithoutCondition(t *testing.T) {
	refused := "501 " + errorBody("NotImplemented")
	s, requests := script(t, refused, "404", "200", "404", "200", "200", "404", "200 "+completed)
	for i, want := range []error{nil, nil, sink.ErrTaken} {
		if err := calls[opPut](t.Context(), s); !errors.Is(err, want) {
			t.Errorf("Put %d: got %v, want %v", i, err, want)
		}
	}
	if err := calls[opComplete](t.Context(), s); err != nil {
		t.Errorf("Complete: %v", err)
	}
	wantRequests(t, requests(), "PUT *", "HEAD", "PUT", "HEAD", "PUT", "HEAD", "HEAD", "POST")

	s, requests = script(t, refused, "404", "200 "+completed, "404", "200")
	for _, op := range []string{opComplete, opPut} {
		if err := calls[op](t.Context(), s); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	wantRequests(t, requests(), "POST *", "HEAD", "POST", "HEAD", "PUT")
}

// TestWithoutChecksums is a store that refuses the call for some other reason.
func TestWithoutChecksums(t *testing.T) {
	refused := "501 " + errorBody("NotImplemented")
	s, requests := script(t, refused, "404", refused, refused, refused, "200")
	for _, op := range []string{opPut, opPart, opCreate} {
		err := calls[op](t.Context(), s)
		want(t, op, err, sink.Permanent, sink.ErrUnsupported)
		if err == nil || !strings.Contains(err.Error(), "x-amz-checksum-crc32") {
			t.Errorf("%s: got %v, want the header's name in it", op, err)
		}
	}
	// It was not the condition, so that is still sent.
	if err := calls[opPut](t.Context(), s); err != nil {
		t.Errorf("Put: %v", err)
	}
	wantRequests(t, requests(), "PUT *", "HEAD", "PUT", "PUT", "POST", "PUT *")
}

// TestRequests looks at what is sent for an upload. It is the same over plain HTTP and over
// TLS, where the SDK by itself would send something else.
func TestRequests(t *testing.T) {
	t.Run("http", func(t *testing.T) { testRequests(t, (*httptest.Server).Start) })
	t.Run("https", func(t *testing.T) { testRequests(t, (*httptest.Server).StartTLS) })
}

func testRequests(t *testing.T, start func(*httptest.Server)) {
	var bodies, headers []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h := r.Header
		bodies = append(bodies, string(data))
		headers = append(headers, strings.Join([]string{
			r.Method, r.URL.RequestURI(), h.Get("X-Amz-Content-Sha256")[:8], h.Get("X-Amz-Checksum-Crc32"),
			h.Get("X-Amz-Checksum-Algorithm"), h.Get("If-None-Match"), h.Get("X-Amz-Meta-Rows"), h.Get("Content-Encoding"),
		}, "|"))
		w.Header().Set("ETag", `"etag"`)
		switch {
		case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
			reply(w, 200, "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>")
		case r.Method == http.MethodPost:
			reply(w, 200, completed)
		}
	}))
	start(server)
	t.Cleanup(server.Close)
	s := open(t, Settings{
		Bucket: "b", Endpoint: server.URL, AccessKeyID: testID, SecretAccessKey: testSecret,
		HTTPClient: server.Client(),
	})
	ctx := t.Context()
	up, err := s.Create(ctx, "d/k", sink.Metadata{"rows": "7"})
	if err != nil {
		t.Fatal(err)
	}
	// 123456789 is the usual test of a CRC: cbf43926.
	if err := up.Part(ctx, sink.Part{Number: 1, Body: sink.NewBody([]byte("1234"), []byte("56789"))}); err != nil {
		t.Fatal(err)
	}
	if err := up.Complete(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(ctx, "d/p", sink.NewBody(), sink.Metadata{"rows": "0"}); err != nil {
		t.Fatal(err)
	}
	wantHeaders := []string{
		"POST|/b/d/k?uploads=|e3b0c442||CRC32||7|",
		"PUT|/b/d/k?partNumber=1&uploadId=id&x-id=UploadPart|UNSIGNED|y/Q5Jg==||||",
		"POST|/b/d/k?uploadId=id|" + headers[2][len("POST|/b/d/k?uploadId=id|"):][:8] + "|||*||",
		"PUT|/b/d/p?x-id=PutObject|UNSIGNED|AAAAAA==||*|0|",
	}
	if !slices.Equal(headers, wantHeaders) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(headers, "\n"), strings.Join(wantHeaders, "\n"))
	}
	if bodies[1] != "123456789" {
		t.Errorf("got the part %q", bodies[1])
	}
	if part := "<Part><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32><ETag>&#34;etag&#34;</ETag><PartNumber>1</PartNumber></Part>"; !strings.Contains(bodies[2], part) {
		t.Errorf("got %s, want %s in it", bodies[2], part)
	}
}

// TestBodyIsFree writes to the bytes of a part as soon as the call has returned, while the
// connection is still open. It is for the race detector.
func TestBodyIsFree(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadFull(r.Body, make([]byte, 100)); err != nil {
			t.Error(err)
		}
		reply(w, 503, errorBody("SlowDown"))
	})
	data := make([]byte, 16<<20)
	for range 5 {
		err := uploadOf(s).Part(t.Context(), sink.Part{Number: 1, Body: sink.NewBody(data)})
		if sink.ClassOf(err) != sink.Retryable {
			t.Errorf("got %v, want class retryable", err)
		}
		clear(data)
	}
}

func listPage(next string, keys ...string) string {
	page := "<ListBucketResult>"
	if next != "-" {
		page += "<IsTruncated>true</IsTruncated>"
	}
	if next != "-" && next != "" {
		page += "<NextContinuationToken>" + next + "</NextContinuationToken>"
	}
	for _, key := range keys {
		page += "<Contents><Key>" + key + "</Key><Size>1</Size><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
	}
	return page + "</ListBucketResult>"
}

func TestListPages(t *testing.T) {
	f := func(wantKeys string, ok bool, pages ...string) {
		t.Helper()
		s, requests := script(t, pages...)
		var keys string
		var last error
		for info, err := range s.List(t.Context(), "k", "") {
			keys, last = keys+info.Key, err
		}
		if keys != wantKeys || (last == nil) != ok || len(requests()) != len(pages) {
			t.Errorf("got %q and %v after %d pages, want %q after %d and success: %v", keys, last, len(requests()), wantKeys, len(pages), ok)
		}
		if last != nil {
			want(t, opList, last, sink.Permanent, nil)
		}
	}
	f("", true, "200 "+listPage("-"))
	f("abc", true, "200 "+listPage("1", "a", "b"), "200 "+listPage("2"), "200 "+listPage("-", "c"))
	f("ab", false, "200 "+listPage("", "a", "b"))
	f("ab", false, "200 "+listPage("1", "a"), "200 "+listPage("1", "b"))
	f("a", false, "200 "+listPage("1", "a"), "400 "+errorBody("InvalidArgument"))
	f("abab", false, "200 "+listPage("1", "a"), "200 "+listPage("2", "b"), "200 "+listPage("1", "a"), "200 "+listPage("2", "b"))
}

func uploadsPage(next string, keys ...string) string {
	page := "<ListMultipartUploadsResult>"
	if next != "-" {
		page += "<IsTruncated>true</IsTruncated>"
	}
	if next != "-" && next != "" {
		page += "<NextKeyMarker>" + next + "</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>"
	}
	for _, key := range keys {
		page += "<Upload><Key>" + key + "</Key><UploadId>1</UploadId><Initiated>2024-01-01T00:00:00.000Z</Initiated></Upload>"
	}
	return page + "</ListMultipartUploadsResult>"
}

func TestUploadsPages(t *testing.T) {
	f := func(wantKeys string, class sink.Class, kind error, pages ...string) {
		t.Helper()
		s, requests := script(t, pages...)
		var keys string
		var last error
		for info, err := range s.Uploads(t.Context(), "k") {
			keys, last = keys+info.Key, err
		}
		if keys != wantKeys || len(requests()) != len(pages) {
			t.Errorf("got %q and %v after %d pages, want %q after %d", keys, last, len(requests()), wantKeys, len(pages))
		}
		if last != nil || kind != nil {
			want(t, opUploads, last, class, kind)
		}
	}
	f("", sink.Permanent, nil, "200 "+uploadsPage("-"))
	f("abc", sink.Permanent, nil, "200 "+uploadsPage("b", "a", "b"), "200 "+uploadsPage("-", "c"))
	f("ab", sink.Permanent, sink.ErrUnsupported, "200 "+uploadsPage("", "a", "b"))
	f("ab", sink.Permanent, sink.ErrUnsupported, "200 "+uploadsPage("a", "a"), "200 "+uploadsPage("a", "b"))
	f("abab", sink.Permanent, sink.ErrUnsupported, "200 "+uploadsPage("a", "a"), "200 "+uploadsPage("b", "b"), "200 "+uploadsPage("a", "a"), "200 "+uploadsPage("b", "b"))
	f("a", sink.Permanent, sink.ErrUnsupported, "200 "+uploadsPage("a", "a"), "400 "+errorBody("InvalidArgument"))
	f("a", sink.Permanent, sink.ErrUnsupported, "200 "+uploadsPage("a", "a"), "404 "+errorBody("NoSuchUpload"))
	f("a", sink.Permanent, sink.ErrDenied, "200 "+uploadsPage("a", "a"), "403 "+errorBody("AccessDenied"))
	f("a", sink.Retryable, nil, "200 "+uploadsPage("a", "a"), "503 "+errorBody("SlowDown"))
	f("", sink.Permanent, nil, "400 "+errorBody("InvalidArgument"))
}

func partsPage(next string, sizes ...int) string {
	page := "<ListPartsResult>"
	if next != "-" {
		page += "<IsTruncated>true</IsTruncated><NextPartNumberMarker>" + next + "</NextPartNumberMarker>"
	}
	for _, size := range sizes {
		page += fmt.Sprintf("<Part><PartNumber>1</PartNumber><Size>%d</Size></Part>", size)
	}
	return page + "</ListPartsResult>"
}

func TestPartsPages(t *testing.T) {
	f := func(wantSize int64, kind error, pages ...string) {
		t.Helper()
		s, requests := script(t, pages...)
		parts, err := s.Parts(t.Context(), sink.UploadInfo{Key: "k", ID: "u"})
		if parts.Size != wantSize || len(requests()) != len(pages) {
			t.Errorf("got %+v and %v after %d pages, want %d after %d", parts, err, len(requests()), wantSize, len(pages))
		}
		if err != nil || kind != nil {
			want(t, opParts, err, sink.Permanent, kind)
		}
	}
	f(0, nil, "200 "+partsPage("-"))
	f(6, nil, "200 "+partsPage("2", 1, 2), "200 "+partsPage("-", 3))
	f(0, sink.ErrUnsupported, "200 "+partsPage("", 1))
	f(0, sink.ErrUnsupported, "200 "+partsPage("1", 1), "200 "+partsPage("1", 1))
	f(0, sink.ErrDenied, "403 "+errorBody("AccessDenied"))
	f(0, sink.ErrNoUpload, "404 "+errorBody("NoSuchUpload"))
}

// TestCircle: a circle of any length, also behind pages that are not in it, is found.
func TestCircle(t *testing.T) {
	for before := range 20 {
		for length := 1; length < 20; length++ {
			var c circle
			page := 1
			for ; !c.closed(fmt.Sprint(min(page, before+(page-before)%length))); page++ {
				if page > 3*(before+length)+3 {
					t.Fatalf("a circle of %d behind %d pages is not found", length, before)
				}
			}
			if page <= before+length-1 {
				t.Fatalf("a circle of %d behind %d pages is found on page %d", length, before, page)
			}
		}
	}
	var c circle
	for page := range 100_000 {
		if c.closed(fmt.Sprint(page)) {
			t.Fatalf("page %d of a long list is taken for another", page)
		}
	}
}

// TestWrongDocument: a good status with another document is no success. A list would be empty.
func TestWrongDocument(t *testing.T) {
	for op, root := range roots {
		f := func(body string, ok bool) {
			t.Helper()
			s, _ := script(t, "200 "+body)
			err := calls[op](t.Context(), s)
			if !ok {
				want(t, op, err, lost(op), nil)
			} else if err != nil {
				t.Errorf("%s: %q: %v", op, body, err)
			}
		}
		f("<!DOCTYPE html><html><body>Please log in</body></html>", false)
		f("<html><Key>k</Key><UploadId>id</UploadId></html>", false)
		f("log in", false)
		f("", op == opDeletes) // it is asked to tell only what it could not delete
		good := "<" + root + "><Key>k</Key><UploadId>id</UploadId></" + root + ">"
		f(good, true)
		f("<?xml version='1.0'?>\n<!-- ready -->\n"+good, true)
		f(strings.Replace(good, root, root+` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`, 1), true)
		f(good[:len(good)-5], false)
	}
}

// TestDeleteBatches counts the keys of each request.
func TestDeleteBatches(t *testing.T) {
	keys := make([]string, 2100)
	for i := range keys {
		keys[i] = fmt.Sprintf("d/<%d>&", i)
	}
	var got []int
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var list struct {
			Objects []struct{ Key string } `xml:"Object"`
		}
		if err := xml.NewDecoder(r.Body).Decode(&list); err != nil || list.Objects[0].Key != keys[len(got)*maxDeletes] {
			t.Errorf("got %v and %v", list.Objects, err)
		}
		got = append(got, len(list.Objects))
		reply(w, 200, "<DeleteResult/>")
	})
	if err := s.Delete(t.Context(), keys...); err != nil {
		t.Error(err)
	}
	if !slices.Equal(got, []int{1000, 1000, 100}) {
		t.Errorf("got batches of %d, want 1000, 1000 and 100", got)
	}
}

// TestDeleteErrors has single keys fail in a reply with status 200.
func TestDeleteErrors(t *testing.T) {
	f := func(code string, class sink.Class, kind error) {
		t.Helper()
		s, _ := script(t, "200 <DeleteResult><Error><Key>k</Key><Code>"+code+"</Code><Message>no</Message></Error></DeleteResult>")
		want(t, opDeletes, s.Delete(t.Context(), "j", "k"), class, kind)
	}
	f("AccessDenied", sink.Permanent, sink.ErrDenied)
	f("InternalError", sink.Retryable, nil)
	f("SomethingElse", sink.Permanent, nil)
	s, _ := script(t, "200 <DeleteResult><Error><Key>k</Key><Code>NoSuchKey</Code></Error></DeleteResult>")
	if err := s.Delete(t.Context(), "k"); err != nil {
		t.Errorf("a missing key: %v", err)
	}
}

// TestDeleteOneByOne is a store that cannot delete many at once.
func TestDeleteOneByOne(t *testing.T) {
	for _, code := range []string{"NotImplemented", "MissingContentMD5", "MethodNotAllowed"} {
		s, requests := script(t, "400 "+errorBody(code), "204", "404 "+errorBody("NoSuchKey"), "204")
		for _, keys := range [][]string{{"a", "b"}, {"c"}} {
			if err := s.Delete(t.Context(), keys...); err != nil {
				t.Errorf("%s: %v", code, err)
			}
		}
		wantRequests(t, requests(), "POST", "DELETE", "DELETE", "DELETE")
	}
}
