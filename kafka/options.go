package kafka

import (
	"log/slog"
	"runtime"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Options are what a program may bring instead of the defaults. The zero value is fine.
type Options struct {
	Log     *slog.Logger     // default: discard
	Now     func() time.Time // default: time.Now
	Client  []kgo.Opt        // for the Kafka client: added last, so they win
	Workers int              // that decode, in a front; default: GOMAXPROCS, at most 8

	// When the context of Front.Run ends, STATEs that only wait for the workers get this time, if
	// Hurry is not closed before. Default: 8 s.
	StopTimeout time.Duration
	Hurry       <-chan struct{}
}

func (o Options) complete() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Workers == 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), 8)
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = 8 * time.Second
	}
	return o
}
