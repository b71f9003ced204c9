//go:build !linux

package kafkatorture

import (
	"errors"
	"os/exec"
)

// Isolate does nothing: network namespaces are Linux's.
func Isolate(*exec.Cmd) (code int, done bool, reason string) {
	return 0, false, "network namespaces are a matter of Linux"
}

type network struct{ kafka, store string }

func newNetwork(int, string) (*network, error) { return nil, nil }

func (n *network) within(_ int, name string, args ...string) *exec.Cmd {
	return exec.Command(name, args...)
}

func (n *network) address(int) string { return "" }

func (n *network) cut(int, string, string) error { return errors.ErrUnsupported }

func (n *network) close() {}
