package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
)

// over writes over what is there, in one step, as stores do that know no conditions. A Put of a
// directory is an upload, which somebody could abort in between.
type over struct {
	*dir.Store
	mu *sync.Mutex
}

func (s over) Put(ctx context.Context, key string, body sink.Body, meta sink.Metadata) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.Store.Put(ctx, key, body, meta)
	if !errors.Is(err, sink.ErrTaken) {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	return errors.Join(s.Delete(ctx, key), s.Store.Put(ctx, key, body, meta))
}

func (s over) AbortUpload(ctx context.Context, up sink.UploadInfo) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store.AbortUpload(ctx, up)
}
