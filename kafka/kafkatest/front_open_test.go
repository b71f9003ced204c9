package kafkatest

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/kafka"
)

// TestTopicsAreMade: those that are missing, as the config wants them; the others stay as they are.
func TestTopicsAreMade(t *testing.T) {
	t.Parallel()
	b := cluster(t, kfake.SeedTopics(2, "sluice.orders"))
	f := b.front(b.config(func(c *config.Config) { c.Kafka.Partitions = 5 }), catalogOf(t, "users", "orders"))
	f.send(record("users", 1), record("orders", 1), legacyState(1))
	f.ok("sluice.users", "sluice.orders")
	for topic, want := range map[string]int{"sluice.users": 5, "sluice.orders": 2} {
		if got := len(b.PartitionInfos(topic)); got != want {
			t.Errorf("%s: got %d partitions, want %d", topic, got, want)
		}
	}
}

// TestOneTopic: all streams may share one.
func TestOneTopic(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(b.config(func(c *config.Config) { c.Kafka.TopicPattern = "all" }), catalogOf(t, "users", "orders"))
	f.send(record("users", 1), record("orders", 1), streamState("users", 1), streamState("orders", 2))
	f.ok("all")
	f.left(answer(streamState("users", 1), 1), answer(streamState("orders", 2), 1))
	if rows, barriers := b.count("all"); rows != 2 || barriers != 1 {
		t.Errorf("%d rows, %d barriers", rows, barriers)
	}
}

// TestRowsAreSpread: many rows go to all partitions, about as many to each.
func TestRowsAreSpread(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users"))
	line := large(t, "users", 10_000)
	block := strings.Repeat(line+"\n", 99) + line
	for range 30 {
		f.send(block)
	}
	f.ok("sluice.users")
	for _, ps := range b.ends("sluice.users") {
		for p, o := range ps {
			if o.At < 850 || o.At > 1150 {
				t.Errorf("partition %d has %d records", p, o.At)
			}
		}
	}
}

// TestEmpty: a sync without rows has nothing to wait for.
func TestEmpty(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := b.front(nil, catalogOf(t, "users"))
	f.send(legacyState(1))
	f.left(answer(legacyState(1), 0))
	if err := f.in.Close(); err != nil {
		t.Fatal(err)
	}
	if sum, err := f.result(); err != nil || sum.Rows != 0 || !sum.Streams[0].Complete {
		t.Errorf("got %+v, %v", sum, err)
	}
}

// TestOpenErrors: what keeps a sync from beginning.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	f := func(b *brokers, change func(*config.Config), class kafka.Class, texts ...string) {
		t.Helper()
		cfg := b.config(func(c *config.Config) { c.Upload.RetryMinutes = 0 })
		if change != nil {
			change(cfg)
		}
		b.front(cfg, catalogOf(t, "users")).fails(class, texts...)
	}
	f(cluster(t), func(c *config.Config) { c.Kafka.Brokers = nobody(t) }, kafka.Transient, "asking the brokers for their topics: ", "connection refused", "kafka.brokers")
	f(cluster(t), func(c *config.Config) { c.Kafka.Brokers = "no-such-host.invalid:9092" }, kafka.Setting, "no-such-host.invalid", "check kafka.brokers")
	f(cluster(t), func(c *config.Config) {
		c.Kafka.Brokers, c.Kafka.SecurityProtocol = hangsUp(t), config.SecuritySSL
	}, kafka.Transient, "can be reached, and speak kafka.security_protocol")

	guarded := []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", "sluice", "good")}
	sasl := func(c *config.Config) {
		c.Kafka.SecurityProtocol, c.Kafka.SASLUsername, c.Kafka.SASLPassword = config.SecuritySASLPlaintext, "sluice", "bad"
	}
	f(refusing(t, guarded...), sasl, kafka.Setting, "SASL_AUTHENTICATION_FAILED", "check kafka.sasl_username, kafka.sasl_password")
	f(locked(t, guarded...), nil, kafka.Setting, "check kafka.security_protocol")

	faulty := func(key kmsg.Key, err *kerr.Error) *brokers {
		b := cluster(t)
		b.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: -1})
		return b
	}
	f(faulty(kmsg.CreateTopics, kerr.TopicAuthorizationFailed), nil, kafka.Setting, "creating the topic sluice.users with partitions: 3 and replication factor: -1", "CREATE")
	f(faulty(kmsg.CreateTopics, kerr.PolicyViolation), nil, kafka.Setting, "POLICY_VIOLATION", "by hand")
	f(cluster(t), func(c *config.Config) { c.Kafka.ReplicationFactor = 3 }, kafka.Setting, "creating the topic sluice.users", "replication factor: 3", "no more than there are brokers")

	ahead := cluster(t, kfake.SeedTopics(1, "sluice.users"))
	ahead.commit("sluice", offsetOf("sluice.users", 7))
	f(ahead, nil, kafka.Setting, "the group has committed the offset 7 of partition 0 of the topic sluice.users, which ends at 0", "reset")
}

