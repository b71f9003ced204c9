//go:build !linux

package gateway

import (
	"context"
	"os/exec"
)

// dieWithParent does nothing: other systems have no such setting. A gateway
// whose parent was killed has to be ended by hand there.
func dieWithParent(*exec.Cmd) {}

// lockBuild does nothing: without it several processes may build at the same
// time, which only costs time, as each one renames a whole binary into place.
func lockBuild(context.Context, string) (unlock func(), err error) {
	return func() {}, nil
}
