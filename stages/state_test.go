package stages

import (
	"slices"
	"testing"

	"github.com/sluice-data/sluice/airbyte"
)

// TestStateKeys: two STATEs have one key if and only if they are of the same stream, or both
// of the whole sync.
func TestStateKeys(t *testing.T) {
	users := table("users", "a")
	spaced := table("users", "a")
	spaced.Stream = airbyte.StreamID{Namespace: "public", Name: "users"}
	r := newRig(t, 0, 0, users, spaced)
	of := func(descriptor string) string {
		return `{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":` + descriptor + `}}}`
	}
	key := func(line string) string {
		b := decoded(t, r.catalog, line)
		s := r.held(b, &b.Marks[0])
		if string(s.Message) != line || len(s.State.Of(s.Message)) == 0 || s.State.Of(s.Message)[0] != '{' {
			t.Errorf("%s: %+v", line, s)
		}
		return s.Key
	}
	f := func(lines ...string) string {
		t.Helper()
		want := key(lines[0])
		for _, line := range lines {
			if got := key(line); got != want {
				t.Errorf("%s has the key %q, and %s %q", line, got, lines[0], want)
			}
		}
		return want
	}
	all := []string{
		f(legacyState, `{"type":"STATE","state":{"type":"LEGACY"}}`, `{"type":"STATE","state":{"type":"GLOBAL","global":{}}}`),
		f(of(`{"name":"users"}`), of(`{"namespace":null,"name":"users"}`), of(`{"namespace":"","name":"\u0075sers"}`)),
		f(of(`{"name":"users","namespace":"public"}`), of(`{"namespace":"public","name":"users"}`)),
		f(of(`{"name":"nobody"}`), of(`{"namespace":null,"name":"nobod\u0079"}`)),
		f(of(`{"name":"users","namespace":"nobody"}`)),
		f(of(`{"name":"nobody","namespace":"users"}`)),
		f(of(`{"name":"b\"\"c","namespace":"a"}`)),
		f(of(`{"name":"c","namespace":"a\"\"b"}`)),
		f(of(`{"name":""}`)),
	}
	r.end()
	slices.Sort(all)
	if len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("keys of different streams are the same: %q", all)
	}
}
