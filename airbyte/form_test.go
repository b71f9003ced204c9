package airbyte

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/scan"
)

// known are the streams of the decoders in these tests.
var known = []StreamID{{"", "s"}, {"public", "users"}, {"", "users"}, {"", "é"}}

// next decodes the line at doc[at] and says on one line what came out: the members of a
// record's data by their keys, whatever way they were found.
func next(d *Decoder, doc []byte, at int) (what string, end int) {
	m := Message{Values: make([]scan.Value, 1, 100)}
	for i := range m.Values[:100] {
		m.Values[:100][i].Kind = scan.JSON // what a batch before has left
	}
	end, err := d.Next(doc, at, &m)
	if err != nil {
		return "error: " + err.Error(), end
	}
	what = describe(doc, &m)
	if m.Kind != Record {
		return what, end
	}
	if m.Values[0].Kind != scan.JSON {
		return "what was in front has changed", end
	}
	found := map[string]string{}
	for i, v := range m.Values[1:] {
		switch {
		case m.Shape != nil && v.Kind != scan.Missing:
			found[m.Shape.Key(i)] = fmt.Sprint(v.Kind, string(v.Of(doc)))
		case m.Shape == nil && i%2 == 1:
			key := m.Values[i].Of(doc) // i counts from the second value
			found[string(key[1:len(key)-1])] = fmt.Sprint(v.Kind, string(v.Of(doc)))
		}
	}
	return fmt.Sprint(what, " stream ", m.Stream, " clean ", m.Clean, " ", found), end
}

// checkNext decodes lines with one decoder, which learns from them, and holds each against
// a decoder that knows nothing: the general way.
func checkNext(t *testing.T, lines []byte) (guessed int) {
	t.Helper()
	d := NewDecoder(known)
	for at := 0; at < len(lines); {
		got, end := next(d, lines, at)
		line := lines[at:end]
		want, _ := next(NewDecoder(known), line, 0)
		// Spans are relative to other documents; describe shows their text.
		if got != want {
			t.Fatalf("%q\n in %q:\n got %s\nwant %s", line, lines, got, want)
		}
		var m Message
		if d.guess(lines, at, &m) > 0 {
			guessed++
		}
		if end <= at {
			t.Fatalf("%q: it ends at %d", line, end)
		}
		at = end
	}
	return guessed
}

