package s3

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/sinktest"
)

// TestOtherStore runs the suite against any S3 server, which the environment names:
//
//	SLUICE_S3_ENDPOINT=http://127.0.0.1:7480 SLUICE_S3_KEY=... SLUICE_S3_SECRET=... go test -run TestOtherStore ./sink/s3
//
// SLUICE_S3_REPLACES=1 says that the server ignores If-None-Match when an upload is
// completed. It makes buckets and leaves them there. docs/STORES.md has what came out.
func TestOtherStore(t *testing.T) {
	set := Settings{
		Endpoint:    os.Getenv("SLUICE_S3_ENDPOINT"),
		AccessKeyID: os.Getenv("SLUICE_S3_KEY"), SecretAccessKey: os.Getenv("SLUICE_S3_SECRET"),
	}
	if set.Endpoint == "" {
		t.Skip("SLUICE_S3_ENDPOINT is not set")
	}
	opts := sinktest.Options{CompleteReplaces: os.Getenv("SLUICE_S3_REPLACES") != ""}
	sinktest.RunWith(t, func(t *testing.T) sink.Store {
		set := set
		set.Bucket = "sluice-" + strings.ToLower(rand.Text()[:10])
		s := open(t, set)
		if _, err := s.client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &set.Bucket}); err != nil {
			t.Fatal(err)
		}
		return s
	}, opts)
}
