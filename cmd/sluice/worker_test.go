package main

import (
	wire "encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The tests here are of what a worker says before it is a member of its group. What it does then is
// tested in kafka/kafkatest.

// kafkaConfig is the target's config with the engine.
func (at *target) kafkaConfig(brokers string, change fields) string {
	at.t.Helper()
	kafka := fields{"brokers": brokers}
	for key, value := range change {
		kafka[key] = value
	}
	return writeFile(at.t, "config.json", at.with(fields{"engine": "kafka", "kafka": kafka}))
}

const (
	appended  = `{"streams":[{"stream":{"name":"users","json_schema":{}},"sync_mode":"incremental","destination_sync_mode":"append"}]}`
	replacing = `{"streams":[{"stream":{"name":"users","json_schema":{}},"sync_mode":"full_refresh","destination_sync_mode":"overwrite"}]}`
)

// TestWorkerRefuses: what is wrong is said at once, on stderr, and nothing is on stdout.
func TestWorkerRefuses(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	catalog := writeFile(t, "catalog.json", appended)
	good := at.kafkaConfig(closedPort(t)[len("http://"):], nil)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	f := func(code int, want string, args ...string) {
		t.Helper()
		begun := time.Now()
		s := ask(t, "", append([]string{"worker"}, args...)...).failed(code, "sluice worker: ", want)
		if s.out != "" || time.Since(begun) > 20*time.Second {
			t.Errorf("sluice worker %q: stdout %q after %v", args, s.out, time.Since(begun))
		}
	}
	f(2, `"catalog" not set (see sluice worker --help)`, "--config", good)
	f(2, `"config" not set`, "--catalog", catalog)
	f(2, "extra", "--config", good, "--catalog", catalog, "extra")
	f(2, "no-such-file.json", "--config", good, "--catalog", "no-such-file.json")
	f(2, "catalog", "--config", good, "--catalog", writeFile(t, "bad.json", "{"))
	f(2, `the config has the engine "local": a worker needs "kafka"`, "--config", writeFile(t, "local.json", at.config), "--catalog", catalog)
	f(2, "kafka.brokers", "--config", at.kafkaConfig("", nil), "--catalog", catalog)
	f(2, "kafka.sasl_username", "--config", at.kafkaConfig("h:9092", fields{"security_protocol": "SASL_SSL"}), "--catalog", catalog)
	f(2, `choose an append mode for the stream, or the engine "local"`, "--config", good, "--catalog", writeFile(t, "replacing.json", replacing))
	f(2, "address already in use: choose another HOST:PORT", "--config", good, "--catalog", catalog, "--metrics-addr", taken.Addr().String())
	f(2, "missing port", "--config", good, "--catalog", catalog, "--metrics-addr", "here")
	f(1, "connecting to the brokers 127.0.0.1:", "--config", good, "--catalog", catalog)
	f(1, "check that the brokers of kafka.brokers", "--config", good, "--catalog", catalog, "--until-end", "--metrics-addr", "127.0.0.1:0")
	f(2, "no-such-host.invalid", "--config", at.kafkaConfig("no-such-host.invalid:9092", nil), "--catalog", catalog)
	same(t, "objects", at.keys(), []string{})
}

// TestWorkerInstance: the group hears of the id in the environment, and of the flag's before that.
func TestWorkerInstance(t *testing.T) {
	at := inDirectory(t)
	catalog := writeFile(t, "catalog.json", appended)
	f := func(variable, want string, args ...string) {
		t.Helper()
		t.Setenv(instanceVariable, variable)
		b := newBouncer(t)
		args = append([]string{"worker", "--config", at.kafkaConfig(b.listener.Addr().String(), nil), "--catalog", catalog}, args...)
		ask(t, "", args...).failed(1, "working as a member of the group sluice: ", kerr.FencedInstanceID.Error())
		b.close()
		if b.instance != want {
			t.Errorf("%s=%s, %q: the group heard of %q, want %q", instanceVariable, variable, args[5:], b.instance, want)
		}
	}
	f("worker-0", "worker-0")
	f("worker-0", "flag", "--instance-id", "flag")
	f("", "flag", "--instance-id", "flag")
	f("", "none")
}

// bouncer is a broker that lets nobody into a group, and remembers who asked.
type bouncer struct {
	t        *testing.T
	listener net.Listener
	ended    sync.WaitGroup

	mu       sync.Mutex
	conns    []net.Conn
	instance string // that wanted to join; "none": it had no id
}

func newBouncer(t *testing.T) *bouncer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bouncer{t: t, listener: l}
	b.ended.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns = append(b.conns, conn)
			b.mu.Unlock()
			b.ended.Go(func() { b.serve(conn) })
		}
	})
	return b
}

