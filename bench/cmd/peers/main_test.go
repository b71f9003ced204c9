package main

import (
	"strings"
	"testing"

	"github.com/sluice-data/sluice/bench/peers"
)

func TestChoose(t *testing.T) {
	f := func(args string, want string) {
		t.Helper()
		var o options
		var got string
		err := o.parse(strings.Fields(args))
		if err == nil {
			var chosen []peers.Peer
			chosen, err = o.choose(peers.All())
			for _, p := range chosen {
				got += p.String() + ","
			}
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
	f("-tables s3 -only s5cmd", "Sluice (s3),upload alone: s5cmd pipe (s3),")
	f("-tables flattened,unflattened -only JQ", "Sluice, from a pipe (flattened),Sluice, file to file (flattened),jq (flattened),"+
		"Sluice, from a pipe (unflattened),Sluice, file to file (unflattened),jq (unflattened),")
	f("-tables nothing", `-tables "nothing" -only "" leave nothing`)
	f("-runs 0", "-runs is 0, -mb is 1000: both must be at least 1")
	f("more", `"more" is one argument too many`)
}
