package kafkatorture

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster is Apache Kafka itself: brokers that are controllers too, in a quorum of their own.
type cluster struct {
	libs  string // the jars
	dir   string
	host  string
	nodes []*broker
	admin *kadm.Client // patient: it waits until brokers are back
}

type broker struct {
	id      int
	address string
	control string
	dir     string

	mu   sync.Mutex
	proc *process
}

// startWait is how long brokers may take until they answer. They share the machine.
const startWait = 2 * time.Minute

// startCluster formats the brokers' directories, starts them, and returns when all answer.
func startCluster(ctx context.Context, libs, dir, host string, size int) (_ *cluster, err error) {
	c := &cluster{libs: libs, dir: dir, host: host}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	for id := 1; id <= size; id++ {
		b := &broker{id: id, dir: filepath.Join(dir, fmt.Sprintf("broker-%d", id))}
		if b.address, err = freeAddress(host); err != nil {
			return nil, err
		}
		if b.control, err = freeAddress(host); err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, b)
	}
	for _, b := range c.nodes {
		if err := c.format(ctx, b); err != nil {
			return nil, err
		}
	}
	for _, b := range c.nodes {
		if err := c.start(b); err != nil {
			return nil, err
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.addresses()...), kgo.RequestRetries(1000), kgo.RetryTimeout(time.Minute), kgo.MetadataMinAge(time.Second))
	if err != nil {
		return nil, err
	}
	c.admin = kadm.NewClient(client)
	return c, c.ready(ctx)
}

func (c *cluster) addresses() (all []string) {
	for _, b := range c.nodes {
		all = append(all, b.address)
	}
	return all
}

// clusterID is any UUID in the form that Kafka writes them.
const clusterID = "c2x1aWNlLXRvcnR1cmU4Mg"

func (c *cluster) properties(b *broker) string {
	var voters []string
	for _, n := range c.nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", n.id, n.control))
	}
	size := len(c.nodes)
	lines := []string{
		"process.roles=broker,controller", "node.id=" + strconv.Itoa(b.id),
		"controller.quorum.voters=" + strings.Join(voters, ","),
		"listeners=PLAINTEXT://" + b.address + ",CONTROLLER://" + b.control,
		"controller.listener.names=CONTROLLER", "log.dirs=" + filepath.Join(b.dir, "data"),
		"auto.create.topics.enable=false", fmt.Sprintf("default.replication.factor=%d", size),
		fmt.Sprintf("offsets.topic.replication.factor=%d", size), fmt.Sprintf("min.insync.replicas=%d", 1+size/3),
		fmt.Sprintf("transaction.state.log.replication.factor=%d", size), fmt.Sprintf("transaction.state.log.min.isr=%d", 1+size/3),
		// Fewer than by default: they are made, and moved, while somebody waits.
		"offsets.topic.num.partitions=3", "transaction.state.log.num.partitions=3",
		"group.initial.rebalance.delay.ms=0",
	}
	return strings.Join(lines, "\n") + "\n"
}

func (b *broker) config() string { return filepath.Join(b.dir, "server.properties") }

// java is a command that sees all jars. Its memory is small, and it starts quickly rather
// than being fast in the end: there may be three of them on two cores.
func (c *cluster) java(ctx context.Context, args ...string) *exec.Cmd {
	all := []string{"-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(c.libs, "*")}
	cmd := exec.CommandContext(ctx, "java", append(all, args...)...)
	cmd.Env = environment()
	return cmd
}

func (c *cluster) format(ctx context.Context, b *broker) error {
	if err := os.MkdirAll(filepath.Join(b.dir, "data"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(b.config(), []byte(c.properties(b)), 0o644); err != nil {
		return err
	}
	out, err := c.java(ctx, "kafka.tools.StorageTool", "format", "-t", clusterID, "-c", b.config()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("formatting the directory of broker %d: %w\n%s", b.id, err, out)
	}
	return nil
}

// start starts a broker, also one that was killed.
func (c *cluster) start(b *broker) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Its end is ours to decide, not a context's.
	cmd := c.java(context.Background(), "-Dlog4j2.configurationFile="+filepath.Join(c.libs, "..", "log4j2.properties"), "kafka.Kafka", b.config())
	var err error
	b.proc, err = start(cmd, filepath.Join(b.dir, "log"))
	return err
}

func (b *broker) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.proc.kill()
}

// ready waits until all brokers are members of the cluster, and no partition lacks a replica.
func (c *cluster) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for {
		for _, b := range c.nodes {
			if b.proc.ended() {
				return fmt.Errorf("broker %d has ended by itself:\n%s", b.id, b.proc.said())
			}
		}
		if c.whole(ctx) {
			return nil
		}
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("not all of %d brokers answer after %v; the first one says:\n%s", len(c.nodes), startWait, c.nodes[0].proc.said())
		}
	}
}

func (c *cluster) whole(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	meta, err := c.admin.Metadata(ctx)
	if err != nil || len(meta.Brokers) < len(c.nodes) {
		return false
	}
	whole := true
	meta.Topics.EachPartition(func(p kadm.PartitionDetail) {
		whole = whole && p.Err == nil && len(p.ISR) == len(p.Replicas)
	})
	return whole
}

func (c *cluster) stop() {
	if c.admin != nil {
		c.admin.Close()
	}
	for _, b := range c.nodes {
		if b.proc != nil && !b.proc.ended() {
			b.kill() // its files are thrown away
		}
	}
}

var stabilized = regexp.MustCompile(`Stabilized group (\S+) generation (\d+)`)

// rebalances is how often a group came to a new assignment, as the brokers' logs tell.
func (c *cluster) rebalances(group string) (n int, err error) {
	for _, b := range c.nodes {
		text, err := os.ReadFile(b.proc.log)
		if err != nil {
			return 0, err
		}
		n = max(n, generations(string(text), group))
	}
	return n, nil
}

// generations is the highest one of a group that a log names.
func generations(log, group string) (highest int) {
	for _, m := range stabilized.FindAllStringSubmatch(log, -1) {
		if n, err := strconv.Atoi(m[2]); err == nil && m[1] == group {
			highest = max(highest, n)
		}
	}
	return highest
}

// freeAddress finds a port that is free at this moment.
func freeAddress(host string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// wait is a sleep that the context can end.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
