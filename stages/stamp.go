package stages

import (
	"context"
	"io"
	"slices"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/pipeline"
)

// Stamp gives each record its id, a random (version 4) UUID, and the time where the source
// gave none.
type Stamp struct {
	random io.Reader
	now    Clock
	bytes  []byte // scratch
}

// NewStamp makes one worker's copy of the stage. random must be a cryptographic generator
// of this worker's own: ids of two records must never be equal.
func NewStamp(random io.Reader, now Clock) *Stamp { return &Stamp{random: random, now: now} }

// idsAtOnce is how many are drawn together: a call of the generator an id takes twice the
// time.
const idsAtOnce = 256

// Process stamps the batch. The bytes go straight into the record: google/uuid's own
// constructors allocate for every id that they read from a reader.
func (s *Stamp) Process(_ context.Context, b *pipeline.Batch) error {
	now := s.now().UnixMilli()
	for i := range b.Records {
		r := &b.Records[i]
		if i%idsAtOnce == 0 {
			s.bytes = slices.Grow(s.bytes[:0], idsAtOnce*len(r.ID))[:min(idsAtOnce, len(b.Records)-i)*len(r.ID)]
			if _, err := io.ReadFull(s.random, s.bytes); err != nil {
				return err
			}
		}
		r.ID = uuid.UUID(s.bytes[i%idsAtOnce*len(r.ID):])
		r.ID[6] = r.ID[6]&0x0f | 0x40 // version 4
		r.ID[8] = r.ID[8]&0x3f | 0x80 // variant of RFC 9562
		if r.NoTime {
			r.EmittedAt = now
		}
	}
	return nil
}
