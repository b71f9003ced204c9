package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// source is what the image is built from.
type source struct {
	root     string    // the repository
	time     time.Time // of every file in the image, and of the image
	revision string    // the commit, "" if there is none
}

// open finds out which commit is checked out. Without git the image gets the time 0: it is still
// the same each time, but nobody can tell what it is of.
func open(ctx context.Context, root string) (*source, error) {
	s := &source{root: root, time: time.Unix(0, 0).UTC()}
	if head, err := s.git(ctx, "log", "-1", "--format=%H %ct"); err == nil {
		hash, seconds, _ := strings.Cut(head, " ")
		if err := s.setTime(seconds); err != nil {
			return nil, err
		}
		s.revision = hash
		if changed, err := s.git(ctx, "status", "--porcelain"); err != nil || changed != "" {
			s.revision += "-dirty"
		}
	}
	// https://reproducible-builds.org/specs/source-date-epoch
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		if err := s.setTime(epoch); err != nil {
			return nil, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
	}
	return s, nil
}

func (s *source) setTime(seconds string) error {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return err
	}
	s.time = time.Unix(n, 0).UTC()
	return nil
}

func (s *source) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = s.root
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// programs are the binaries of one architecture.
type programs struct {
	sluice, sh []byte
}

// compile builds sluice and the shell for Linux. Nothing of this machine gets into them: no path
// (-trimpath), no state of the checkout (-buildvcs=false), no setting of its owner (GOFLAGS).
func (s *source) compile(ctx context.Context, arch, dir string) (*programs, error) {
	build := func(module, pkg, name string) ([]byte, error) {
		file := filepath.Join(dir, name+"-"+arch)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, pkg)
		cmd.Dir = filepath.Join(s.root, module)
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s for %s: %w\n%s", name, arch, err, out)
		}
		return os.ReadFile(file)
	}
	p := &programs{}
	var err error
	if p.sluice, err = build(".", "./cmd/sluice", "sluice"); err != nil {
		return nil, err
	}
	if p.sh, err = build("deploy/image", "./sh", "sh"); err != nil {
		return nil, err
	}
	return p, nil
}
