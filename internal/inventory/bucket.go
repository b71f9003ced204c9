package inventory

import (
	"errors"
	"path"
	"strings"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
)

// StaleAfter is the age at which an upload counts as left behind by a sync that died, where nothing
// else is said.
const StaleAfter = sink.StaleAfter

// Bucket is a store, and the path in it that is looked at.
type Bucket struct {
	*sink.Retrying
	Path     string // that all objects are below
	Template *naming.Template
}

// Open makes a Bucket of a store and how a config names objects. What fails is repeated for as long as
// patience; notify hears of it.
func Open(store sink.Store, template *naming.Template, patience time.Duration, notify func(err error, pause time.Duration)) *Bucket {
	return &Bucket{
		Path:     template.Root(),
		Template: template,
		Retrying: sink.Retry(store, sink.RetryPolicy{Limit: max(patience, 1), Notify: notify}), // 0 is its default
	}
}

// String is where it is: "s3://bucket/path".
func (b *Bucket) String() string {
	return strings.TrimSuffix(b.Properties().Name+"/"+b.Path, "/")
}

// Directory is the one that all objects of a stream are in or below, as Stream.Dir names it.
func (b *Bucket) Directory(dir string) string {
	if namespace, name := path.Split(dir); !b.Template.Default() && name != "" {
		if n, err := b.Template.Stream(strings.TrimSuffix(namespace, "/"), name); err == nil {
			return n.Dir()
		}
	}
	return path.Join(b.Path, dir)
}

// OnlyAPage reports whether an error says that the store can't list more than a page of its uploads.
func OnlyAPage(err error) bool { return errors.Is(err, sink.ErrUnsupported) }
