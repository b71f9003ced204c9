package main

import (
	"archive/tar"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"github.com/sluice-data/sluice"
)

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// small is an image like the real one, with programs that are a line of text.
func small(t *testing.T, arch string) v1.Image {
	t.Helper()
	s, m, err := inputs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return must[v1.Image](t)(assemble(s, m, arch, &programs{sluice: []byte("sluice for " + arch), sh: []byte("sh for " + arch)}))
}

var tag = name.MustParseReference("sluice-data/destination-s3:0.1.0").(name.Tag)

// metadata.yaml has what Airbyte's schema requires, and is of this version of the code.
func TestMetadata(t *testing.T) {
	var all struct {
		MetadataSpecVersion string         `yaml:"metadataSpecVersion"`
		Data                map[string]any `yaml:"data"`
	}
	text := must[[]byte](t)(os.ReadFile(filepath.Join(repository, "deploy", "metadata.yaml")))
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	same(t, "metadataSpecVersion", all.MetadataSpecVersion, "1.0")
	for _, key := range []string{"name", "definitionId", "connectorType", "dockerRepository", "dockerImageTag", "license",
		"documentationUrl", "githubIssueLabel", "connectorSubtype", "releaseStage"} {
		if text, _ := all.Data[key].(string); text == "" {
			t.Errorf("data.%s is required", key)
		}
	}
	f := func(key string, want any) {
		t.Helper()
		same(t, key, all.Data[key], want)
	}
	f("connectorType", "destination")
	f("dockerImageTag", sluice.Version)
	f("license", "Apache-2.0")
	f("supportsRefreshes", true)
	f("supportsFileTransfer", false)
	// Another one is another connector: whoever has this one would lose it.
	f("definitionId", "aba0dc2b-d4ef-4547-b3f8-a0bd9b7e1372")
	if _, err := uuid.Parse(all.Data["definitionId"].(string)); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	cf := must[*v1.ConfigFile](t)(small(t, "arm64").ConfigFile())
	same(t, "platform", cf.Platform().String(), "linux/arm64")
	same(t, "user", cf.Config.User, "1000:1000")
	same(t, "entry point", cf.Config.Entrypoint, []string{"/usr/local/bin/sluice"})
	if !slices.Contains(cf.Config.Env, "AIRBYTE_ENTRYPOINT="+strings.Join(cf.Config.Entrypoint, " ")) {
		t.Errorf("AIRBYTE_ENTRYPOINT must be the entry point: %v", cf.Config.Env)
	}
	same(t, "io.airbyte.version", cf.Config.Labels["io.airbyte.version"], sluice.Version)
	same(t, "io.airbyte.name", cf.Config.Labels["io.airbyte.name"], "sluice-data/destination-s3")
}

