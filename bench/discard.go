package bench

import (
	"context"
	"hash/crc32"
	"iter"
	"sync/atomic"

	"github.com/sluice-data/sluice/sink"
)

// Discard is a store that takes every byte and keeps none. It reads each body and computes
// its CRC-32, as an upload does, so that a run can't be fast by not touching the output.
type Discard struct {
	Bytes   atomic.Int64
	Objects atomic.Int64
	sum     atomic.Uint32
}

var _ sink.Store = (*Discard)(nil)

func (d *Discard) take(b sink.Body) {
	var sum uint32
	b.Chunks(func(p []byte) { sum = crc32.Update(sum, crc32.IEEETable, p) })
	d.sum.Add(sum)
	d.Bytes.Add(b.Len())
}

// Create implements sink.Store.
func (d *Discard) Create(_ context.Context, key string, _ sink.Metadata) (sink.Upload, error) {
	return &discarded{store: d, info: sink.UploadInfo{Key: key, ID: key}}, nil
}

// Put implements sink.Store.
func (d *Discard) Put(_ context.Context, _ string, body sink.Body, _ sink.Metadata) error {
	d.take(body)
	d.Objects.Add(1)
	return nil
}

// Stat implements sink.Store: there is never anything.
func (d *Discard) Stat(_ context.Context, key string) (sink.Info, error) {
	return sink.Info{}, &sink.Error{Op: "Stat", Key: key, Kind: sink.ErrNotFound}
}

// List implements sink.Store.
func (d *Discard) List(context.Context, string, string) iter.Seq2[sink.Info, error] {
	return func(func(sink.Info, error) bool) {}
}

// Walk implements sink.Store.
func (d *Discard) Walk(context.Context, string, string) iter.Seq2[sink.Info, error] {
	return func(func(sink.Info, error) bool) {}
}

// Delete implements sink.Store.
func (d *Discard) Delete(context.Context, ...string) error { return nil }

// Uploads implements sink.Store.
func (d *Discard) Uploads(context.Context, string) iter.Seq2[sink.UploadInfo, error] {
	return func(func(sink.UploadInfo, error) bool) {}
}

// AbortUpload implements sink.Store.
func (d *Discard) AbortUpload(context.Context, sink.UploadInfo) error { return nil }

// Properties are those of S3.
func (d *Discard) Properties() sink.Properties {
	return sink.Properties{Name: "discard", MinPartSize: 5 << 20, MaxPartSize: 5 << 30, MaxParts: 10000, MaxObject: 5 << 40, MaxKey: 1024}
}

type discarded struct {
	store *Discard
	info  sink.UploadInfo
}

func (u *discarded) Info() sink.UploadInfo { return u.info }

func (u *discarded) Part(_ context.Context, part sink.Part) error {
	u.store.take(part.Body)
	return nil
}

func (u *discarded) Complete(context.Context) error {
	u.store.Objects.Add(1)
	return nil
}

func (u *discarded) Abort(context.Context) error { return nil }
