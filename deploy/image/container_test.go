package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sluice-data/sluice/internal/gateway/gatewaytest"
)

func TestMain(m *testing.M) { gatewaytest.Main(m) }

// built is the image of this machine's architecture, made once.
var built = sync.OnceValues(func() (v1.Image, error) {
	ctx := context.Background()
	s, m, err := inputs(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sluice-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p, err := s.compile(ctx, runtime.GOARCH, dir)
	if err != nil {
		return nil, err
	}
	return assemble(s, m, runtime.GOARCH, p)
})

const repository = "../.."

func inputs(ctx context.Context) (*source, *metadata, error) {
	s, err := open(ctx, repository)
	if err != nil {
		return nil, nil, err
	}
	m, err := readMetadata(filepath.Join(repository, "deploy", "metadata.yaml"))
	return s, m, err
}

func image(t *testing.T) v1.Image {
	t.Helper()
	img, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// container is an unpacked image. It runs as a container would, as far as that goes without an
// engine: its own root directory, its own processes, the image's user, environment and command.
type container struct {
	t      *testing.T
	root   string
	config v1.Config
}

// unpack makes one. The directories are those that Kubernetes mounts: everybody may write there.
func unpack(t *testing.T) *container {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("chroot needs Linux and root")
	}
	img := image(t)
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := &container{t: t, root: t.TempDir(), config: cf.Config}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		c.extract(tar.NewReader(r))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"config", "dest", "dev"} {
		c.must(os.Mkdir(c.path(dir), 0o777))
		c.must(os.Chmod(c.path(dir), 0o777))
	}
	// Every runtime makes it, and most shells read it in place of stdin in the background.
	c.may(syscall.Mknod(c.path("dev/null"), syscall.S_IFCHR|0o666, 1<<8|3))
	c.must(os.Chmod(c.path("dev/null"), 0o666))
	c.may(c.command("/", "sh", "-c", "true").Run())
	return c
}

func (c *container) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// may skips the test where root is not allowed what root is allowed elsewhere, as in a container.
func (c *container) may(err error) {
	c.t.Helper()
	if errors.Is(err, syscall.EPERM) {
		c.t.Skipf("this root may make no containers: %v", err)
	}
	c.must(err)
}

func (c *container) path(name string) string { return filepath.Join(c.root, name) }

func (c *container) extract(r *tar.Reader) {
	c.t.Helper()
	for {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		c.must(err)
		name := c.path(h.Name)
		if h.Typeflag == tar.TypeDir {
			if err := os.Mkdir(name, 0o755); !errors.Is(err, os.ErrExist) {
				c.must(err)
			}
		} else {
			body, err := io.ReadAll(r)
			c.must(err)
			c.must(os.WriteFile(name, body, 0o600))
		}
		c.must(os.Lchown(name, h.Uid, h.Gid))
		c.must(os.Chmod(name, os.FileMode(h.Mode&0o777)|sticky(h.Mode)))
	}
}

func sticky(mode int64) os.FileMode {
	if mode&0o1000 != 0 {
		return os.ModeSticky
	}
	return 0
}

// busybox puts the other shell in: the image of the Dockerfile, but for where it comes from.
func (c *container) busybox() {
	c.t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		c.t.Skip("there is no busybox")
	}
	body, err := os.ReadFile(path)
	c.must(err)
	for _, name := range []string{"sh", "sleep", "mv"} {
		c.must(errors.Join(os.WriteFile(c.path("bin/"+name), body, 0o755), os.Chmod(c.path("bin/"+name), 0o755)))
	}
	if out, _, err := c.run("/config", "sh", "-c", "echo up"); err != nil || out != "up\n" {
		c.t.Skipf("this busybox needs more than itself: %v", err)
	}
}

// command starts nothing yet. What is not absolute is looked up in the image's PATH by the
// runtime of a real container; here it can only be the shell.
func (c *container) command(dir string, args ...string) *exec.Cmd {
	path := args[0]
	if path == "sh" {
		path = "/bin/sh"
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	c.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Dir, cmd.Env = args, dir, c.config.Env
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot:     c.root,
		Credential: &syscall.Credential{Uid: user, Gid: group},
		// Process 1 of its own, as in a container: it ends, and all end.
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
	}
	return cmd
}

func (c *container) run(dir string, args ...string) (out, errs string, err error) {
	var stdout, stderr bytes.Buffer
	cmd := c.command(dir, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// read returns a file that the container has left.
func (c *container) read(name string) string {
	c.t.Helper()
	body, err := os.ReadFile(c.path(name))
	c.must(err)
	return strings.TrimSpace(string(body))
}

// put leaves a file, as the platform's init container does.
func (c *container) put(name, text string) {
	c.t.Helper()
	c.must(errors.Join(os.WriteFile(c.path(name), []byte(text), 0o644), os.Chown(c.path(name), user, group)))
}
