package torture

import "fmt"

// evidence is what is known of one attempt of a job, by stream. What the store has done was
// seen by the proxy; nothing here is what sluice says of itself, but its STATEs.
type evidence struct {
	from, sent []int   // the source sent the rows from:sent
	emitted    [][]int // for each STATE on stdout: the rows in front of it
	touched    []bool  // an object was shown
	shown      []bool  // so was the set's first object, which a full refresh shows last
}

func newEvidence(streams int) *evidence {
	return &evidence{
		from: make([]int, streams), sent: make([]int, streams),
		touched: make([]bool, streams), shown: make([]bool, streams),
	}
}

// moment is when the bucket is looked at.
type moment int

const (
	killed    moment = iota // the last attempt was killed; the next has not begun
	ended                   // the last attempt has ended by itself
	cancelled               // all were killed, and a day later another sync has appended nothing
)

// judgement is what the oracle says of one stream.
type judgement struct {
	violations []violation
	lost       int
	forbidden  int // rows that are there too often
	again      int // rows that are there twice, and stood behind the last STATE
	window     int // the same in an atomic refresh: what GUARANTEES.md says can't be closed
}

// violation is a promise that was broken. Row is -1 where it is not about one.
type violation struct {
	row  row
	what string
}

func (j *judgement) fail(r row, format string, args ...any) {
	j.violations = append(j.violations, violation{r, fmt.Sprintf(format, args...)})
}

// case of one stream: how its table is replaced.
type judge struct {
	judgement
	stream   int
	table    *Stream
	refresh  string // "": append
	attempts []*evidence
	seen     *table
	when     moment
}

// try compares what a reader sees with what the attempts allow.
func try(p *Plan, stream int, attempts []*evidence, seen *table, when moment) judgement {
	j := &judge{stream: stream, table: &p.Streams[stream], attempts: attempts, seen: seen, when: when}
	if j.table.Refresh {
		j.refresh = p.Refresh
	}
	j.oldRows()
	j.newRows()
	return j.judgement
}

// oldRows holds the rows of the earlier sync to the mode.
func (j *judge) oldRows() {
	least, most := 0, 1
	whole := j.newWhole()
	switch {
	case j.refresh == "":
		least = 1
	case j.when == ended:
		most = 0
	case j.refresh == purgeFirst:
	case j.refresh == incremental:
		if !whole {
			least = 1
		}
	case j.table.New == 0: // nothing shows whether its end was reached
	case !j.replaced():
		least = 1
	case j.when == cancelled:
		most = 0
	}
	for n, copies := range j.seen.old {
		r := row{oldEra, n}
		switch {
		case copies < least:
			j.lost++
			j.fail(r, "a row of the earlier sync is gone")
		case copies > most:
			j.forbidden++
			j.fail(r, "a row of the earlier sync is there %d times, at most %d are allowed", copies, most)
		}
	}
}

// newWhole reports whether each new row can be read.
func (j *judge) newWhole() bool {
	for _, copies := range j.seen.new {
		if copies == 0 {
			return false
		}
	}
	return true
}

// replaced reports whether an atomic refresh has shown its table.
func (j *judge) replaced() bool {
	for _, e := range j.attempts {
		if e.shown[j.stream] {
			return true
		}
	}
	return false
}

// newRows holds the rows of the job to what its attempts have sent, shown and acknowledged.
func (j *judge) newRows() {
	need := j.acknowledged()
	why := "a STATE behind it was written"
	switch {
	case j.when == ended:
		need, why = j.table.New, "the sync has ended"
	case j.refresh == atomic && j.replaced():
		need, why = j.table.New, "its table was shown whole"
	}
	for n, copies := range j.seen.new {
		r := row{newEra, n}
		most := j.most(n)
		switch {
		case copies == 0 && n < need:
			j.lost++
			j.fail(r, "a row is lost: %s", why)
		case copies > most:
			j.forbidden++
			j.fail(r, "a row is there %d times, at most %d are allowed", copies, most)
		case copies > 1 && j.refresh == atomic:
			j.window += copies - 1
		case copies > 1:
			j.again += copies - 1
		}
	}
}

// fresh reports whether each attempt begins anew, and replaces what the one before it wrote.
func (j *judge) fresh() bool { return j.table.Refresh && !j.table.Generations }

// acknowledged is the number of rows that some STATE covers. A job without generation ids
// that refreshes begins anew with each attempt, and takes back what it said.
func (j *judge) acknowledged() int {
	attempts, most := j.attempts, 0
	if j.fresh() && len(attempts) > 0 {
		attempts = attempts[len(attempts)-1:]
	}
	for _, e := range attempts {
		for _, at := range e.emitted {
			most = max(most, at[j.stream])
		}
	}
	return most
}

// most is how often a row may be there: once for each attempt that has sent it. The source
// goes on behind the last STATE, so what is sent twice stood behind it.
func (j *judge) most(n int) int {
	copies := 0
	for _, e := range j.attempts {
		if n < e.from[j.stream] || n >= e.sent[j.stream] {
			continue
		}
		// An atomic refresh shows nothing before its end; and what it has shown of a table that
		// it has not shown whole is taken back.
		if j.refresh == atomic && (!e.touched[j.stream] || j.when != killed && !e.shown[j.stream]) {
			continue
		}
		copies++
	}
	if j.fresh() && (j.when == ended || j.when == cancelled && j.refresh == atomic) {
		copies = min(copies, 1)
	}
	return copies
}
