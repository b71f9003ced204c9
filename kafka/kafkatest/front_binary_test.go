package kafkatest

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// usersCatalog has one stream.
func usersCatalog(mode string) string {
	return fmt.Sprintf(`{"streams": [{"stream": {"name": "users", "json_schema": {}}, "destination_sync_mode": %q}]}`, mode)
}

// TestWriteToKafka: the connector with the engine "kafka", as a platform runs it.
func TestWriteToKafka(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	asked := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, TopLevel: true, Observe: true, Count: -1})
	p := start(t, "write", b.settings(nil), usersCatalog("append"), record("users", 1)+"\n"+legacyState(1)+"\n", "--progress", "log")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := asked.Wait(ctx, 8); err != nil { // it waits
		t.Fatal(err)
	}
	b.commit("sluice", b.ends("sluice.users"))
	p.exits(t, 0, answer(legacyState(1), 1), "users: 1 row, ", "1 row of 1 stream (")
}

// TestExitCodes: what a platform is told, and how.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := func(change map[string]any, mode string, code int, texts ...string) {
		t.Helper()
		start(t, "write", b.settings(change), usersCatalog(mode), record("users", 1)+"\n").exits(t, code, texts...)
	}
	f(map[string]any{"brokers": nobody(t)}, "append", 1, `"failure_type":"transient_error"`, "connection refused", "kafka.brokers")
	f(nil, "overwrite", 2, `"failure_type":"config_error"`, `the engine \"kafka\" only appends`)
	f(map[string]any{"brokers": ""}, "append", 2, `"failure_type":"config_error"`, "kafka.brokers")
	f(map[string]any{"input": "envelope"}, "append", 2, `"failure_type":"config_error"`, `kafka.input is \"envelope\"`)
	f(map[string]any{"replication_factor": 3}, "append", 2, `"failure_type":"config_error"`, "no more than there are brokers")
	b = refusing(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "sluice", "good"))
	f(map[string]any{"security_protocol": "SASL_PLAINTEXT", "sasl_username": "sluice", "sasl_password": "secret-bad"}, "append", 2,
		`"failure_type":"config_error"`, "SASL_AUTHENTICATION_FAILED")
}

func TestCheckOfBrokers(t *testing.T) {
	t.Parallel()
	b := cluster(t)
	f := func(change map[string]any, texts ...string) {
		t.Helper()
		start(t, "check", b.settings(change), "", "").exits(t, 0, texts...)
	}
	f(nil, `"status":"SUCCEEDED"`)
	f(map[string]any{"brokers": nobody(t)}, `"status":"FAILED"`, "speaking to the brokers 127.0.0.1:", "advertised.listeners")
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.GroupAuthorizationFailed, Count: -1})
	f(nil, `"status":"FAILED"`, "allow the user DESCRIBE on the group")
}
