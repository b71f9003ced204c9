package stages

import (
	"context"
	"io"

	"github.com/sluice-data/sluice/pipeline"
)

// Stamp gives each record its id, a random (version 4) UUID, and the time where the source
// gave none.
type Stamp struct {
	random io.Reader
	now    Clock
}

// NewStamp makes one worker's copy of the stage. random must be a cryptographic generator
// of this worker's own: ids of two records must never be equal.
func NewStamp(random io.Reader, now Clock) *Stamp { return &Stamp{random: random, now: now} }

// Process stamps the batch. The bytes go straight into the record: google/uuid's own
// constructors allocate for every id that they read from a reader.
func (s *Stamp) Process(_ context.Context, b *pipeline.Batch) error {
	now := s.now().UnixMilli()
	for i := range b.Records {
		r := &b.Records[i]
		if _, err := io.ReadFull(s.random, r.ID[:]); err != nil {
			return err
		}
		r.ID[6] = r.ID[6]&0x0f | 0x40 // version 4
		r.ID[8] = r.ID[8]&0x3f | 0x80 // variant of RFC 9562
		if r.NoTime {
			r.EmittedAt = now
		}
	}
	return nil
}
