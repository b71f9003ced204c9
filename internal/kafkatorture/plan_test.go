package kafkatorture

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDraw(t *testing.T) {
	had := map[FaultKind]int{}
	input := map[bool]int{}
	shapes := map[string]bool{}
	worst := 0
	for round := range 12 {
		p := Draw(1, round)
		if again := Draw(1, round); !reflect.DeepEqual(p, again) {
			t.Errorf("round %d is drawn in two ways:\n%v\n%v", round, p, again)
		}
		for _, f := range p.Faults {
			had[f.Kind]++
			if f.Kind.pauses() && f.Hold <= session {
				t.Errorf("round %d: %v is shorter than a session", round, f)
			}
			if f.Kind == KillBroker && p.Brokers == 1 || f.Kind == TwinFault && !p.Static {
				t.Errorf("round %d: %v can't be", round, f)
			}
			if !strings.Contains(p.String(), f.String()) {
				t.Errorf("round %d: the report does not tell of %v", round, f)
			}
		}
		input[p.Envelope]++
		for name, is := range map[string]bool{"static": p.Static, "one topic": p.OneTopic, "gzip": p.Gzip, "calm": p.Calm, "parts": p.Width == wide, "one broker": p.Brokers == 1} {
			shapes[name] = shapes[name] || is
		}
		worst += len(p.Faults)
	}
	if worst < 180 || len(had) < 9 || input[true] == 0 || input[false] == 0 || slices.Contains(slices.Collect(maps.Values(shapes)), false) {
		t.Errorf("12 rounds have too little: %d faults of %v, envelopes %v, shapes %v", worst, had, input, shapes)
	}
	if c := Control(1); !c.Naive || c.Brokers != 1 || len(c.Faults) == 0 {
		t.Errorf("the control arm is\n%v", c)
	}
}

func TestTally(t *testing.T) {
	total := newTally()
	one := newTally()
	one.Faults[KillWorker], one.Faults[KillBroker], one.Faults[PauseFault], one.Faults[CutKafka] = 3, 1, 2, 1
	one.Rebalances, one.Offsets = 9, 100
	one.judged(&judgement{Rows: 90, Lost: 1, Doubled: 2})
	one.audited(&finding{Rows: 90, Doubled: 1, Alien: 3, Early: 1})
	one.Quiet, one.Hurt = []time.Duration{time.Millisecond, 3 * time.Millisecond}, []time.Duration{20 * time.Millisecond}
	total.add(one, false)
	total.add(one, true)
	total.add(one, false)
	want := "kills=8 pauses=6 rebalances=18 offsets=200 lost=2 doubled=8 early_states=2 state_latency_median=3ms"
	if got := total.Line(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var table bytes.Buffer
	if err := total.Write(&table); err != nil || !strings.HasSuffix(table.String(), want+"\n") || !strings.Contains(table.String(), "max 20ms of 2") {
		t.Errorf("%v, and the table is\n%s", err, table.String())
	}
	if got := spread(nil); got != "none" {
		t.Errorf("the spread of nothing is %q", got)
	}
}

func TestGenerations(t *testing.T) {
	const log = `22:00 INFO [Group a] Stabilized group a generation 2 with 3 members.
22:01 INFO Stabilized group ab generation 9 with 3 members.
22:02 INFO Stabilized group a generation 11 (__consumer_offsets-1) with 2 members
`
	f := func(group string, want int) {
		t.Helper()
		if got := generations(log, group); got != want {
			t.Errorf("the group %s has come to generation %d, want %d", group, got, want)
		}
	}
	f("a", 11)
	f("ab", 9)
	f("b", 0)
}
