package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sluice-data/sluice/sink"
)

// upload is a multipart upload. The store needs to be told at the end what its parts are.
type upload struct {
	store *Store
	info  sink.UploadInfo

	mu    sync.Mutex
	parts map[int]types.CompletedPart
}

// Create starts a multipart upload.
func (s *Store) Create(ctx context.Context, key string, meta sink.Metadata) (sink.Upload, error) {
	if err := checkKey(opCreate, key); err != nil {
		return nil, err
	}
	started := time.Now()
	out, err := call(ctx, s, opCreate, key, s.timeout, func(ctx context.Context) (*s3.CreateMultipartUploadOutput, error) {
		return s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &s.bucket, Key: &key, Metadata: meta, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		})
	})
	if err != nil {
		return nil, nameChecksums(err)
	}
	if aws.ToString(out.UploadId) == "" {
		return nil, &sink.Error{Op: opCreate, Key: key, Class: sink.Unknown, Err: errors.New("the reply has no upload id")}
	}
	return &upload{
		store: s,
		info:  sink.UploadInfo{Key: key, ID: *out.UploadId, Started: started},
		parts: map[int]types.CompletedPart{},
	}, nil
}

func (u *upload) Info() sink.UploadInfo { return u.info }

func (u *upload) Part(ctx context.Context, p sink.Part) error {
	s := u.store
	number, sum := int32(p.Number), checksum(p.Body)
	if limits := s.Properties(); p.Number < 1 || p.Number > limits.MaxParts {
		return u.fail(opPart, fmt.Errorf("part number %d is not between 1 and %d", p.Number, limits.MaxParts))
	}
	out, err := call(ctx, s, opPart, u.info.Key, s.bodyLimit(p.Body.Len()), func(ctx context.Context) (*s3.UploadPartOutput, error) {
		return s.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &s.bucket, Key: &u.info.Key, UploadId: &u.info.ID, PartNumber: &number,
			Body: p.Body.Reader(), ContentLength: aws.Int64(p.Body.Len()), ChecksumCRC32: &sum,
		}, unsigned)
	})
	if err != nil {
		return nameChecksums(err)
	}
	if aws.ToString(out.ETag) == "" {
		return &sink.Error{Op: opPart, Key: u.info.Key, Class: sink.Retryable, Err: errNoETag}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.parts[p.Number] = types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32: &sum}
	return nil
}

var (
	errNoETag   = errors.New("the reply has no ETag")
	errNoResult = errors.New("the reply has no result")
)

// Complete sends the list of parts.
func (u *upload) Complete(ctx context.Context) error {
	s := u.store
	parts, err := u.joined()
	if err != nil {
		return u.fail(opComplete, err)
	}
	return s.ifFree(ctx, opComplete, u.info.Key, func(ifNoneMatch *string) error {
		out, err := call(ctx, s, opComplete, u.info.Key, completeFactor*s.timeout, func(ctx context.Context) (*s3.CompleteMultipartUploadOutput, error) {
			return s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
				Bucket: &s.bucket, Key: &u.info.Key, UploadId: &u.info.ID, IfNoneMatch: ifNoneMatch,
				MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
			})
		})
		if err == nil && aws.ToString(out.ETag) == "" && aws.ToString(out.Key) == "" {
			// Status 200 is sent before the work is done; the body says how it went. The SDK
			// takes an empty one for success. (The ETag alone does not do: Ceph leaves it empty.)
			return &sink.Error{Op: opComplete, Key: u.info.Key, Class: sink.Unknown, Err: errNoResult}
		}
		return err
	})
}

// joined lists the parts from 1 on. A store would not notice that one is missing.
func (u *upload) joined() ([]types.CompletedPart, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.parts) == 0 {
		return nil, errors.New("the upload has no parts")
	}
	parts := make([]types.CompletedPart, len(u.parts))
	for i := range parts {
		p, ok := u.parts[i+1]
		if !ok {
			return nil, fmt.Errorf("part %d is missing", i+1)
		}
		parts[i] = p
	}
	return parts, nil
}