func TestNext(t *testing.T) {
	f := func(lines ...string) {
		t.Helper()
		in := []byte(strings.Join(lines, "\n") + "\n")
		if guessed := checkNext(t, in); guessed == 0 {
			t.Errorf("%q: nothing was guessed", in)
		}
		checkNext(t, in[:len(in)-1]) // the last line has no end
	}
	s := func(data string) string { return record(`"stream":"s","data":` + data + `,"emitted_at":5`) }
	f(s(`{"a":1}`), s(`{"a":2}`))
	f(s(`{"a":1}`), s(`{"a":2}`)+"\r", s(`{"a":2} `), " "+s(`{"a":2}`), "", " \r")
	f(s(`{"a":1}`), s(`{"a":2}`)+"x", s(`{"a":2`), s(`{"a":2}`)[1:], s(`{"a":"`), s(`{"a":1}`)+"}")
	f(s(`{"a":1}`), s(`[]`), s(`null`), s(`{}`), s(`{"a":{}}`), s(`{"a":[1,{"b":"\ud800"}]}`))
	f(s(`{"a":1,"b":2}`), s(`{"b":2,"a":1}`), s(`{"b":2}`), s(`{"a":1,"b":2,"c":3}`), s(`{"a":1,"a":2}`))
	f(s("{\"a\":\"x\"}"), s("{\"a\":\"é\"}"), s("{\"a\":\"\xff\"}"), s("{\"\xff\":1}"), s("{\"a\":[\"\xff\"]}"))
	e := func(rest string) string { return record(`"stream":"s","data":{"a":1},"emitted_at":` + rest) }
	f(e(`5`), e(`null`), e(`-5`), e(`1.5e3`), e(`"5"`), e(`true`), e(`{}`), e(`99999999999999999999`), e(`05`), e(`9223372036854775807`))
	f(e(`5,"meta":{}`), e(`5,"meta":{"changes":[{"field":"a"}]}`), e(`5,"meta":null`), e(`5,"meta":{"changes":{}}`), e("5,\"meta\":{\"changes\":[\"\xff\"]}"), e(`5`), e(`5,"meta":7`))
	f(e(`5,"meta":{"changes":[1]}`), e("5,\"meta\":{\"changes\":[1],\"\xff\":\"\xff\"}"), e("5,\"meta\":{\"changes\":[1],\"other\":\"\xff\"}"))
	f(e(`5,"more":"x"`), e("5,\"more\":\"\xff\""))
	f(e(`5,"more":1`), e(`5,"more":{"x":[]}`), e(`5,"more":nul`), e(`5,"more":"\x"`))
	n := func(front string) string { return record(front + `,"data":{"a":1},"emitted_at":5`) }
	f(n(`"namespace":"public","stream":"users"`), n(`"namespace":null,"stream":"users"`), n(`"namespace":"","stream":"users"`), n(`"namespace":"other","stream":"users"`),
		n(`"namespace":"public","stream":"nobody"`), n(`"namespace":5,"stream":"users"`), n(`"namespace":"public","stream":null`), n(`"namespace":"publi\u0063","stream":"users"`))
	f(n(`"stream":"é"`), n(`"stream":"\u00e9"`), n(`"stream":"s"`), n("\"stream\":\"\xff\""), n(`"stream":""`))
	// The stream is named behind its data.
	b := func(stream, data string) string { return record(`"data":` + data + `,"stream":"` + stream + `"`) }
	f(b("s", `{"a":1}`), b("s", `{"a":2}`), b("users", `{"a":3}`), b("users", `{"b":3}`), b("s", `{"b":3}`), b("nobody", `{"a":3}`))
	// Twice the same key: the last one counts.
	f(s(`{"a":1}`), record(`"stream":"users","stream":"s","data":{"b":1},"data":{"a":1},"emitted_at":1,"emitted_at":null`),
		record(`"stream":"users","stream":"s","data":{"b":1},"data":{"a":1},"emitted_at":1,"emitted_at":null`))
	f(s(`{"a":1}`), s(`{"a":2}`)[:8]+`"LOG"`, strings.Replace(s(`{"a":1}`), "RECORD", "STATE", 1), s(`{"a":3}`))
	// As Python's json.dumps writes.
	p := func(n int) string {
		return fmt.Sprintf(`{"type": "RECORD", "record": {"stream": "s", "data": {"a": %d, "b": [1, 2]}, "emitted_at": %d}}`, n, n)
	}
	f(p(1), p(2), s(`{"a":1}`), p(3))
	f(append([]string{s(`{"a":1}`)}, seeds...)...)
}

// TestNextOnRandomRecords makes lines that nearly look like each other: keys reordered,
// missing, added, doubled and escaped, white space, nesting, numbers, surrogates, bad
// UTF-8, lines cut off.
func TestNextOnRandomRecords(t *testing.T) {
	guessed := 0
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var lines []byte
		keys := slices.Clone(someKeys[:3+rng.IntN(len(someKeys)-3)])
		blank := rng.IntN(4) / 3
		for range 12 {
			lines = append(randomLine(lines, rng, keys, blank), '\n')
		}
		guessed += checkNext(t, lines)
	}
	if guessed < 10_000 {
		t.Errorf("only %d of 36000 lines were guessed: that proves little", guessed)
	}
}

