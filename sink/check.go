package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Check proves every right that a sync needs, with two objects inside dir ("" is the bucket's
// root) that it removes again. The error says what could not be done; lacking is what could not
// be done either, but a sync gets along without.
func Check(ctx context.Context, store Store, dir string) (lacking, err error) {
	if dir != "" {
		dir += "/"
	}
	c := &check{store: store, key: dir + "_sluice_connection_test_" + uuid.NewString()}
	if err := c.objects(ctx); err != nil {
		return nil, err
	}
	return c.abort(ctx)
}

// check is one run of Check.
type check struct {
	store Store
	key   string // of the object that goes in parts
}

// testBody and testMetadata are those of both objects.
var (
	testBody     = NewBody([]byte("Sluice writes this to test its rights, and removes it.\n"))
	testMetadata = Metadata{MetaGeneration: "0"}
)

// objects makes both objects, finds them, and removes them.
func (c *check) objects(ctx context.Context) error {
	whole := c.key + "_whole"
	upload, err := c.store.Create(ctx, c.key, testMetadata)
	if err != nil {
		return Failed("create an upload", err)
	}
	if err := c.write(ctx, upload, whole); err != nil {
		// Whatever state they are in: leave nothing behind, and report the first error. The
		// check may have been cancelled.
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
		defer cancel()
		_ = upload.Abort(tidy)
		_ = c.store.Delete(tidy, c.key, whole)
		return err
	}
	if err := c.store.Delete(ctx, c.key, whole); err != nil {
		return fmt.Errorf("%w; the test objects %s and %s may be left there", Failed("delete an object", err), c.key, whole)
	}
	return nil
}

// write makes one object in parts and one in one request, and looks whether they are there.
func (c *check) write(ctx context.Context, upload Upload, whole string) error {
	if err := upload.Part(ctx, Part{Number: 1, Body: testBody}); err != nil {
		return Failed("upload a part", err)
	}
	if err := upload.Complete(ctx); err != nil {
		return Failed("complete an upload", err)
	}
	if err := c.store.Put(ctx, whole, testBody, testMetadata); err != nil {
		return Failed("write an object", err)
	}
	info, err := c.store.Stat(ctx, c.key)
	if err != nil {
		return Failed("read an object's metadata", err)
	}
	if info.Size != testBody.Len() {
		return fmt.Errorf("the test object %s has %d bytes, %d were written", c.key, info.Size, testBody.Len())
	}
	for info, err := range c.store.List(ctx, c.key, "") {
		if err != nil {
			return Failed("list objects", err)
		}
		if info.Key == c.key {
			return nil
		}
	}
	return fmt.Errorf("the test object %s was written, but the store does not list it", c.key)
}

// abort begins an upload, looks for it, and gives it up, as the sync after one that died does.
func (c *check) abort(ctx context.Context) (lacking, err error) {
	upload, err := c.store.Create(ctx, c.key, testMetadata)
	if err != nil {
		return nil, Failed("create an upload", err)
	}
	looked := c.look(ctx)
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	if err := upload.Abort(tidy); err != nil {
		return nil, fmt.Errorf("%w; the unfinished upload of %s is left there", Failed("abort an upload", err), c.key)
	}
	switch {
	case looked == nil, errors.Is(looked, ErrUnsupported):
		return nil, nil
	case ClassOf(looked) == Permanent && ctx.Err() == nil:
		return Failed("list unfinished uploads", looked), nil
	}
	return nil, Failed("list unfinished uploads", looked)
}

// look lists the uploads; which there are is of no interest.
func (c *check) look(ctx context.Context) (err error) {
	for _, err = range c.store.Uploads(ctx, c.key) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Failed says what could not be done. The store's error names the right, if rights are the
// reason.
func Failed(what string, err error) error {
	if errors.Is(err, ErrDenied) {
		return fmt.Errorf("the credentials may not %s: %w", what, err)
	}
	return fmt.Errorf("could not %s: %w", what, err)
}
