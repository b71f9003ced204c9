package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Check proves every right that a sync needs, with an object inside dir ("" is the
// bucket's root) that it removes again. The error names the right that is missing.
func Check(ctx context.Context, store Store, dir string) error {
	if dir != "" {
		dir += "/"
	}
	key := dir + "_sluice_connection_test_" + uuid.NewString()
	meta := Metadata{MetaGeneration: "0"}

	upload, err := store.Create(ctx, key, meta)
	if err != nil {
		return missing("create an upload", "s3:PutObject", err)
	}
	if err := checkUpload(ctx, store, upload, key); err != nil {
		// Whatever state it is in: leave nothing behind, and report the first error. It may
		// be that the check was cancelled.
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
		defer cancel()
		_ = upload.Abort(tidy)
		_ = store.Delete(tidy, key)
		return err
	}
	if err := store.Delete(ctx, key); err != nil {
		return fmt.Errorf("%w; the test object %s is left there", missing("delete an object", "s3:DeleteObject", err), key)
	}
	// A sync that fails aborts its uploads.
	second, err := store.Create(ctx, key, meta)
	if err != nil {
		return missing("create an upload", "s3:PutObject", err)
	}
	if err := second.Abort(ctx); err != nil {
		return missing("abort an upload", "s3:AbortMultipartUpload", err)
	}
	return nil
}

func checkUpload(ctx context.Context, store Store, upload Upload, key string) error {
	body := NewBody([]byte("Sluice writes this to test its rights, and removes it.\n"))
	if err := upload.Part(ctx, Part{Number: 1, Body: body}); err != nil {
		return missing("upload a part", "s3:PutObject", err)
	}
	if err := upload.Complete(ctx); err != nil {
		return missing("complete an upload", "s3:PutObject", err)
	}
	info, err := store.Stat(ctx, key)
	if err != nil {
		return missing("read an object's metadata", "s3:GetObject", err)
	}
	if info.Size != body.Len() {
		return fmt.Errorf("the test object %s has %d bytes, %d were written", key, info.Size, body.Len())
	}
	for info, err := range store.List(ctx, key, "") {
		if err != nil {
			return missing("list objects", "s3:ListBucket", err)
		}
		if info.Key == key {
			return nil
		}
	}
	return fmt.Errorf("the test object %s was written, but the store does not list it", key)
}

// missing says what could not be done, and which right it takes if rights are the reason.
func missing(what, right string, err error) error {
	if errors.Is(err, ErrDenied) {
		return fmt.Errorf("the credentials may not %s (the right %s is missing): %w", what, right, err)
	}
	return fmt.Errorf("could not %s: %w", what, err)
}
