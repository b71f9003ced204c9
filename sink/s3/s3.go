// Package s3 keeps objects in a bucket of Amazon S3, or of a store that speaks its protocol.
//
// It is the only package that imports the AWS SDK. Of that it uses the calls, the signatures
// and the search for credentials; parts, retries and checksums are Sluice's own:
//
//   - A call is tried once. The retries of the SDK share a quota, which an outage drains;
//     after that each call fails at once.
//   - Every part carries a CRC-32, so that the store refuses bytes that were damaged on their
//     way. In return the payload is not signed: the SHA-256 for that would take longer than
//     all the rest of an upload over plain HTTP, and over TLS it is not needed.
package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/sluice-data/sluice/sink"
)

const (
	defaultRegion         = "us-east-1"
	defaultConnections    = 16
	defaultAttemptTimeout = 60 * time.Second

	// slowest is the speed in bytes a second below which sending a body counts as hanging.
	slowest = 64 << 10
	// completeFactor is how much longer than other calls a Complete may take: S3 says
	// "several minutes" for large objects.
	completeFactor = 5
	// regionTimeout bounds the question where the bucket is. Without an answer there is a
	// default.
	regionTimeout = 10 * time.Second
	// expiryWindow is how long before its end a role's session is renewed, so that it cannot
	// end between the signature of a request and its arrival.
	expiryWindow = 5 * time.Minute
)

// Settings say which bucket, and how to get there. Only Bucket is required.
type Settings struct {
	Bucket string
	// Region: if it is empty, that of the environment, then the one the bucket says it is in.
	Region string
	// Endpoint is the URL of a store that is not Amazon's.
	Endpoint string

	// AccessKeyID and SecretAccessKey: if both are empty, the SDK looks for credentials in
	// the environment, its files and the machine's role.
	AccessKeyID     string
	SecretAccessKey string
	// RoleARN is a role to take on with these credentials; ExternalID goes with it.
	RoleARN    string
	ExternalID string

	// Connections is how many calls are made at the same time: as many connections are kept
	// open. 0 means 16.
	Connections int
	// AttemptTimeout is how long one call may take beside sending its body. 0 means a minute.
	AttemptTimeout time.Duration
	// HTTPClient replaces the one that New makes, for tests.
	HTTPClient interface {
		Do(*http.Request) (*http.Response, error)
	}
}

// Store is a bucket.
type Store struct {
	client  *s3.Client
	bucket  string
	region  string
	timeout time.Duration
	r2      bool // Cloudflare's store: its parts must have one size

	// answered is set once anything has come back: the endpoint is right.
	answered atomic.Bool
	// unconditional is set once the store has refused If-None-Match.
	unconditional atomic.Bool
	// singleDeletes is set once the store has refused to delete many objects in one call.
	singleDeletes atomic.Bool
}

var _ sink.Inspector = (*Store)(nil)

// New makes the client. It calls nothing, unless it has to ask the bucket for its region:
// wrong credentials are found by the first call.
func New(ctx context.Context, set Settings) (*Store, error) {
	if err := set.check(); err != nil {
		return nil, err
	}
	if set.AttemptTimeout == 0 {
		set.AttemptTimeout = defaultAttemptTimeout
	}
	cfg, err := set.load(ctx)
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		if set.Endpoint != "" {
			o.BaseEndpoint = aws.String(set.Endpoint)
			// Few stores have a host name for each bucket.
			o.UsePathStyle = true
		}
		// Only here: calls for credentials, which no one repeats, keep the SDK's retries.
		o.Retryer = aws.NopRetryer{}
		o.APIOptions = append(o.APIOptions, checkRoot)
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	return &Store{client: client, bucket: set.Bucket, region: cfg.Region, timeout: set.AttemptTimeout, r2: set.isR2()}, nil
}

// isR2 knows the store by its host, https://<account>.r2.cloudflarestorage.com, also with a
// jurisdiction behind the account.
func (set *Settings) isR2() bool {
	u, err := url.Parse(set.Endpoint)
	return err == nil && strings.HasSuffix(u.Hostname(), ".r2.cloudflarestorage.com")
}

