package kafka

import (
	"strings"
	"testing"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
)

func TestTopicOf(t *testing.T) {
	for _, c := range []struct{ pattern, input, namespace, stream, want string }{
		{"sluice.{namespace}.{stream}", "protocol", "public", "users", "sluice.public.users"},
		{"sluice.{namespace}.{stream}", "protocol", "", "users", "sluice.users"},
		{"{namespace}.{stream}", "protocol", "", "users", "users"},
		{"all", "protocol", "public", "users", "all"},
		{"{stream}", "protocol", "", "größe 1/2", "gr__e_1_2"},
		{"{stream}", "protocol", "", "...", ""},
		{"airbyte.{namespace}.{stream}", "envelope", "public", "users", "airbyte_public_users"},
		{"{namespace}-{stream}", "envelope", "", "größe 1/2", "_gro_e_1_2"},
		{"{stream}", "envelope", "", "...", "___"},
		{"{stream}", "protocol", "", strings.Repeat("x", 250), ""},
	} {
		cfg := &config.Kafka{TopicPattern: c.pattern, Input: config.KafkaInput(c.input)}
		got, err := TopicOf(cfg, airbyte.StreamID{Namespace: c.namespace, Name: c.stream})
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s of %s.%s: got %q, want %q: %v", c.pattern, c.namespace, c.stream, got, c.want, err)
		}
	}
}

func TestTopicsOf(t *testing.T) {
	catalog := &airbyte.Catalog{Streams: []airbyte.Stream{
		{ID: airbyte.StreamID{Namespace: "a", Name: "users"}}, {ID: airbyte.StreamID{Namespace: "b", Name: "users"}}, {ID: airbyte.StreamID{Name: "orders"}},
	}}
	one := &config.Kafka{TopicPattern: "one", Input: config.InputProtocol}
	all, err := topicsOf(one, catalog)
	if err != nil || len(all["one"]) != 3 || len(all.names()) != 1 {
		t.Errorf("got %v, %v", all, err)
	}
	one.Input = config.InputEnvelope
	if _, err := topicsOf(one, catalog); err == nil || !strings.Contains(err.Error(), `"a.users" and "b.users" share the topic one`) {
		t.Errorf("streams that can't be told apart: %v", err)
	}
	one.TopicPattern = "{namespace}_{stream}"
	if all, err := topicsOf(one, catalog); err != nil || strings.Join(all.names(), " ") != "_orders a_users b_users" {
		t.Errorf("got %v, %v", all, err)
	}
}
