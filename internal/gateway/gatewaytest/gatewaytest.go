// Package gatewaytest gives tests an S3 gateway: one for each test binary, and
// in it a fresh bucket for each test.
//
// A package that uses it ends the gateway in its TestMain:
//
//	func TestMain(m *testing.M) { gatewaytest.Main(m) }
//
// Without that the gateway still ends with the test binary on Linux, but its
// temporary directory stays.
//
// A test that looks for leaked goroutines calls ForTest first and then ignores
// the goroutines that exist at that moment: the gateway is watched by some.
package gatewaytest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluice-data/sluice/internal/gateway"
)

// shared is the test binary's gateway, started by the first test that asks.
var shared struct {
	once sync.Once
	gw   *gateway.Gateway
	dir  string
	err  error
}

// Main runs the tests, stops the gateway if one was started, looks for goroutines
// that the tests have left, and exits.
func Main(m *testing.M) {
	code := m.Run()
	err := Stop()
	if code == 0 && err == nil {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Stop ends the gateway and removes its directory, for a TestMain that cannot
// use Main. No test may run any more.
func Stop() error {
	// Taking the once away makes a start that is still to come impossible.
	shared.once.Do(func() { shared.err = errors.New("gatewaytest: stopped") })
	var err error
	if shared.gw != nil {
		err = shared.gw.Stop()
	}
	if shared.dir != "" {
		err = errors.Join(err, os.RemoveAll(shared.dir))
	}
	return err
}

// ForTest returns the gateway with Bucket set to a fresh bucket, which is
// removed when the test ends. Its name begins with the test's name, so that it
// can be told in a log. Do not Stop the gateway: other tests use it too.
//
// Buckets are named in addition to be made as well, for a test that needs more
// than one. They are shared with every test that names the same.
func ForTest(tb testing.TB, buckets ...string) *gateway.Gateway {
	tb.Helper()
	shared.once.Do(start)
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	g := *shared.gw
	g.Bucket = bucketName(tb.Name())
	for _, bucket := range slices.Concat(buckets, []string{g.Bucket}) {
		if err := g.MakeBucket(bucket); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(filepath.Join(g.DataDir, g.Bucket)); err != nil {
			tb.Errorf("remove the bucket: %v", err)
		}
	})
	return &g
}

func start() {
	shared.dir, shared.err = os.MkdirTemp("", "sluice-gateway-")
	if shared.err != nil {
		return
	}
	// No test's context: the gateway outlives the test that asked first. The
	// build, which can take long, tells on the standard error what it does.
	// What the gateway says is kept for an error only.
	ctx := context.Background()
	if _, shared.err = gateway.Binary(ctx, os.Stderr); shared.err != nil {
		return
	}
	shared.gw, shared.err = gateway.Start(ctx, gateway.Options{Dir: shared.dir})
}

// bucketName makes a unique name of the letters that S3 allows.
func bucketName(test string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '-'
		}
	}, test)
	// At most 63 characters, of which the random part takes 9. A hyphen at
	// either end is not allowed.
	name = strings.Trim(name[:min(len(name), 54)], "-")
	return strings.TrimLeft(name+"-"+strings.ToLower(rand.Text()[:8]), "-")
}
