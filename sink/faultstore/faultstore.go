// Package faultstore makes calls to a store fail, as rules say, and keeps a log of them. It
// is for tests.
package faultstore

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/sluice-data/sluice/sink"
)

// Store hands all calls on to another one, but for those that a rule tells it not to.
type Store struct {
	inner sink.Store
	rules []*Rule

	mu  sync.Mutex
	log []string
}

var _ sink.Inspector = (*Store)(nil)

// New wraps inner. Of several rules that fire for a call, all do what they do before it, in
// the order given, until one ends it.
func New(inner sink.Store, rules ...*Rule) *Store {
	return &Store{inner: inner, rules: rules}
}

// Calls returns the log: one line a call, in the order in which the calls began, such as
//
//	Put a/b.csv
//	Part a/b.csv 2 [call 3: fail (access denied)]
//	Delete a/b.csv a/c.csv
//
// with what a rule did to it in brackets.
func (s *Store) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Forget empties the log.
func (s *Store) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// String lists the rules.
func (s *Store) String() string {
	lines := []string{"store " + s.inner.Properties().Name}
	for _, r := range s.rules {
		lines = append(lines, "  "+r.String())
	}
	return strings.Join(lines, "\n")
}

// call makes one call by the rules. What it is called with besides the keys is only logged.
func (s *Store) call(ctx context.Context, op Op, keys []string, detail string, do func() error) error {
	key := ""
	if len(keys) > 0 {
		key = keys[0]
	}
	fired := s.begin(op, keys, detail)
	for _, r := range fired {
		if err := r.before(ctx, op, key); err != nil {
			return err
		}
	}
	err := do()
	for _, r := range fired {
		if r.loseReply {
			return &sink.Error{Op: string(op), Key: key, Class: sink.Unknown, Err: errLost}
		}
	}
	return err
}

// begin counts and logs the call in one step, so that the log has the order that the rules
// have seen.
func (s *Store) begin(op Op, keys []string, detail string) []*Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := string(op)
	for _, key := range keys {
		line += " " + key
	}
	line += detail
	var fired []*Rule
	for _, r := range s.rules {
		if r.match(op, keys) {
			fired = append(fired, r)
			line += fmt.Sprintf(" [%s: %s]", r.when, r.does)
		}
	}
	s.log = append(s.log, line)
	return fired
}

// Create starts an upload whose calls are subject to the rules too.
func (s *Store) Create(ctx context.Context, key string, meta sink.Metadata) (sink.Upload, error) {
	var up sink.Upload
	err := s.call(ctx, Create, []string{key}, "", func() (err error) {
		up, err = s.inner.Create(ctx, key, meta)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &upload{store: s, inner: up}, nil
}

func (s *Store) Put(ctx context.Context, key string, body sink.Body, meta sink.Metadata) error {
	return s.call(ctx, Put, []string{key}, "", func() error { return s.inner.Put(ctx, key, body, meta) })
}

func (s *Store) Stat(ctx context.Context, key string) (sink.Info, error) {
	var info sink.Info
	err := s.call(ctx, Stat, []string{key}, "", func() (err error) {
		info, err = s.inner.Stat(ctx, key)
		return err
	})
	if err != nil {
		return sink.Info{}, err
	}
	return info, nil
}

func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return iterate(ctx, s, List, prefix, s.inner.List(ctx, prefix, after))
}

func (s *Store) Delete(ctx context.Context, keys ...string) error {
	return s.call(ctx, Delete, keys, "", func() error { return s.inner.Delete(ctx, keys...) })
}

func (s *Store) Uploads(ctx context.Context, prefix string) iter.Seq2[sink.UploadInfo, error] {
	return iterate(ctx, s, Uploads, prefix, s.inner.Uploads(ctx, prefix))
}

func (s *Store) AbortUpload(ctx context.Context, up sink.UploadInfo) error {
	return s.call(ctx, AbortUpload, []string{up.Key}, "", func() error { return s.inner.AbortUpload(ctx, up) })
}

func (s *Store) Walk(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	return iterate(ctx, s, Walk, prefix, s.inner.Walk(ctx, prefix, after))
}

// Parts is for an inner store that is a sink.Inspector.
func (s *Store) Parts(ctx context.Context, up sink.UploadInfo) (parts sink.Parts, err error) {
	inner, ok := s.inner.(sink.Inspector)
	if !ok {
		return parts, &sink.Error{Op: string(Parts), Key: up.Key, Kind: sink.ErrUnsupported}
	}
	err = s.call(ctx, Parts, []string{up.Key}, "", func() (err error) {
		parts, err = inner.Parts(ctx, up)
		return err
	})
	return parts, err
}

func (s *Store) Properties() sink.Properties { return s.inner.Properties() }

// Get reads an object, if the inner store can. It is no part of sink.Store, and no rule
// applies to it.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	r, ok := s.inner.(interface {
		Get(ctx context.Context, key string) (io.ReadCloser, error)
	})
	if !ok {
		return nil, &sink.Error{Op: "Get", Key: key, Kind: sink.ErrUnsupported}
	}
	return r.Get(ctx, key)
}

// iterate is a call that yields. One whose reader wants no more has no error.
func iterate[T any](ctx context.Context, s *Store, op Op, prefix string, inner iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ended := false
		err := s.call(ctx, op, []string{prefix}, "", func() error {
			for v, err := range inner {
				if err != nil {
					return err
				}
				if !yield(v, nil) {
					ended = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !ended {
			var none T
			yield(none, err)
		}
	}
}

// upload is an upload whose calls are subject to the store's rules.
type upload struct {
	store *Store
	inner sink.Upload
}

func (u *upload) Info() sink.UploadInfo { return u.inner.Info() }

func (u *upload) Part(ctx context.Context, part sink.Part) error {
	detail := fmt.Sprintf(" %d", part.Number)
	return u.store.call(ctx, Part, u.keys(), detail, func() error { return u.inner.Part(ctx, part) })
}

func (u *upload) Complete(ctx context.Context) error {
	return u.store.call(ctx, Complete, u.keys(), "", func() error { return u.inner.Complete(ctx) })
}

func (u *upload) Abort(ctx context.Context) error {
	return u.store.call(ctx, Abort, u.keys(), "", func() error { return u.inner.Abort(ctx) })
}

func (u *upload) keys() []string { return []string{u.inner.Info().Key} }
