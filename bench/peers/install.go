package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Tool is one that is installed.
type Tool struct {
	Version string
	Path    string // of its program; "" for a Python package
}

// recipe says how a tool is installed.
type recipe struct {
	name string
	what string // is announced

	// Of a Python package: its name in requirements-<name>.txt, and flags for pip.
	pip   string
	flags []string
	// Of a Go program: its module in tools/go.mod, its package and its file's name.
	module, pkg, file string
	// Of a program that the system must have.
	system, hint string
}

// checker is the tool in whose environment scripts/check_files.py runs.
const checker = "pyarrow"

var recipes = []recipe{
	{name: "duckdb", what: "100 MB", pip: "duckdb"},
	{name: "duckdb-extensions", what: "100 MB", pip: "duckdb"},
	{name: "polars", what: "200 MB", pip: "polars"},
	{name: checker, what: "200 MB", pip: "pyarrow"},
	{name: "fastavro", what: "20 MB", pip: "fastavro"},
	{name: "chdb", what: "900 MB, some minutes", pip: "chdb"},
	{name: "target-s3-csv", what: "50 MB", pip: "pipelinewise-target-s3-csv", flags: []string{"--no-deps", "--ignore-requires-python"}},
	{name: "awscli", what: "200 MB", pip: "awscli"},
	{name: "miller", what: "a build, about a minute", module: "github.com/johnkerl/miller/v6", pkg: "github.com/johnkerl/miller/v6/cmd/mlr", file: "mlr"},
	{name: "s5cmd", what: "a build, about a minute", module: "github.com/peak/s5cmd/v2", pkg: "github.com/peak/s5cmd/v2", file: "s5cmd"},
	{name: "jq", system: "jq", hint: "apt-get install jq"},
}

// Install installs what the peers need and is not there yet. A tool that can't be had is
// logged, and missing in e.Tools afterwards.
func (e *Env) Install(ctx context.Context, peers []Peer, log io.Writer) {
	e.Tools = map[string]Tool{}
	for _, r := range recipes {
		if !slices.ContainsFunc(peers, func(p Peer) bool { return p.Tool == r.name || p.Table.typed() && r.name == checker }) {
			continue
		}
		tool, err := e.install(ctx, &r, log)
		if err != nil {
			fmt.Fprintf(log, "skipped: %s: %v\n", r.name, err)
			continue
		}
		e.Tools[r.name] = tool
	}
}

func (e *Env) install(ctx context.Context, r *recipe, log io.Writer) (Tool, error) {
	switch {
	case r.system != "":
		path, err := exec.LookPath(r.system)
		if err != nil {
			return Tool{}, fmt.Errorf("there is no %s on this machine: %s", r.system, r.hint)
		}
		version, err := output(ctx, e.Root, path, "--version")
		return Tool{Version: strings.TrimPrefix(version, r.system+"-"), Path: path}, err
	case r.pip != "":
		return e.installPython(ctx, r, log)
	}
	return e.installGo(ctx, r, log)
}

func (e *Env) installPython(ctx context.Context, r *recipe, log io.Writer) (Tool, error) {
	file := filepath.Join(e.Root, "bench", "peers", "requirements-"+r.name+".txt")
	pins, err := os.ReadFile(file)
	if err != nil {
		return Tool{}, err
	}
	tool := Tool{Version: pinned(string(pins), r.pip)}
	dir := filepath.Join(e.Bin, r.name)
	return tool, e.once(dir, r, tool.Version, pins, log, func() error {
		// Another Python than last time would not find what is there.
		if _, err := output(ctx, e.Root, e.Python, "-m", "venv", "--clear", dir); err != nil {
			return err
		}
		args := slices.Concat([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, r.flags, []string{"-r", file})
		_, err := output(ctx, e.Root, filepath.Join(dir, "bin", "python"), args...)
		return err
	})
}

func (e *Env) installGo(ctx context.Context, r *recipe, log io.Writer) (Tool, error) {
	tools := filepath.Join(e.Root, "bench", "peers", "tools")
	mod, err := os.ReadFile(filepath.Join(tools, "go.mod"))
	if err != nil {
		return Tool{}, err
	}
	dir := filepath.Join(e.Bin, r.name)
	tool := Tool{Version: required(string(mod), r.module), Path: filepath.Join(dir, r.file)}
	return tool, e.once(dir, r, tool.Version, mod, log, func() error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		_, err := output(ctx, tools, "go", "build", "-trimpath", "-o", tool.Path, r.pkg)
		return err
	})
}

// once runs do unless it was done for the same pins. A stamp with the pins says so; it is
// written last, so that what was interrupted begins anew.
func (e *Env) once(dir string, r *recipe, version string, pins []byte, log io.Writer, do func() error) error {
	stamp := filepath.Join(dir, "pins")
	if done, err := os.ReadFile(stamp); err == nil && bytes.Equal(done, pins) {
		return nil
	}
	if version == "" {
		return errors.New("its version is not pinned")
	}
	fmt.Fprintf(log, "installing %s %s into %s (%s; first run only)\n", r.name, version, dir, r.what)
	start := time.Now()
	if err := do(); err != nil {
		return err
	}
	fmt.Fprintf(log, "  took %v\n", time.Since(start).Round(time.Second))
	return os.WriteFile(stamp, pins, 0o644)
}

// output runs a command and returns what it prints, without white space around it.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var failure bytes.Buffer
	cmd.Stderr = &failure
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(name), err, reason(failure.String()))
	}
	return strings.TrimSpace(string(text)), nil
}

// pinned returns the version of a package in a requirements file.
func pinned(requirements, name string) string {
	for line := range strings.Lines(requirements) {
		if key, version, ok := strings.Cut(strings.TrimSpace(line), "=="); ok && key == name {
			return version
		}
	}
	return ""
}

// required returns the version of a module in a go.mod file.
func required(mod, module string) string {
	for line := range strings.Lines(mod) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == module {
			return strings.TrimPrefix(fields[1], "v")
		}
	}
	return ""
}

// oldest is the Python that the newest of the pinned packages still run on.
var oldest = [2]int{3, 11}

// FindPython looks for a Python that is new enough.
func FindPython(ctx context.Context, name string) (path, version string, err error) {
	path, err = exec.LookPath(name)
	if err != nil {
		return "", "", fmt.Errorf("there is no %s: most peers are Python packages (apt-get install python3 python3-venv)", name)
	}
	// A name may stand for a chooser of versions; the program itself is what is started later.
	text, err := output(ctx, ".", path, "-c", "import sys; print(*sys.version_info[:3], sys.executable)")
	if err != nil {
		return "", "", err
	}
	var v [3]int
	if _, err := fmt.Sscanf(text, "%d %d %d", &v[0], &v[1], &v[2]); err != nil {
		return "", "", fmt.Errorf("%s says %q: %w", name, text, err)
	}
	path = strings.SplitN(text, " ", 4)[3]
	version = fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
	if slices.Compare(v[:2], oldest[:]) < 0 {
		return "", "", fmt.Errorf("%s is version %s: %d.%d is the oldest that will do; -python names another", path, version, oldest[0], oldest[1])
	}
	return path, version, nil
}
