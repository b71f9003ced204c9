package deploytest

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/sink"
)

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// parsed is a config and a catalog as a worker would read them.
func parsed(t *testing.T, rawConfig, rawCatalog []byte) (*config.Config, *airbyte.Catalog) {
	t.Helper()
	cfg, warnings, err := config.Parse(rawConfig)
	if err != nil {
		t.Fatalf("%v in\n%s", err, rawConfig)
	}
	for _, w := range warnings {
		t.Errorf("config: %s", w)
	}
	if cfg.Engine != config.EngineKafka {
		t.Errorf("the engine is %s", cfg.Engine)
	}
	catalog, err := airbyte.ParseCatalog(rawCatalog)
	if err != nil {
		t.Fatalf("%v in\n%s", err, rawCatalog)
	}
	if _, err := sluice.Plan(cfg, catalog, sink.Properties{}); err != nil {
		t.Error(err)
	}
	return cfg, catalog
}

// The chart's config and catalog are what sluice takes, and lose nothing on the way.
func TestConfigAndCatalog(t *testing.T) {
	all := rendered(t, inline)
	catalog := all["ConfigMap/"+full+"-catalog"].(*core.ConfigMap).Data["catalog.json"]
	cfg, tables := parsed(t, all["Secret/"+full].(*core.Secret).Data["config.json"], []byte(catalog))
	if cfg.Kafka.MaxRows != 10_000_000 || cfg.SecretAccessKey.Reveal() != "hidden-key" || len(cfg.Kafka.Addresses()) != 2 {
		t.Errorf("%+v", cfg)
	}
	// Not sorted: this is the order of the columns.
	columns, err := tables.Streams[0].Columns()
	if err != nil || strings.Join(columns, " ") != "z a" {
		t.Errorf("columns %q, %v", columns, err)
	}
}

// script is how a pod puts the password into its config. It runs in whatever sh this machine has.
func script(t *testing.T, all objects, password string) (raw []byte, output string, err error) {
	t.Helper()
	init := one[apps.StatefulSet](t, all).Spec.Template.Spec.InitContainers[0]
	const target = "/etc/sluice/config/config.json"
	if strings.Count(init.Args[0], target) != 1 || init.VolumeMounts[0].MountPath != filepath.Dir(target) {
		t.Fatalf("the script writes to another place:\n%s", init.Args[0])
	}
	file := filepath.Join(t.TempDir(), "config.json")
	cmd := exec.CommandContext(t.Context(), init.Command[0], init.Command[1], strings.ReplaceAll(init.Args[0], target, file))
	for _, e := range init.Env {
		value := password
		if ref := e.ValueFrom.SecretKeyRef; ref.Name == full {
			value = string(all["Secret/"+full].(*core.Secret).Data[ref.Key])
		}
		cmd.Env = append(cmd.Env, e.Name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	raw, _ = os.ReadFile(file)
	return raw, string(out), err
}

// A password of a Secret of its own arrives as it is, or is refused.
func TestPasswordOfAnotherSecret(t *testing.T) {
	all := rendered(t, everything)
	catalog := all["ConfigMap/"+full+"-catalog"].(*core.ConfigMap).Data["catalog.json"]
	f := func(password string) {
		t.Helper()
		raw, out, err := script(t, all, password)
		if err != nil {
			t.Fatalf("%q: %v: %s", password, err, out)
		}
		if cfg, _ := parsed(t, raw, []byte(catalog)); cfg.Kafka.SASLPassword.Reveal() != password {
			t.Errorf("%q came as %q", password, cfg.Kafka.SASLPassword.Reveal())
		}
	}
	f("JCQoCyTHaZX7")
	f("a b  c $HOME `id` $(id) & ; ' %s %% * ? é")

	refused := func(password string) {
		t.Helper()
		raw, out, err := script(t, all, password)
		if err == nil || len(raw) > 0 || !strings.Contains(out, "config.existingSecret") || password != "" && strings.Contains(out, password) {
			t.Errorf("%q: %v: %s, and the config is %q", password, err, out, raw)
		}
	}
	refused("")
	refused(`a"b`)
	refused(`a\b`)
}

// Secrets are in Secrets, and nowhere else.
func TestSecrets(t *testing.T) {
	f := func(values string, secrets ...string) {
		t.Helper()
		for name, object := range rendered(t, values) {
			if _, is := object.(*core.Secret); is {
				continue
			}
			raw, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range secrets {
				if text := string(raw); strings.Contains(text, secret) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(secret))) {
					t.Errorf("%s has the secret %s", name, secret)
				}
			}
		}
	}
	f(inline, "hidden-id", "hidden-key")
	f(inline+"keda: {enabled: true}", "hidden-id", "hidden-key")
	f(inline+"drain: {enabled: true}", "hidden-id", "hidden-key")
}
