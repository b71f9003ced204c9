package kafkatorture

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Of the measurement of STATEs: each behind so many rows, so long after the one before.
const (
	latencyStates = 100
	latencyRows   = 1000
	latencyPause  = 200 * time.Millisecond
)

// latency measures how long a STATE takes from the front's stdin to its stdout, with one worker and
// barriers that are not waited for: through Kafka, into a completed object, and back.
func (b *benchmark) latency(ctx context.Context, out io.Writer) error {
	name := b.file("latency.json")
	cfg := b.config("latency", "latency.{stream}")
	cfg["engine"], cfg["checkpoint_minutes"] = "kafka", 0.0001
	raw, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		return err
	}
	records, err := os.Open(b.file("messages.jsonl"))
	if err != nil {
		return err
	}
	defer records.Close()
	worker, err := start(b.command(ctx, "worker", name), b.file("latency-worker.log"))
	if err != nil {
		return err
	}
	defer worker.end(leaveLimit)
	front := b.command(ctx, "write", name)
	in, err := front.StdinPipe()
	if err != nil {
		return err
	}
	read, write := io.Pipe()
	front.Stdout = write
	proc, err := start(front, b.file("latency-front.log"))
	if err != nil {
		return err
	}
	go func() { <-proc.done; _ = write.Close() }()
	came := bufio.NewScanner(read)
	came.Buffer(nil, 1<<20)
	took, err := b.ask(ctx, records, in, came)
	if err != nil {
		return fmt.Errorf("%w; the front said: %s", err, proc.said())
	}
	_ = in.Close()
	for came.Scan() { // until it has ended
	}
	<-proc.done
	_, _ = fmt.Fprintf(out, "\na STATE behind each %d rows, with one worker: %s\n", latencyRows, spread(took[1:])) // the first waits for the group
	return nil
}

// ask sends rows and STATEs, each of which it waits for.
func (b *benchmark) ask(ctx context.Context, records io.Reader, in io.Writer, came *bufio.Scanner) (took []time.Duration, err error) {
	lines := bufio.NewReaderSize(records, 1<<20)
	for i := range latencyStates {
		for range latencyRows {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return nil, err
			}
			if _, err := in.Write(line); err != nil {
				return nil, err
			}
		}
		begin := time.Now()
		if _, err := fmt.Fprintf(in, `{"type":"STATE","state":{"data":{"number":%d}}}`+"\n", i); err != nil {
			return nil, err
		}
		for came.Scan() && !strings.HasPrefix(came.Text(), `{"type":"STATE"`) {
		}
		if !strings.HasPrefix(came.Text(), `{"type":"STATE"`) {
			return nil, errors.New("the front has ended")
		}
		took = append(took, time.Since(begin))
		if err := wait(ctx, latencyPause); err != nil {
			return nil, err
		}
	}
	return took, nil
}
