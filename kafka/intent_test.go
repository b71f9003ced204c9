package kafka

import "testing"

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
