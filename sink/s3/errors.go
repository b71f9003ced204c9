package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluice-data/sluice/sink"
)

// The calls, by the names that S3 gives them.
const (
	opPut      = "PutObject"
	opGet      = "GetObject"
	opHead     = "HeadObject"
	opList     = "ListObjectsV2"
	opDelete   = "DeleteObject"
	opDeletes  = "DeleteObjects"
	opCreate   = "CreateMultipartUpload"
	opPart     = "UploadPart"
	opComplete = "CompleteMultipartUpload"
	opAbort    = "AbortMultipartUpload"
	opUploads  = "ListMultipartUploads"
	opParts    = "ListParts"
)

const regionHeader = "X-Amz-Bucket-Region"

// verdict is what an error means.
type verdict struct {
	class sink.Class
	kind  error
}

// codes are those that S3 and its likes put into a reply. What is not here is judged by the
// reply's status.
var codes = map[string]verdict{
	"SlowDown":                   {class: sink.Retryable},
	"ServiceUnavailable":         {class: sink.Retryable},
	"InternalError":              {class: sink.Retryable},
	"RequestTimeout":             {class: sink.Retryable}, // status 400: the body came too slowly
	"Throttling":                 {class: sink.Retryable},
	"ThrottlingException":        {class: sink.Retryable},
	"RequestLimitExceeded":       {class: sink.Retryable},
	"TooManyRequests":            {class: sink.Retryable},
	"OperationAborted":           {class: sink.Retryable}, // another call on the same object is under way
	"ConditionalRequestConflict": {class: sink.Retryable}, // the same, with If-None-Match
	"IncompleteBody":             {class: sink.Retryable},
	"BadDigest":                  {class: sink.Retryable}, // the bytes were damaged on their way

	// Status 403. The SDK sets its clock by the Date of the answer, so the next try is right.
	"RequestTimeTooSkewed": {class: sink.Retryable, kind: sink.ErrClock},

	"PreconditionFailed": {kind: sink.ErrTaken},
	"NoSuchKey":          {kind: sink.ErrNotFound},
	"NoSuchBucket":       {kind: sink.ErrNoBucket},
	"NoSuchUpload":       {kind: sink.ErrNoUpload},

	"AccessDenied":      {kind: sink.ErrDenied},
	"AllAccessDisabled": {kind: sink.ErrDenied},
	"AccountProblem":    {kind: sink.ErrDenied},

	"InvalidAccessKeyId":    {kind: sink.ErrCredentials},
	"SignatureDoesNotMatch": {kind: sink.ErrCredentials},
	"InvalidToken":          {kind: sink.ErrCredentials},
	"NoCredentialProviders": {kind: sink.ErrCredentials},

	"ExpiredToken":          {kind: sink.ErrExpired},
	"ExpiredTokenException": {kind: sink.ErrExpired}, // of STS
	"TokenRefreshRequired":  {kind: sink.ErrExpired},

	"NotImplemented":        {kind: sink.ErrUnsupported},
	"MethodNotAllowed":      {kind: sink.ErrUnsupported},
	"MissingContentMD5":     {kind: sink.ErrUnsupported}, // DeleteObjects of older stores
	"MissingSecurityHeader": {kind: sink.ErrUnsupported},

	"QuotaExceeded":     {kind: sink.ErrFull},
	"XMinioStorageFull": {kind: sink.ErrFull},

	"EntityTooLarge": {kind: sink.ErrTooLarge},
}

// byStatus judges a reply whose code says nothing, as that to a HEAD, which has no body.
func byStatus(op string, status int) verdict {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return verdict{kind: sink.ErrDenied}
	case http.StatusNotFound:
		if op == opHead || op == opGet {
			return verdict{kind: sink.ErrNotFound}
		}
	case http.StatusPreconditionFailed:
		return verdict{kind: sink.ErrTaken}
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return verdict{kind: sink.ErrUnsupported}
	case http.StatusInsufficientStorage:
		return verdict{kind: sink.ErrFull}
	case http.StatusRequestEntityTooLarge:
		return verdict{kind: sink.ErrTooLarge} // of a proxy before the store
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return verdict{class: sink.Retryable}
	}
	if status >= 500 {
		return verdict{class: sink.Retryable}
	}
	return verdict{}
}

// lost is the class of a call of which nobody knows whether the store has done it. Most may
// simply be done again.
func lost(op string) sink.Class {
	switch op {
	case opPut, opCreate, opComplete:
		return sink.Unknown
	}
	return sink.Retryable
}

// call makes one call with a time limit of its own, and turns its error into a *sink.Error.
func call[T any](ctx context.Context, s *Store, op, key string, limit time.Duration, do func(context.Context) (T, error)) (T, error) {
	attempt, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := do(attempt)
	if err == nil || status(err) > 0 {
		s.answered.Store(true)
	}
	if err == nil {
		return out, nil
	}
	var none T
	switch {
	case ctx.Err() != nil:
		return none, ctx.Err()
	case attempt.Err() != nil && status(err) < 300:
		// It was given up; what the store made of it is not known. The context's error is left
		// out, since the caller's context has not ended.
		return none, &sink.Error{Op: op, Key: key, Class: lost(op), Err: fmt.Errorf("no answer within %v", limit)}
	}
	return none, s.judge(op, key, err)
}