var (
	someKeys   = []string{"id", "name", "a_longer_key_than_most", "é", "tags", `\u0061`, "", "x y", `q\"`, "\xfe"}
	someValues = []string{`1`, `-0.5e+10`, `123456789012345678901234567890`, `true`, `false`, `null`, `""`, `"x"`, `"eight..."`, `"a text that is somewhat longer"`,
		`"é ü"`, `"\ud83d\ude00 \ud800"`, "\"\xff\"", `"\\\"\n"`, `{}`, `[]`, `{"a":[1,{"b":null}],"c":"}"}`, `{"x":{"y":1,"z":[{"k":"v"}]}}`, `{"x":{"y":"\ud800","z":[{"k":1},{"k":"a"},{}]}}`, `[{"p":1,"q":"r"},{"p":2,"q":"s"}]`, `[{"p":1},{"q":"s"},3]`, `[[[["]"]]]]`, `[1, 2 ,3 ]`, strings.Repeat(`[`, 70) + strings.Repeat(`]`, 70)}
	badValues = []string{`01`, `nul`, `"\x"`, "\"\x01\"", `{"a"}`, `[1,]`, `-`, `1.`, ``, `{"a":1]`, `"`}
)

func randomLine(dst []byte, rng *rand.Rand, keys []string, blank int) []byte {
	comma, colon := ","+strings.Repeat(" ", blank), ":"+strings.Repeat(" ", blank)
	if rng.IntN(20) == 0 {
		colon += "\t"
	}
	var members []string
	for _, k := range keys {
		for n := []int{1, 1, 1, 1, 1, 1, 1, 1, 0, 2}[rng.IntN(10)]; n > 0; n-- {
			members = append(members, `"`+k+`"`+colon+someValues[rng.IntN(len(someValues))])
		}
	}
	switch rng.IntN(8) {
	case 0:
		rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	case 1:
		members = append(members, `"new`+fmt.Sprint(rng.IntN(3))+`"`+colon+`1`)
	case 2:
		if rng.IntN(3) == 0 {
			members = append(members, `"bad"`+colon+badValues[rng.IntN(len(badValues))])
		}
	}
	data := "{" + strings.Join(members, comma) + "}"
	parts := []string{`"stream"` + colon + `"` + []string{"s", "s", "s", "users"}[rng.IntN(4)] + `"`, `"data"` + colon + data}
	if rng.IntN(8) > 0 {
		parts = append(parts, `"emitted_at"`+colon+fmt.Sprint(rng.Int64()))
	}
	if rng.IntN(8) == 0 {
		parts = append(parts, `"namespace"`+colon+[]string{`null`, `"public"`, `""`}[rng.IntN(3)])
	}
	line := `{"type"` + colon + `"RECORD"` + comma + `"record"` + colon + "{" + strings.Join(parts, comma) + "}}"
	if rng.IntN(30) == 0 {
		line = line[:rng.IntN(len(line)+1)]
	}
	return append(dst, line...)
}

// FuzzNext holds the guessing way against the general way.
func FuzzNext(f *testing.F) {
	for _, line := range seeds {
		f.Add([]byte(line + "\n" + line + "\n"))
		f.Add([]byte(seeds[0] + "\n" + line))
	}
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 1))
		line := randomLine(nil, rng, someKeys[:4], 0)
		f.Add(bytes.Join([][]byte{line, line, randomLine(nil, rng, someKeys[:4], 0), nil}, []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, lines []byte) { checkNext(t, lines) })
}

// Hundreds of streams, each with data of its own, must not use up what a decoder learns of
// lines: the two forms here are learned once, and then all lines have one of them.
func TestFormsAreLearnedOnce(t *testing.T) {
	var ids []StreamID
	for i := range 200 {
		ids = append(ids, StreamID{Name: fmt.Sprint("s", i)})
	}
	d := NewDecoder(ids)
	guessed := 0
	for round := range 3 {
		for i := range ids {
			meta := []string{"", `,"meta":{}`}[i%2]
			line := []byte(record(fmt.Sprintf(`"stream":"s%d","data":{"key%d":%d},"emitted_at":%d%s`, i, i, i, round, meta)) + "\n")
			var m Message
			if d.guess(line, 0, &m) > 0 {
				guessed++
			} else if _, err := d.Next(line, 0, &m); err != nil {
				t.Fatal(err)
			}
		}
	}
	if guessed != 400 {
		t.Errorf("%d of 400 lines were guessed, of those whose stream was known", guessed)
	}
}
