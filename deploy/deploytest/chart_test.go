package deploytest

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const (
	repository = "../.."
	chartDir   = repository + "/deploy/helm/sluice-worker"
	release    = "lake"
	full       = release + "-sluice-worker"
)

// objects are what a chart renders to, each as its own type, by "kind/name".
type objects map[string]any

// kinds has a new object of each kind. For those of others than Kubernetes and Prometheus, see custom_test.go.
var kinds = map[string]func() any{
	"apps/v1/StatefulSet":                     func() any { return &apps.StatefulSet{} },
	"batch/v1/Job":                            func() any { return &batch.Job{} },
	"v1/ConfigMap":                            func() any { return &core.ConfigMap{} },
	"v1/Secret":                               func() any { return &core.Secret{} },
	"v1/Service":                              func() any { return &core.Service{} },
	"v1/ServiceAccount":                       func() any { return &core.ServiceAccount{} },
	"policy/v1/PodDisruptionBudget":           func() any { return &policy.PodDisruptionBudget{} },
	"networking.k8s.io/v1/NetworkPolicy":      func() any { return &networking.NetworkPolicy{} },
	"monitoring.coreos.com/v1/ServiceMonitor": func() any { return &monitoring.ServiceMonitor{} },
	"keda.sh/v1alpha1/ScaledObject":           func() any { return &scaledObject{} },
	"kafka.strimzi.io/v1/Kafka":               func() any { return &strimziKafka{} },
	"kafka.strimzi.io/v1/KafkaNodePool":       func() any { return &strimziNodePool{} },
	"kafka.strimzi.io/v1/KafkaTopic":          func() any { return &strimziTopic{} },
	"kafka.strimzi.io/v1/KafkaUser":           func() any { return &strimziUser{} },
}

// decode reads YAML documents. Fields that a type does not have, and keys that come twice, are errors.
func decode(t *testing.T, into objects, name, text string) {
	t.Helper()
	for _, doc := range strings.Split("\n"+text, "\n---") {
		var head struct {
			meta.TypeMeta `json:",inline"`
			Metadata      meta.ObjectMeta `json:"metadata"`
		}
		if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
			t.Fatalf("%s: %v in\n%s", name, err, doc)
		}
		if head.Kind == "" {
			continue // nothing but comments
		}
		create, known := kinds[head.APIVersion+"/"+head.Kind]
		if !known {
			t.Errorf("%s: there is no type for %s %s", name, head.APIVersion, head.Kind)
			continue
		}
		object := create()
		// By way of JSON, as the API server gets it: yaml itself would take a number for a text.
		raw, err := yaml.YAMLToJSONStrict([]byte(doc))
		if err != nil {
			t.Fatalf("%s: %v in\n%s", name, err, doc)
		}
		wrong, err := json.UnmarshalStrict(raw, object)
		if err = errors.Join(append(wrong, err)...); err != nil {
			t.Errorf("%s: %v in\n%s", name, err, doc)
		}
		key := head.Kind + "/" + head.Metadata.Name
		if into[key] != nil {
			t.Errorf("%s: %s is there twice", name, key)
		}
		into[key] = object
	}
}

// render is what helm install makes of values.
func render(text string) (map[string]string, error) {
	chart, err := loader.Load(chartDir)
	if err != nil {
		return nil, err
	}
	given, err := common.ReadValues([]byte(text))
	if err != nil {
		return nil, err
	}
	options := common.ReleaseOptions{Name: release, Namespace: "data", Revision: 7, IsInstall: true}
	values, err := util.ToRenderValues(chart, given, options, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(chart, values)
}

func rendered(t *testing.T, values string) objects {
	t.Helper()
	files, err := render(values)
	if err != nil {
		t.Fatal(err)
	}
	all := objects{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) == ".yaml" {
			decode(t, all, name, files[name])
		}
	}
	return all
}

// one returns the only object of a type, or nil.
func one[T any](t *testing.T, all objects) *T {
	t.Helper()
	var found *T
	for key, object := range all {
		if o, is := object.(*T); is {
			if found != nil {
				t.Fatalf("%s is not the only one of its kind", key)
			}
			found = o
		}
	}
	return found
}

