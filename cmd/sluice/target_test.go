package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/gateway/gatewaytest"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
	"github.com/sluice-data/sluice/sink/s3"
)

// store is a sink.Store that can read.
type store interface {
	sink.Store
	Get(ctx context.Context, key string) (io.ReadCloser, error)
}

// target is a place to write to.
type target struct {
	t      testing.TB
	config fields // that leads there; s3_bucket_path is "data"
	store  store
	root   string // its objects lie in this directory as files
	proxy  *proxy // that sluice goes through, or nil
}

// inBucket is a fresh bucket of the gateway.
func inBucket(t testing.TB) *target {
	t.Helper()
	gw := gatewaytest.ForTest(t)
	st, err := s3.New(t.Context(), s3.Settings{
		Bucket: gw.Bucket, Region: gw.Region, Endpoint: gw.Endpoint, AccessKeyID: gw.AccessKey, SecretAccessKey: gw.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &target{t: t, store: st, root: filepath.Join(gw.DataDir, gw.Bucket), config: fields{
		"s3_bucket_name": gw.Bucket, "s3_bucket_path": "data", "s3_bucket_region": gw.Region, "s3_endpoint": gw.Endpoint,
		"access_key_id": gw.AccessKey, "secret_access_key": gw.SecretKey, "format": fields{"format_type": "CSV"},
	}}
}

// inDirectory is a fresh directory behind a file:// endpoint.
func inDirectory(t testing.TB) *target {
	t.Helper()
	top := t.TempDir()
	st, err := dir.New(filepath.Join(top, "bucket"))
	if err != nil {
		t.Fatal(err)
	}
	return &target{t: t, store: st, root: filepath.Join(top, "bucket"), config: fields{
		"s3_bucket_name": "bucket", "s3_bucket_path": "data", "s3_bucket_region": "", "s3_endpoint": "file://" + filepath.ToSlash(top),
		"format": fields{"format_type": "CSV"},
	}}
}

// inBoth runs a test against the gateway and against a directory.
func inBoth(t *testing.T, f func(t *testing.T, at *target)) {
	t.Run("s3", func(t *testing.T) { t.Parallel(); f(t, inBucket(t)) })
	t.Run("dir", func(t *testing.T) { t.Parallel(); f(t, inDirectory(t)) })
}

// inBothSeen is inBoth with a proxy in front of the gateway.
func inBothSeen(t *testing.T, f func(t *testing.T, at *target)) {
	t.Run("s3", func(t *testing.T) {
		t.Parallel()
		at, _ := throughProxy(t)
		f(t, at)
	})
	t.Run("dir", func(t *testing.T) { t.Parallel(); f(t, inDirectory(t)) })
}

// with is the target's config with more settings over it.
func (at *target) with(more fields) fields {
	all := maps.Clone(at.config)
	maps.Copy(all, more)
	return all
}

// start begins a sync.
func (at *target) start(j job) *process {
	at.t.Helper()
	return start(at.t, j.env, at.write(j)...)
}

// write is the command line of a sync.
func (at *target) write(j job) []string {
	at.t.Helper()
	return append([]string{"write",
		"--config", writeFile(at.t, "config.json", at.with(j.config)),
		"--catalog", writeFile(at.t, "catalog.json", catalog(j.streams...))}, j.args...)
}

// sync runs a sync from its first line to its end.
func (at *target) sync(j job, lines ...string) *result {
	at.t.Helper()
	return at.start(j).send(lines...).finish()
}

// check runs sluice check.
func (at *target) check(more fields) *result {
	at.t.Helper()
	return start(at.t, nil, "check", "--config", writeFile(at.t, "config.json", at.with(more))).finish()
}

// keys lists every object, at any depth.
func (at *target) keys() []string {
	at.t.Helper()
	keys := []string{}
	err := fs.WalkDir(os.DirFS(at.root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && len(name) > 1 && name[0] == '.':
			return fs.SkipDir // where the gateway and sink/dir keep their own things
		case !entry.IsDir():
			keys = append(keys, name)
		}
		return nil
	})
	if err != nil {
		at.t.Fatal(err)
	}
	slices.SortFunc(keys, byPartition)
	return keys
}

// keysIn lists the objects directly in a stream's directory, in the order of their partition ids.
func (at *target) keysIn(dir string) []string {
	at.t.Helper()
	return slices.DeleteFunc(at.keys(), func(key string) bool { return path.Dir(key) != dir })
}

var partition = regexp.MustCompile(`^(.*_)(\d+)(\.(?:csv|jsonl)(?:\.gz|\.zst)?)$`)

// byPartition sorts _2.csv before _10.csv.
func byPartition(a, b string) int {
	x, y := partition.FindStringSubmatch(a), partition.FindStringSubmatch(b)
	if x == nil || y == nil || x[1] != y[1] {
		return strings.Compare(a, b)
	}
	n, _ := strconv.Atoi(x[2])
	m, _ := strconv.Atoi(y[2])
	return n - m
}

// get reads an object, decompressed.
func (at *target) get(key string) string {
	at.t.Helper()
	return decompress(at.t, key, at.bytes(key))
}

// bytes reads an object as it is.
func (at *target) bytes(key string) string {
	at.t.Helper()
	body, err := at.store.Get(at.t.Context(), key)
	if err != nil {
		at.t.Fatal(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		at.t.Fatal(err)
	}
	return string(content)
}

// put writes objects that were there before, many at a time.
func (at *target) put(meta sink.Metadata, keys ...string) {
	at.t.Helper()
	var group errgroup.Group
	group.SetLimit(16)
	for _, key := range keys {
		group.Go(func() error {
			return at.store.Put(at.t.Context(), key, sink.NewBody([]byte("old "+key)), meta)
		})
	}
	if err := group.Wait(); err != nil {
		at.t.Fatal(err)
	}
}

// place makes objects without metadata by making their files, for those who need very many.
func (at *target) place(keys ...string) {
	at.t.Helper()
	for _, key := range keys {
		file := filepath.Join(at.root, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			at.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("old "+key), 0o644); err != nil {
			at.t.Fatal(err)
		}
	}
}

// rows reads the CSV objects of a directory, each row by the names of its object's header.
func (at *target) rows(dir string) []map[string]string {
	at.t.Helper()
	var rows []map[string]string
	for _, key := range at.keysIn(dir) {
		if strings.Contains(path.Base(key), ".csv") {
			rows = append(rows, at.rowsOf(key)...)
		}
	}
	return rows
}

// rowsOf reads one CSV object.
func (at *target) rowsOf(key string) (rows []map[string]string) {
	at.t.Helper()
	all, err := csv.NewReader(strings.NewReader(at.get(key))).ReadAll()
	if err != nil || len(all) < 2 {
		at.t.Fatalf("%s has %d lines and the error %v", key, len(all), err)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// column returns the cells of one column, in the order of the objects.
func (at *target) column(dir, name string) []string {
	at.t.Helper()
	cells := []string{}
	for _, row := range at.rows(dir) {
		cell, ok := row[name]
		if !ok {
			at.t.Fatalf("a row of %s has no column %s: %v", dir, name, row)
		}
		cells = append(cells, cell)
	}
	return cells
}

// data returns the column of unflattened records.
func (at *target) data(dir string) []string {
	at.t.Helper()
	return at.column(dir, "_airbyte_data")
}

// only returns the key of the one object of a directory.
func (at *target) only(dir string) string {
	at.t.Helper()
	keys := at.keysIn(dir)
	if len(keys) != 1 {
		at.t.Fatalf("%s has the objects %v, want one", dir, keys)
	}
	return keys[0]
}

// masked returns the one object of a directory with the ids masked, and lines cuts it at
// CRLF and leaves the header out.
func (at *target) masked(dir string) string {
	at.t.Helper()
	return mask(at.get(at.only(dir)))
}

func (at *target) lines(dir string) []string {
	at.t.Helper()
	lines := strings.Split(at.masked(dir), "\r\n")
	return lines[1 : len(lines)-1]
}

var uuid4 = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

// mask replaces random ids: version 4, lower case.
func mask(text string) string { return uuid4.ReplaceAllString(text, "ID") }

// uploads lists the unfinished uploads.
func (at *target) uploads() []string {
	at.t.Helper()
	keys := []string{}
	for up, err := range at.store.Uploads(at.t.Context(), "") {
		if err != nil {
			at.t.Fatal(err)
		}
		keys = append(keys, up.Key)
	}
	return keys
}

// waitParts waits until n uploads are under way. That the store has one is not enough: only
// with its first part sluice shows that it knows of it too.
func (at *target) waitParts(n int) {
	at.t.Helper()
	waitFor(at.t, fmt.Sprintf("%d uploads are under way", n), func() bool {
		if len(at.uploads()) < n {
			return false
		}
		if at.proxy == nil {
			return true
		}
		parts := map[string]bool{}
		for _, r := range at.proxy.requests() {
			if r.op == "UploadPart" {
				parts[r.key] = true
			}
		}
		return len(parts) >= n
	})
}

// clean demands that no unfinished upload is left.
func (at *target) clean() {
	at.t.Helper()
	if left := at.uploads(); len(left) > 0 {
		at.t.Errorf("unfinished uploads are left: %v", left)
	}
}

// metadata returns an object's user metadata.
func (at *target) metadata(key string) sink.Metadata {
	at.t.Helper()
	info, err := at.store.Stat(at.t.Context(), key)
	if err != nil {
		at.t.Fatal(err)
	}
	return info.Metadata
}

// same compares.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, show(got), show(want))
	}
}

func show(v any) string {
	text := fmt.Sprintf("%q", v)
	if len(text) > 2000 {
		text = text[:2000] + "..."
	}
	return text
}
