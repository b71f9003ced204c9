package stages

import (
	"context"
	"crypto/sha1"
	"strconv"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/pipeline"
)

// OriginStamp gives each record an id that follows from where it stands in a log, so that one that
// is written again gets the same: the one that it brought, or a version 5 UUID of
// "<partition>/<offset>" in the name space of the log. A record without a time has that of the log.
type OriginStamp struct {
	name  []byte // what is hashed
	fixed int    // bytes of it that stay: the name space and "<partition>/"
}

// NewOriginStamp makes one worker's copy of the stage for a partition of the log.
func NewOriginStamp(log uuid.UUID, partition int32) *OriginStamp {
	name := append(append([]byte{}, log[:]...), strconv.Itoa(int(partition))+"/"...)
	return &OriginStamp{name: name, fixed: len(name)}
}

// Process stamps the batch, which has an origin for each line.
func (s *OriginStamp) Process(_ context.Context, b *pipeline.Batch) error {
	for i := range b.Records {
		r := &b.Records[i]
		o := &b.Origins[r.Line]
		if r.NoTime {
			r.EmittedAt = o.Time
		}
		if r.ID = o.ID; r.ID != uuid.Nil {
			continue
		}
		s.name = strconv.AppendInt(s.name[:s.fixed], o.Offset, 10)
		sum := sha1.Sum(s.name) // as uuid.NewSHA1, which allocates
		r.ID = uuid.UUID(sum[:16])
		r.ID[6] = r.ID[6]&0x0f | 0x50 // version 5
		r.ID[8] = r.ID[8]&0x3f | 0x80 // variant of RFC 9562
	}
	return nil
}
