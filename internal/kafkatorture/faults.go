package kafkatorture

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// moveLimit is how long partitions may stand still after a fault.
const moveLimit = 2 * time.Minute

// torment carries out the plan's faults, one after the other. Each is undone after its hold,
// when others may have begun; in a calm round each waits until the group goes on. A wait that the
// end of the round ends is no error: what ended that has one.
func (r *round) torment(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for i, fault := range r.Faults {
		if err := wait(ctx, fault.After); err != nil {
			break
		}
		r.stage = fault.String()
		undone := make(chan struct{})
		group.Go(func() error {
			defer close(undone)
			return r.carryOut(ctx, fault)
		})
		if !r.Calm {
			continue
		}
		took, err := r.watch.moves(ctx, moveLimit)
		if err != nil {
			return err
		}
		r.recovered(fault, took)
		if i < len(r.Faults)-1 {
			select {
			case <-undone:
			case <-ctx.Done():
			}
		}
	}
	return group.Wait()
}

// recovered notes how long the partitions of a dead worker stood still: of one that came back
// at once, that is the time in which it came back.
func (r *round) recovered(f Fault, took time.Duration) {
	if f.Kind != KillWorker && f.Kind != AimedKill {
		return
	}
	if r.Static {
		r.tally.Static = append(r.tally.Static, took)
	} else {
		r.tally.Dynamic = append(r.tally.Dynamic, took)
	}
}

func (r *round) carryOut(ctx context.Context, f Fault) error {
	f = r.feasible(f)
	r.count(f.Kind)
	switch f.Kind {
	case KillBroker:
		return r.killBroker(ctx, f)
	case SlowFault:
		r.door.slowDown(2 * session)
		defer r.door.slowDown(0)
		_ = wait(ctx, f.Hold)
		return nil
	}
	b := r.fleet.slots[f.Slot]
	b.held.Lock()
	defer b.held.Unlock()
	if f.Kind == JoinFault {
		if err := r.fleet.launch(b); err != nil {
			return err
		}
		defer r.fleet.leave(b)
		_ = wait(ctx, f.Hold)
		return nil
	}
	if b.proc == nil || b.proc.ended() { // the guard has not seen it yet
		if err := r.fleet.revive(b); err != nil {
			return err
		}
	}
	return r.hurt(ctx, b, f)
}

// hurt does something to a worker that runs.
func (r *round) hurt(ctx context.Context, b *berth, f Fault) error {
	if f.Kind.pauses() { // a kill may hit a worker that has just begun
		b.settle(b.proc.begun)
	}
	switch f.Kind {
	case KillWorker:
		b.proc.kill()
		_ = wait(ctx, f.Hold)
		return r.fleet.launch(b)
	case AimedKill:
		r.shoot(ctx, b, f)
		_ = wait(ctx, f.Hold)
		return r.fleet.launch(b)
	case LeaveFault:
		r.fleet.leave(b)
		_ = wait(ctx, f.Hold)
		return r.fleet.launch(b)
	case PauseFault:
		b.proc.signal(syscall.SIGSTOP)
		_ = wait(ctx, f.Hold)
		b.proc.signal(syscall.SIGCONT)
		b.settle(time.Now())
	case TwinFault:
		return r.replace(ctx, b, f)
	case CutKafka, CutStore:
		cable := "kafka"
		if f.Kind == CutStore {
			cable = "store"
		}
		if err := r.network.cut(b.slot, cable, "down"); err != nil {
			return err
		}
		_ = wait(ctx, f.Hold)
		if err := r.network.cut(b.slot, cable, "up"); err != nil {
			return err
		}
		// A link takes a moment to carry: who is started before finds no way.
		_ = wait(ctx, time.Second)
	}
	return nil
}

// aimLimit is how long we wait for a complete. A worker may have no partitions.
const aimLimit = 5 * time.Second

// shoot kills a worker while a complete of its own is on its way, or at last just so.
func (r *round) shoot(ctx context.Context, b *berth, f Fault) {
	a := &aim{host: r.network.address(b.slot), moment: f.Moment, hit: make(chan struct{}), dead: make(chan struct{})}
	defer close(a.dead)
	r.door.take(a)
	defer r.door.take(nil)
	timer := time.NewTimer(aimLimit)
	defer timer.Stop()
	select {
	case <-a.hit:
		r.mu.Lock()
		r.tally.Hits++
		r.mu.Unlock()
	case <-timer.C:
	case <-ctx.Done():
	}
	b.proc.kill()
}

// replace starts a worker under the name of one that is paused. When that wakes up, it must
// not disturb: it has some seconds to see that, and is killed.
func (r *round) replace(ctx context.Context, b *berth, f Fault) error {
	old := b.proc
	old.signal(syscall.SIGSTOP)
	if err := r.fleet.launch(b); err != nil {
		return err
	}
	_ = wait(ctx, f.Hold/2)
	old.signal(syscall.SIGCONT)
	_ = wait(ctx, f.Hold/2)
	if !old.ended() {
		old.kill()
	}
	return nil
}

// feasible replaces a fault for which workers need an address of their own, where they have none.
func (r *round) feasible(f Fault) Fault {
	switch {
	case r.network != nil:
	case f.Kind.cuts():
		f.Kind = PauseFault
	case f.Kind == AimedKill:
		f.Kind = KillWorker
	}
	return f
}

func (r *round) killBroker(ctx context.Context, f Fault) error {
	r.brokers.Lock()
	defer r.brokers.Unlock()
	b := r.cluster.nodes[f.Slot%len(r.cluster.nodes)]
	b.kill()
	_ = wait(ctx, f.Hold)
	if err := r.cluster.start(b); err != nil {
		return err
	}
	if err := r.cluster.ready(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func (r *round) count(k FaultKind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Faults[k]++
}

func (r *round) rng(purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(r.Seed, uint64(r.Round)<<8+purpose))
}
