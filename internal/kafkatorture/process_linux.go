package kafkatorture

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end the child when this process ends, even when it is killed.
// The child is in a group of its own: Ctrl-C on a terminal is for us, who end the rest in order.
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr.Setpgid = true
}