// Values of a chart are given in many ways. These are the ones that the tests go through.
var valuesOf = map[string]string{
	"config and catalog": inline,
	"all from outside": `
config: {existingSecret: sluice, key: my.json}
catalog: {existingConfigMap: tables, key: ours.json}
serviceAccount: {create: false, name: lake}
fullnameOverride: lake-sluice-worker
staticMembership: false
podDisruptionBudget: {enabled: false}
`,
	"everything on":          everything,
	"a drain":                inline + "drain: {enabled: true, id: may, activeDeadlineSeconds: 3600}\nreplicas: 5\n",
	"a drain, everything on": strings.Replace(everything, "keda:\n  enabled: true", "drain: {enabled: true}\nkeda:\n  enabled: false", 1),
}

// inline has a config and a catalog, with secrets that TestSecrets looks for.
const inline = `
config:
  json:
    s3_bucket_name: lake
    s3_bucket_path: airbyte
    s3_bucket_region: eu-central-1
    access_key_id: hidden-id
    secret_access_key: hidden-key
    format: {format_type: CSV, flattening: Root level flattening}
    engine: kafka
    kafka:
      brokers: kafka-1:9093,kafka-2:9093
      max_rows: 10000000
catalog:
  json: |
    {"streams": [{"stream": {"name": "orders", "namespace": "shop", "json_schema": {"properties": {"z": {}, "a": {}}}},
      "sync_mode": "incremental", "destination_sync_mode": "append"}]}
`

// everything turns on all that is off by default.
const everything = `
replicas: 4
image: {tag: 0.1.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
imagePullSecrets: [{name: registry}]
config:
  json: |
    {"s3_bucket_name": "lake", "s3_bucket_path": "airbyte", "s3_bucket_region": "eu-central-1", "format": {"format_type": "CSV"},
     "engine": "kafka", "kafka": {"brokers": "kafka:9093", "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "sluice"}}
saslPassword: {existingSecret: sluice-user}
awsKeys: {existingSecret: aws}
catalog:
  json: '{"streams": [{"stream": {"name": "orders", "json_schema": {}}, "sync_mode": "incremental", "destination_sync_mode": "append"}]}'
caCertificates: {existingSecret: kafka-cluster-ca-cert}
logLevel: debug
metricsPort: 9999
terminationGracePeriodSeconds: 120
serviceAccount:
  annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/sluice"}
topologySpreadConstraints:
  - {maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: other}}}
  - {maxSkew: 1, topologyKey: rack, whenUnsatisfiable: ScheduleAnyway}
nodeSelector: {disk: fast}
tolerations: [{key: spot, operator: Exists}]
affinity: {nodeAffinity: {}}
priorityClassName: high
podAnnotations: {team: data}
podLabels: {team: data}
extraEnv: [{name: HTTPS_PROXY, value: "http://proxy:3128"}]
networkPolicy:
  enabled: true
  metricsFrom: [{namespaceSelector: {matchLabels: {name: monitoring}}}]
  kafkaPorts: [9093]
  extraEgress: [{to: [{ipBlock: {cidr: 169.254.170.23/32}}], ports: [{protocol: TCP, port: 80}]}]
serviceMonitor: {enabled: true, labels: {release: prometheus}, scrapeTimeout: 10s}
keda:
  enabled: true
  minReplicaCount: 2
  maxReplicaCount: 24
  partitions: 24
  topic: sluice.orders
  authenticationRef: kafka
  metadata: {sasl: scram_sha512, tls: enable}
`

