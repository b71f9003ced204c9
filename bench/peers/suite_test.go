package peers

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice/bench/report"
)

// suite is one with a work directory and an input of two records.
func suite(t *testing.T) (*Suite, *Input) {
	t.Helper()
	s := &Suite{Env: &Env{Work: t.TempDir(), Tools: map[string]Tool{"x": {Version: "1.2"}}}, Log: io.Discard,
		verdicts: map[*Peer]Verdict{}, results: map[*Peer][]Run{}, probed: map[*Peer][]string{}}
	if err := os.Symlink(os.DevNull, s.null()); err != nil {
		t.Fatal(err)
	}
	in, err := writeMessages(s.work("in"), []byte("{}\n{}\n"), 6)
	if err != nil {
		t.Fatal(err)
	}
	return s, in
}

// TestRun: a tool that loses rows, writes nothing, or does not write to where we say, is
// found out.
func TestRun(t *testing.T) {
	sh := command(t, "sh")
	f := func(p Peer, script string, null bool, wantErr string) {
		t.Helper()
		s, in := suite(t)
		p.Form = Messages
		p.Args = func(_ *Env, j Job) []string { return []string{sh, "-c", script, "sh", j.Input, j.Output} }
		r, out, err := s.run(t.Context(), &p, in, null)
		if wantErr == "" && (err != nil || r.Bytes != 6) || wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) {
			t.Errorf("%s: %d bytes, error %v, want %q", script, r.Bytes, err, wantErr)
		}
		if wrote := len(out.files) > 0; err == nil && wrote == (null && p.Null) {
			t.Errorf("%s: wrote %v", script, out.files)
		}
	}
	f(Peer{}, `{ echo header; cat "$1"; } > "$2"`, false, "")
	f(Peer{}, `{ echo header; cat "$1"; } > "$2"`, true, "") // it can't write to nowhere
	f(Peer{Stdin: true, Stdout: true}, `echo header; cat`, false, "")
	f(Peer{Stdin: true, Stdout: true, Null: true}, `cat`, true, "")
	f(Peer{}, `cat "$1" > "$2"`, false, "2 records went in, 1 rows in 1 files came out")
	f(Peer{}, `true`, false, "0 files came out")
	f(Peer{Null: true}, `echo header > "$2"`, true, "")
	f(Peer{Null: true}, `echo header > "$2.new"; mv "$2.new" "$2"`, true, "it put a file in the place of /dev/null")
	f(Peer{}, `exit 1`, false, "exit status 1")
}

func TestVerdict(t *testing.T) {
	f := func(findings map[string]string, allowed, beyond, text, probed string) {
		t.Helper()
		v := Verdict{Findings: findings}
		if got := strings.Join(v.beyond(strings.Split(allowed, ",")), "|"); got != beyond {
			t.Errorf("%v, allowed %s: got %q, want %q", findings, allowed, got, beyond)
		}
		if got := v.String(); got != text {
			t.Errorf("%v: got %q, want %q", findings, got, text)
		}
		if got := v.probed(nil, "/w"); got != probed {
			t.Errorf("%v: got %q, want %q", findings, got, probed)
		}
	}
	f(nil, "", "", "same", "same")
	f(map[string]string{"order": "rows in another order"}, "order", "", "rows in another order", "same")
	f(map[string]string{"numbers": "a: 1.0 for 1", "json": "b"}, "numbers", "b", "JSON by value; numbers by value (a: 1.0 for 1)", "a: 1.0 for 1")
	f(map[string]string{"wrong": "4 rows for 3", "numbers": "a"}, "numbers", "4 rows for 3", "numbers by value (a); 4 rows for 3", "4 rows for 3")
}

