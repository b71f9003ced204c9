package s3

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// TestRights has every call refused, in the words of different stores.
func TestRights(t *testing.T) {
	table := map[string]string{
		opPut: "s3:PutObject on the object", opCreate: "s3:PutObject on the object", opPart: "s3:PutObject on the object",
		opComplete: "s3:PutObject on the object", opAbort: "s3:AbortMultipartUpload on the object",
		opHead: "s3:GetObject on the object", opDelete: "s3:DeleteObject on the object", opDeletes: "s3:DeleteObject on the object",
		opList: "s3:ListBucket on the bucket", opParts: "s3:ListMultipartUploadParts on the object", opUploads: "s3:ListBucketMultipartUploads on the bucket",
	}
	for op := range calls {
		if table[op] == "" {
			t.Errorf("no right is known for %s", op)
		}
	}
	f := func(code, message string, want map[string]string) {
		t.Helper()
		body := fmt.Sprintf("<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 403, body) })
		for op, do := range calls {
			err := do(t.Context(), s)
			var e *sink.Error
			if !errors.As(err, &e) || !errors.Is(err, sink.ErrDenied) {
				t.Fatalf("%s: got %v", op, err)
			}
			right, named := want[op]
			if e.Right != right || strings.Contains(err.Error(), "access denied, it takes the right "+right+" (") != named {
				t.Errorf("%s, %s: got the right %q, want %q: %v", message, op, e.Right, right, err)
			}
		}
	}
	const user = "User: arn:aws:iam::111122223333:user/sluice is not authorized to perform: "
	all := func(right string) map[string]string {
		rights := map[string]string{opHead: table[opHead]} // whose answer has no words
		for op := range calls {
			if op != opHead {
				rights[op] = right
			}
		}
		return rights
	}
	f("AccessDenied", "Access Denied", table)
	f("NeverHeardOf", "no", table)
	f("AccessDenied", user+"kms:GenerateDataKey on resource: arn:aws:kms:eu-central-1:111122223333:key/1 because no identity-based policy allows the kms:GenerateDataKey action",
		all("kms:GenerateDataKey"))
	f("AccessDenied", user+"s3:PutObjectAcl on resource: \"arn:aws:s3:::b/k\" with an explicit deny in a resource-based policy", all("s3:PutObjectAcl"))
	f("AllAccessDisabled", "All access to this object has been disabled", map[string]string{opHead: table[opHead]})

	// The words agree with the table, and the table knows on what.
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 403, "<Error><Code>AccessDenied</Code><Message>"+user+"s3:PutObject on resource: k</Message></Error>")
	})
	var e *sink.Error
	if err := calls[opPut](t.Context(), s); !errors.As(err, &e) || e.Right != table[opPut] {
		t.Errorf("got %v, want the right %s", err, table[opPut])
	}
}

// TestDeleteNamesTheRight: that request succeeds although no object could be deleted.
func TestDeleteNamesTheRight(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, "<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>")
	})
	err := s.Delete(t.Context(), "k")
	if err == nil || !strings.Contains(err.Error(), "it takes the right s3:DeleteObject on the object") {
		t.Errorf("got %v", err)
	}
}

// TestHidden: with a condition on s3:prefix S3 does not say of an object that it is not there. A
// list does.
func TestHidden(t *testing.T) {
	f := func(head, list int, body string, kind error) {
		t.Helper()
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				reply(w, head, "")
				return
			}
			reply(w, list, body)
		})
		_, err := s.Stat(t.Context(), "k")
		want(t, opHead, err, sink.Permanent, kind)
	}
	page := func(keys ...string) string {
		text := "<ListBucketResult><IsTruncated>false</IsTruncated>"
		for _, key := range keys {
			text += "<Contents><Key>" + key + "</Key><Size>1</Size></Contents>"
		}
		return text + "</ListBucketResult>"
	}
	f(403, 200, page(), sink.ErrNotFound)
	f(403, 200, page("k.bak", "k2"), sink.ErrNotFound)
	f(403, 200, page("k"), sink.ErrDenied)
	f(403, 200, page("k.bak", "k"), sink.ErrDenied)
	f(403, 403, errorBody("AccessDenied"), sink.ErrDenied)
	f(403, 400, errorBody("ExpiredToken"), sink.ErrExpired)
	f(403, 404, errorBody("NoSuchBucket"), sink.ErrDenied)
	f(400, 200, page(), nil)
}
