package scan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// found shows what Check finds in an object that fits.
func found(fit Fit, doc []byte) string {
	if fit.Shape == nil {
		return "no"
	}
	var all []string
	for i, v := range fit.Out {
		if v.Kind != Missing {
			all = append(all, fit.Shape.Key(i)+"="+string(v.Of(doc)))
		}
	}
	return strings.Join(all, " ")
}

func TestGuess(t *testing.T) {
	f := func(learned, doc, want string) {
		t.Helper()
		var g Guess
		for line := range strings.SplitSeq(learned, "\n") {
			if !g.Learn([]byte(line+"\n"), 0) {
				t.Fatalf("nothing learned from %s", line)
			}
		}
		in := []byte(doc + "\n")
		if got := found(g.Check(in, 0, nil), in); got != want {
			t.Errorf("after %s, %s has %q, want %q", learned, doc, got, want)
		}
	}
	const abc = `{"a":1,"b":2,"c":3}`
	f(abc, `{"a":"x","b":null,"c":[{}]}`, `a="x" b=null c=[{}]`)
	f(abc, `{"a":1}`, `a=1`)
	f(abc, `{"b":1}`, `b=1`)
	f(abc, `{"c":1}`, `c=1`)
	f(abc, `{"a":1,"c":3}`, `a=1 c=3`)
	f(abc, `{}`, ``)
	f(abc, `{"c":3,"a":1}`, `a=1 c=3`)
	f(abc, `{"c":3,"b":2,"a":1}`, `a=1 b=2 c=3`)
	f(abc, `{"a":1,"a":2,"c":3}`, `a=2 c=3`)
	f(abc, `{"a":1,"b":2,"c":3,"a":4,"b":5}`, `a=4 b=5 c=3`)
	f(abc, `{"a":1,"d":2}`, `no`)
	f(abc, `{"a" :1}`, `no`)
	f(abc, `{"a":1, "b":2}`, `no`)
	f(abc, `{"a":1,}`, `no`)
	f(abc, `{,"a":1}`, `no`)
	f(abc, `{"a":1"b":2}`, `no`)
	f(abc, `{"a":01}`, `no`)
	f(abc, `["a"]`, `no`)
	f(abc, ``, `no`)
	f(abc, `{"a":1`, `no`)
	f(abc, `{"a":`, `no`)
	f(abc+"\n"+`{"b":1,"x":2,"c":3}`, `{"a":1,"b":2,"x":3,"c":4}`, `a=1 b=2 x=3 c=4`) // a is adopted
	f(`{}`, `{}`, ``)
	f(`{ }`, `{}`, ``)
	f(`{}`+"\n"+abc, abc, `a=1 b=2 c=3`)
	f(`{"a":1}`+"\n"+`{"b" : 1, "a" : 2}`, `{"a" : 2, "b" : 3}`, `b=3 a=2`)
	f(`{ "a": 1, "b": [ 1 ] }`, `{ "a": 5, "b": { "x" : 1 } }`, `a=5 b={ "x" : 1 }`)
	f(`{"\u0061":1,"é":2}`, `{"\u0061":3,"é":4}`, `\u0061=3 é=4`)
	f(`{"a":{"b":[{"c":1,"d":{"e":2}}]}}`, `{"a":{"b":[{"c":"x","d":{"e":[]}},{"c":3},7,{}]}}`, `a={"b":[{"c":"x","d":{"e":[]}},{"c":3},7,{}]}`)
	f(`{"a":{"b":[{"c":1,"d":{"e":2}}]}}`, `{"a":{"b":[{"c":1,"d":{"e":2}},{"c":1,"d":{"e":2,}}]}}`, `no`)
	f(`{"a":{"b":[{"c":1,"d":{"e":2}}]}}`, `{"a":{"b":[{"c":1,"d":{"e":2}}}}`, `no`)
	f(`{"a":[{"c":1}]}`, `{"a":[{"c":1},]}`, `no`)
	f(`{"a":[{"c":1}]}`, `{"a":[,{"c":1}]}`, `no`)
	f(`{"a":[{"c":1}]}`, `{"a":[ ]}`, `a=[ ]`)
	f(`{"a":[{"c":1}]}`, `{"a":{"c":1}}`, `a={"c":1}`)
	f(`{"a":{"c":1}}`, `{"a":[{"c":1} , {"c":01}]}`, `no`)
	f(`{"a":null,"b":[]}`+"\n"+`{"a":{"x":1},"b":[{"y":1}]}`, `{"a":{"x":2},"b":[{"y":3}]}`, `a={"x":2} b=[{"y":3}]`)
	f(`{"":1,"\"":2}`, `{"":3,"\"":4}`, `=3 \"=4`)
}

