//go:build unix

package kafkatest

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/sluice-data/sluice/config"
)

// killVariable is how long workers are killed: "60s". In less than that, few get to the rare moments.
const killVariable = "SLUICE_KILL_WORKERS"

// workerProcess is a worker of the real command.
type workerProcess struct {
	cmd  *exec.Cmd
	log  bytes.Buffer
	name string
	t    *testing.T
	args []string
}

func (p *workerProcess) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Env = append(os.Environ(), "SLUICE_INSTANCE_ID="+p.name)
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *workerProcess) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// kill ends the process at once.
func (p *workerProcess) kill() {
	p.signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// TestKill has three workers, of which each is killed and stopped at random. It is not for each run of
// the tests: in a storm of kills the brokers in the process at times keep a dead member, and the group
// does not settle. make e2e-kafka does the same with Apache Kafka.
func TestKill(t *testing.T) {
	if os.Getenv(killVariable) == "" {
		t.Skip("set " + killVariable + "=60s")
	}
	t.Parallel()
	lasts, err := time.ParseDuration(os.Getenv(killVariable))
	if err != nil {
		t.Fatal(err)
	}
	const partitions = 6
	r := newRig(t, partitions, func(c *config.Config) { c.Kafka.SessionTimeoutSeconds = 2 }, kfake.GroupMinSessionTimeout(time.Second))
	bin := filepath.Join(t.TempDir(), "sluice")
	build := exec.Command("go", "build", "-o", bin, "./cmd/sluice")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	all := r.processes(bin, 3)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	kills, stops, stopped := 0, 0, map[*workerProcess]time.Time{}
	until := time.Now().Add(lasts)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for now := range tick.C {
		for p, at := range stopped {
			if now.After(at) || now.After(until) {
				p.signal(syscall.SIGCONT)
				delete(stopped, p)
			}
		}
		if now.After(until) {
			break
		}
		r.produce(600)
		p := all[random.IntN(len(all))]
		if _, asleep := stopped[p]; asleep || random.IntN(8) > 0 {
			continue
		}
		if random.IntN(3) == 0 {
			p.signal(syscall.SIGSTOP) // sometimes longer than the session
			stopped[p] = now.Add(time.Duration(random.IntN(4000)) * time.Millisecond)
			stops++
			continue
		}
		p.kill()
		p.start()
		kills++
	}
	r.bury(len(all))
	r.settled()
	for _, p := range all {
		p.signal(syscall.SIGTERM)
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, p.log.String())
		}
	}
	r.audit()
	t.Logf("seed %d: %d rows in %d objects; %d workers were killed, %d stopped", seed, r.made, len(r.objects()), kills, stops)
}

// bury removes members that have died, where the group does not. kfake counts nobody out who died
// between joining and the first heartbeat.
func (r *rig) bury(alive int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*r.cfg.Kafka.SessionTimeout())
	defer cancel()
	if _, err := r.b.WaitGroupStable(ctx, group, alive); err != nil {
		r.evict() // those that are alive join again
	}
}

// processes starts workers. Only the first keeps its name over restarts.
func (r *rig) processes(bin string, n int) []*workerProcess {
	t := r.t.(*testing.T)
	dir := t.TempDir()
	write := func(name string, v any) string {
		data, err := json.Marshal(v)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	type object = map[string]any
	cfg := write("config.json", object{
		"s3_bucket_name": r.cfg.Bucket, "s3_bucket_path": r.cfg.Path, "s3_bucket_region": "", "s3_endpoint": "file://" + r.root,
		"format": object{"format_type": "CSV", "flattening": "Root level flattening"}, "engine": "kafka", "checkpoint_minutes": r.cfg.CheckpointMinutes,
		"kafka": object{"brokers": r.cfg.Kafka.Brokers, "topic_pattern": r.topic, "session_timeout_seconds": r.cfg.Kafka.SessionTimeoutSeconds, "max_rows": 500},
	})
	var streams []object
	for _, s := range []string{"users", "orders"} {
		streams = append(streams, object{
			"stream":    object{"name": s, "json_schema": object{"properties": object{"id": object{"type": "integer"}, "text": object{"type": "string"}}}},
			"sync_mode": "full_refresh", "destination_sync_mode": "append",
		})
	}
	catalog := write("catalog.json", object{"streams": streams})
	var all []*workerProcess
	for i := range n {
		p := &workerProcess{t: t, args: []string{bin, "worker", "--config", cfg, "--catalog", catalog}}
		if i == 0 {
			p.name = "first"
		}
		p.start()
		t.Cleanup(func() {
			if p.cmd.ProcessState == nil {
				_ = p.cmd.Process.Kill()
				_ = p.cmd.Wait()
			}
			if t.Failed() {
				t.Logf("log of a worker:\n%s", p.log.String())
			}
		})
		all = append(all, p)
	}
	return all
}
