package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	modulePath  = "github.com/sluice-data/sluice"
	gatewayPath = "github.com/versity/versitygw/cmd/versitygw"
)

// Binary returns the path of the gateway's binary in the repository's .bin
// directory. It is built first when it is missing, or older than the module
// file that says which version it is to be. Several processes may call Binary
// at the same moment.
func Binary(ctx context.Context, log io.Writer) (string, error) {
	if log == nil {
		log = io.Discard
	}
	root, err := repoRoot()
	if err != nil {
		return "", err
	}
	name := "versitygw"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	binary := filepath.Join(root, ".bin", name)
	if upToDate(root, binary) {
		return binary, nil
	}
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		return "", fmt.Errorf("gateway: %w", err)
	}
	unlock, err := lockBuild(ctx, binary+".lock")
	if err != nil {
		return "", fmt.Errorf("gateway: lock the build: %w", err)
	}
	defer unlock()
	// Another process may have built it while this one waited.
	if upToDate(root, binary) {
		return binary, nil
	}
	if err := build(ctx, root, binary, log); err != nil {
		return "", err
	}
	return binary, nil
}

// build makes the binary under a temporary name first, so that no process
// ever starts one that is half written.
func build(ctx context.Context, root, binary string, log io.Writer) error {
	fmt.Fprintln(log, "gateway: building the S3 gateway; the first time this takes about a minute")
	begin := time.Now()
	dir, err := os.MkdirTemp(filepath.Dir(binary), "build-")
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, filepath.Base(binary))

	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "build",
		"-modfile="+filepath.Join("tools", "go.mod"), "-o", temp, gatewayPath)
	cmd.Dir = root
	// A workspace would not allow another module file.
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stdout = io.MultiWriter(log, &out)
	cmd.Stderr = cmd.Stdout
	// Compilers that outlive a cancelled go command hold its output open.
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("gateway: build %s: %w\n%s", gatewayPath, err, bytes.TrimSpace(out.Bytes()))
	}
	if err := os.Rename(temp, binary); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	fmt.Fprintf(log, "gateway: built in %v\n", time.Since(begin).Round(time.Second))
	return nil
}

// upToDate says whether the binary is newer than the files that pick its
// version.
func upToDate(root, binary string) bool {
	built, err := os.Stat(binary)
	if err != nil {
		return false
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		source, err := os.Stat(filepath.Join(root, "tools", name))
		if err != nil || !built.ModTime().After(source.ModTime()) {
			return false
		}
	}
	return true
}

// repoRoot walks up from the working directory to this module's go.mod. A test
// runs in its package's directory, and withs3 anywhere in the repository.
func repoRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("gateway: %w", err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && hasModuleLine(string(mod)) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("gateway: the working directory is not inside the sources of " +
				modulePath + ", from which the S3 gateway is built")
		}
		dir = up
	}
}

func hasModuleLine(mod string) bool {
	for line := range strings.Lines(mod) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "module" {
			return fields[1] == modulePath
		}
	}
	return false
}
