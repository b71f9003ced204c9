package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
)

// The files that sluice is given.
const (
	configFile   = "config.json"
	catalogFile  = "catalog.json"
	messagesFile = "messages.jsonl"
)

// tidyWait bounds the removing of objects: a few requests, but the store may be the reason for
// the end.
const tidyWait = 20 * time.Second

// place is where sluice runs, and where it writes.
type place struct {
	dir    string // of its files
	cfg    *config.Config
	users  bool // the bucket is the user's; else it is in dir
	keep   bool
	opened bool // sluice may have written into the bucket

	recording *recording
}

func newPlace(opts Options, rec *recording) (_ *place, err error) {
	at := &place{dir: opts.Dir, users: opts.Config != nil, keep: opts.Keep, recording: rec}
	if at.dir == "" {
		if at.dir, err = os.MkdirTemp("", "sluice-demo-"); err != nil {
			return nil, fmt.Errorf("%w (set TMPDIR to a directory that can be written to)", err)
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, at.removeFiles())
		}
	}()
	raw, err := at.config(opts.Config)
	if err != nil {
		return nil, err
	}
	if at.cfg, _, err = config.Parse(raw); err != nil { // sluice itself will print the warnings
		return nil, err
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{{configFile, raw}, {catalogFile, recordedCatalog}, {messagesFile, rec.messages}} {
		// The config may have secrets.
		if err := os.WriteFile(filepath.Join(at.dir, file.name), file.content, 0o600); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// config returns the config of the demo: the user's with another path, or one that needs no
// server.
func (at *place) config(users []byte) ([]byte, error) {
	if users == nil {
		dir, err := filepath.Abs(at.dir)
		if err != nil {
			return nil, err
		}
		return json.MarshalIndent(ownConfig{
			Endpoint: (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String(),
			Bucket:   "my-lake", Path: "airbyte",
			Format: ownFormat{Type: config.FormatCSV, Flattening: config.FlatteningRoot},
		}, "", "  ")
	}
	cfg, _, err := config.Parse(users)
	if err != nil {
		return nil, err
	}
	// Only the path is changed, and what is below: whatever else there is, sluice is to see it.
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(users, []byte("\xef\xbb\xbf")), &doc); err != nil {
		return nil, err
	}
	// Of a path with variables what stands in front of the first one: all of the demo is below one
	// directory of its own.
	template, err := naming.Parse(cfg.Path, "", "")
	if err != nil {
		return nil, err
	}
	path := naming.CleanPath(template.Root() + "/_sluice_demo_" + strings.ToLower(rand.Text()[:10]))
	if doc["s3_bucket_path"], err = json.Marshal(path); err != nil {
		return nil, err
	}
	// Keys of the user's own tables mean nothing here.
	delete(doc, "partition_by")
	return json.MarshalIndent(doc, "", "  ")
}

// ownConfig is as small as a config can be, in the order of the specification.
type ownConfig struct {
	Endpoint string    `json:"s3_endpoint"`
	Bucket   string    `json:"s3_bucket_name"`
	Path     string    `json:"s3_bucket_path"`
	Region   string    `json:"s3_bucket_region"`
	Format   ownFormat `json:"format"`
}

type ownFormat struct {
	Type       config.FormatType `json:"format_type"`
	Flattening config.Flattening `json:"flattening"`
}

// name is where the objects are, for people.
func (at *place) name() string {
	if !at.users {
		return filepath.Join(at.dir, at.cfg.Bucket, at.cfg.Path)
	}
	if u, err := url.Parse(at.cfg.Endpoint); err == nil && u.Scheme == "file" {
		return filepath.Join(filepath.FromSlash(u.Path), at.cfg.Bucket, filepath.FromSlash(at.cfg.Path))
	}
	return "s3://" + at.cfg.Bucket + "/" + at.cfg.Path
}

// server names a store that is not Amazon's.
func (at *place) server() string {
	if u, err := url.Parse(at.cfg.Endpoint); err != nil || u.Host == "" {
		return ""
	}
	return " at " + at.cfg.Endpoint
}

// left says where something of the demo stays, or is "".
func (at *place) left() string {
	switch {
	case !at.keep || at.users && !at.opened:
		return ""
	case at.users:
		return at.name()
	}
	return at.dir
}

// remove removes all that is not to be kept. It does so too when ctx has ended.
func (at *place) remove(ctx context.Context) error {
	var err error
	if at.users && at.opened && !at.keep {
		if err = at.removeObjects(ctx); err != nil {
			err = fmt.Errorf("%w; look below %s, and remove by hand what is there", err, at.name())
		}
	}
	if at.users || !at.keep { // the user's config has a copy in dir, which never stays
		err = errors.Join(err, at.removeFiles())
	}
	return err
}

func (at *place) removeFiles() error { return os.RemoveAll(at.dir) }

// removeObjects empties the demo's own directory in the user's bucket. It looks nowhere else.
func (at *place) removeObjects(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), tidyWait, fmt.Errorf("not done after %s", tidyWait))
	defer cancel()
	store, err := sluice.OpenStore(ctx, at.cfg)
	if err != nil {
		return err
	}
	store = sink.Retry(store, sink.RetryPolicy{Limit: tidyWait})
	var keys []string // of the streams, and of what a check that was killed has left
	for info, err := range store.Walk(ctx, at.cfg.Path+"/", "") {
		if err != nil {
			return err
		}
		keys = append(keys, info.Key)
	}
	if len(keys) > 0 {
		if err := store.Delete(ctx, keys...); err != nil {
			return err
		}
	}
	for up, err := range store.Uploads(ctx, at.cfg.Path+"/") {
		// Sluice aborts its own uploads. This is for one that was killed, if it may be looked for.
		if errors.Is(err, sink.ErrDenied) || errors.Is(err, sink.ErrUnsupported) {
			return nil
		}
		if err == nil {
			err = store.AbortUpload(ctx, up)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
