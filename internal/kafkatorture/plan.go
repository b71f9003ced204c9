package kafkatorture

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Plan is one round, drawn from a seed: the same seed and number give the same plan. What
// then happens still depends on the machine, since many processes run side by side.
type Plan struct {
	Seed  uint64
	Round int

	Brokers    int     // 1, or 3 that keep each record twice before they acknowledge it
	Naive      bool    // the control arm: a worker as one would write it in an hour
	Envelope   bool    // the records are written by a Java producer, as Airbyte's destination-kafka does
	Static     bool    // workers have a group.instance.id
	OneTopic   bool    // all streams share one topic
	Created    bool    // topics are there before the workers
	Global     bool    // STATEs are of all streams, else of one
	Calm       bool    // each fault waits until all partitions move again, and that is measured
	Gzip       bool    // objects are compressed
	Metadata   string  // metadata_columns
	FileSize   float64 // file_size_mb
	MaxRows    int     // kafka.max_rows
	Checkpoint float64 // checkpoint_minutes
	Partitions int
	Fronts     int
	Rate       int // rows a second of each front
	Width      int // bytes of a row's text
	Every      int // rows between two STATEs
	Poison     int // records that are no Airbyte message, or of no stream of ours

	Faults []Fault
}

// Fault is one thing that goes wrong, or changes.
type Fault struct {
	Kind   FaultKind
	After  time.Duration // since the fault before it
	Slot   int           // of the worker, or the broker
	Hold   time.Duration // until it is undone
	Moment moment        // of AimedKill
}

// FaultKind is what a Fault does.
type FaultKind string

// The kinds of faults.
const (
	KillWorker FaultKind = "kill -9 of a worker"
	AimedKill  FaultKind = "kill -9 of a worker at a complete"
	PauseFault FaultKind = "a worker is paused past its session" // it wakes up as a zombie
	LeaveFault FaultKind = "a worker leaves"
	JoinFault  FaultKind = "a worker joins for a while"
	TwinFault  FaultKind = "a paused worker is replaced by one of its name"
	KillBroker FaultKind = "kill -9 of a broker"
	SlowFault  FaultKind = "completes take seconds"
	CutKafka   FaultKind = "a worker is cut off from Kafka"
	CutStore   FaultKind = "a worker is cut off from S3"
)

// kills, pauses and the rest, as the last line counts them.
func (k FaultKind) pauses() bool { return k == PauseFault || k == TwinFault }
func (k FaultKind) cuts() bool   { return k == CutKafka || k == CutStore }

const (
	// workers is how many there are, without those that join for a while.
	workers = 3
	// session is session_timeout_seconds: the shortest that brokers allow by default.
	session = 6 * time.Second
	// wide is a row's width where objects are to have several parts, which S3 wants to have
	// 5 MiB at least.
	wide = 20 << 10
)

// Draw makes the plan of a round. Each third one has a single broker.
func Draw(seed uint64, round int) *Plan {
	rng := rand.New(rand.NewPCG(seed, uint64(round)))
	p := &Plan{
		Seed: seed, Round: round, Brokers: 3,
		Static:     round%2 == 1,
		OneTopic:   rng.IntN(3) == 0,
		Created:    rng.IntN(2) == 0,
		Global:     rng.IntN(2) == 0,
		Calm:       round%4 >= 2,
		Gzip:       rng.IntN(3) == 0,
		Metadata:   pick(rng, "v1", "v2"),
		FileSize:   pick(rng, 0.02, 0.1, 1024),
		MaxRows:    pick(rng, 0, 0, 100, 1000),
		Checkpoint: pick(rng, 0.01, 0.02, 0.05),
		Partitions: pick(rng, 3, 6, 12),
		Fronts:     1 + rng.IntN(2),
		Rate:       400 + rng.IntN(800),
		Width:      20 + rng.IntN(200),
		Every:      100 + rng.IntN(900),
		Poison:     5 + rng.IntN(10),
	}
	if round%3 == 0 {
		p.Brokers = 1
	}
	switch round % 6 {
	case 4:
		p.Envelope, p.Fronts = true, 1
	case 5:
		p.sendParts()
	}
	faults := 20
	if p.Calm {
		faults = 10
	}
	for range faults {
		p.Faults = append(p.Faults, drawFault(rng, p))
	}
	return p
}

