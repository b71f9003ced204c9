package torture

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestResume sends what a script has, drops it at each STATE, and goes on from there: nothing
// may be left out, and nothing come twice but what stood behind the STATE.
func TestResume(t *testing.T) {
	for round := range 200 {
		p := Draw(1, round)
		from := make([]int, len(p.Streams))
		s := newScript(p, newEra, from, rand.New(rand.NewPCG(1, 1)))
		known := &platform{numbers: map[string]int{}}
		at := make([]int, len(p.Streams))
		for _, st := range s.steps {
			switch st.kind {
			case stepRecord:
				if st.number != at[st.stream] {
					t.Fatalf("round %d: stream %d sends the row %d after %d others", round, st.stream, st.number, at[st.stream])
				}
				at[st.stream]++
			case stepState:
				var m message
				if err := json.Unmarshal(s.appendLine(nil, st), &m); err != nil {
					t.Fatal(err)
				}
				index, err := known.receive(&m.State)
				if err != nil || index != st.mark {
					t.Fatalf("round %d: the STATE %d comes back as %d, error %v", round, st.mark, index, err)
				}
				if got := s.marks[index].at; !reflect.DeepEqual(got, at) {
					t.Fatalf("round %d: a STATE says %v, in front of it are %v", round, got, at)
				}
				for i, n := range known.resume(p.Streams) {
					begin := at[i]
					switch table := p.Streams[i]; {
					case table.Refresh && !table.Generations:
						begin = 0
					case p.States == perStream && i != st.stream:
						continue // it says nothing of the others
					}
					if n != begin {
						t.Fatalf("round %d: after %v the source goes on with %d", round, at, n)
					}
				}
			case stepStatus:
			}
		}
		for i, table := range p.Streams {
			if at[i] != table.New || known.numbers[table.Name] != table.New {
				t.Fatalf("round %d: %s ends at %d and its STATE at %d, of %d", round, table.Name, at[i], known.numbers[table.Name], table.New)
			}
		}
	}
}

// TestDraw has the same plan for the same number, and all kinds among many.
func TestDraw(t *testing.T) {
	kinds := map[string]int{}
	for round := range 1000 {
		p := Draw(7, round)
		if again := Draw(7, round); !reflect.DeepEqual(p, again) {
			t.Fatalf("round %d is drawn as\n%v\nand as\n%v", round, p, again)
		}
		for _, shot := range p.Shots {
			kinds[shot.Place()]++
		}
		kinds[p.Refresh]++
		kinds[p.States]++
		kinds[fmt.Sprintf("cancelled %t", p.Cancelled)]++
		for _, s := range p.Streams {
			kinds[fmt.Sprintf("refresh %t generations %t", s.Refresh, s.Generations)]++
			kinds[fmt.Sprintf("wide %t", s.Width == wide)]++
		}
	}
	for _, kind := range []string{
		atomic, incremental, purgeFirst, perStream, global, legacy, "cancelled true", "cancelled false", "wide true",
		"refresh true generations true", "refresh true generations false", "refresh false generations true", "refresh false generations false",
		"at a random time", "at a line of the input", "at a STATE", "before PutObject", "after PutObject", "before DeleteObjects", "after DeleteObjects",
		"before CompleteMultipartUpload", "after CompleteMultipartUpload", "before CreateMultipartUpload", "after UploadPart",
		"before ListObjectsV2", "after HeadObject", "before ListMultipartUploads",
	} {
		if kinds[kind] < 5 {
			t.Errorf("of 1000 rounds only %d have %q: %v", kinds[kind], kind, kinds)
		}
	}
}
