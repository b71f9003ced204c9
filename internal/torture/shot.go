package torture

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Shot says when an attempt is killed.
type Shot struct {
	Kind  ShotKind
	After time.Duration // of AtTime: since the start
	N     int           // of AtLine: lines of input; of AtState: STATEs on stdout; else requests
	Op    string        // of requests: which are counted
}

// ShotKind is what a Shot waits for.
type ShotKind int

// The kinds of shots.
const (
	AtTime        ShotKind = iota
	AtLine                 // the source has sent its Nth line
	AtState                // the Nth STATE was read from stdout
	BeforeRequest          // the Nth request has come to the proxy; the store never sees it
	AfterRequest           // the store has answered the Nth request; sluice never hears it
)

// Place is the shot without its number, for the table.
func (s Shot) Place() string {
	switch s.Kind {
	case AtTime:
		return "at a random time"
	case AtLine:
		return "at a line of the input"
	case AtState:
		return "at a STATE"
	case BeforeRequest:
		return "before " + s.Op
	case AfterRequest:
		return "after " + s.Op
	}
	return "unknown"
}

func (s Shot) String() string {
	if s.Kind == AtTime {
		return fmt.Sprintf("%s (%v)", s.Place(), s.After)
	}
	return fmt.Sprintf("%s (%d)", s.Place(), s.N)
}

// drawShot aims. Requests are named that the plan leads to.
func drawShot(rng *rand.Rand, p *Plan) Shot {
	switch rng.IntN(12) {
	case 0:
		longest := 60 * time.Millisecond
		if p.Slow {
			longest *= 3
		}
		return Shot{Kind: AtTime, After: time.Duration(rng.Int64N(int64(longest)))}
	case 1:
		lines := 0
		for _, s := range p.Streams {
			lines += s.New
		}
		return Shot{Kind: AtLine, N: 1 + rng.IntN(lines+1)}
	case 2:
		return Shot{Kind: AtState, N: 1 + rng.IntN(2*len(p.Streams))}
	}
	s := Shot{Kind: pick(rng, BeforeRequest, AfterRequest)}
	s.Op, s.N = drawRequest(rng, p)
	return s
}

// drawRequest names a request that is likely to come. Those that show objects, and those
// that delete them, come up most.
func drawRequest(rng *rand.Rand, p *Plan) (op string, n int) {
	var puts, uploads, deletes int
	completing := 4 // of the shots
	for i := range p.Streams {
		s := &p.Streams[i]
		objects := p.objects(s)
		held := s.Refresh && p.Refresh == atomic
		switch {
		case s.New == 0:
		case held && objects > 1, s.Width == wide:
			uploads += objects
		default:
			puts += objects
		}
		if s.Refresh && s.Old > 0 {
			deletes++
		}
		if s.Width == wide {
			completing = 12 // there are few such rounds
		}
	}
	type aim struct {
		op    string
		most  int
		times int
	}
	aims := []aim{
		{"PutObject", puts, 4}, {"CreateMultipartUpload", uploads, 1}, {"UploadPart", uploads, 2},
		{"CompleteMultipartUpload", uploads, completing}, {"DeleteObjects", deletes, 4},
		{"ListObjectsV2", len(p.Streams) + deletes, 1}, {"HeadObject", len(p.Streams), 1}, {"ListMultipartUploads", 1, 1},
	}
	var all []aim
	for _, a := range aims {
		if a.most > 0 {
			for range a.times {
				all = append(all, a)
			}
		}
	}
	a := pick(rng, all...)
	return a.op, 1 + rng.IntN(a.most)
}