func TestGuessDoesNotDescribe(t *testing.T) {
	for _, doc := range []string{`{"a":1, "b":2,"c":3}`, "{\"\xff\":1}"} {
		var g Guess
		if g.Learn([]byte(doc+"\n"), 0) {
			t.Errorf("%q is described by %+v", doc, g.shape)
		}
	}
}

// A source that never repeats itself must not cost memory a record, and what was learned
// from it must not make others slow.
func TestGuessLearnsLessAndLess(t *testing.T) {
	var g Guess
	learned := 0
	for i := range 100_000 {
		if g.Learn(fmt.Appendf(nil, "{\"key%d\":1}\n", i), 0) {
			learned++
		}
	}
	if learned > 50 || g.shape.Len() > 100 {
		t.Errorf("it learned %d times, and knows %d keys", learned, g.shape.Len())
	}
}

// Objects in arrays are expected to have a shape; arrays in their place must not be followed
// without end.
func TestGuessIsNotDeep(t *testing.T) {
	for _, n := range []int{10, 900, 9_998, 10_001, 1_000_000} {
		deep := strings.Repeat("[", n) + strings.Repeat("]", n)
		checkGuess(t, []byte(`{"a":[{"b":1}],"c":{"d":1}}`), []byte(`{"a":`+deep+`,"c":{"d":`+deep+`}}`))
	}
}

// What is inside of values is learned when it first comes.
func TestGuessLearnsInnerShapes(t *testing.T) {
	var g Guess
	g.Learn([]byte(`{"a":null,"b":[]}`+"\n"), 0)
	doc := []byte(`{"a":{"x":"é"},"b":[{"y":"\u00ff"}]}` + "\n")
	if fit := g.Check(doc, 0, nil); fit.Shape == nil || !fit.Clean {
		t.Fatalf("%+v", fit)
	}
	if _, _, _, novel := g.shape.straight(doc, 0, make([]Value, 2)); novel {
		t.Error("the second time it is still new")
	}
}

// A first record with its keys in an unusual order must not make all others slow.
func TestGuessLearnsOrder(t *testing.T) {
	var g Guess
	g.Learn([]byte(`{"c":1,"b":2,"a":3}`+"\n"), 0)
	usual := []byte(`{"a":1,"b":2,"c":3}` + "\n")
	if first := g.Check(usual, 0, nil); found(first, usual) != "c=3 b=2 a=1" {
		t.Errorf("first %s", found(first, usual))
	}
	if _, _, _, searches := g.shape.Check(usual, 0, nil); searches != 0 {
		t.Errorf("%d keys are still looked for", searches)
	}
}

// wide is an object with the keys k<first>, k<first+step>... below n.
func wide(first, step, n int) []byte {
	var b strings.Builder
	for i := first; i < n; i += step {
		fmt.Fprintf(&b, `,"k%d":%d`, i, i)
	}
	return []byte("{" + b.String()[1:] + "}\n")
}

// TestWideObjects has very many keys in an object. Were each compared with all, learning two of
// them would take minutes.
func TestWideObjects(t *testing.T) {
	const many, n = 100_000, 10_000
	var g Guess
	odd := wide(1, 2, 2*many)
	if !g.Learn(wide(0, 2, 2*many), 0) || !g.Learn(odd, 0) {
		t.Fatal("nothing learned")
	}
	if fit := g.Check(odd, 0, nil); fit.Shape == nil || len(fit.Out) != 2*many {
		t.Errorf("%d values, want one for each key of both", len(fit.Out))
	}
	shape := newShape(wide(0, 1, n), 0, maxInner)
	f := func(what string, doc []byte, fits bool, want int) {
		t.Helper()
		_, end, _, searches := shape.Check(doc, 0, nil)
		if end > 0 != fits || searches > want {
			t.Errorf("%s: %d searches, fits: %v", what, searches, end > 0)
		}
	}
	f("the first half is missing", wide(n/2, 1, n), true, 1)
	f("most are missing", wide(99, 100, n), true, 200)
	backwards := strings.Split(strings.Trim(string(wide(0, 1, n)), "{}\n"), ",")
	slices.Reverse(backwards)
	f("far from where they were expected", []byte("{"+strings.Join(backwards, ",")+"}\n"), false, 3)
}

