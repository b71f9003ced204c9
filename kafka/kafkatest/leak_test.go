package kafkatest

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluice-data/sluice/internal/gateway/gatewaytest"
)

// TestMain runs the tests, ends what they share, and looks for goroutines that they have left.
func TestMain(m *testing.M) {
	code := m.Run()
	err := gatewaytest.Stop()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	if code == 0 && err == nil {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}
