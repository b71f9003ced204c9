package kafka

import (
	"context"
	"errors"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
)

// over writes over what is there, as stores do that know no conditions.
type over struct{ *dir.Store }

func (s over) Put(ctx context.Context, key string, body sink.Body, meta sink.Metadata) error {
	err := s.Store.Put(ctx, key, body, meta)
	if !errors.Is(err, sink.ErrTaken) {
		return err
	}
	ctx = context.WithoutCancel(ctx) // one step, in a store
	return errors.Join(s.Delete(ctx, key), s.Store.Put(ctx, key, body, meta))
}
