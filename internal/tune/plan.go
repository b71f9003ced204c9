package tune

import (
	"context"
	"time"
)

// Plan is what a search is going to send.
type Plan struct {
	Bytes    int64
	Requests int64
	Time     time.Duration
}

// priceOfPuts is what Amazon S3 takes for a thousand requests that write (us-east-1, standard
// storage, 2026). To abort costs nothing, and nor do bytes that come in.
const priceOfPuts = 0.005

// Cost is what so many requests cost on Amazon S3, in dollars.
func Cost(requests int64) float64 { return float64(requests) / 1000 * priceOfPuts }

// MostRequests is how many requests so many bytes may take, in the smallest parts.
func MostRequests(bytes int64) int64 {
	const uploads = 100 // more measurements than any search makes
	return bytes/partSizes[0] + uploads
}

// Plan plays the search with what the probe has told, as if each connection had a speed of its
// own. With another network other settings stay in the field, which send about as much.
func (m *Meter) Plan(ctx context.Context, settings []Setting) (Plan, error) {
	var p Plan
	_, err := Search(ctx, settings, func(_ context.Context, s Setting, share float64) (Sample, error) {
		volume, rate := m.volume(s, share), m.expected(s)
		p.Bytes += volume
		p.Requests += volume/s.PartSize + 1
		p.Time += time.Duration(float64(volume) / 1e6 / rate * float64(time.Second))
		return Sample{Rate: rate}, nil
	})
	return p, err
}
