package kafkatorture

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// alone says that we are in a network of our own.
const alone = "SLUICE_KAFKATORTURE_ALONE"

// Isolate runs this program, as self has it, once more in a network namespace of its own, and
// returns its exit code: all that is made in it ends with its last process, whatever happens. Where it may not,
// it returns the reason, and there are no cuts.
func Isolate(self *exec.Cmd) (code int, done bool, reason string) {
	if os.Getenv(alone) != "" {
		return 0, false, ""
	}
	if os.Geteuid() != 0 {
		return 0, false, "only root may make network namespaces"
	}
	for _, tool := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			return 0, false, tool + " is missing"
		}
	}
	runtime.LockOSThread() // Pdeathsig looks at the thread
	self.Env = append(os.Environ(), alone+"=1")
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGTERM}
	err := self.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1), true, ""
	case err != nil:
		return 0, false, err.Error()
	}
	return 0, true, ""
}

// network is two bridges: brokers listen on one, the way to S3 is the other. Each worker has a
// namespace with a cable to each.
type network struct {
	kafka, store string // our addresses on them
	plugs        []*plug
}

// plug is a worker's place in the network. A process that does nothing keeps it open.
type plug struct {
	holder *process
	slot   int
}

// newNetwork makes the bridges, if we are alone. Without a network all is on the loopback.
func newNetwork(slots int, log string) (*network, error) {
	if os.Getenv(alone) == "" {
		return nil, nil
	}
	n := &network{kafka: "10.199.1.1", store: "10.199.2.1"}
	err := ip("link set lo up", "link add kafka0 type bridge forward_delay 0", "addr add "+n.kafka+"/24 dev kafka0", "link set kafka0 up",
		"link add store0 type bridge forward_delay 0", "addr add "+n.store+"/24 dev store0", "link set store0 up")
	if err != nil {
		return nil, err
	}
	for slot := range slots {
		p, err := n.plug(slot, log)
		if err != nil {
			n.close()
			return nil, err
		}
		n.plugs = append(n.plugs, p)
	}
	return n, nil
}

func (n *network) plug(slot int, log string) (*plug, error) {
	cmd := exec.Command("sleep", "infinity")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	holder, err := start(cmd, log)
	if err != nil {
		return nil, err
	}
	pid := holder.cmd.Process.Pid
	commands := []string{}
	for i, bridge := range []string{"kafka", "store"} {
		commands = append(commands,
			fmt.Sprintf("link add %s-%d type veth peer name %s netns %d", bridge, slot, bridge, pid),
			fmt.Sprintf("link set %s-%d master %s0 up", bridge, slot, bridge),
			fmt.Sprintf("-n %d addr add 10.199.%d.%d/24 dev %s", pid, i+1, firstHost+slot, bridge),
			fmt.Sprintf("-n %d link set %s up", pid, bridge))
	}
	if err := ip(append(commands, fmt.Sprintf("-n %d link set lo up", pid))...); err != nil {
		holder.kill()
		return nil, err
	}
	return &plug{holder, slot}, nil
}

// within makes a command run in the place of a worker.
func (n *network) within(slot int, name string, args ...string) *exec.Cmd {
	if n == nil {
		return exec.Command(name, args...)
	}
	in := fmt.Sprintf("--net=/proc/%d/ns/net", n.plugs[slot].holder.cmd.Process.Pid)
	return exec.Command("nsenter", append([]string{in, name}, args...)...)
}

// firstHost is the last number of the address of the worker in the first slot.
const firstHost = 10

// address is where the requests of a worker to S3 come from.
func (n *network) address(slot int) string { return fmt.Sprintf("10.199.2.%d", firstHost+slot) }

// cut takes a worker's cable out, or puts it back. What is on its way is lost without a word.
func (n *network) cut(slot int, bridge, state string) error {
	return ip(fmt.Sprintf("link set %s-%d %s", bridge, slot, state))
}

func (n *network) close() {
	if n == nil {
		return
	}
	for _, p := range n.plugs {
		p.holder.kill()
	}
	_ = ip("link del kafka0", "link del store0") // they end with us anyway
}

// ip runs commands of iproute2. It knows namespaces by name only, so those that are given by
// the number of a process are entered first.
func ip(commands ...string) error {
	for _, c := range commands {
		args := strings.Fields(c)
		cmd := exec.Command("ip", args...)
		if args[0] == "-n" {
			cmd = exec.Command("nsenter", append([]string{"--net=/proc/" + args[1] + "/ns/net", "ip"}, args[2:]...)...)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", c, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
