package kafkatorture

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// fleet is the workers of a round. Each has a slot, in which it is started again when it has
// died, as whoever runs workers would do.
type fleet struct {
	command func(slot int) *exec.Cmd
	scratch string

	mu    sync.Mutex
	slots []*berth
	exits []string // of workers that ended by themselves
	late  []string // of workers that did not leave in order
}

// berth is where a worker runs. Who holds it does something to its worker, and nobody else.
type berth struct {
	slot int
	held sync.Mutex
	proc *process // nil: nothing should run here
}

// leaveLimit is how long a worker may take to leave in order.
const leaveLimit = 30 * time.Second

func newFleet(scratch string, command func(slot int) *exec.Cmd) *fleet {
	f := &fleet{command: command, scratch: scratch}
	for slot := range workers + 1 {
		f.slots = append(f.slots, &berth{slot: slot})
	}
	return f
}

// launch starts a worker. Its berth is held by the caller.
func (f *fleet) launch(b *berth) (err error) {
	b.proc, err = start(f.command(b.slot), filepath.Join(f.scratch, fmt.Sprintf("worker-%d.log", b.slot)))
	return err
}

// settle gives a worker that was just started, or woken, the time to hear signals: before that
// SIGTERM ends it as it ends any program, or one that is not ours yet.
func (b *berth) settle(since time.Time) {
	const hearing = 2 * time.Second
	_ = wait(context.Background(), time.Until(since.Add(hearing)))
}

// begin starts the workers that are always there.
func (f *fleet) begin() error {
	for _, b := range f.slots[:workers] {
		if err := f.launch(b); err != nil {
			return err
		}
	}
	return nil
}

// guard starts workers again that have ended by themselves, until the context ends.
func (f *fleet) guard(ctx context.Context) error {
	for {
		for _, b := range f.slots {
			if !b.held.TryLock() {
				continue
			}
			err := f.revive(b)
			b.held.Unlock()
			if err != nil {
				return err
			}
		}
		if wait(ctx, 100*time.Millisecond) != nil {
			return nil
		}
	}
}

func (f *fleet) revive(b *berth) error {
	if b.proc == nil || !b.proc.ended() {
		return nil
	}
	f.mu.Lock()
	f.exits = append(f.exits, fmt.Sprintf("worker %d ended by itself with the code %d; it said:\n%s", b.slot, b.proc.code(), b.proc.said()))
	tooOften := len(f.exits) > 50
	f.mu.Unlock()
	if tooOften {
		return &Violation{What: "workers end by themselves again and again: " + f.exits[len(f.exits)-1]}
	}
	return f.launch(b)
}

// leave ends a worker in order.
func (f *fleet) leave(b *berth) {
	if b.proc == nil {
		return
	}
	b.settle(b.proc.begun)
	inTime := b.proc.end(leaveLimit)
	if code := b.proc.code(); !inTime || code != 0 {
		f.mu.Lock()
		f.late = append(f.late, fmt.Sprintf("worker %d, up for %v, was asked to leave, and left in time: %t, with the code %d; it said:\n%s",
			b.slot, time.Since(b.proc.begun).Round(time.Millisecond), inTime, code, b.proc.said()))
		f.mu.Unlock()
	}
	b.proc = nil
}

// end ends all workers in order, side by side.
func (f *fleet) end() {
	var group sync.WaitGroup
	for _, b := range f.slots {
		group.Go(func() {
			b.held.Lock()
			defer b.held.Unlock()
			f.leave(b)
		})
	}
	group.Wait()
}

// destroy is for a round that has failed.
func (f *fleet) destroy() {
	for _, b := range f.slots {
		if b.proc != nil && !b.proc.ended() {
			b.proc.signal(syscall.SIGKILL)
			<-b.proc.done
		}
	}
}
