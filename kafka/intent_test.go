package kafka

import (
	"strings"
	"testing"
)

func TestIntent(t *testing.T) {
	for _, in := range []intent{
		{}, {topic: "0a1b2c3d"},
		{topic: "0a1b2c3d", prepared: true, end: 1 << 40, rows: 7, rejects: 2, config: "0123456789abcdef"},
		{topic: "0a1b2c3d", prepared: true, config: "0123456789abcdef"},
	} {
		got, err := parseIntent(in.String())
		if err != nil || got != in {
			t.Errorf("%s: got %+v, %v", in, got, err)
		}
	}
	if got, err := parseIntent(""); err != nil || got != (intent{}) {
		t.Errorf("no metadata: got %+v, %v", got, err)
	}
	for _, bad := range []string{"v2;t=0a1b2c3d", "consumer-1", "v1;t=a;E=;n=1;r=0;h=x", "v1;t=a;E=5;r=0;h=x", "v1;t=a;E=-5;n=1;r=0;h=x", "v1;t=a;E=5;n=1x;r=0;h=x"} {
		if got, err := parseIntent(bad); err == nil {
			t.Errorf("%s was read: %+v", bad, got)
		}
	}
}

// FuzzIntent: nothing makes it panic. What it takes it writes again so that it reads the same; and
// what it does not know, it does not take for nothing.
func FuzzIntent(f *testing.F) {
	for _, seed := range []string{
		"", "v1", "v1;", "v1;t=0a1b2c3d", "v1;t=0a1b2c3d;E=5;n=4;r=1;h=0123456789abcdef", "v1;E=5", "v1;t;E=0;n=0;r=0;h=", "v1;n=1;n=2;E=3;r=0;x=y", "v1;E=9223372036854775808;n=0;r=0", "v2;t=a", "v1 ;t=a", "\xff;=;=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		i, err := parseIntent(text)
		if err != nil {
			return
		}
		if text != "" && text != "v1" && !strings.HasPrefix(text, "v1;") {
			t.Fatalf("%q was read: %+v", text, i)
		}
		if i.end < 0 || i.rows < 0 || i.rejects < 0 || !i.prepared && i.end+i.rows+i.rejects > 0 {
			t.Fatalf("%q was read as %+v", text, i)
		}
		if !i.prepared {
			i.config = "" // which says nothing then
		}
		if again, err := parseIntent(i.String()); err != nil || again != i {
			t.Fatalf("%q was read as %+v, written as %s, and read as %+v, %v", text, i, i, again, err)
		}
	})
}
