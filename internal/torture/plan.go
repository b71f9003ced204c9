package torture

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Plan is one round, drawn from a seed: the same seed and number give the same plan. What
// then happens still depends on the machine, since requests are made side by side.
type Plan struct {
	Seed  uint64
	Round int

	Streams     []Stream
	Refresh     string // full_refresh of the config
	States      string // the type of the STATEs
	Statuses    bool   // the source sends STREAM_STATUS
	Interleaved bool   // the streams take turns, else they come one after the other
	Slow        bool   // the source waits a moment for each STATE to come back
	Gzip        bool
	JSONL       bool    // the job writes JSONL, over old objects of CSV
	FileSize    float64 // file_size_mb
	Checkpoint  float64 // checkpoint_minutes
	Concurrency int
	Layout      int // which of the layouts

	// Shots are the attempts that are to be killed, one after the other.
	Shots []Shot
	// Cancelled: the platform gives the job up after the last shot. Else it tries once more,
	// and that attempt may end.
	Cancelled bool
}

// Stream is one stream of a round. Its old rows are of an earlier sync, which ended well.
type Stream struct {
	Name        string
	Refresh     bool // the old rows are replaced, else the new ones stand beside them
	Generations bool // the catalog has generation ids
	Replaced    bool // the earlier sync was a full refresh itself
	Old, New    int  // rows
	Width       int  // bytes of a row's text
	Every       int  // rows between two STATEs
}

// The values of full_refresh, and the types of STATEs.
const (
	atomic      = "atomic"
	incremental = "incremental"
	purgeFirst  = "purge_first"

	perStream = "STREAM"
	global    = "GLOBAL"
	legacy    = "LEGACY"
)

// wide is a row's width where objects are to have several parts, which S3 wants to have
// 5 MiB at least.
const wide = 192 << 10

// Draw makes the plan of a round.
func Draw(seed uint64, round int) *Plan {
	rng := rand.New(rand.NewPCG(seed, uint64(round)))
	p := &Plan{
		Seed: seed, Round: round,
		Refresh:     pick(rng, atomic, atomic, incremental, purgeFirst),
		States:      pick(rng, perStream, perStream, global, legacy),
		Statuses:    rng.IntN(3) > 0,
		Interleaved: rng.IntN(2) == 0,
		Slow:        rng.IntN(2) == 0,
		Gzip:        rng.IntN(3) == 0,
		FileSize:    pick[float64](rng, 0, 1024, 0.005, 0.02),
		Checkpoint:  pick[float64](rng, 0, 15, 0.0005),
		Concurrency: pick(rng, 1, 4, 16),
		Cancelled:   rng.IntN(4) == 0,
	}
	for i := range 3 + rng.IntN(3) {
		p.Streams = append(p.Streams, drawStream(rng, names[i]))
	}
	if rng.IntN(4) == 0 {
		p.sendParts(rng)
	}
	p.Layout = pick(rng, 0, 0, 1, 1, 2, 3, 4, 5, 5, 6, 6)
	shots := pick(rng, 1, 1, 1, 2, 2, 3)
	if rng.IntN(5) == 0 {
		p.showInParts(rng)
		shots = 2 + rng.IntN(2)
	}
	for range shots {
		p.Shots = append(p.Shots, drawShot(rng, p))
	}
	p.JSONL = rng.IntN(3) == 0
	return p
}

// sendParts makes one stream so wide that its objects have several parts.
func (p *Plan) sendParts(rng *rand.Rand) {
	i := rng.IntN(len(p.Streams))
	if rng.IntN(2) == 0 { // first: then no rows of others hold its STATEs back
		i, p.Interleaved = 0, false
	}
	s := &p.Streams[i]
	s.Width, s.Old, s.New, s.Every = wide, 2, 40+rng.IntN(40), 15
	s.Refresh = s.Refresh && rng.IntN(2) == 0
	p.FileSize = pick[float64](rng, 0, 8, 12)
}

// showInParts makes the plan one in which tables of several objects are replaced at once:
// what a kill leaves half shown is the hardest to mend, the more so if it happens twice.
func (p *Plan) showInParts(rng *rand.Rand) {
	p.Refresh, p.FileSize, p.Concurrency, p.Slow = atomic, 0.005, pick(rng, 1, 1, 4), false
	for i := range p.Streams {
		s := &p.Streams[i]
		s.Refresh = s.Refresh || i == 0
		if s.Width != wide {
			s.New = 100 + rng.IntN(200)
		}
	}
}

// One name is the beginning of another: their directories must not be mixed up.
var names = []string{"users", "users_archive", "events", "orders", "items"}

func drawStream(rng *rand.Rand, name string) Stream {
	s := Stream{
		Name:        name,
		Refresh:     rng.IntN(3) > 0,
		Generations: rng.IntN(2) == 0,
		Replaced:    rng.IntN(2) == 0,
		Old:         rng.IntN(200),
		New:         1 + rng.IntN(300),
		Width:       20 + rng.IntN(200),
	}
	if rng.IntN(20) == 0 {
		s.New = 0
	}
	s.Every = 1 + s.New/pick(rng, 1, 3, 8)
	return s
}

// objects is about how many objects the new rows of a stream become.
func (p *Plan) objects(s *Stream) int {
	size := s.New * (s.Width + 80)
	least := 1
	if layouts[p.Layout].places {
		least = min(s.New, len(places))
	}
	if p.FileSize == 0 {
		return least
	}
	return least + min(int(float64(size)/(p.FileSize*(1<<20))), 20)
}

// pause is how long a slow source waits for a STATE to come back.
func (p *Plan) pause() time.Duration {
	if p.Slow {
		return 15 * time.Millisecond
	}
	return 0
}

// String is the plan on some lines, for the report of a violation.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "full_refresh %s, %s states, statuses %t, interleaved %t, slow %t, gzip %t, jsonl %t, file_size_mb %g, checkpoint_minutes %g, concurrency %d, cancelled %t\n",
		p.Refresh, p.States, p.Statuses, p.Interleaved, p.Slow, p.Gzip, p.JSONL, p.FileSize, p.Checkpoint, p.Concurrency, p.Cancelled)
	for _, s := range p.Streams {
		mode := "append"
		if s.Refresh {
			mode = p.Refresh
		}
		fmt.Fprintf(&b, "  %s: %s, generation ids %t, %d rows of about %d bytes, over %d old ones (of a refresh: %t), a STATE each %d rows\n",
			s.Name, mode, s.Generations, s.New, s.Width, s.Old, s.Replaced, s.Every)
	}
	fmt.Fprintf(&b, "  kills planned: %v", p.Shots)
	return b.String()
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }
