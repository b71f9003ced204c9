package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/gateway"
)

const (
	// runLimit ends a run that hangs: each takes less than a second.
	runLimit = time.Minute
	// stopWait is how long sluice may take to end after Ctrl-C: it aborts its uploads.
	stopWait = 10 * time.Second
)

// sluice runs the binary as the platform does: a process, files, standard streams.
type sluice struct {
	binary    string
	dir       string // where the process runs and finds its files
	server    *gateway.Gateway
	recording *recording
}

// writeFiles makes the two files that sluice is given.
func (s *sluice) writeFiles() error {
	config, err := json.MarshalIndent(map[string]any{
		"s3_endpoint":       s.server.Endpoint,
		"s3_bucket_name":    bucketName,
		"s3_bucket_path":    bucketPath,
		"s3_bucket_region":  s.server.Region,
		"access_key_id":     s.server.AccessKey,
		"secret_access_key": s.server.SecretKey,
		"format":            map[string]string{"format_type": "CSV", "flattening": "Root level flattening"},
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, configFile), config, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, catalogFile), recordedCatalog, 0o600)
}

// check runs `sluice check`, whose exit code says nothing about its answer.
func (s *sluice) check(ctx context.Context) error {
	got, err := s.run(ctx, nil, "check", "--config", configFile)
	if err != nil {
		return err
	}
	if got.check != "SUCCEEDED" {
		return fmt.Errorf("sluice check: %s %s", got.check, got.checkReason)
	}
	return nil
}

// write runs `sluice write` on the recording.
func (s *sluice) write(ctx context.Context) (*answer, error) {
	return s.run(ctx, bytes.NewReader(s.recording.messages), "write", "--config", configFile, "--catalog", catalogFile)
}

// run runs sluice to its end. The error of one that failed has what it said.
func (s *sluice) run(ctx context.Context, in io.Reader, args ...string) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit, fmt.Errorf("sluice %s did not end within %s", args[0], runLimit))
	defer cancel()
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.dir, in, &out, &errOut
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopWait
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	got, parseErr := parseAnswer(out.Bytes())
	got.took = took
	if err != nil {
		said := append(got.failures, strings.TrimSpace(errOut.String()))
		return nil, fmt.Errorf("sluice %s: %w\n%s", args[0], err, strings.TrimSpace(strings.Join(said, "\n")))
	}
	return got, parseErr
}

// answer is what sluice said on its standard output.
type answer struct {
	took        time.Duration
	logs        []logLine
	states      []state
	failures    []string // of TRACE messages of type ERROR
	check       string   // the answer to check
	checkReason string
}

// of returns the states of one stream.
func (a *answer) of(id airbyte.StreamID) []state {
	var states []state
	for _, s := range a.states {
		if s.stream == id {
			states = append(states, s)
		}
	}
	return states
}

type logLine struct{ level, text string }

// state is a STATE message of one stream.
type state struct {
	stream airbyte.StreamID
	text   string // what the source will get back: its stream_state
}

// message has the parts of an Airbyte message that the demo shows.
type message struct {
	Type  string
	Log   struct{ Level, Message string }
	State struct {
		Stream struct {
			Descriptor struct{ Namespace, Name string } `json:"stream_descriptor"`
			State      json.RawMessage                  `json:"stream_state"`
		}
	}
	Trace struct {
		Type  string
		Error struct {
			Message     string
			FailureType string `json:"failure_type"`
		}
	}
	ConnectionStatus struct{ Status, Message string }
}

func parseAnswer(out []byte) (*answer, error) {
	got := &answer{}
	for line := range bytes.Lines(out) {
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			return got, fmt.Errorf("sluice said what is no message: %.80q", line)
		}
		switch m.Type {
		case "LOG":
			got.logs = append(got.logs, logLine{m.Log.Level, m.Log.Message})
		case "STATE":
			s := m.State.Stream // the recording has states of single streams only
			got.states = append(got.states, state{airbyte.StreamID(s.Descriptor), string(s.State)})
		case "TRACE":
			if m.Trace.Type == "ERROR" {
				got.failures = append(got.failures, m.Trace.Error.FailureType+": "+m.Trace.Error.Message)
			}
		case "CONNECTION_STATUS":
			got.check, got.checkReason = m.ConnectionStatus.Status, m.ConnectionStatus.Message
		}
	}
	return got, nil
}