func TestShapeMember(t *testing.T) {
	var g Guess
	doc := []byte(`{ "a" : 1 , "\u00e9" : "x" }` + "\n")
	g.Learn(doc, 0)
	fit := g.Check(doc, 0, nil)
	for i, want := range []string{`"a" : 1`, `"\u00e9" : "x"`} {
		if got := string(fit.Shape.Member(i, fit.Out[i]).Of(doc)); got != want {
			t.Errorf("member %d is %s, want %s", i, got, want)
		}
	}
}

// checkGuess learns from known objects, and then holds what is found in doc against the
// walk, which is held against encoding/json.
func checkGuess(t *testing.T, known, doc []byte) {
	t.Helper()
	var g Guess
	for line := range bytes.SplitSeq(known, []byte("\n")) {
		if len(line) > 0 && line[0] == '{' && json.Valid(line) {
			g.Learn(append(bytes.Clone(line), '\n'), 0)
		}
	}
	doc = append(bytes.TrimRight(bytes.ReplaceAll(doc, []byte("\n"), nil), " \t\r"), '\n')
	before := Value{Span{1, 2}, Bare}
	values := slices.Repeat([]Value{before}, 50)[:1] // the others are what a batch before has left
	fit := g.Check(doc, 0, values)
	if fit.Shape == nil {
		if line := doc[:len(doc)-1]; len(line) > 0 && line[0] == '{' && json.Valid(line) && g.Learn(doc, 0) {
			fit = g.Check(doc, 0, values)
		}
		if fit.Shape == nil {
			return // it may give up
		}
	}
	object := doc[:fit.End]
	if !json.Valid(object) {
		t.Fatalf("after %q, %q is accepted", known, object)
	}
	if fit.Clean != utf8.Valid(object) {
		t.Fatalf("after %q, %q is good UTF-8: %v", known, object, fit.Clean)
	}
	if len(fit.Out) != fit.Shape.Len()+1 || fit.Out[0] != before {
		t.Fatalf("after %q, %q: %d values of %d keys", known, object, len(fit.Out)-1, fit.Shape.Len())
	}
	want := map[string]Value{}
	for pairs := Pairs(object, 0, nil); len(pairs) > 0; pairs = pairs[2:] {
		key := pairs[0].Of(object)
		want[string(key[1:len(key)-1])] = pairs[1]
	}
	for i, v := range fit.Out[1:] {
		key := fit.Shape.Key(i)
		if v != want[key] {
			t.Fatalf("after %q, %q: %q is %+v, want %+v", known, object, key, v, want[key])
		}
		delete(want, key)
	}
	if len(want) > 0 {
		t.Fatalf("after %q, %q: not found: %v", known, object, want)
	}
}

// FuzzGuess holds the guessing check against the general way.
func FuzzGuess(f *testing.F) {
	for _, doc := range append(documents, `{"a":{"b":[{"c":1,"d":{"e":"é"}},{"c":2}]},"f":[[]]}`, `{"a":1,"b":"x","c":{"d":[]}}`, `{"b":1,"a":2,"a":3}`, `{"a": 1, "b": 2}`) {
		for _, known := range []string{`{"a":{"b":[{"c":1,"d":{"e":1}}]},"f":[]}`, `{"a":1,"b":2,"c":3}`, `{"a":1}` + "\n" + `{ "c" : 1 , "a" : 2 }`, `{"":0,"\u0061":1}`} {
			f.Add([]byte(known), []byte(doc))
			f.Add([]byte(doc), []byte(doc))
		}
	}
	f.Fuzz(func(t *testing.T, known, doc []byte) { checkGuess(t, known, doc) })
}
