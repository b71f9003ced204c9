package kafkatorture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/internal/gateway"
)

// benchPartitions is what a topic has that is measured.
const benchPartitions = 12

// benchTopic is where the records are, for all arms.
const benchTopic = "bench"

// Arm is one way to get the same records into a bucket, and what it took, a run each.
type Arm struct {
	Name    string
	Workers int // 0: sluice write
	Wall    []time.Duration
	CPU     []time.Duration // of sluice's processes together
}

// Bench measures workers beside sluice write, on the same records, the same machine and the same
// S3 server: each arm once a turn, turn by turn. The broker is on this machine too.
func Bench(ctx context.Context, opts Options, rows, turns int, out io.Writer) (err error) {
	temp, err := os.MkdirTemp(opts.Work, "bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	gw, err := gateway.Start(ctx, gateway.Options{Dir: temp, Buckets: []string{"bench"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gw.Stop()) }()
	c, err := startCluster(ctx, opts.Libs, filepath.Join(temp, "brokers"), "127.0.0.1", 1)
	if err != nil {
		return err
	}
	defer c.stop()
	b := &benchmark{opts: opts, gw: gw, cluster: c, dir: temp, rows: rows}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	arms := []*Arm{{Name: "sluice write"}, {Name: "1 worker", Workers: 1}, {Name: "2 workers", Workers: 2}}
	for turn := range turns {
		for _, a := range arms {
			if err := b.run(ctx, a, turn); err != nil {
				return fmt.Errorf("%s: %w", a.Name, err)
			}
			_, _ = fmt.Fprintf(out, "%s: %v, %v of CPU\n", a.Name, a.Wall[turn].Round(time.Millisecond), a.CPU[turn].Round(time.Millisecond))
		}
	}
	if err := b.tell(out, arms); err != nil {
		return err
	}
	return b.latency(ctx, out)
}

type benchmark struct {
	opts    Options
	gw      *gateway.Gateway
	cluster *cluster
	dir     string
	rows    int
	bytes   int64
}

func (b *benchmark) file(name string) string { return filepath.Join(b.dir, name) }

// prepare makes the records, as a file of messages and as a topic.
func (b *benchmark) prepare(ctx context.Context) error {
	messages, err := os.Create(b.file("messages.jsonl"))
	if err != nil {
		return err
	}
	defer messages.Close()
	cmd := exec.CommandContext(ctx, b.opts.Binary, "generate", "--shape", "lineitem", "--rows", fmt.Sprint(b.rows), "--status=false", "--state-every", "0", "--catalog", b.file("catalog.json"))
	cmd.Stdout, cmd.Stderr = messages, os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	if _, err := b.cluster.admin.CreateTopic(ctx, benchPartitions, 1, nil, benchTopic); err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.cluster.addresses()...), kgo.DefaultProduceTopic(benchTopic), kgo.ProducerBatchCompression(kgo.SnappyCompression()), kgo.MaxBufferedBytes(64<<20))
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := messages.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var failed error
	in := bufio.NewReaderSize(messages, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(line, []byte(`{"type":"RECORD"`)) {
			continue
		}
		b.bytes += int64(len(line))
		client.Produce(ctx, &kgo.Record{Value: bytes.TrimSuffix(line, []byte("\n"))}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
	return errors.Join(client.Flush(ctx), failed)
}

// config is that of all arms, with a directory and a group of its own.
func (b *benchmark) config(name, topic string) fields {
	return fields{
		"s3_bucket_name": "bench", "s3_bucket_path": name, "s3_bucket_region": b.gw.Region, "s3_endpoint": b.gw.Endpoint,
		"access_key_id": b.gw.AccessKey, "secret_access_key": b.gw.SecretKey,
		"format": fields{"format_type": "CSV", "flattening": "Root level flattening"},
		"kafka":  fields{"brokers": strings.Join(b.cluster.addresses(), ","), "group": name, "topic_pattern": topic},
	}
}

// run does one arm once, into a directory of its own.
func (b *benchmark) run(ctx context.Context, a *Arm, turn int) error {
	name := fmt.Sprintf("%s-%d", strings.ReplaceAll(a.Name, " ", "-"), turn)
	cfg := b.config(name, benchTopic)
	if a.Workers > 0 {
		cfg["engine"] = "kafka"
	}
	raw, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	config := b.file(name + ".json")
	if err := os.WriteFile(config, raw, 0o600); err != nil {
		return err
	}
	begin := time.Now()
	var all []*process
	for i := range max(a.Workers, 1) {
		p, err := b.start(ctx, a, config, fmt.Sprintf("%s-%d.log", name, i))
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	var cpu time.Duration
	for _, p := range all {
		<-p.done
		if p.code() != 0 {
			return fmt.Errorf("it ended with the code %d: %s", p.code(), p.said())
		}
		cpu += p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	}
	a.Wall, a.CPU = append(a.Wall, time.Since(begin)), append(a.CPU, cpu)
	return nil
}

func (b *benchmark) start(ctx context.Context, a *Arm, config, log string) (*process, error) {
	if a.Workers > 0 {
		return start(b.command(ctx, "worker", config, "--until-end"), b.file(log))
	}
	in, err := os.Open(b.file("messages.jsonl"))
	if err != nil {
		return nil, err
	}
	defer in.Close() // the child has its own
	cmd := b.command(ctx, "write", config)
	cmd.Stdin = in
	return start(cmd, b.file(log))
}

func (b *benchmark) command(ctx context.Context, command, config string, more ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.opts.Binary, append([]string{command, "--config", config, "--catalog", b.file("catalog.json")}, more...)...)
	cmd.Env = environment()
	return cmd
}

// tell prints the medians.
func (b *benchmark) tell(out io.Writer, arms []*Arm) error {
	_, _ = fmt.Fprintf(out, "\n%d rows, %d MB of messages, %d partitions, one broker; medians of %d turns\n\n", b.rows, b.bytes/1e6, benchPartitions, len(arms[0].Wall))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "\trows/s\tCPU s a million rows\trows a CPU second, beside write\t")
	millions := float64(b.rows) / 1e6
	for _, a := range arms {
		_, _ = fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t\n", a.Name, float64(b.rows)/median(a.Wall).Seconds(), median(a.CPU).Seconds()/millions, median(arms[0].CPU).Seconds()/median(a.CPU).Seconds())
	}
	return w.Flush()
}
