package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/s3"
)

// object is an object of the bucket, as it was read back.
type object struct {
	key  string
	size int64
	data []byte
	rows int // without the header
}

// readBack gets all objects of a stream through S3.
func readBack(ctx context.Context, store *s3.Store, id airbyte.StreamID) ([]object, error) {
	dir, err := sink.Dir(bucketPath, id.Namespace, id.Name)
	if err != nil {
		return nil, err
	}
	var objects []object
	for info, err := range store.List(ctx, dir+"/", "") {
		if err != nil {
			return nil, err
		}
		o := object{key: info.Key, size: info.Size}
		if o.data, err = get(ctx, store, info.Key); err != nil {
			return nil, err
		}
		if o.rows, err = countRows(o.data); err != nil {
			return nil, fmt.Errorf("%s: %w", info.Key, err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func openBucket(ctx context.Context, server *gateway.Gateway) (*s3.Store, error) {
	return s3.New(ctx, s3.Settings{
		Bucket: bucketName, Endpoint: server.Endpoint, Region: server.Region,
		AccessKeyID: server.AccessKey, SecretAccessKey: server.SecretKey,
	})
}

func get(ctx context.Context, store *s3.Store, key string) ([]byte, error) {
	body, err := store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	_ = body.Close() // everything is read: there is nothing left to lose
	return data, err
}

// countRows reads a file as any reader of CSV would: each row must have the columns that
// the header has.
func countRows(data []byte) (int, error) {
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return 0, err
	}
	return max(len(rows)-1, 0), nil
}
