package gatewaytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestForTest(t *testing.T) {
	var removed string
	t.Run("Inner/Ünï_code", func(t *testing.T) {
		a, b := ForTest(t), ForTest(t, "shared-one")
		if a.Endpoint != b.Endpoint {
			t.Errorf("two gateways: %s and %s", a.Endpoint, b.Endpoint)
		}
		if a.Bucket == b.Bucket {
			t.Errorf("both have the bucket %s", a.Bucket)
		}
		for _, bucket := range []string{a.Bucket, b.Bucket, "shared-one"} {
			if _, err := os.Stat(filepath.Join(a.DataDir, bucket)); err != nil {
				t.Error(err)
			}
		}
		removed = filepath.Join(a.DataDir, a.Bucket)
	})
	if _, err := os.Stat(removed); !os.IsNotExist(err) {
		t.Errorf("the bucket outlives its test: %v", err)
	}
}

func TestBucketName(t *testing.T) {
	for _, test := range []string{"Test", "TestA/b_c", "---", "", strings.Repeat("Long/", 30), "Tést"} {
		name := bucketName(test)
		if len(name) < 3 || len(name) > 63 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
			strings.Trim(name, "-") != name {
			t.Errorf("bucketName(%q) = %q", test, name)
		}
		if name == bucketName(test) {
			t.Errorf("bucketName(%q) gives the same name twice", test)
		}
	}
}
