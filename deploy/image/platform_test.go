package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/internal/gateway/gatewaytest"
)

// script starts a connector the way that Airbyte's platform does, told in other words: the
// connector in the background, beside it a loop that ends it once the platform's own container
// has gone, and its exit code in a file that appears at once. The constructs are those of
// connectorCommandWrapper in airbyte-platform, airbyte-workload-launcher,
// ContainerCommandFactory.kt; it runs as sh -c in the directory of the files
// (ReplicationContainerFactory.kt, ConnectorPodFactory.kt). Only the pause is shorter.
func script(connector string) string {
	return `
if [ -z "$AIRBYTE_ENTRYPOINT" ]; then
  echo "AIRBYTE_ENTRYPOINT is not set"
  exit 127
else
  echo "starting $AIRBYTE_ENTRYPOINT"
fi

# the connector
(` + connector + `) &
CONNECTOR=$!

# the watch
(while true; do if [ -f TERMINATED ]; then kill $CONNECTOR; exit 0; fi; sleep 1; done) &

wait $CONNECTOR
CODE=$?
echo $CODE > code.new
mv code.new exitCode.txt
exit $CODE`
}

const (
	writing = `eval "$AIRBYTE_ENTRYPOINT write --config /dest/connectorConfig.json --catalog /dest/catalog.json" 2> stderr > stdout < stdin`
	check   = `eval "$AIRBYTE_ENTRYPOINT check --config /config/connectionConfiguration.json" > /config/jobOutput.json`
	spec    = `eval "$AIRBYTE_ENTRYPOINT spec" > /config/jobOutput.json`

	catalog = `{"streams": [{"stream": {"name": "users", "namespace": "public", "json_schema": {"properties": {"id": {}, "name": {}}},
		"supported_pipesmodes": ["full_refresh"]}, "pipesmode": "full_refresh", "destination_pipesmode": "append"}]}`
	record = `{"type": "RECORD", "record": {"namespace": "public", "stream": "users", "emitted_at": 1602637589000, "data": {"id": 1, "name": "Ada"}}}` + "\n"
	state  = `{"type": "STATE", "state": {"data": {"cursor": 1}}}` + "\n"
)

// inShells runs a test in the image of make image and, where the machine has a busybox, in that
// of the Dockerfile.
func inShells(t *testing.T, f func(t *testing.T, c *container)) {
	t.Run("own shell", func(t *testing.T) { f(t, unpack(t)) })
	t.Run("busybox", func(t *testing.T) {
		c := unpack(t)
		c.busybox()
		f(t, c)
	})
}