func (set *Settings) check() error {
	if set.Bucket == "" {
		return errors.New("the name of the bucket is missing")
	}
	if (set.AccessKeyID == "") != (set.SecretAccessKey == "") {
		return errors.New("the access key id and the secret access key must be given both, or neither")
	}
	if set.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(set.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("the endpoint %q must be a URL such as https://host:9000", set.Endpoint)
	}
	return nil
}

// load finds region and credentials.
func (set *Settings) load(ctx context.Context) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		// What matters comes back as an error; nothing else may get between our own output.
		config.WithLogger(logging.Nop{}),
	}
	if set.HTTPClient != nil {
		options = append(options, config.WithHTTPClient(set.HTTPClient))
	} else {
		options = append(options, config.WithHTTPClient(set.httpClient()))
	}
	if set.AccessKeyID != "" {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(set.AccessKeyID, set.SecretAccessKey, "")))
	}
	region := set.Region
	if region == "" && set.Endpoint != "" {
		region = defaultRegion
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("loading the AWS settings: %w", err)
	}
	if cfg.Region == "" {
		cfg.Region = bucketRegion(ctx, cfg.HTTPClient, set.Bucket)
	}
	if set.RoleARN != "" {
		cfg.Credentials = set.role(cfg)
	}
	cfg.Credentials = provider{cfg.Credentials}
	cfg.HTTPClient = plainBodies{cfg.HTTPClient}
	return cfg, nil
}

// plainBodies hides that a request's body has a WriteTo. When net/http has sent a body it looks
// whether there is more; when the answer is quicker than that, the SDK has closed the body;
// and its WriteTo then says io.EOF, which net/http takes for a failure: it closes the
// connection under the reply that is being read. Read says the same, and there it is none.
type plainBodies struct{ aws.HTTPClient }

func (c plainBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct {
			io.Reader
			io.Closer
		}{r.Body, r.Body}
	}
	return c.HTTPClient.Do(r)
}

// role gets its credentials with those of cfg.
func (set *Settings) role(cfg aws.Config) aws.CredentialsProvider {
	assume := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), set.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "sluice"
		if set.ExternalID != "" {
			o.ExternalID = aws.String(set.ExternalID)
		}
	})
	return aws.NewCredentialsCache(assume, func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = expiryWindow
	})
}

// httpClient starts from the SDK's, which takes the proxy from the environment, follows no
// redirect that would lose the body, and can be given AWS_CA_BUNDLE.
func (set *Settings) httpClient() aws.HTTPClient {
	connections := set.Connections
	if connections == 0 {
		connections = defaultConnections
	}
	timeout := set.AttemptTimeout
	return awshttp.NewBuildableClient().
		// The SDK's read timeout also counts while a large part is being sent.
		WithReadTimeout(0).
		WithTransportOptions(func(tr *http.Transport) {
			tr.MaxIdleConns = 0 // no limit beside that of the host
			tr.MaxIdleConnsPerHost = connections
			tr.ResponseHeaderTimeout = completeFactor * timeout
			// With HTTP/2 all parts would share one connection, and its window.
			tr.ForceAttemptHTTP2 = false
			tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		})
}

// bucketRegion asks S3 where the bucket is. The answer is in a header, also in the reply to a
// caller without any rights, so the question needs no signature; for the same reason any
// failure just means that the default has to do.
func bucketRegion(ctx context.Context, client aws.HTTPClient, bucket string) string {
	ctx, cancel := context.WithTimeout(ctx, regionTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "https://s3.amazonaws.com/"+url.PathEscape(bucket), nil)
	if err != nil {
		return defaultRegion
	}
	resp, err := client.Do(req)
	if err != nil {
		return defaultRegion
	}
	_ = resp.Body.Close() // the reply to HEAD has none
	if region := resp.Header.Get(regionHeader); region != "" {
		return region
	}
	return defaultRegion
}

// Properties are the limits of Amazon S3.
func (s *Store) Properties() sink.Properties {
	return sink.Properties{
		Name:        "s3://" + s.bucket,
		MinPartSize: 5 << 20,
		MaxPartSize: 5 << 30,
		MaxParts:    10_000,
		MaxObject:   5 << 40,
		MaxKey:      maxKey,
		EqualParts:  s.r2,
	}
}
