package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// named are the annotations by which tools find the name of an image in an archive: the tag for
// those that follow OCI's layout, the whole name for containerd.
func named(tag name.Tag) map[string]string {
	registry := tag.RegistryStr()
	if registry == name.DefaultRegistry {
		registry = "docker.io" // containerd's word for it
	}
	return map[string]string{
		"org.opencontainers.image.ref.name": tag.TagStr(),
		"io.containerd.image.name":          registry + "/" + tag.RepositoryStr() + ":" + tag.TagStr(),
	}
}

// blob is a file of an archive.
type blob struct {
	name string
	body []byte
}

// write writes the image of one architecture as a tar that is an OCI layout and a docker-archive
// at once, as docker save does since version 25: index.json and manifest.json name the same
// blobs. One of the two everybody can read: docker load, podman load, kind load image-archive
// (which is ctr images import), skopeo, crane.
func write(path string, img v1.Image, tag name.Tag, at time.Time) error {
	blobs, err := contents(img, tag)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, dir := range []string{"blobs/", "blobs/sha256/"} {
		if err := w.WriteHeader(&tar.Header{Name: dir, Mode: 0o755, ModTime: at, Typeflag: tar.TypeDir}); err != nil {
			return err
		}
	}
	for _, b := range blobs {
		if err := w.WriteHeader(&tar.Header{Name: b.name, Mode: 0o644, Size: int64(len(b.body)), ModTime: at, Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		if _, err := w.Write(b.body); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// contents are the files of the archive.
func contents(img v1.Image, tag name.Tag) ([]blob, error) {
	var all []blob
	add := func(hash v1.Hash, body []byte) string {
		all = append(all, blob{"blobs/" + hash.Algorithm + "/" + hash.Hex, body})
		return all[len(all)-1].name
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	add(digest, manifest)
	config, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	configName, err := img.ConfigName()
	if err != nil {
		return nil, err
	}
	docker := map[string]any{"Config": add(configName, config), "RepoTags": []string{tag.String()}}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	var layerNames []string
	for _, l := range layers {
		hash, body, err := compressed(l)
		if err != nil {
			return nil, err
		}
		layerNames = append(layerNames, add(hash, body))
	}
	docker["Layers"] = layerNames
	p, err := platform(img)
	if err != nil {
		return nil, err
	}
	index, err := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: img, Descriptor: v1.Descriptor{Platform: p, Annotations: named(tag)},
	}).RawManifest()
	if err != nil {
		return nil, err
	}
	dockerManifest, err := json.Marshal([]any{docker})
	if err != nil {
		return nil, err
	}
	return append(all,
		blob{"index.json", index}, blob{"manifest.json", dockerManifest},
		blob{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}), nil
}

func compressed(l v1.Layer) (hash v1.Hash, body []byte, err error) {
	if hash, err = l.Digest(); err != nil {
		return hash, nil, err
	}
	r, err := l.Compressed()
	if err != nil {
		return hash, nil, err
	}
	defer r.Close()
	body, err = io.ReadAll(r)
	return hash, body, err
}

// writeLayout writes all architectures as one directory in OCI's layout, for the tools that copy
// to a registry. The index is an image under the tag, and not the layout's own list, which may
// hold more than one.
func writeLayout(dir string, index v1.ImageIndex, tag name.Tag) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	top := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index, Descriptor: v1.Descriptor{Annotations: named(tag)}})
	_, err := layout.Write(dir, top)
	return err
}