// judge classifies an error of the SDK by its type, code and status, never by its text.
func (s *Store) judge(op, key string, err error) error {
	var known *sink.Error
	if errors.As(err, &known) {
		return known
	}
	e := &sink.Error{Op: op, Key: key}
	var noCredentials *credentialsError
	switch said, status := code(err), status(err); {
	case errors.As(err, &noCredentials):
		e.Class, e.Err = noCredentials.class(), s.credentialsCause(noCredentials.err)
		if e.Class == sink.Permanent {
			e.Kind = sink.ErrCredentials
			switch kind := codes[code(noCredentials.err)].kind; {
			case errors.Is(kind, sink.ErrExpired):
				e.Kind = kind
			case errors.Is(kind, sink.ErrDenied):
				e.Right = right(failedCall(noCredentials.err).OperationName, e.Err)
			}
		}
	case said == "" && status < 300:
		// No reply, or one that broke off.
		v := transport(op, err)
		if errors.Is(v.kind, sink.ErrEndpoint) && s.answered.Load() {
			v = verdict{class: sink.Retryable} // it was usable a moment ago
		}
		e.Class, e.Kind, e.Err = v.class, v.kind, cause(err)
	default:
		v, ok := codes[said]
		if !ok {
			v = byStatus(op, status)
		}
		e.Class, e.Kind, e.Err = v.class, v.kind, s.reply(err)
		nameRight(e, said)
		// A store, or a proxy before it, that breaks down may have done the work already.
		if e.Class == sink.Retryable && status >= 500 {
			e.Class = lost(op)
		}
	}
	return e
}

// transport judges a call without a reply.
func transport(op string, err error) verdict {
	var dns *net.DNSError
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return verdict{kind: sink.ErrEndpoint} // or a wrong region
		}
		return verdict{class: sink.Retryable}
	case errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect"):
		return verdict{class: sink.Retryable} // nothing was sent yet
	case errors.As(err, &certificate), errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		return verdict{kind: sink.ErrEndpoint}
	}
	var request *smithyhttp.RequestSendError
	var reply *smithy.DeserializationError
	if errors.As(err, &request) || errors.As(err, &reply) || status(err) > 0 {
		return verdict{class: lost(op)}
	}
	// The SDK would not even send it: a bad bucket name, say.
	return verdict{}
}

// code returns the code in the store's reply, or "".
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status returns the HTTP status of the store's reply, or 0 if there was none.
func status(err error) int {
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) && resp.Response != nil {
		return resp.HTTPStatusCode()
	}
	return 0
}

// reply is what the store said, in one line.
func (s *Store) reply(err error) error {
	text := fmt.Sprintf("HTTP %d %s", status(err), http.StatusText(status(err)))
	var api smithy.APIError
	if errors.As(err, &api) {
		text = fmt.Sprintf("%s: %s, HTTP %d", api.ErrorCode(), api.ErrorMessage(), status(err))
	}
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) && resp.Response != nil {
		if there, err := http.ParseTime(resp.Response.Header.Get("Date")); err == nil && api != nil && errors.Is(codes[api.ErrorCode()].kind, sink.ErrClock) {
			text += fmt.Sprintf("; it is %s here and %s there", time.Now().UTC().Format(time.DateTime), there.Format(time.DateTime))
		}
		if region := resp.Response.Header.Get(regionHeader); region != "" && region != s.region {
			text += fmt.Sprintf("; the bucket is in region %s, not %s", region, s.region)
		}
	}
	return errors.New(text)
}

// cause leaves out what the layers of the SDK and of net/http wrote around an error: the
// name of the call, the whole URL.
func cause(err error) error {
	var request *url.Error
	var reply *smithy.DeserializationError
	var operation *smithy.OperationError
	switch {
	case errors.As(err, &request):
		return request.Err
	case errors.As(err, &reply):
		return fmt.Errorf("the reply cannot be read: %w", reply.Err)
	case errors.As(err, &operation):
		return cause(operation.Err)
	}
	return err
}

// provider marks the errors of getting credentials, so that they can be told from those of
// the store.
type provider struct{ aws.CredentialsProvider }

func (p provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := p.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return c, &credentialsError{err}
	}
	return c, nil
}

type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return e.err.Error() }

func (e *credentialsError) Unwrap() error { return e.err }

// class is Retryable where the service that hands out credentials is only just not there.
// The machine's own one is not meant: where it does not answer there is none.
func (e *credentialsError) class() sink.Class {
	operation := failedCall(e.err)
	if operation == nil || operation.ServiceID == imds.ServiceID {
		return sink.Permanent
	}
	if c := code(e.err); c != "" {
		if v, ok := codes[c]; ok {
			return v.class
		}
		return byStatus("", status(e.err)).class
	}
	return transport("", e.err).class
}

// credentialsCause says which way to credentials failed.
func (s *Store) credentialsCause(err error) error {
	operation := failedCall(err)
	switch {
	case operation == nil:
		return err
	case operation.ServiceID == imds.ServiceID:
		// It is the last one that is tried, so its own words would mislead.
		return errors.New("no access key is set, and neither the environment nor a role of this machine has one")
	case code(err) != "":
		return fmt.Errorf("%s: %w", operation.OperationName, s.reply(err))
	}
	return fmt.Errorf("%s: %w", operation.OperationName, cause(err))
}

func failedCall(err error) *smithy.OperationError {
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		return operation
	}
	return nil
}
