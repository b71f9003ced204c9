package s3

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sluice-data/sluice/sink"
)

const (
	maxKey     = 1024 // bytes
	maxDeletes = 1000 // keys in one DeleteObjects
)

// unsigned is for calls with a body, which has a CRC-32 instead.
var unsigned = s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)

// checksum is the CRC-32 of a body as S3 writes it.
func checksum(body sink.Body) string {
	var sum uint32
	body.Chunks(func(c []byte) { sum = crc32.Update(sum, crc32.IEEETable, c) })
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// bodyLimit is how long it may take to send n bytes and get the answer.
func (s *Store) bodyLimit(n int64) time.Duration {
	return s.timeout + time.Duration(n/slowest)*time.Second
}

// Put sends the object in one request.
func (s *Store) Put(ctx context.Context, key string, body sink.Body, meta sink.Metadata) error {
	if err := checkKey(opPut, key); err != nil {
		return err
	}
	sum := checksum(body)
	return s.ifFree(ctx, opPut, key, func(ifNoneMatch *string) error {
		_, err := call(ctx, s, opPut, key, s.bodyLimit(body.Len()), func(ctx context.Context) (*s3.PutObjectOutput, error) {
			// The SDK lets nobody read the body once the call has returned, even if the
			// connection is still open: the bytes are the caller's again.
			return s.client.PutObject(ctx, &s3.PutObjectInput{
				Bucket: &s.bucket, Key: &key, Metadata: meta, IfNoneMatch: ifNoneMatch,
				Body: body.Reader(), ContentLength: aws.Int64(body.Len()), ChecksumCRC32: &sum,
			}, unsigned)
		})
		return nameChecksums(err)
	})
}

// checkKey applies the limit of S3 to every store. Some take longer keys, but such an object
// could not be copied to another store.
func checkKey(op, key string) error {
	if len(key) > maxKey {
		return &sink.Error{Op: op, Key: key, Err: fmt.Errorf("the key has %d bytes; at most %d are allowed", len(key), maxKey)}
	}
	return nil
}

// ifFree makes a call that must not write over an object. A store that knows no condition is
// asked before, which leaves only a moment for another writer to be quicker.
func (s *Store) ifFree(ctx context.Context, op, key string, do func(ifNoneMatch *string) error) error {
	if !s.unconditional.Load() {
		if err := do(aws.String("*")); !errors.Is(err, sink.ErrUnsupported) {
			return err
		}
	}
	switch _, err := s.Stat(ctx, key); {
	case err == nil:
		return &sink.Error{Op: op, Key: key, Kind: sink.ErrTaken}
	case !errors.Is(err, sink.ErrNotFound):
		return err
	}
	err := do(nil)
	// If it is refused again, then not because of the condition.
	if !errors.Is(err, sink.ErrUnsupported) {
		s.unconditional.Store(true)
	}
	return err
}

// nameChecksums says what the store probably does not support, since its own reply seldom
// does. There is no way to do without: an unsigned body has no other protection.
func nameChecksums(err error) error {
	var e *sink.Error
	if errors.As(err, &e) && errors.Is(e.Kind, sink.ErrUnsupported) {
		e.Err = fmt.Errorf("the store must support x-amz-checksum-crc32 and UNSIGNED-PAYLOAD; it said %w", e.Err)
	}
	return err
}

// Stat asks for the object's headers.
func (s *Store) Stat(ctx context.Context, key string) (sink.Info, error) {
	out, err := call(ctx, s, opHead, key, s.timeout, func(ctx context.Context) (*s3.HeadObjectOutput, error) {
		return s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	})
	if err != nil {
		return sink.Info{}, s.headReason(ctx, key, err)
	}
	info := sink.Info{Key: key, Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}
	if len(out.Metadata) > 0 {
		info.Metadata = sink.Metadata{}
		for k, v := range out.Metadata {
			info.Metadata[strings.ToLower(k)] = v // as headers, they may come back in any case
		}
	}
	return info, nil
}

// headReason looks for the reason why a HEAD was refused. Its answer can't have a body, so that
// credentials that have expired, or a clock that is wrong, look like a right that is missing; a
// call whose answer has one meets with the same. And that an object is not there S3 says only to
// those who may list the bucket: to those who may list just a part of it, a list of that part
// says so.
func (s *Store) headReason(ctx context.Context, key string, err error) error {
	var e *sink.Error
	if !errors.As(err, &e) || e.Class != sink.Permanent || e.Kind != nil && !errors.Is(e.Kind, sink.ErrDenied) {
		return err
	}
	for info, listing := range s.List(ctx, key, "") {
		var why *sink.Error
		switch {
		case errors.As(listing, &why) && slices.Contains([]error{sink.ErrCredentials, sink.ErrExpired, sink.ErrClock}, why.Kind):
			return &sink.Error{Op: opHead, Key: key, Class: why.Class, Kind: why.Kind, Err: why.Err}
		case listing != nil || info.Key == key:
			return err
		}
	}
	if e.Kind == nil {
		return err
	}
	return &sink.Error{Op: opHead, Key: key, Kind: sink.ErrNotFound, Err: e.Err}
}

// Get reads an object. It is no part of sink.Store: Sluice itself only writes. There is no
// time limit on reading but that of ctx.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, s.judge(opGet, key, err)
	}
	return out.Body, nil
}

