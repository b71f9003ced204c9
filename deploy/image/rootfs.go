package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The user that the image runs as, in numbers: only then can a cluster check that it is not root.
// Airbyte uses the same ones (airbyte-platform, WorkloadSecurityContextProvider.kt).
const user, group = 1000, 1000

const (
	passwd = "root:x:0:0:root:/:/bin/sh\nairbyte:x:1000:1000:airbyte:/airbyte:/bin/sh\n"
	groups = "root:x:0:\nairbyte:x:1000:\n"
)

// file is a file of the image, or a directory where the name ends with a slash.
type file struct {
	name  string
	mode  int64
	owner int // user and group
	body  []byte
}

// base are the files below the connector. They change seldom, so they are a layer of their own.
func base(sh, license []byte) []file {
	return []file{
		{name: "airbyte/", mode: 0o755, owner: user},
		{name: "bin/", mode: 0o755},
		{name: "bin/sh", mode: 0o755, body: sh},
		{name: "etc/", mode: 0o755},
		{name: "etc/group", mode: 0o644, body: []byte(groups)},
		{name: "etc/passwd", mode: 0o644, body: []byte(passwd)},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, body: certificates()},
		{name: "licenses/", mode: 0o755},
		{name: "licenses/LICENSE", mode: 0o644, body: license},
		{name: "tmp/", mode: 0o1777},
	}
}

// connector is what changes with each version.
func connector(sluice []byte) []file {
	return []file{
		{name: "usr/", mode: 0o755},
		{name: "usr/local/", mode: 0o755},
		{name: "usr/local/bin/", mode: 0o755},
		{name: "usr/local/bin/sluice", mode: 0o755, body: sluice},
	}
}

// certificates are Mozilla's roots, as the Go team publishes them. Roots with a condition ("only
// for certificates from before this day") are left out, since a file can't say it.
func certificates() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return out.Bytes()
}

// layer packs files. The same files and time are the same bytes.
func layer(files []file, at time.Time) (v1.Layer, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Uid: f.owner, Gid: f.owner, Size: int64(len(f.body)), ModTime: at, Typeflag: tar.TypeReg}
		if f.name[len(f.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.body); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// license is the text that goes with every copy.
func (s *source) license() ([]byte, error) { return os.ReadFile(filepath.Join(s.root, "LICENSE")) }
