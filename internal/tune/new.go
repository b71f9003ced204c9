package tune

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/budget"
	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
)

// Options say how long and how much to measure.
type Options struct {
	Time  time.Duration     // that all shares together may take, about
	Bytes int64             // that may be sent in all
	Say   func(line string) // for who is watching
}

// patience is how long an outage is sat out: somebody is waiting.
const patience = 15 * time.Second

// New makes a Meter that measures in a directory of its own below the path of a config, with the memory
// that a sync of it has here, and returns the settings that there are to choose from. The store is without
// retries.
func New(store sink.Store, cfg *config.Config, opts Options) (*Meter, []Setting) {
	memory := budget.Divide(budget.ContainerLimit(), cfg.Upload.Memory())
	if memory.Warning != "" {
		opts.Say(memory.Warning)
	}
	uploads := sink.UploadOptions{Memory: memory.Buffers, MaxObject: cfg.FileSize()}
	bounds := Bounds{Memory: memory.Buffers, Round: opts.Bytes / 32, Store: store.Properties()}
	least := uploads
	least.PartSize = 1 // what the store, and the size of objects, make of it is the least
	bounds.Store.MinPartSize = sink.NewUploader(store, least).PartSize()

	dir := ""
	if template, err := cfg.Template(); err == nil { // the config is valid
		dir = template.Dir(naming.Values{Time: time.Now()})
	}
	if dir != "" {
		dir += "/"
	}
	m := &Meter{
		Store: store, Options: uploads, Dir: dir + Prefix + strings.ToLower(rand.Text()[:12]),
		Time: opts.Time, Bytes: opts.Bytes,
		Policy: sink.RetryPolicy{
			Limit: max(min(cfg.Upload.RetryFor(), patience), 1),
			Notify: func(err error, pause time.Duration) {
				opts.Say(fmt.Sprintf("  %v; trying again in %s", err, pause.Round(time.Millisecond)))
			},
		},
		Log: func(s Setting, got Sample) { opts.Say(fmt.Sprintf("  %-11v %6.0f MB/s", s, got.Rate)) },
	}
	return m, Settings(bounds)
}
