package kafkatorture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// group watches how far the workers' consumer group is.
type group struct {
	admin  *kadm.Client
	name   string
	topics []string

	mu   sync.Mutex
	news chan struct{} // closed, and made anew, with each look
	last standing
}

// standing is where each partition is, by topic and partition.
type standing struct{ committed, end map[place]int64 }

func newGroup(admin *kadm.Client, name string, topics []string) *group {
	return &group{admin: admin, name: name, topics: topics, news: make(chan struct{})}
}

// watch looks at the group until the context ends. A broker that is away makes it slower.
func (g *group) watch(ctx context.Context) {
	for {
		if now, err := g.look(ctx); err == nil {
			g.mu.Lock()
			g.last = now
			close(g.news)
			g.news = make(chan struct{})
			g.mu.Unlock()
		}
		if wait(ctx, 200*time.Millisecond) != nil {
			return
		}
	}
}

func (g *group) look(ctx context.Context) (now standing, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	now = standing{map[place]int64{}, map[place]int64{}}
	// The ends first: who has committed them had nothing left to do at that time.
	ends, err := g.admin.ListEndOffsets(ctx, g.topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return now, err
	}
	committed, err := g.admin.FetchOffsets(ctx, g.name)
	if err != nil {
		return now, err
	}
	ends.Each(func(o kadm.ListedOffset) { now.end[place{topic: o.Topic, partition: o.Partition}] = o.Offset })
	committed.Each(func(o kadm.OffsetResponse) {
		if o.Err == nil {
			now.committed[place{topic: o.Topic, partition: o.Partition}] = o.At
		}
	})
	return now, nil
}

// errStalled is about sluice: the group should be further.
var errStalled = errors.New("stalled")

// await waits until a standing is as is wanted. What is missing is in the error.
func (g *group) await(ctx context.Context, limit time.Duration, missing func(standing) []place) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		g.mu.Lock()
		now, news := g.last, g.news
		g.mu.Unlock()
		left := missing(now)
		if len(left) == 0 && now.end != nil {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return fmt.Errorf("%w: after %v the group is not further than: %s", errStalled, limit, now.describe(left))
		}
	}
}

// drained waits until all that is in the topics is committed.
func (g *group) drained(ctx context.Context, limit time.Duration) error {
	return g.await(ctx, limit, func(now standing) (left []place) {
		for p, end := range now.end {
			if now.committed[p] < end {
				left = append(left, p)
			}
		}
		return left
	})
}

// moves measures how long it takes until each partition that has something to do is further
// than now.
func (g *group) moves(ctx context.Context, limit time.Duration) (time.Duration, error) {
	begin := time.Now()
	g.mu.Lock()
	before := g.last
	g.mu.Unlock()
	err := g.await(ctx, limit, func(now standing) (left []place) {
		for p, end := range now.end {
			if now.committed[p] < end && now.committed[p] <= before.committed[p] {
				left = append(left, p)
			}
		}
		return left
	})
	return time.Since(begin), err
}

func (s standing) describe(left []place) string {
	var lines []string
	for _, p := range left {
		lines = append(lines, fmt.Sprintf("%s/%d: %d of %d", p.topic, p.partition, s.committed[p], s.end[p]))
	}
	slices.Sort(lines)
	if len(lines) > 6 {
		lines = append(lines[:6], "...")
	}
	return strings.Join(lines, ", ")
}

// offsets is how many there are in all.
func (g *group) offsets() (n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for end := range maps.Values(g.last.end) {
		n += end
	}
	return n
}