// locked is a cluster of which its own clients are none.
func locked(t testing.TB, opts ...kfake.Opt) *brokers {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &brokers{t: t, Cluster: c}
}

// refusing is a cluster that says so, as Kafka does, when a password is wrong. (kfake hangs up.)
func refusing(t testing.TB, opts ...kfake.Opt) *brokers {
	b := locked(t, opts...)
	b.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
	return b
}

// nobody is an address where nobody listens.
func nobody(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// hangsUp is the address of a broker that does not understand what it is told.
func hangsUp(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-ended })
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 5))
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

// TestRefusals: what a front does not do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	b := &brokers{t: t, Cluster: locked(t).Cluster}
	catalog := func(more string) *airbyte.Catalog {
		t.Helper()
		c, err := airbyte.ParseCatalog([]byte(`{"streams": [{"stream": {"name": "users", "json_schema": {}}` + more + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	f := func(catalog *airbyte.Catalog, change func(*config.Config), want string) {
		t.Helper()
		_, err := kafka.OpenFront(t.Context(), b.config(change), catalog, kafka.Options{})
		var plan *sluice.PlanError
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (!errors.As(err, &plan) || !strings.Contains(err.Error(), want)):
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f(catalog(``), nil, "")
	f(catalog(`, "generation_id": 3, "minimum_generation_id": 0, "sync_id": 1`), nil, "")
	f(catalog(`, "destination_sync_mode": "overwrite"`), nil, `stream users: the engine "kafka" only appends, and destination_sync_mode "overwrite" replaces the table: choose an append mode`)
	f(catalog(`, "generation_id": 3, "minimum_generation_id": 3, "sync_id": 1`), nil, `minimum_generation_id 3 replaces the table`)
	f(catalog(``), func(c *config.Config) { c.Kafka.Input = config.InputEnvelope }, `kafka.input is "envelope"`)
	f(catalog(``), func(c *config.Config) { c.Engine = config.EngineLocal }, `the engine "local"`)
	f(catalog(``), func(c *config.Config) { c.Kafka.TopicPattern = strings.Repeat("x", 250) }, "choose a shorter kafka.topic_pattern")
	_, err := kafka.OpenFront(t.Context(), b.config(func(c *config.Config) { c.Kafka.Brokers = "" }), catalog(``), kafka.Options{})
	var wrong config.Errors
	if !errors.As(err, &wrong) {
		t.Errorf("got %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	f := func(b *brokers, change func(*config.Config), texts ...string) {
		t.Helper()
		err := kafka.Check(t.Context(), b.config(change), kafka.Options{})
		if len(texts) == 0 {
			if err != nil {
				t.Error(err)
			}
			return
		}
		var e *kafka.Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v, want %v", err, texts)
		}
		for _, text := range texts {
			if got := err.Error() + " (" + e.Advice + ")"; !strings.Contains(got, text) {
				t.Errorf("got  %s\nwant %s", got, text)
			}
		}
	}
	b := cluster(t)
	f(b, nil)
	if b.TopicInfo("sluice.users") != nil || b.GroupInfo("sluice") != nil {
		t.Error("a check has left something")
	}
	f(b, func(c *config.Config) { c.Kafka.Brokers = nobody(t) }, "speaking to the brokers 127.0.0.1", "refused")
	f(b, func(c *config.Config) { c.Kafka.ReplicationFactor = 2 }, "the cluster has 1 brokers: kafka.replication_factor is 2")
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.GroupAuthorizationFailed, Count: -1})
	f(b, nil, "asking for the workers of the group sluice: GROUP_AUTHORIZATION_FAILED", "allow the user DESCRIBE on the group")
}