// TestCompare runs the script that compares.
func TestCompare(t *testing.T) {
	python := command(t, "python3")
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	catalog := file("catalog", `{"streams":[{"stream":{"name":"s","json_schema":{"properties":{"n":{"type":["null","number"]},"s":{"type":"string"},"o":{"type":"object"}}}}}]}`)
	const id1, id2 = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
	want := file("want", "_airbyte_ab_id,_airbyte_emitted_at,n,s,o\n"+id1+`,1,1.50,x,"{""a"":1}"`+"\n"+id2+`,2,2,"y, z",{}`+"\n")
	const head = "_airbyte_ab_id,_airbyte_emitted_at,n,s,o\n"
	second := id1 + `,2,2,"y, z",{}` + "\n"
	first := id2 + `,1,1.50,x,"{""a"":1}"` + "\n"
	f := func(got, findings string) {
		t.Helper()
		text, err := exec.Command(python, "scripts/compare.py", catalog, want, file("got", got)).CombinedOutput()
		if _, told, _ := strings.Cut(string(text), `"findings": `); err != nil || told != findings+"}" {
			t.Errorf("%q: %v: got %s, want %s}", got, err, text, findings)
		}
	}
	f(head+first+second, `{}`)
	f(head+second+first, `{"order": "rows in another order"}`)
	f(head+strings.Replace(first, "1.50", "1.5", 1)+second, `{"numbers": "n: 1.5 for 1.50"}`)
	f(head+strings.Replace(first, "1.50", "1.51", 1)+second, `{"wrong": "n: '1.51' for '1.50'"}`)
	f(head+strings.Replace(first, ":1", ": 1", 1)+second, `{"json": "o: {\"a\": 1} for {\"a\":1}"}`)
	f(head+strings.Replace(first, ":1", ":2", 1)+second, `{"wrong": "o: '{\"a\":2}' for '{\"a\":1}'"}`)
	f(head+strings.Replace(first, ",x,", ",X,", 1)+second, `{"wrong": "s: 'X' for 'x'"}`)
	f(head+first, `{"wrong": "1 rows for 2"}`)
	f(head+first+strings.Replace(second, id1, id2, 1), `{"wrong": "an id comes twice"}`)
	f(head+strings.Replace(first, id2, "7", 1)+second, `{"wrong": "'7' is no random UUID"}`)
	f("n,s,o\n1.50,x,\"{\"\"a\"\":1}\"\n2,\"y, z\",{}\n", `{"no id": "no _airbyte_ab_id", "no emitted_at": "no _airbyte_emitted_at"}`)
	f("n,o__a,s\n1.50,1,x\n2,,\"y, z\"\n", `{"no id": "no _airbyte_ab_id", "no emitted_at": "no _airbyte_emitted_at", "split": "o split into columns"`+
		`, "wrong": "o: {'a': ''} for {}"}`)
	f("n,s,o,p\n1.50,x,\"{\"\"a\"\":1}\",1\n2,\"y, z\",{},1\n", `{"no id": "no _airbyte_ab_id", "no emitted_at": "no _airbyte_emitted_at", "wrong": "columns missing: [], besides: ['p']"}`)
	f(head+"1,2\n", `{"wrong": "no good CSV: row 1 has 2 cells, the header 5"}`)
	f("", `{"no id": "no _airbyte_ab_id", "wrong": "0 rows for 2"}`)
}

func TestTables(t *testing.T) {
	s, _ := suite(t)
	s.Peers = []Peer{{Name: "Sluice", Table: ToS3}, {Name: "slow", Tool: "x", Table: ToS3, Lacks: "speed"}, {Name: "failed", Tool: "x", Table: ToS3}}
	run := func(seconds int) Run {
		return Run{Bytes: 1e9, Took: time.Duration(seconds) * time.Second, CPU: time.Second, Peak: 1 << 20}
	}
	s.verdicts[&s.Peers[0]], s.verdicts[&s.Peers[1]] = Verdict{}, Verdict{}
	s.results[&s.Peers[0]] = []Run{run(4), run(2), run(5)}
	s.results[&s.Peers[1]] = []Run{run(200), run(100)}
	r := report.New("Peers")
	r.Tables = s.Tables()
	var b strings.Builder
	if err := r.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	s.Peers[0].Table, s.Peers[1].Table = Avro, Avro
	s.results[&s.Peers[0]][0].Output = 100e6
	if sized := s.Tables()[0]; sized.Rows[0][10] != "100.0" || sized.Columns[10] != "file, MB a GB of input" {
		t.Errorf("sizes: %v %v", sized.Columns, sized.Rows[0])
	}
	got := strings.Join(r.Tables[0].Rows[0], "|") + "\n" + strings.Join(r.Tables[0].Rows[1], "|") + "\n" + strings.Join(r.Tables[1].Rows[0], "|")
	want := "Sluice|this commit|1000|S3|250|200 to 500|1.00|1.0|1|-\n" +
		"slow|1.2|1000|S3|5.0|5.0 to 10|0.02|1.0|1|-\n" +
		"slow|same|speed"
	if got != want || len(r.Tables) != 2 || strings.Contains(b.String(), "failed") {
		t.Errorf("got\n%s\nwant\n%s\n\n%s", got, want, &b)
	}
	points := r.Tables[0].Series[0].Points
	if len(points) != 2 || points[0].Y != 250 || points[0].Low != 200 || points[0].High != 500 {
		t.Errorf("points %+v", points)
	}
}
