package s3

import (
	"errors"
	"regexp"
	"strings"

	"github.com/sluice-data/sluice/sink"
)

const opAssume = "AssumeRole" // of STS

// rights are the IAM actions that the calls take, and on what. docs/IAM.md has the sources.
var rights = map[string]string{
	opPut:      "s3:PutObject on the object",
	opGet:      "s3:GetObject on the object",
	opHead:     "s3:GetObject on the object", // there is no smaller one
	opList:     "s3:ListBucket on the bucket",
	opDelete:   "s3:DeleteObject on the object",
	opDeletes:  "s3:DeleteObject on the object",
	opCreate:   "s3:PutObject on the object",
	opPart:     "s3:PutObject on the object",
	opComplete: "s3:PutObject on the object",
	opAbort:    "s3:AbortMultipartUpload on the object",
	opUploads:  "s3:ListBucketMultipartUploads on the bucket",
	opParts:    "s3:ListMultipartUploadParts on the object",
	opAssume:   "sts:AssumeRole on the role, and the role's trust with this external_id",
}

// performed finds the action in what Amazon says when it refuses: "User: arn:... is not
// authorized to perform: kms:GenerateDataKey on resource: ...".
var performed = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)`)

// right is what a refused call takes. The store may know better than the table: a bucket that
// is encrypted with a key of KMS asks for rights to that too.
func right(op string, said error) string {
	known := rights[op]
	if m := performed.FindStringSubmatch(said.Error()); m != nil && !strings.HasPrefix(known, m[1]+" ") {
		return m[1]
	}
	return known
}

// nameRight adds to a call that was refused with this code which right it takes.
func nameRight(e *sink.Error, code string) {
	if _, known := codes[code]; known && code != "AccessDenied" {
		return // it is about something else: an account, say
	}
	if errors.Is(e.Kind, sink.ErrDenied) {
		e.Right = right(e.Op, e.Err)
	}
}
