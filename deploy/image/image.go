package main

import (
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// entrypoint is where the connector is. Airbyte wants it in AIRBYTE_ENTRYPOINT too, and absolute,
// since its script starts it from a directory of its own (airbyte-protocol-docker.md).
const entrypoint = "/usr/local/bin/sluice"

// labels are the image's. The first two are what Airbyte's connectors have; the platform itself
// reads none of them: what it knows of an image it asks by spec.
func labels(m *metadata, s *source) map[string]string {
	all := map[string]string{
		"io.airbyte.name":                        m.Data.DockerRepository,
		"io.airbyte.version":                     m.Data.DockerImageTag,
		"org.opencontainers.image.title":         m.Data.Name,
		"org.opencontainers.image.version":       m.Data.DockerImageTag,
		"org.opencontainers.image.licenses":      m.Data.License,
		"org.opencontainers.image.source":        "https://github.com/sluice-data/sluice",
		"org.opencontainers.image.documentation": m.Data.DocumentationURL,
	}
	if s.revision != "" {
		all["org.opencontainers.image.revision"] = s.revision
	}
	return all
}

// assemble makes the image of one architecture.
func assemble(s *source, m *metadata, arch string, p *programs) (v1.Image, error) {
	license, err := s.license()
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	created := v1.Time{Time: s.time}
	for _, part := range []struct {
		what  string
		files []file
	}{{"shell, certificates, user", base(p.sh, license)}, {"sluice", connector(p.sluice)}} {
		l, err := layer(part.files, s.time)
		if err != nil {
			return nil, fmt.Errorf("the layer %q: %w", part.what, err)
		}
		img, err = mutate.Append(img, mutate.Addendum{Layer: l, History: v1.History{Created: created, CreatedBy: "make image", Comment: part.what}})
		if err != nil {
			return nil, err
		}
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Created = "linux", arch, created
	cf.Config = v1.Config{
		User:       fmt.Sprintf("%d:%d", user, group),
		WorkingDir: "/airbyte",
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"AIRBYTE_ENTRYPOINT=" + entrypoint,
		},
		Entrypoint: strings.Fields(entrypoint),
		Labels:     labels(m, s),
	}
	img, err = mutate.ConfigFile(img, cf)
	return plain{img}, err
}

// plain keeps the library from writing an artifact type into an index, which an image does not
// need. Tools that do not know the field write the index anew, and then it has another digest.
type plain struct{ v1.Image }

func (plain) ArtifactType() (string, error) { return "", nil }

// platform is what an index says of an image in it.
func platform(img v1.Image) (*v1.Platform, error) {
	cf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	return cf.Platform(), nil
}

// join makes the index of the images of all architectures: what a registry has under one tag.
func join(images []v1.Image) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, img := range images {
		p, err := platform(img)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: p}})
	}
	return index, nil
}