// helm lint has nothing to say, not even a warning.
func TestChartLints(t *testing.T) {
	for name, values := range valuesOf {
		given, err := common.ReadValues([]byte(values))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range lint.RunAll(chartDir, given, "data").Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
}

// The chart is of the version of the image.
func TestChartVersion(t *testing.T) {
	chart, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct {
		Data struct{ DockerImageTag, DockerRepository string }
	}
	raw, err := os.ReadFile(filepath.Join(repository, "deploy", "metadata.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &metadata); err != nil {
		t.Fatal(err)
	}
	if chart.Metadata.AppVersion != metadata.Data.DockerImageTag {
		t.Errorf("appVersion of the chart is %s, the image's is %s", chart.Metadata.AppVersion, metadata.Data.DockerImageTag)
	}
	if image := chart.Values["image"].(map[string]any)["repository"]; image != metadata.Data.DockerRepository {
		t.Errorf("image.repository is %s, and the image is %s", image, metadata.Data.DockerRepository)
	}
}

// What can't work is refused when the chart is rendered, with what to do.
func TestChartRefuses(t *testing.T) {
	f := func(values, want string) {
		t.Helper()
		_, err := render(values)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", values, err, want)
		}
	}
	with := func(key, value string) string { return inline + key + ": " + value + "\n" }
	const catalog = "catalog: {existingConfigMap: c}\n"

	f("", "give one of config.json (--set-file config.json=config.json) and config.existingSecret")
	f("config: {existingSecret: s, json: {engine: kafka, kafka: {}}}\n"+catalog, "give one of config.json")
	f("config: {existingSecret: s}", "give one of catalog.json")
	f("config: {existingSecret: s}\ncatalog: {json: '{}'}", "catalog.json has no streams")
	f("config: {existingSecret: s}\ncatalog: {json: '{\"streams\"'}", "unexpected")
	f("config: {existingSecret: s}\ncatalog: {json: {streams: []}}", "/catalog/json")
	f("config: {json: {s3_bucket_name: b}}\n"+catalog, `workers need "engine": "kafka"`)
	f("config: {json: {engine: kafka}}\n"+catalog, `config.json has no "kafka"`)
	f("config: {json: '{'}\n"+catalog, "unexpected")
	f("config: {json: {engine: kafka, kafka: {sasl_password: p}}}\nsaslPassword: {existingSecret: u}\n"+catalog, "leave kafka.sasl_password out")
	f("config: {existingSecret: s}\nsaslPassword: {existingSecret: u}\n"+catalog, "the password belongs into that Secret")
	f(with("caCertificates", "{existingSecret: a, existingConfigMap: b}"), "give one of caCertificates")
	f(with("keda", "{enabled: true, maxReplicaCount: 13}"), "keda.maxReplicaCount 13")
	f(with("keda", "{enabled: true, minReplicaCount: 3, maxReplicaCount: 2}"), "keda.minReplicaCount is above")
	f(with("keda", "{enabled: true, minReplicaCount: 0}"), "keda.minReplicaCount 0 needs keda.topic")
	f(with("keda", "{enabled: true}")+"drain: {enabled: true}\n", "set keda.enabled or drain.enabled to false")
	f("config: {existingSecret: s}\nkeda: {enabled: true}\n"+catalog, "give keda.bootstrapServers and keda.consumerGroup")

	f(with("terminationGracePeriodSeconds", "30"), "minimum: got 30, want 60")
	f(with("replica", "3"), "additional properties 'replica' not allowed")
	f(with("keda", "{enable: true}"), "additional properties 'enable' not allowed")
	f(with("drain", "{id: Not A Name}"), "does not match pattern")
	f(with("logLevel", "loud"), "/logLevel")
}

// What the chart tells after an installation names what it has made.
func TestNotes(t *testing.T) {
	f := func(values string, want ...string) {
		t.Helper()
		files, err := render(values)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if notes := files["sluice-worker/templates/NOTES.txt"]; !strings.Contains(notes, text) {
				t.Errorf("no %q in\n%s", text, notes)
			}
		}
	}
	f(inline, "3 workers write", "statefulset/"+full, "instance="+release)
	f(everything, "2 to 24 workers write")
	f(valuesOf["a drain"], "5 workers drain", "job/"+full+"-may")
	f(inline+"drain: {enabled: true}", "job/"+full+"-7")
	f(valuesOf["all from outside"], "when Secret sluice changes", "rollout restart statefulset/"+full)
}

func TestEveryTemplateIsRendered(t *testing.T) {
	filled := map[string]bool{}
	for _, values := range valuesOf {
		files, err := render(values)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			filled[name] = filled[name] || len(bytes.TrimSpace([]byte(text))) > 0
		}
	}
	for name, some := range filled {
		if !some && !strings.HasPrefix(path.Base(name), "_") {
			t.Errorf("no values of these tests fill %s", name)
		}
	}
}
