package s3

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/sink"
)

// stalled is the body of a reply that never ends.
type stalled struct {
	ctx   context.Context
	start io.Reader
}

func (s *stalled) Read(p []byte) (int, error) {
	if n, err := s.start.Read(p); err == nil {
		return n, nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (s *stalled) Close() error { return nil }

// TestTimeLimits has a store that never answers, or never ends its answer, in a bubble, where an
// hour takes no time: each call is given up after its limit, to the second.
func TestTimeLimits(t *testing.T) {
	limits := map[string]time.Duration{opComplete: 5 * time.Minute}
	for op := range calls {
		limits[op] = max(limits[op], time.Minute)
	}
	f := func(op string, limit time.Duration, do func(context.Context, *Store) error, client doFunc) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			t.Helper()
			s := open(t, Settings{Bucket: "b", Endpoint: "http://store.invalid", AccessKeyID: testID, SecretAccessKey: testSecret, HTTPClient: client})
			start := time.Now()
			err := do(t.Context(), s)
			want(t, op, err, lost(op), nil)
			if took := time.Since(start); took != limit || err == nil || !strings.Contains(err.Error(), "no answer within "+limit.String()) {
				t.Errorf("%s: got %v after %v, want to wait for %v", op, err, took, limit)
			}
		})
	}
	silent := doFunc(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	for op, do := range calls {
		f(op, limits[op], do, silent)
	}
	// A body of 64 KiB may take a second more.
	big := sink.NewBody(make([]byte, 100*slowest))
	f(opPut, time.Minute+100*time.Second, func(ctx context.Context, s *Store) error { return s.Put(ctx, "k", big, nil) }, silent)
	f(opPart, time.Minute+100*time.Second, func(ctx context.Context, s *Store) error {
		return uploadOf(s).Part(ctx, sink.Part{Number: 2, Body: big})
	}, silent)
	for op, root := range roots {
		f(op, limits[op], calls[op], doFunc(func(r *http.Request) (*http.Response, error) {
			resp := response(r, http.StatusOK, "")
			resp.Body = &stalled{r.Context(), strings.NewReader("<" + root + "><Key>k</Key>")}
			return resp, nil
		}))
	}
}

// TestCallerIsQuicker: the caller's own end is told as that, and not as a limit of the call.
func TestCallerIsQuicker(t *testing.T) {
	for op := range maps.Keys(calls) {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, Settings{
				Bucket: "b", Endpoint: "http://store.invalid", AccessKeyID: testID, SecretAccessKey: testSecret,
				HTTPClient: doFunc(func(r *http.Request) (*http.Response, error) {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}),
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			if err := calls[op](ctx, s); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
				t.Errorf("%s: got %v after %v", op, err, time.Since(start))
			}
		})
	}
}

// TestRegionLimit: who does not say where the bucket is keeps nobody waiting.
func TestRegionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := open(t, Settings{Bucket: "b", AccessKeyID: testID, SecretAccessKey: testSecret, HTTPClient: doFunc(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})})
		if took := time.Since(start); s.region != defaultRegion || took != regionTimeout {
			t.Errorf("got region %s after %v", s.region, took)
		}
	})
}