// settings is a config for the gateway.
func settings(t *testing.T, gw *gateway.Gateway) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{
		"s3_bucket_name": gw.Bucket, "s3_bucket_path": "data", "s3_bucket_region": gw.Region, "s3_endpoint": gw.Endpoint,
		"access_key_id": gw.AccessKey, "secret_access_key": gw.SecretKey,
		"format": map[string]any{"format_type": "CSV", "flattening": "Root level flattening"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestSpec(t *testing.T) {
	inShells(t, func(t *testing.T, c *container) {
		straight, errs, err := c.run("/airbyte", append(c.config.Entrypoint, "spec")...)
		if err != nil || !strings.HasPrefix(straight, `{"type":"SPEC"`) {
			t.Fatalf("%v: %s %s", err, straight, errs)
		}
		if out, errs, err := c.run("/", "sh", "-c", `eval "$AIRBYTE_ENTRYPOINT spec"`); err != nil || out != straight {
			t.Errorf("through the shell: %v: %s %s", err, out, errs)
		}
		if _, errs, err := c.run("/config", "sh", "-c", script(spec)); err != nil || c.read("config/jobOutput.json")+"\n" != straight || c.read("config/exitCode.txt") != "0" {
			t.Errorf("by the script: %v: %s %s", err, c.read("config/jobOutput.json"), errs)
		}
	})
}

func TestCheck(t *testing.T) {
	inShells(t, func(t *testing.T, c *container) {
		f := func(config, want string) {
			t.Helper()
			c.put("config/connectionConfiguration.json", config)
			_, errs, err := c.run("/config", "sh", "-c", script(check))
			lines := strings.Split(c.read("config/jobOutput.json"), "\n")
			if last := lines[len(lines)-1]; err != nil || c.read("config/exitCode.txt") != "0" || !strings.Contains(last, `"status":"`+want+`"`) {
				t.Errorf("%v: %s %s, want %s", err, last, errs, want)
			}
		}
		config := settings(t, gatewaytest.ForTest(t))
		f(config, "SUCCEEDED")
		f(strings.Replace(config, `"secret_access_key":"`, `"secret_access_key":"x`, 1), "FAILED")
	})
}

// pipes is a container that writes, seen from the platform's container: the other ends of the
// named pipes.
type pipes struct {
	*container
	stdin *os.File
	lines chan string // of stdout, then of stderr; closed at the end of both
	out   string      // those that were looked at
	done  chan error
	pid   int
}

func (c *container) sync(config string) *pipes {
	c.t.Helper()
	c.put("dest/connectorConfig.json", config)
	c.put("dest/catalog.json", catalog)
	for _, name := range []string{"stdin", "stdout", "stderr"} {
		c.must(errors.Join(syscall.Mkfifo(c.path("dest/"+name), 0o666), os.Chmod(c.path("dest/"+name), 0o666)))
	}
	cmd := c.command("/dest", "sh", "-c", script(writing))
	c.must(cmd.Start())
	s := &pipes{container: c, lines: make(chan string, 1000), done: make(chan error, 1), pid: cmd.Process.Pid}
	go func() { s.done <- cmd.Wait() }()
	// Each open waits for the other end, in the order of the redirections.
	stderr := s.open("dest/stderr", os.O_RDONLY)
	stdout := s.open("dest/stdout", os.O_RDONLY)
	s.stdin = s.open("dest/stdin", os.O_WRONLY)
	go func() {
		defer close(s.lines)
		for _, pipe := range []*os.File{stdout, stderr} {
			for scan := bufio.NewScanner(pipe); scan.Scan(); {
				s.lines <- scan.Text()
			}
		}
	}()
	return s
}

// open opens a named pipe, unless the container ends before it does.
func (s *pipes) open(name string, flag int) *os.File {
	s.t.Helper()
	type opened struct {
		file *os.File
		err  error
	}
	other := make(chan opened, 1)
	go func() {
		f, err := os.OpenFile(s.path(name), flag, 0)
		other <- opened{f, err}
	}()
	select {
	case o := <-other:
		s.must(o.err)
		return o.file
	case err := <-s.done:
		s.t.Fatalf("the container ended before it opened %s: %v", name, err)
		return nil
	}
}

func (s *pipes) send(lines string) {
	s.t.Helper()
	_, err := s.stdin.WriteString(lines)
	s.must(err)
}

// await waits for a line.
func (s *pipes) await(want string) {
	s.t.Helper()
	for line := range s.lines {
		s.out += line + "\n"
		if strings.Contains(line, want) {
			return
		}
	}
	s.t.Fatalf("stdout lacks %s:\n%s", want, s.out)
}

// end waits for the container, and checks what it has left.
func (s *pipes) end(wantCode, wantLine string) {
	s.t.Helper()
	s.await(wantLine)
	err := <-s.done
	if got := s.read("dest/exitCode.txt"); got != wantCode {
		s.t.Errorf("exitCode.txt has %s, want %s (%v):\n%s", got, wantCode, err, s.out)
	}
	info, err := os.Stat(s.path("dest/exitCode.txt"))
	s.must(err)
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != user || owner.Gid != group {
		s.t.Errorf("it ran as %d:%d", owner.Uid, owner.Gid)
	}
}

func TestWrite(t *testing.T) {
	inShells(t, func(t *testing.T, c *container) {
		gw := gatewaytest.ForTest(t)
		s := c.sync(settings(t, gw))
		s.send(record + record + state)
		c.must(s.stdin.Close())
		s.end("0", `"state": {"data": {"cursor": 1}`)
		found, err := filepath.Glob(filepath.Join(gw.DataDir, gw.Bucket, "data/public/users/*_0.csv"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		text, err := os.ReadFile(found[0])
		if err != nil || strings.Count(string(text), "1,\"Ada\"\r\n") != 2 {
			t.Errorf("%v: %s", err, text)
		}
	})
}

func TestWriteTellsOfAWrongConfig(t *testing.T) {
	inShells(t, func(t *testing.T, c *container) {
		s := c.sync(`{"s3_bucket_name": "b"}`)
		s.end("2", `"failure_type":"config_error"`)
		c.must(s.stdin.Close())
	})
}

// up waits until the connector is there: a STATE with nothing in front of it comes back at once.
func (s *pipes) up() {
	s.t.Helper()
	s.send(state + record)
	s.await(`"cursor": 1`)
}

// When the platform's container goes, the connector is to go too, and in order.
func TestEndOfThePlatform(t *testing.T) {
	s := unpack(t).sync(settings(t, gatewaytest.ForTest(t)))
	s.up()
	s.put("dest/TERMINATED", "")
	s.end("1", "terminated signal received")
	s.must(s.stdin.Close())
}

// A pod that is deleted gets SIGTERM, at process 1.
func TestEndOfThePod(t *testing.T) {
	s := unpack(t).sync(settings(t, gatewaytest.ForTest(t)))
	s.up()
	s.must(syscall.Kill(s.pid, syscall.SIGTERM))
	s.end("1", "terminated signal received")
	s.must(s.stdin.Close())
}
