package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/sluice-data/sluice/internal/gateway"
)

// Server is a real S3 server for the ways that need one: versitygw, in a temporary
// directory. It runs on the machine that is measured and takes its share of the cores.
type Server struct {
	Bucket Bucket
	dir    string
	server *gateway.Gateway
}

// StartServer builds the server where that is needed, and starts it.
func StartServer(ctx context.Context) (*Server, error) {
	// Built first, with word of it: that takes a minute. What the server says later is of no use.
	if _, err := gateway.Binary(ctx, os.Stderr); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return nil, err
	}
	g, err := gateway.Start(ctx, gateway.Options{Dir: dir, Buckets: []string{"bench"}})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Server{
		Bucket: Bucket{Endpoint: g.Endpoint, Region: g.Region, Name: g.Bucket, AccessKey: g.AccessKey, SecretKey: g.SecretKey},
		dir:    dir, server: g,
	}, nil
}

// Clear deletes what was uploaded, so that no run pays for the disk that another filled.
func (s *Server) Clear() error {
	bucket := filepath.Join(s.server.DataDir, s.Bucket.Name)
	entries, err := os.ReadDir(bucket)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(bucket, e.Name())))
	}
	return err
}

// Stop ends the server and removes its directory.
func (s *Server) Stop() error { return errors.Join(s.server.Stop(), os.RemoveAll(s.dir)) }