// The two ways to the image must make the same, but for the shell.
func TestDockerfileIsTheSame(t *testing.T) {
	text := string(must[[]byte](t)(os.ReadFile(filepath.Join(repository, "deploy", "Dockerfile"))))
	config := must[*v1.ConfigFile](t)(small(t, "amd64").ConfigFile()).Config
	found := map[string]string{}
	for _, label := range regexp.MustCompile(`([a-z.]+)="(.*)"( \\)?\n`).FindAllStringSubmatch(text[strings.Index(text, "LABEL"):], -1) {
		found[label[1]] = label[2]
	}
	labels := maps.Clone(config.Labels)
	delete(labels, "org.opencontainers.image.revision") // Docker does not know the commit
	same(t, "labels", found, labels)
	for _, line := range []string{
		"USER " + config.User, "WORKDIR " + config.WorkingDir, `ENTRYPOINT ["` + config.Entrypoint[0] + `"]`,
		`ENV AIRBYTE_ENTRYPOINT="` + config.Entrypoint[0] + `"`,
		`    printf '` + strings.ReplaceAll(passwd, "\n", `\n`) + `' > /out/etc/passwd && \`,
		`    printf '` + strings.ReplaceAll(groups, "\n", `\n`) + `' > /out/etc/group`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("the Dockerfile lacks %s", line)
		}
	}
}

// What is in the layers, and whose it is. Only its own directory is the connector's to write.
func TestFiles(t *testing.T) {
	img := small(t, "amd64")
	var got []string
	for _, l := range must[[]v1.Layer](t)(img.Layers()) {
		r := tar.NewReader(must[io.ReadCloser](t)(l.Uncompressed()))
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Uid != 0 && h.Name != "airbyte/" || h.Mode&0o6022 != 0 && h.Name != "tmp/" {
				t.Errorf("%s has mode %o and owner %d", h.Name, h.Mode, h.Uid)
			}
			if h.Typeflag == tar.TypeReg {
				got = append(got, h.Name)
			}
		}
	}
	same(t, "files", got, []string{"bin/sh", "etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "licenses/LICENSE", "usr/local/bin/sluice"})
}

func TestCertificates(t *testing.T) {
	pool := x509.NewCertPool()
	if text := certificates(); !pool.AppendCertsFromPEM(text) || strings.Count(string(text), "BEGIN CERTIFICATE") < 100 {
		t.Errorf("too few certificates: %d bytes", len(text))
	}
}

// The same commit is the same digest, whenever and wherever it is built; another commit is not.
func TestReproducible(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	first := must[v1.Hash](t)(small(t, "amd64").Digest())
	same(t, "digest", must[v1.Hash](t)(small(t, "amd64").Digest()), first)
	cf := must[*v1.ConfigFile](t)(small(t, "amd64").ConfigFile())
	same(t, "created", cf.Created.Time, time.Unix(1700000000, 0).UTC())
	t.Setenv("SOURCE_DATE_EPOCH", "1700000001")
	if must[v1.Hash](t)(small(t, "amd64").Digest()) == first {
		t.Error("the time is not in the digest")
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, _, err := inputs(t.Context()); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("error %v", err)
	}
}

func untar(t *testing.T, file, dir string) {
	t.Helper()
	f := must[*os.File](t)(os.Open(file))
	defer f.Close()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			t.Fatal(err)
		case h.Typeflag == tar.TypeDir:
			err = os.Mkdir(filepath.Join(dir, h.Name), 0o755)
		default:
			err = os.WriteFile(filepath.Join(dir, h.Name), must[[]byte](t)(io.ReadAll(r)), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Both kinds of reader must find the same image in one file.
func TestArchive(t *testing.T) {
	img := small(t, "amd64")
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := write(file, img, tag, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	docker := must[v1.Image](t)(tarball.ImageFromPath(file, &tag))
	same(t, "docker-archive's config", must[v1.Hash](t)(docker.ConfigName()), must[v1.Hash](t)(img.ConfigName()))
	if err := validate.Image(docker); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	untar(t, file, dir)
	index := must[v1.ImageIndex](t)(layout.ImageIndexFromPath(dir))
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	found := must[*v1.IndexManifest](t)(index.IndexManifest()).Manifests
	if len(found) != 1 {
		t.Fatalf("%d images", len(found))
	}
	same(t, "layout's image", found[0].Digest, must[v1.Hash](t)(img.Digest()))
	same(t, "names", found[0].Annotations, map[string]string{
		"org.opencontainers.image.ref.name": "0.1.0", "io.containerd.image.name": "docker.io/sluice-data/destination-s3:0.1.0",
	})
}

// A registry gets one index with all architectures, the same that is in the directory.
func TestPush(t *testing.T) {
	index := must[v1.ImageIndex](t)(join([]v1.Image{small(t, "amd64"), small(t, "arm64")}))
	server := httptest.NewServer(registry.New())
	defer server.Close()
	to := strings.TrimPrefix(server.URL, "http://") + "/team/destination-s3:0.1.0"
	if err := push(t.Context(), to, index, io.Discard); err != nil {
		t.Fatal(err)
	}
	got := must[v1.ImageIndex](t)(remote.Index(must[name.Reference](t)(name.ParseReference(to))))
	if err := validate.Index(got); err != nil {
		t.Error(err)
	}
	same(t, "pushed", must[v1.Hash](t)(got.Digest()), must[v1.Hash](t)(index.Digest()))
	var platforms []string
	for _, m := range must[*v1.IndexManifest](t)(got.IndexManifest()).Manifests {
		platforms = append(platforms, m.Platform.String())
		same(t, "artifact type", m.ArtifactType, "")
	}
	same(t, "platforms", platforms, []string{"linux/amd64", "linux/arm64"})

	dir := filepath.Join(t.TempDir(), "oci")
	if err := writeLayout(dir, index, tag); err != nil {
		t.Fatal(err)
	}
	top := must[*v1.IndexManifest](t)(must[v1.ImageIndex](t)(layout.ImageIndexFromPath(dir)).IndexManifest())
	same(t, "in the directory", top.Manifests[0].Digest, must[v1.Hash](t)(index.Digest()))

	if err := push(t.Context(), "destination-s3", index, io.Discard); err == nil {
		t.Error("a name without a registry and a tag was taken")
	}
}
