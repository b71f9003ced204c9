package kafkatorture

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// feeder is a source, and what brings its rows to Kafka: a front, the Java producer, or a
// producer of ours.
type feeder struct {
	script script
	rate   int

	mu       sync.Mutex
	written  []time.Time // of each STATE: when it was sent
	came     []arrival
	lastMark int
	said     string // of its TRACE messages
}

// arrival is a STATE that came back.
type arrival struct {
	mark    int
	seen    int // versions of objects that were there then
	at      time.Time
	latency time.Duration
}

// feed sends rows at the rate until more says no, and then what a source says at its end.
func (f *feeder) feed(ctx context.Context, more func() bool, line func([]byte) error) error {
	const beat = 20 * time.Millisecond
	begin, sent := time.Now(), 0
	for more() {
		for due := int(time.Since(begin).Seconds() * float64(f.rate)); sent < due; sent++ {
			if err := f.script.next(f.stamped(line)); err != nil {
				return err
			}
		}
		if err := wait(ctx, beat); err != nil {
			return err
		}
	}
	return f.script.end(f.stamped(line))
}

// stamped notes when each STATE was handed over.
func (f *feeder) stamped(line func([]byte) error) func([]byte) error {
	return func(b []byte) error {
		states := len(f.script.marks)
		f.mu.Lock()
		for len(f.written) < states {
			f.written = append(f.written, time.Now())
		}
		f.mu.Unlock()
		return line(b)
	}
}

// play runs a front: .bin/sluice write, or the producer in Java, which takes the same lines.
func (f *feeder) play(ctx context.Context, cmd *exec.Cmd, log string, more func() bool, b *bucket) error {
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	read, write := io.Pipe()
	cmd.Stdout = write
	proc, err := start(cmd, log)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { proc.signal(9) })
	defer stop()
	reading := make(chan error, 1)
	go func() {
		err := f.receive(read, b)
		_ = read.CloseWithError(err) // the process must not hang on what nobody reads
		reading <- err
	}()
	out := bufio.NewWriter(in)
	err = f.feed(ctx, func() bool { return more() && !proc.ended() }, func(line []byte) error {
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
		return out.Flush()
	})
	_ = in.Close() // the end of the input; what was lost before has its error
	<-proc.done
	_ = write.Close()
	if err := <-reading; err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if code := proc.code(); code != 0 {
		return &Violation{What: fmt.Sprintf("%s ended with the code %d; it said:\n%s%s", cmd.Path, code, f.said, proc.said())}
	}
	return err
}

// receive is the platform: it reads STATEs, and looks into the bucket at each.
func (f *feeder) receive(stdout io.Reader, b *bucket) error {
	in := bufio.NewReaderSize(stdout, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at := time.Now()
		var m stateMessage
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("stdout has the line %.200q: %w", line, err)
		}
		if m.Type != "STATE" {
			f.said += m.Trace.Error.Message
			continue
		}
		number, err := m.number()
		if err != nil {
			return err
		}
		seen, err := b.look()
		if err != nil {
			return err
		}
		if err := f.arrived(number, seen, at); err != nil {
			return err
		}
	}
}

func (f *feeder) arrived(number, seen int, at time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < f.lastMark || number >= len(f.written) {
		return &Violation{What: fmt.Sprintf("STATE %d came out, of %d that were sent, behind %d", number, len(f.written), f.lastMark-1)}
	}
	f.lastMark = number + 1
	f.came = append(f.came, arrival{number, seen, at, at.Sub(f.written[number])})
	return nil
}

// complete demands that the last STATE has come back.
func (f *feeder) complete() error {
	if sent := len(f.script.marks); f.lastMark != sent {
		return &Violation{What: fmt.Sprintf("%s has ended well, and of %d STATEs the last that came out is %d", front(f.script.front), sent, f.lastMark-1)}
	}
	return nil
}

// produce is a feeder without a front: the lines go straight to the topics.
func (r *round) produce(ctx context.Context, f *feeder, more func() bool) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.cluster.addresses()...), kgo.RecordRetries(1<<20), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	var failed error
	var once sync.Once
	err = f.feed(ctx, more, func(line []byte) error {
		var m struct{ Record *descriptorOfRecord }
		if err := json.Unmarshal(line, &m); err != nil || m.Record == nil {
			return err // STATEs stay here
		}
		to := r.topic(stream{m.Record.Namespace, m.Record.Stream})
		client.Produce(ctx, &kgo.Record{Topic: to, Value: line}, func(_ *kgo.Record, err error) {
			if err != nil {
				once.Do(func() { failed = err })
			}
		})
		return nil
	})
	return errors.Join(err, client.Flush(ctx), failed)
}

type descriptorOfRecord struct{ Namespace, Stream string }

// spoil writes records that are no rows, and notes where they are.
func (r *round) spoil(ctx context.Context, rng *rand.Rand) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.cluster.addresses()...), kgo.RecordRetries(1<<20), kgo.UnknownTopicRetries(1<<20),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	values := [][]byte{
		[]byte("this is no JSON"), {0xff, 0xfe, 0}, []byte(`{"type":"RECORD"`), []byte(`{}`), []byte(`[1]`), nil,
		[]byte(`{"type":"RECORD","record":{"stream":"nobody's","emitted_at":1,"data":{"front":"front-0","seq":0,"text":""}}}`),
		[]byte(`{"_airbyte_ab_id":"no uuid","_airbyte_stream":"nobody's","_airbyte_emitted_at":1,"_airbyte_data":{"seq":0}}`),
	}
	for range r.Poison {
		topic := pick(rng, r.topics()...)
		results := client.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: pick(rng, values...)})
		written, err := results.First()
		if err != nil {
			return fmt.Errorf("writing a record that is no row: %w", err)
		}
		r.poison = append(r.poison, place{written.Topic, written.Partition, written.Offset})
		if err := wait(ctx, between(rng, 0, 3*time.Second)); err != nil {
			return err
		}
	}
	return nil
}
