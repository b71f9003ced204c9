package kafka

import (
	"math/rand/v2"

	"github.com/sluice-data/sluice/pipeline"
)

// Rows of a topic go to one partition for so many bytes, and then to the next. A record batch is
// about as large, so it is full; and a stream with little to say makes one object, and not one in
// each partition.
const stint = 1 << 20

// A STATE that no barrier stands behind leaves when workers end their objects by size. For that its
// rows should not be in one run with many that come behind it.
const longestRun = 16 << 20

// outlet is a topic as the front fills it.
type outlet struct {
	topic string
	limit int // bytes of a row
	lanes []*lane
	at    int // the lane that rows go to now
	given int // bytes of its stint
}

// lane is a partition of an outlet.
type lane struct {
	topic     string
	partition int32
	index     int   // of all lanes
	since     int64 // number of the first row without a barrier behind it; -1: there is none
	run       *run  // of rows that are being produced; nil: the next row begins one
}

// run is a stretch of the rows of a partition. To the ledger it is an object.
type run struct {
	id    pipeline.ObjectID
	bytes int
}

func newOutlet(topic string, partitions, limit, first int) *outlet {
	o := &outlet{topic: topic, limit: limit}
	for p := range partitions {
		o.lanes = append(o.lanes, &lane{topic: topic, partition: int32(p), index: first + p, since: -1})
	}
	o.at = rand.IntN(partitions) // else partition 0 would have the rows of all small syncs
	return o
}

// next is the lane for a row of so many bytes.
func (o *outlet) next(size int) *lane {
	if o.given > 0 && o.given+size > stint {
		o.at, o.given = (o.at+1)%len(o.lanes), 0
	}
	o.given += size
	return o.lanes[o.at]
}

// full reports whether the run ends with a row of so many bytes.
func (r *run) full(size int) bool {
	r.bytes += size
	return r.bytes >= longestRun
}