// List asks for one page after the other. What lies deeper is left out by the store.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return s.list(ctx, prefix, after, aws.String("/"))
}

// Walk asks for one page after the other of all that lies below.
func (s *Store) Walk(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return s.list(ctx, prefix, after, nil)
}

func (s *Store) list(ctx context.Context, prefix, after string, delimiter *string) iter.Seq2[sink.Info, error] {
	return func(yield func(sink.Info, error) bool) {
		var token, from *string
		var seen circle
		if after != "" {
			from = &after
		}
		for {
			page, err := call(ctx, s, opList, prefix, s.timeout, func(ctx context.Context) (*s3.ListObjectsV2Output, error) {
				return s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
					Bucket: &s.bucket, Prefix: &prefix, Delimiter: delimiter,
					ContinuationToken: token, StartAfter: from,
				})
			})
			if err != nil {
				yield(sink.Info{}, err)
				return
			}
			for _, o := range page.Contents {
				info := sink.Info{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)}
				if !yield(info, nil) {
					return
				}
			}
			if !aws.ToBool(page.IsTruncated) {
				return
			}
			next := aws.ToString(page.NextContinuationToken)
			if next == "" || seen.closed(next) {
				// To stop here would look like the end; to go on would never end.
				yield(sink.Info{}, &sink.Error{Op: opList, Key: prefix, Err: errNoNextPage})
				return
			}
			token = &next
		}
	}
}

var errNoNextPage = errors.New("the store says that there are more, but not where to go on")

// Delete removes the objects, as many in one call as the store allows.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	for batch := range slices.Chunk(keys, maxDeletes) {
		if !s.singleDeletes.Load() {
			err := s.deleteBatch(ctx, batch)
			if err == nil {
				continue
			}
			if !errors.Is(err, sink.ErrUnsupported) {
				return err
			}
			s.singleDeletes.Store(true)
		}
		for _, key := range batch {
			if err := s.deleteOne(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) deleteBatch(ctx context.Context, keys []string) error {
	objects := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		objects[i].Key = &keys[i]
	}
	out, err := call(ctx, s, opDeletes, keys[0], s.timeout, func(ctx context.Context) (*s3.DeleteObjectsOutput, error) {
		return s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &s.bucket, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
		})
	})
	if err != nil {
		return err
	}
	// The call has succeeded even if no single object could be deleted.
	for _, failed := range out.Errors {
		v := codes[aws.ToString(failed.Code)]
		if errors.Is(v.kind, sink.ErrNotFound) {
			continue
		}
		said := fmt.Errorf("%s: %s", aws.ToString(failed.Code), aws.ToString(failed.Message))
		e := &sink.Error{Op: opDeletes, Key: aws.ToString(failed.Key), Class: v.class, Kind: v.kind, Err: said}
		nameRight(e, aws.ToString(failed.Code))
		return e
	}
	return nil
}

func (s *Store) deleteOne(ctx context.Context, key string) error {
	_, err := call(ctx, s, opDelete, key, s.timeout, func(ctx context.Context) (*s3.DeleteObjectOutput, error) {
		return s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
	})
	if errors.Is(err, sink.ErrNotFound) {
		return nil
	}
	return err
}
