package deploytest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/kafka"
)

const composeDir = repository + "/deploy/compose"

func project(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{composeDir + "/docker-compose.yml"}, cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func composeConfig(t *testing.T) (*config.Config, []string) {
	t.Helper()
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(composeDir, name))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	cfg, catalog := parsed(t, read("config.json"), read("catalog.json"))
	var topics []string
	for _, s := range catalog.Streams {
		topic, err := kafka.TopicOf(&cfg.Kafka, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		topics = append(topics, topic)
	}
	return cfg, topics
}

// The config of the workers and of the demo leads to the servers of the file.
func TestComposeConfigFits(t *testing.T) {
	p := project(t)
	cfg, topics := composeConfig(t)
	env := func(service, name string) string {
		if v := p.Services[service].Environment[name]; v != nil {
			return *v
		}
		return ""
	}
	f := func(what, text, want string) {
		t.Helper()
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q in %q", what, want, text)
		}
	}
	same := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	f("listeners of the broker", env("kafka", "KAFKA_ADVERTISED_LISTENERS"), "PLAINTEXT://"+cfg.Kafka.Brokers+",")
	same("access key", env("s3", "ROOT_ACCESS_KEY"), cfg.AccessKeyID.Reveal())
	same("secret key", env("s3", "ROOT_SECRET_KEY"), cfg.SecretAccessKey.Reveal())
	same("region", after(p.Services["s3"].Command, "--region"), cfg.Region)
	same("endpoint", cfg.Endpoint, "http://s3"+after(p.Services["s3"].Command, "--port"))
	same("group", cfg.Kafka.Group, "sluice")

	made := p.Services["s3-init"].Entrypoint
	data := after(p.Services["s3"].Command, "posix")
	if !slices.Contains(made, data+"/"+cfg.Bucket) {
		t.Errorf("bucket %s is none of the directories %q", cfg.Bucket, made)
	}
	if topic := option(p.Services["kafka-init"].Command, "topic"); !slices.Equal(topics, []string{topic}) {
		t.Errorf("topic %s is made, and the streams have %q", topic, topics)
	}
	same("partitions", option(p.Services["kafka-init"].Command, "partitions"), itoa(cfg.Kafka.Partitions))
	if workers := *p.Services["worker"].Deploy.Replicas; workers != 3 || int32(workers) > cfg.Kafka.Partitions {
		t.Errorf("%d workers, %d partitions", workers, cfg.Kafka.Partitions)
	}
}

// after is the argument behind a flag.
func after(args []string, flag string) string {
	if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

// What is mounted is there, what is published is published to this machine alone, and nothing more
// is depended upon than there is.
func TestComposeServices(t *testing.T) {
	p := project(t)
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
				t.Errorf("%s: %s is not there (%v), or can be written to", name, v.Source, err)
			}
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is published to %q", name, port.Published, port.HostIP)
			}
		}
		for other, d := range s.DependsOn {
			if d.Condition == types.ServiceConditionHealthy && p.Services[other].HealthCheck == nil {
				t.Errorf("%s waits for %s, which has no health check", name, other)
			}
		}
		if _, tag, _ := strings.Cut(s.Image, ":"); tag == "" || tag == "latest" {
			t.Errorf("%s: which version of %s?", name, s.Image)
		}
		if s.Build != nil {
			if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Every command line of sluice has only flags that sluice has, and health is asked where it is served.
func TestComposeCommands(t *testing.T) {
	p := project(t)
	worker := p.Services["worker"]
	checkFlags(t, worker.Command)
	_, port, _ := strings.Cut(option(worker.Command, "metrics-addr"), ":")
	if url := worker.HealthCheck.Test[len(worker.HealthCheck.Test)-1]; url != "http://127.0.0.1:"+port+"/readyz" {
		t.Errorf("health is asked at %s", url)
	}
	mounted := func(s types.ServiceConfig, file string) bool {
		return slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == file })
	}
	demo := p.Services["demo"]
	for _, s := range []types.ServiceConfig{worker, demo} {
		for _, file := range []string{"/etc/sluice/config.json", "/etc/sluice/catalog.json"} {
			if !mounted(s, file) {
				t.Errorf("%s: %s is not mounted", s.Name, file)
			}
		}
	}
	for line := range strings.SplitSeq(demo.Command[0], "|") {
		words := strings.Fields(line)
		if words[0] != "/usr/local/bin/sluice" {
			t.Errorf("the image has no %s", words[0])
		}
		checkFlags(t, words[1:])
	}
}
