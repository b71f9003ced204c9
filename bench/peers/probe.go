package peers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// Probe is an unusual record. What a tool makes of it is no matter of speed, but of what one
// gets for it.
type Probe struct {
	Name string
	cell string // the column that is compared
	old  string // in the record that is changed; "" puts the new text in front of it, as a line
	new  string
}

// probed is the record that the probes change, the second of three.
const probed = `{"type":"RECORD","record":{"stream":"lineitem","namespace":"tpch","emitted_at":1700000000002,"data":{` +
	`"l_orderkey":1,"l_partkey":44310,"l_suppkey":4165,"l_linenumber":3,"l_quantity":8,"l_extendedprice":79481.38,` +
	`"l_discount":0.06,"l_tax":0.08,"l_returnflag":"N","l_linestatus":"O","l_shipdate":"1994-10-07",` +
	`"l_commitdate":"1994-06-05","l_receiptdate":"1997-01-17","l_shipinstruct":"DELIVER IN PERSON","l_shipmode":"REG AIR",` +
	`"l_comment":"quick furiously accounts","l_source":{"system":"dbgen","chunk":359,"ok":true}}}}`

// Probes are all of them.
var Probes = []Probe{
	{"integer above 2^53", "l_orderkey", `"l_orderkey":1,`, `"l_orderkey":9007199254740993,`},
	{"integer of 20 digits", "l_orderkey", `"l_orderkey":1,`, `"l_orderkey":12345678901234567890,`},
	{"number of 19 digits", "l_extendedprice", `79481.38`, `1234567890123456.789`},
	{"1.10", "l_extendedprice", `79481.38`, `1.10`},
	{"quotes, line end, emoji", "l_comment", `quick furiously`, `a \"b\",\r\n\u00e9 \ud83d\ude00`},
	{"null", "l_comment", `"quick furiously accounts"`, `null`},
	{"a key is missing", "l_suppkey", `"l_partkey":44310,`, ``},
	{"keys in another order", "l_partkey", `"l_orderkey":1,"l_partkey":44310,`, `"l_partkey":44310,"l_orderkey":1,`},
	{"undeclared key", "l_returnflag", `"l_tax":0.08,`, `"l_tax":0.08,"l_new":1,`},
	{"text for an integer", "l_orderkey", `"l_orderkey":1,`, `"l_orderkey":"A-17",`},
	{"a STATE in between", "l_orderkey", "", `{"type":"STATE","state":{"type":"LEGACY","data":{"cursor":1}}}`},
}

// lines are the messages of a probe.
func (p *Probe) lines(w io.Writer) error {
	at := func(n int) string {
		return strings.Replace(probed, "1700000000002", fmt.Sprintf("170000000000%d", n), 1)
	}
	second := strings.Replace(at(2), p.old, p.new, 1)
	if p.old == "" {
		second = p.new + "\n" + at(2)
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n%s\n", at(1), second, at(3))
	return err
}

// probe shows every flattened peer that writes files what is unusual.
func (s *Suite) probe(ctx context.Context) error {
	for i := range Probes {
		probe := &Probes[i]
		var text bytes.Buffer
		_ = probe.lines(&text) // a Buffer never fails
		path := s.work("probe-%d.jsonl", i)
		if err := writeFile(path, func(w io.Writer) error { _, err := w.Write(text.Bytes()); return err }); err != nil {
			return err
		}
		// Records is not set: how many rows a peer makes of it is for the comparison to see.
		in := &Input{Bytes: int64(text.Len()), Files: map[Form]string{Messages: path}}
		reference, err := s.reference(ctx, Flattened, in, s.work("probe-%d.csv", i))
		if err != nil {
			return fmt.Errorf("the probe %q: %w", probe.Name, err)
		}
		for _, p := range s.of(Flattened) {
			if p.Tool == "" || strings.Contains(p.Name, "any order") {
				continue // three rows are not enough for another order
			}
			v, err := s.compare(ctx, p, in, reference, "--only", probe.cell)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.probed[p] = append(s.probed[p], v.probed(err, s.Env.Work))
		}
	}
	return nil
}

// probed is a cell of the table of probes. The name of the work directory is left out.
func (v Verdict) probed(err error, work string) string {
	const most = 80 // characters
	if err != nil {
		_, why, found := strings.Cut(err.Error(), "exit status 1: ")
		if !found {
			why = err.Error()
		}
		return "fails: " + shorten(strings.ReplaceAll(why, work, ""), most)
	}
	if wrong := v.Findings["wrong"]; wrong != "" {
		return shorten(wrong, most)
	}
	if other := v.Findings["numbers"]; other != "" {
		return other
	}
	return "same"
}

// shorten cuts a text behind so many characters.
func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
