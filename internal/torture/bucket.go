package torture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluice-data/sluice/internal/gateway"
)

// bucket is the reader's way to the store: plain S3, past the proxy.
type bucket struct {
	client *s3.Client
	name   string
	etags  map[string]string // of all objects that were ever seen
	theirs map[string]bool   // keys of objects that are not ours to touch
	names  []*regexp.Regexp  // of each stream's objects
	again  bool              // a key may come again
}

// openBucket makes a fresh bucket with objects that no sync may touch.
func openBucket(ctx context.Context, gw *gateway.Gateway, client *http.Client, name string, p *Plan) (*bucket, error) {
	if err := gw.MakeBucket(name); err != nil {
		return nil, err
	}
	b := &bucket{
		name: name, etags: map[string]string{}, theirs: map[string]bool{},
		client: s3.New(s3.Options{
			BaseEndpoint: &gw.Endpoint, UsePathStyle: true, Region: gw.Region, HTTPClient: client,
			Credentials: credentials.NewStaticCredentialsProvider(gw.AccessKey, gw.SecretKey, ""),
		}),
	}
	// Where all that had a number is gone, and no time is in the path, numbers begin anew.
	b.again = p.Refresh == purgeFirst && p.Layout != 0
	const ours = "2021_01_01_1609541171643_0.csv"
	keys := []string{"README.txt", dir + "/" + ours, "elsewhere/users/" + ours}
	for _, s := range p.Streams {
		keys = append(keys, dir+"/"+s.Name+"/README.txt")
		for _, near := range layouts[p.Layout].near {
			keys = append(keys, dir+"/"+fmt.Sprintf(near, s.Name))
		}
		b.names = append(b.names, layouts[p.Layout].names(s))
	}
	for _, key := range keys {
		b.theirs[key] = true
		_, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &name, Key: &key, Body: strings.NewReader("not ours: " + key)})
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

// dir is the config's s3_bucket_path.
const dir = "data"

// read reads everything that is visible. The tables are in the order of the streams; what is
// wrong is an error that says where.
func (b *bucket) read(ctx context.Context, streams []Stream) (tables []*table, err error) {
	keys, err := b.list(ctx)
	if err != nil {
		return nil, err
	}
	for key := range b.theirs {
		if !slices.Contains(keys, key) {
			return nil, fmt.Errorf("%s is not ours, and it is gone", key)
		}
	}
	objects := make([][]*object, len(streams))
	for _, key := range keys {
		if b.theirs[key] {
			continue
		}
		i := slices.IndexFunc(b.names, func(of *regexp.Regexp) bool { return of.MatchString(key) })
		if i < 0 {
			return nil, fmt.Errorf("the object %s should not be there", key)
		}
		data, err := b.get(ctx, key)
		if err != nil {
			return nil, err
		}
		o := &object{key: key, etag: b.etags[key]}
		if err := o.read(&streams[i], data); err != nil {
			return nil, fmt.Errorf("the object %s is not whole: %w", key, err)
		}
		objects[i] = append(objects[i], o)
	}
	for i := range streams {
		t, err := collect(&streams[i], objects[i])
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// list lists all keys. An object never changes: a key that is still there has its ETag.
func (b *bucket) list(ctx context.Context) ([]string, error) {
	var keys []string
	for pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			key, etag := aws.ToString(o.Key), aws.ToString(o.ETag)
			if before, seen := b.etags[key]; seen && before != etag && !b.again {
				return nil, fmt.Errorf("the object %s was overwritten: its ETag was %s and is %s", key, before, etag)
			}
			b.etags[key] = etag
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (b *bucket) get(ctx context.Context, key string) ([]byte, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	var data bytes.Buffer
	_, err = io.Copy(&data, out.Body)
	_ = out.Body.Close() // everything is read: there is nothing left to lose
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	return data.Bytes(), nil
}

// uploads lists the keys of unfinished uploads.
func (b *bucket) uploads(ctx context.Context) ([]string, error) {
	var keys []string
	for pages := s3.NewListMultipartUploadsPaginator(b.client, &s3.ListMultipartUploadsInput{Bucket: &b.name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, up := range page.Uploads {
			keys = append(keys, aws.ToString(up.Key))
		}
	}
	return keys, nil
}
