package deploytest

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"

	"github.com/sluice-data/sluice/kafka"
)

// The samples are resources of Strimzi, of one cluster, with what Sluice needs.
func TestStrimziSample(t *testing.T) {
	raw, err := os.ReadFile(repository + "/deploy/strimzi/kafka.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := objects{}
	decode(t, all, "kafka.yaml", string(raw))
	cluster, pool := one[strimziKafka](t, all), one[strimziNodePool](t, all)
	topic, user := one[strimziTopic](t, all), one[strimziUser](t, all)
	for _, labels := range []map[string]string{pool.Metadata.Labels, topic.Metadata.Labels, user.Metadata.Labels} {
		if labels["strimzi.io/cluster"] != cluster.Metadata.Name {
			t.Errorf("labels %v are not of cluster %s", labels, cluster.Metadata.Name)
		}
	}
	if topic.Spec.Replicas > pool.Spec.Replicas {
		t.Errorf("%d copies on %d brokers", topic.Spec.Replicas, pool.Spec.Replicas)
	}
	if user.Spec.Authentication.Type != cluster.Spec.Kafka.Listeners[0].Authentication.Type {
		t.Errorf("the user has %s", user.Spec.Authentication.Type)
	}
	if acl := user.Spec.Authorization.ACLs[0]; !strings.HasPrefix(topic.Metadata.Name, acl.Resource.Name) || !slices.Contains(acl.Operations, "Write") {
		t.Errorf("the user may not write to %s", topic.Metadata.Name)
	}
}

// The values that the chart's README gives for the sample are right for it, and so are its others.
func TestValuesOfReadme(t *testing.T) {
	text, err := os.ReadFile(chartDir + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var values string
	for i, block := range strings.Split(string(text), "```") {
		if yaml, is := strings.CutPrefix(block, "yaml\n"); is && i%2 == 1 {
			values += yaml
		}
	}
	catalog := "catalog:\n  json: '{\"streams\": [{\"stream\": {\"name\": \"orders\", \"namespace\": \"shop\", \"json_schema\": {\"properties\": {\"a\": {}}}}, \"sync_mode\": \"incremental\", \"destination_sync_mode\": \"append\"}]}'\n"
	all := rendered(t, values+catalog)
	raw, out, err := script(t, all, "p")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cfg, streams := parsed(t, raw, []byte(all["ConfigMap/"+full+"-catalog"].(*core.ConfigMap).Data["catalog.json"]))

	sample, err := os.ReadFile(repository + "/deploy/strimzi/kafka.yaml")
	if err != nil {
		t.Fatal(err)
	}
	strimzi := objects{}
	decode(t, strimzi, "kafka.yaml", string(sample))
	same := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	cluster, user := one[strimziKafka](t, strimzi), one[strimziUser](t, strimzi)
	pod := one[apps.StatefulSet](t, all).Spec.Template.Spec
	topic, err := kafka.TopicOf(&cfg.Kafka, streams.Streams[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	same("brokers", cfg.Kafka.Brokers, cluster.Metadata.Name+"-kafka-bootstrap:"+itoa(cluster.Spec.Kafka.Listeners[0].Port))
	same("topic", topic, one[strimziTopic](t, strimzi).Metadata.Name)
	same("user", cfg.Kafka.SASLUsername, user.Metadata.Name)
	same("mechanism", strings.ToLower(string(cfg.Kafka.SASLMechanism)), user.Spec.Authentication.Type)
	same("group", cfg.Kafka.Group, user.Spec.Authorization.ACLs[1].Resource.Name)
	same("secret of the password", pod.InitContainers[0].Env[0].ValueFrom.SecretKeyRef.Name, user.Metadata.Name)
	same("secret of the authority", pod.Volumes[2].Secret.SecretName, cluster.Metadata.Name+"-cluster-ca-cert")
}

// A key that S3 does not know would be refused, or ignored.
func TestLifecycle(t *testing.T) {
	raw, err := os.ReadFile(repository + "/deploy/lifecycle.json")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Rules []struct {
			ID, Status                     string
			Filter                         struct{ Prefix string }
			AbortIncompleteMultipartUpload struct{ DaysAfterInitiation int }
		}
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	if r := rules.Rules[0]; r.Status != "Enabled" || r.AbortIncompleteMultipartUpload.DaysAfterInitiation < 1 {
		t.Errorf("%+v", r)
	}
}
