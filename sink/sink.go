// Package sink puts bytes into object stores.
//
// It knows nothing of Airbyte, of formats or the engine. A Store is one place that keeps
// objects (sink/s3, sink/dir); retry and fault injection are decorators of the same
// interface; an Uploader turns a stream of bytes into parts and objects.
package sink

import (
	"context"
	"io"
	"iter"
	"time"
)

// Store is a bucket. All methods may be called by many goroutines at once. Keys are
// relative to the bucket, separated by "/", and never begin with one.
//
// Every error that a Store returns is an *Error, or the context's own error.
type Store interface {
	// Create starts an upload in parts. Nothing is visible under key before
	// Upload.Complete has succeeded. An upload that gets neither Complete nor Abort stays
	// invisible but costs storage; Uploads finds it.
	Create(ctx context.Context, key string, meta Metadata) (Upload, error)

	// Put makes a whole object in one step: afterwards it is visible and durable, or it
	// does not exist. It never writes over an object: a taken key is ErrTaken, as far as
	// the store can tell (see Properties).
	Put(ctx context.Context, key string, body Body, meta Metadata) error

	// Stat returns an object with its metadata, or ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)

	// List yields the objects whose key is prefix followed by anything without a "/", and
	// comes behind after, in the order of their keys, page by page. Metadata is not filled
	// in. Iteration ends after the first error.
	List(ctx context.Context, prefix, after string) iter.Seq2[Info, error]

	// Walk is List at any depth: it yields the objects whose key begins with prefix and comes
	// behind after.
	Walk(ctx context.Context, prefix, after string) iter.Seq2[Info, error]

	// Delete removes the objects. A key that does not exist is no error. After an error
	// any of the keys may be gone.
	Delete(ctx context.Context, keys ...string) error

	// Uploads yields the unfinished uploads whose key begins with prefix, at any depth.
	// Iteration ends after the first error.
	Uploads(ctx context.Context, prefix string) iter.Seq2[UploadInfo, error]

	// AbortUpload ends an unfinished upload and frees its parts. An upload that no longer
	// exists is no error.
	AbortUpload(ctx context.Context, up UploadInfo) error

	// Properties tells what kind of store this is.
	Properties() Properties
}

// Upload is an object that is being written. Exactly one of Complete and Abort must be
// called in the end; Abort may follow a failed Complete.
type Upload interface {
	// Info identifies the upload in the store.
	Info() UploadInfo

	// Part sends one part. Different parts may be sent at the same time and in any order;
	// the same part may be sent again and replaces what came before.
	Part(ctx context.Context, part Part) error

	// Complete joins parts 1 to n and makes the object visible in one step. It never
	// writes over an object that appeared meanwhile, as far as the store can tell:
	// ErrTaken. An error of class Unknown may mean that the object is there.
	Complete(ctx context.Context) error

	// Abort gives the upload up and frees its parts.
	Abort(ctx context.Context) error
}

// Part is a run of an object's bytes.
type Part struct {
	Number int   // from 1, without gaps
	Offset int64 // of the part's first byte in the object
	Body   Body
}

// Metadata are the user metadata of an object. Keys are lower-case ASCII, values
// printable ASCII.
type Metadata map[string]string

// Info describes an object.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
	Metadata Metadata // only from Stat
}

// UploadInfo identifies an unfinished upload.
type UploadInfo struct {
	Key     string
	ID      string
	Started time.Time
}

// Properties are the limits of a store.
type Properties struct {
	Name        string // for messages: "s3://bucket" or a directory
	MinPartSize int64  // bytes, of every part but the last
	MaxPartSize int64  // bytes
	MaxParts    int
	MaxObject   int64 // bytes
	MaxKey      int   // bytes
	MaxName     int   // bytes between two "/" of a key; 0: as many as the key may have
	EqualParts  bool  // all parts of an upload but the last must have one size
}

// Body is a sequence of bytes in memory that can be read any number of times, so that
// each try of a request starts from the beginning. It does not own its memory: whoever
// sends it keeps the bytes unchanged until the call returns.
type Body struct {
	chunks [][]byte
	size   int64
}

// NewBody joins chunks without copying them.
func NewBody(chunks ...[]byte) Body {
	b := Body{chunks: chunks}
	for _, c := range chunks {
		b.size += int64(len(c))
	}
	return b
}

// Len is the number of bytes.
func (b Body) Len() int64 { return b.size }

// Chunks calls f for each run of bytes in order.
func (b Body) Chunks(f func([]byte)) {
	for _, c := range b.chunks {
		f(c)
	}
}

// Reader reads the body from its start.
func (b Body) Reader() io.ReadSeeker { return &bodyReader{body: b} }

type bodyReader struct {
	body  Body
	pos   int64 // in the body
	chunk int   // index of the chunk that holds pos
	off   int   // of pos in that chunk
}

func (r *bodyReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && r.chunk < len(r.body.chunks) {
		c := copy(p[n:], r.body.chunks[r.chunk][r.off:])
		n += c
		r.off += c
		r.pos += int64(c)
		if r.off == len(r.body.chunks[r.chunk]) {
			r.chunk, r.off = r.chunk+1, 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// WriteTo spares io.Copy a buffer between the chunks and the connection.
func (r *bodyReader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for r.chunk < len(r.body.chunks) {
		n, err := w.Write(r.body.chunks[r.chunk][r.off:])
		total += int64(n)
		r.pos += int64(n)
		r.off += n
		if err != nil {
			return total, err
		}
		r.chunk, r.off = r.chunk+1, 0
	}
	return total, nil
}

func (r *bodyReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.body.size
	}
	if offset < 0 || offset > r.body.size {
		return 0, io.ErrUnexpectedEOF
	}
	r.pos, r.chunk, r.off = 0, 0, 0
	for r.chunk < len(r.body.chunks) && offset-r.pos >= int64(len(r.body.chunks[r.chunk])) {
		r.pos += int64(len(r.body.chunks[r.chunk]))
		r.chunk++
	}
	r.off = int(offset - r.pos)
	r.pos = offset
	return offset, nil
}