func (b *bouncer) close() {
	b.listener.Close()
	b.mu.Lock()
	for _, conn := range b.conns {
		conn.Close()
	}
	b.mu.Unlock()
	b.ended.Wait()
}

// serve answers the requests of a connection, until it ends.
func (b *bouncer) serve(conn net.Conn) {
	for {
		var size [4]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		request := make([]byte, wire.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(conn, request); err != nil {
			return
		}
		reply, err := b.reply(request)
		if err != nil {
			b.t.Error(err)
			return
		}
		if _, err := conn.Write(append(wire.BigEndian.AppendUint32(nil, uint32(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// reply reads key, version, correlation id and client id, and then what the request is about.
func (b *bouncer) reply(request []byte) ([]byte, error) {
	req := kmsg.RequestForKey(int16(wire.BigEndian.Uint16(request)))
	if req == nil {
		return nil, errors.New("an unknown request")
	}
	req.SetVersion(int16(wire.BigEndian.Uint16(request[2:])))
	body := request[10+wire.BigEndian.Uint16(request[8:]):]
	head := request[4:8:8]
	if req.IsFlexible() {
		body = body[1:] // no tags
		if req.Key() != kmsg.ApiVersions.Int16() {
			head = append(head, 0)
		}
	}
	if err := req.ReadFrom(body); err != nil {
		return nil, err
	}
	return b.answer(req).AppendTo(head), nil
}

func (b *bouncer) answer(req kmsg.Request) kmsg.Response {
	resp := req.ResponseKind()
	at := b.listener.Addr().(*net.TCPAddr)
	switch req := req.(type) {
	case *kmsg.ApiVersionsRequest:
		// The last versions before the protocol got tags.
		for key, version := range map[kmsg.Key]int16{kmsg.ApiVersions: 2, kmsg.Metadata: 8, kmsg.FindCoordinator: 2, kmsg.JoinGroup: 5} {
			resp := resp.(*kmsg.ApiVersionsResponse)
			resp.ApiKeys = append(resp.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: key.Int16(), MaxVersion: version})
		}
	case *kmsg.MetadataRequest:
		resp := resp.(*kmsg.MetadataResponse)
		resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: at.IP.String(), Port: int32(at.Port)}}
		for _, topic := range req.Topics {
			resp.Topics = append(resp.Topics, kmsg.MetadataResponseTopic{Topic: topic.Topic, Partitions: []kmsg.MetadataResponseTopicPartition{{Leader: 1, Replicas: []int32{1}, ISR: []int32{1}}}})
		}
	case *kmsg.FindCoordinatorRequest:
		resp := resp.(*kmsg.FindCoordinatorResponse)
		resp.NodeID, resp.Host, resp.Port = 1, at.IP.String(), int32(at.Port)
	case *kmsg.JoinGroupRequest:
		b.mu.Lock()
		b.instance = "none"
		if req.InstanceID != nil {
			b.instance = *req.InstanceID
		}
		b.mu.Unlock()
		resp.(*kmsg.JoinGroupResponse).ErrorCode = kerr.FencedInstanceID.Code
	}
	return resp
}
