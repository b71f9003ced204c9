package inventory

import (
	"errors"
	"strings"
	"time"

	"github.com/sluice-data/sluice/sink"
)

// StaleAfter is the age at which an upload counts as left behind by a sync that died, where nothing
// else is said.
const StaleAfter = sink.StaleAfter

// Bucket is a store, and the path in it that is looked at.
type Bucket struct {
	*sink.Retrying
	Path string // as sink.CleanPath has it
}

// Open makes a Bucket of a store and the path of a config. What fails is repeated for as long as
// patience; notify hears of it.
func Open(store sink.Store, path string, patience time.Duration, notify func(err error, pause time.Duration)) *Bucket {
	return &Bucket{
		Path:     sink.CleanPath(path),
		Retrying: sink.Retry(store, sink.RetryPolicy{Limit: max(patience, 1), Notify: notify}), // 0 is its default
	}
}

// String is where it is: "s3://bucket/path".
func (b *Bucket) String() string {
	return strings.TrimSuffix(b.Properties().Name+"/"+b.Path, "/")
}

// OnlyAPage reports whether an error says that the store can't list more than a page of its uploads.
func OnlyAPage(err error) bool { return errors.Is(err, sink.ErrUnsupported) }