// Control makes the plan of a round in which the naive worker must double rows.
func Control(seed uint64) *Plan {
	p := Draw(seed, 0)
	p.Round, p.Naive, p.Created, p.Calm, p.Poison = ControlRound, true, true, false, 0
	p.Brokers, p.OneTopic, p.Gzip = 1, false, false
	p.Faults = p.Faults[:10]
	return p
}

// ControlRound is the number of the round with the naive worker.
const ControlRound = 9999

// sendParts makes rows so wide, and objects so large, that these have several parts.
func (p *Plan) sendParts() {
	p.Width, p.Rate, p.Fronts, p.Every = wide, 150, 1, 300
	p.FileSize, p.MaxRows, p.Checkpoint, p.Partitions, p.Gzip = 12, 0, 0.15, 3, false
}

func drawFault(rng *rand.Rand, p *Plan) Fault {
	kinds := []FaultKind{
		KillWorker, KillWorker, KillWorker, AimedKill, AimedKill, AimedKill, AimedKill, PauseFault, PauseFault, PauseFault,
		LeaveFault, LeaveFault, JoinFault, JoinFault, SlowFault, CutKafka, CutKafka, CutStore,
	}
	if p.Calm { // whose kills are measured
		kinds = append(kinds, slices.Repeat([]FaultKind{KillWorker}, len(kinds))...)
	}
	if p.Static {
		kinds = append(kinds, TwinFault)
	}
	if p.Brokers > 1 {
		kinds = append(kinds, KillBroker, KillBroker)
	}
	f := Fault{Kind: pick(rng, kinds...), After: between(rng, time.Second, 4*time.Second), Slot: rng.IntN(workers)}
	switch f.Kind {
	case KillWorker, AimedKill, LeaveFault:
		f.Moment = moment(rng.IntN(int(moments)))
		f.Hold = pick(rng, 0, between(rng, 0, 3*time.Second), between(rng, 0, 10*time.Second))
	case JoinFault:
		f.Slot, f.Hold = workers, between(rng, time.Second, 10*time.Second)
	case KillBroker:
		f.Hold = pick(rng, between(rng, 0, 3*time.Second), 12*time.Second)
	case SlowFault:
		f.Hold = between(rng, 4*time.Second, 12*time.Second)
	default:
		f.Hold = session + between(rng, 2*time.Second, 8*time.Second)
	}
	return f
}

// String is the plan on some lines, for the report of what went wrong.
func (p *Plan) String() string {
	var b strings.Builder
	engine, input := "sluice worker", "protocol"
	if p.Naive {
		engine = "the naive worker"
	}
	if p.Envelope {
		input = "envelope"
	}
	fmt.Fprintf(&b, "%s, %d brokers, input %s, static %t, one topic %t, calm %t, gzip %t, metadata %s, file_size_mb %g, max_rows %d, checkpoint_minutes %g,\n",
		engine, p.Brokers, input, p.Static, p.OneTopic, p.Calm, p.Gzip, p.Metadata, p.FileSize, p.MaxRows, p.Checkpoint)
	fmt.Fprintf(&b, "  %d partitions, %d fronts with %d rows a second of about %d bytes, a STATE each %d rows, global %t, %d poison records\n",
		p.Partitions, p.Fronts, p.Rate, p.Width, p.Every, p.Global, p.Poison)
	for _, f := range p.Faults {
		fmt.Fprintf(&b, "  %v\n", f)
	}
	return b.String()
}

func (f Fault) String() string {
	if f.Kind == AimedKill {
		return fmt.Sprintf("after %4.1f s: %s (%d), %v, for %.1f s", f.After.Seconds(), f.Kind, f.Slot, f.Moment, f.Hold.Seconds())
	}
	return fmt.Sprintf("after %4.1f s: %s (%d), for %.1f s", f.After.Seconds(), f.Kind, f.Slot, f.Hold.Seconds())
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)))
}