func (u *upload) Abort(ctx context.Context) error { return u.store.AbortUpload(ctx, u.info) }

func (u *upload) fail(op string, err error) error {
	return &sink.Error{Op: op, Key: u.info.Key, Err: err}
}

// AbortUpload frees the parts of an upload. A part that is being sent at the same moment may
// stay; Uploads then finds the upload again.
func (s *Store) AbortUpload(ctx context.Context, up sink.UploadInfo) error {
	_, err := call(ctx, s, opAbort, up.Key, s.timeout, func(ctx context.Context) (*s3.AbortMultipartUploadOutput, error) {
		return s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &s.bucket, Key: &up.Key, UploadId: &up.ID,
		})
	})
	if errors.Is(err, sink.ErrNoUpload) {
		return nil
	}
	return err
}

// Uploads asks for one page after the other.
//
// Some stores refuse the markers that they gave out themselves. Then what the first page had
// has been yielded already, and the error at the end is ErrUnsupported: who aborts what came
// and asks again gets further.
func (s *Store) Uploads(ctx context.Context, prefix string) iter.Seq2[sink.UploadInfo, error] {
	return func(yield func(sink.UploadInfo, error) bool) {
		var key, id *string
		var seen circle
		for {
			page, err := call(ctx, s, opUploads, prefix, s.timeout, func(ctx context.Context) (*s3.ListMultipartUploadsOutput, error) {
				return s.client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{
					Bucket: &s.bucket, Prefix: &prefix, KeyMarker: key, UploadIdMarker: id,
				})
			})
			if err != nil {
				if key != nil {
					err = refusedMarker(err)
				}
				yield(sink.UploadInfo{}, err)
				return
			}
			for _, up := range page.Uploads {
				info := sink.UploadInfo{Key: aws.ToString(up.Key), ID: aws.ToString(up.UploadId), Started: aws.ToTime(up.Initiated)}
				if !yield(info, nil) {
					return
				}
			}
			if !aws.ToBool(page.IsTruncated) {
				return
			}
			if next := aws.ToString(page.NextKeyMarker); next == "" || seen.closed(next+"\x00"+aws.ToString(page.NextUploadIdMarker)) {
				yield(sink.UploadInfo{}, &sink.Error{Op: opUploads, Key: prefix, Kind: sink.ErrUnsupported, Err: errNoNextPage})
				return
			}
			key, id = page.NextKeyMarker, page.NextUploadIdMarker
		}
	}
}

// Parts adds up the parts, page by page.
func (s *Store) Parts(ctx context.Context, up sink.UploadInfo) (sink.Parts, error) {
	var sum sink.Parts
	var from *string
	var seen circle
	for {
		page, err := call(ctx, s, opParts, up.Key, s.timeout, func(ctx context.Context) (*s3.ListPartsOutput, error) {
			return s.client.ListParts(ctx, &s3.ListPartsInput{Bucket: &s.bucket, Key: &up.Key, UploadId: &up.ID, PartNumberMarker: from})
		})
		if err != nil {
			return sink.Parts{}, err
		}
		for _, part := range page.Parts {
			sum.Size += aws.ToInt64(part.Size)
			if last := aws.ToTime(part.LastModified); last.After(sum.Last) {
				sum.Last = last
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return sum, nil
		}
		if next := aws.ToString(page.NextPartNumberMarker); next == "" || seen.closed(next) {
			return sink.Parts{}, &sink.Error{Op: opParts, Key: up.Key, Kind: sink.ErrUnsupported, Err: errNoNextPage}
		}
		from = page.NextPartNumberMarker
	}
}

// refusedMarker makes of a refused request, when all that was new in it were the markers, that
// the store cannot do this.
func refusedMarker(err error) error {
	var e *sink.Error
	if errors.As(err, &e) && e.Class == sink.Permanent && (e.Kind == nil || errors.Is(e.Kind, sink.ErrNoUpload)) {
		e.Kind = sink.ErrUnsupported
	}
	return err
}
