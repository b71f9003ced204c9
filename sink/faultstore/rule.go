package faultstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sluice-data/sluice/sink"
)

// Op is a method of sink.Store, sink.Inspector or sink.Upload.
type Op string

// The methods. Part, Complete and Abort are those of an upload.
const (
	Create      Op = "Create"
	Put         Op = "Put"
	Part        Op = "Part"
	Complete    Op = "Complete"
	Abort       Op = "Abort"
	Stat        Op = "Stat"
	List        Op = "List"
	Delete      Op = "Delete"
	Uploads     Op = "Uploads"
	AbortUpload Op = "AbortUpload"
	Walk        Op = "Walk" // of an Inspector
	Parts       Op = "Parts"

	// Any matches every method.
	Any Op = "any call"
)

// Rule says which calls go wrong, and how. On makes one, and the methods complete it; it may
// not be changed any more once it is in a Store, and belongs to one Store.
//
//	faultstore.On(faultstore.Part).Key("users").Nth(3).Fail(err)
//
// fails the third try to send a part of an object with "users" in its key.
type Rule struct {
	op   Op
	key  string
	when string
	fire func(n int) bool

	does      string
	delay     time.Duration
	hook      Hook
	err       *sink.Error
	loseReply bool

	mu    sync.Mutex
	seen  int // calls that matched
	fired int
}

// Hook is called before a call is made. Its error, if it is not nil, becomes the call's.
type Hook func(ctx context.Context, op Op, key string) error

// On begins a rule for one method, or Any. As it is the rule fires always and does nothing.
func On(op Op) *Rule {
	return &Rule{op: op, when: "always", fire: func(int) bool { return true }, does: "nothing"}
}

// Key restricts the rule to keys, or prefixes, that contain substring. A Delete matches if
// one of its keys does.
func (r *Rule) Key(substring string) *Rule { r.key = substring; return r }

// Nth makes only the n-th call that matches fire, counted from 1.
func (r *Rule) Nth(n int) *Rule {
	return r.on(fmt.Sprintf("call %d", n), func(i int) bool { return i == n })
}

// First makes the first n calls that match fire.
func (r *Rule) First(n int) *Rule {
	return r.on(fmt.Sprintf("the first %d", n), func(i int) bool { return i <= n })
}

// Every makes each k-th call that matches fire.
func (r *Rule) Every(k int) *Rule {
	return r.on(fmt.Sprintf("every %d", k), func(i int) bool { return i%k == 0 })
}

func (r *Rule) on(when string, fire func(int) bool) *Rule {
	r.when, r.fire = when, fire
	return r
}

// Fail returns err instead of making the call. Op and Key are filled in where empty.
func (r *Rule) Fail(err *sink.Error) *Rule {
	r.err = err
	return r.do("fail (" + describe(err) + ")")
}

// LoseReply makes the call and then returns an error of class Unknown, whatever came of it.
// A List yields all it has before.
func (r *Rule) LoseReply() *Rule { r.loseReply = true; return r.do("lose the reply") }

// Delay waits before the call, or until its context ends.
func (r *Rule) Delay(d time.Duration) *Rule { r.delay = d; return r.do("delay " + d.String()) }

// Call calls hook before the call.
func (r *Rule) Call(hook Hook) *Rule { r.hook = hook; return r.do("call a hook") }

func (r *Rule) do(what string) *Rule {
	if r.does != "nothing" {
		what = r.does + ", " + what
	}
	r.does = what
	return r
}

// String describes the rule: `Part of "users", call 3: fail (access denied)`.
func (r *Rule) String() string {
	of := ""
	if r.key != "" {
		of = fmt.Sprintf(" of %q", r.key)
	}
	return fmt.Sprintf("%s%s, %s: %s", r.op, of, r.when, r.does)
}

// Fired says how often the rule has fired.
func (r *Rule) Fired() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fired
}

// match counts a call and says whether the rule fires for it.
func (r *Rule) match(op Op, keys []string) bool {
	if r.op != Any && r.op != op {
		return false
	}
	found := r.key == ""
	for _, key := range keys {
		found = found || strings.Contains(key, r.key)
	}
	if !found {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen++
	if !r.fire(r.seen) {
		return false
	}
	r.fired++
	return true
}

// before does what the rule does ahead of the call.
func (r *Rule) before(ctx context.Context, op Op, key string) error {
	if r.delay > 0 {
		timer := time.NewTimer(r.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if r.hook != nil {
		if err := r.hook(ctx, op, key); err != nil {
			return err
		}
	}
	if r.err == nil {
		return nil
	}
	err := *r.err
	if err.Op == "" {
		err.Op = string(op)
	}
	if err.Key == "" {
		err.Key = key
	}
	return &err
}

var errLost = errors.New("the reply was lost")

func describe(err *sink.Error) string {
	switch {
	case err.Kind != nil:
		return err.Kind.Error()
	case err.Err != nil:
		return err.Err.Error()
	}
	return err.Class.String()
}
