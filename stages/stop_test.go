package stages

import (
	"strings"
	"testing"
)

// TestStop ends a sync in the middle: want are the states that leave, and the streams that have
// objects then.
func TestStop(t *testing.T) {
	f := func(name string, states, streams string, lines ...string) {
		t.Helper()
		users, orders, whole := table("users", "a"), table("orders", "a"), table("whole", "a")
		whole.Refresh = Atomic
		r := newRig(t, 0, 0, users, orders, whole)
		if err := r.send(lines...); err != nil {
			t.Fatal(name, err)
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Fatal(name, err)
		}
		r.up.Close()
		if err := r.group.Wait(); err != nil {
			t.Fatal(name, err)
		}
		close(r.states)
		var left []string
		for s := range r.states {
			_, rest, _ := strings.Cut(s, `"name":"`)
			stream, _, _ := strings.Cut(rest, `"`)
			left = append(left, stream)
		}
		if got := strings.Join(left, " "); got != states {
			t.Errorf("%s: the states %q left, want %q", name, got, states)
		}
		var shown []string
		for _, stream := range []string{"users", "orders", "whole"} {
			if r.keys("data/"+stream) != "" {
				shown = append(shown, stream)
			}
		}
		if got := strings.Join(shown, " "); got != streams {
			t.Errorf("%s: %q have objects, want %q", name, got, streams)
		}
		if err := r.up.AbortAll(t.Context()); err != nil {
			t.Error(name, err)
		}
	}
	user, order, whole := record("users", `{"a":1}`), record("orders", `{"a":1}`), record("whole", `{"a":1}`)
	users, orders, wholes := streamState("users"), streamState("orders"), streamState("whole")
	f("nothing", "", "")
	f("no state", "", "", user, order)
	f("a state", "users", "users", user, users)
	f("a state that waits for nothing", "users", "", users, user)
	f("a state of another stream", "orders", "users", user, orders)
	f("two states", "users orders", "users orders", user, users, order, orders)
	f("in front of a full refresh", "users", "users", user, users, whole, order, orders)
	f("behind a full refresh", "", "", whole, user, users)
	f("the state of a full refresh", "users", "users", user, users, whole, wholes)
	f("a full refresh that has ended", "whole users", "users whole", whole, wholes, status("whole", "COMPLETE"), user, users)
	f("a full refresh that has failed", "", "", whole, status("whole", "INCOMPLETE"), user, users)
	f("rows behind the last state", "users", "users", user, users, order)
}
