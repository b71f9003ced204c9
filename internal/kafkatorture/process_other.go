//go:build !linux

package kafkatorture

import "os/exec"

// dieWithParent does nothing: other systems have no such setting.
func dieWithParent(*exec.Cmd) {}
