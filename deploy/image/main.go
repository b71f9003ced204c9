// Command image builds the connector's image without a Docker engine and without a registry: it
// needs Go, git, and the modules. Run it by make image.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// options are the command line.
type options struct {
	root, out string
	name      string // in place of the metadata's
	arches    []string
	push      string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{}
	arches := flag.String("arch", "amd64,arm64", "the architectures")
	flag.StringVar(&o.root, "root", ".", "the repository")
	flag.StringVar(&o.out, "out", ".bin/image", "the directory to write to")
	flag.StringVar(&o.name, "name", "", "the image's name and tag, such as team/destination-s3:0.1.0; those of deploy/metadata.yaml when empty")
	flag.StringVar(&o.push, "push", "", "a name and tag to push to as well, such as registry.example.com/team/destination-s3:0.1.0")
	flag.Parse()
	o.arches = strings.Split(*arches, ",")
	if err := o.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context, out io.Writer) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("%q is one argument too many", flag.Arg(0))
	}
	s, err := open(ctx, o.root)
	if err != nil {
		return err
	}
	m, err := readMetadata(filepath.Join(o.root, "deploy", "metadata.yaml"))
	if err != nil {
		return err
	}
	if o.name == "" {
		o.name = m.Data.DockerRepository + ":" + m.Data.DockerImageTag
	}
	tag, err := name.NewTag(o.name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	images, err := o.build(ctx, s, m, tag, out)
	if err != nil {
		return err
	}
	index, err := join(images)
	if err != nil {
		return err
	}
	dir := filepath.Join(o.out, "oci")
	if err := writeLayout(dir, index, tag); err != nil {
		return err
	}
	if err := o.tell(out, dir, index); err != nil {
		return err
	}
	if o.push != "" {
		return push(ctx, o.push, index, out)
	}
	return nil
}

// build compiles and writes one archive an architecture.
func (o *options) build(ctx context.Context, s *source, m *metadata, tag name.Tag, out io.Writer) ([]v1.Image, error) {
	work, err := os.MkdirTemp("", "sluice-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	fmt.Fprintf(out, "%s, commit %s\n", tag, cmp.Or(s.revision, "unknown"))
	var images []v1.Image
	for _, arch := range o.arches {
		p, err := s.compile(ctx, arch, work)
		if err != nil {
			return nil, err
		}
		img, err := assemble(s, m, arch, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", arch, err)
		}
		file := filepath.Join(o.out, fmt.Sprintf("%s-%s-%s.tar", path.Base(tag.RepositoryStr()), tag.TagStr(), arch))
		if err := write(file, img, tag, s.time); err != nil {
			return nil, err
		}
		if err := o.tell(out, file, img); err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	return images, nil
}

// tell prints a file and the digest of what is in it.
func (o *options) tell(out io.Writer, file string, what interface{ Digest() (v1.Hash, error) }) error {
	digest, err := what.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "  %-48s %s\n", file, digest)
	return err
}

// push writes the index to a registry. Who may do that is looked up where docker login leaves it.
func push(ctx context.Context, to string, index v1.ImageIndex, out io.Writer) error {
	ref, err := name.NewTag(to, name.StrictValidation)
	if err != nil {
		return err
	}
	if err := remote.WriteIndex(ref, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return fmt.Errorf("pushing to %s: %w", ref, err)
	}
	_, err = fmt.Fprintf(out, "pushed %s\n", ref)
	return err
}
