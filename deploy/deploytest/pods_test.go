package deploytest

import (
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
)

// forAll renders all values, and calls f with what came and the template of the pods.
func forAll(t *testing.T, f func(t *testing.T, all objects, pod *core.PodTemplateSpec)) {
	for _, name := range slices.Sorted(maps.Keys(valuesOf)) {
		t.Run(name, func(t *testing.T) {
			all := rendered(t, valuesOf[name])
			set, job := one[apps.StatefulSet](t, all), one[batch.Job](t, all)
			switch {
			case set != nil && job == nil:
				f(t, all, &set.Spec.Template)
			case job != nil && set == nil:
				f(t, all, &job.Spec.Template)
			default:
				t.Fatal("there must be a StatefulSet or a Job, and not both")
			}
		})
	}
}

// A pod runs as a user without rights, and has time to end.
func TestPods(t *testing.T) {
	forAll(t, func(t *testing.T, all objects, pod *core.PodTemplateSpec) {
		s := pod.Spec
		if s.TerminationGracePeriodSeconds == nil || *s.TerminationGracePeriodSeconds < 60 {
			t.Error("less than a minute to end in")
		}
		if c := s.SecurityContext; !*c.RunAsNonRoot || *c.RunAsUser != 1000 || c.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
			t.Errorf("the pod may do more than it must: %+v", c)
		}
		if *s.AutomountServiceAccountToken {
			t.Error("the pod has a token for the API")
		}
		for _, c := range slices.Concat(s.InitContainers, s.Containers) {
			sc := c.SecurityContext
			if *sc.AllowPrivilegeEscalation || !*sc.ReadOnlyRootFilesystem || !slices.Equal(sc.Capabilities.Drop, []core.Capability{"ALL"}) {
				t.Errorf("container %s may do more than it must: %+v", c.Name, sc)
			}
			if c.Resources.Limits.Memory().IsZero() {
				t.Errorf("container %s has no limit of memory, from which sluice would take its buffers", c.Name)
			}
			for _, e := range c.Env {
				if e.Name == "GOMEMLIMIT" || e.Name == "GOMAXPROCS" {
					t.Errorf("%s is sluice's to find out", e.Name)
				}
			}
		}
		for _, spread := range s.TopologySpreadConstraints {
			if spread.LabelSelector == nil {
				t.Errorf("topologySpreadConstraint %s counts no pods", spread.TopologyKey)
			}
		}
	})
}

// Each probe asks a path that sluice serves, at the port that it is told to serve it at.
func TestProbes(t *testing.T) {
	forAll(t, func(t *testing.T, all objects, pod *core.PodTemplateSpec) {
		c := pod.Spec.Containers[0]
		_, port, _ := strings.Cut(option(c.Args, "metrics-addr"), ":")
		number := map[string]string{}
		for _, p := range c.Ports {
			number[p.Name] = itoa(p.ContainerPort)
		}
		f := func(p *core.Probe, want string) {
			t.Helper()
			if p == nil || p.HTTPGet.Path != want || number[p.HTTPGet.Port.String()] != port {
				t.Errorf("probe %+v, want %s at %s", p, want, port)
			}
		}
		f(c.StartupProbe, "/healthz")
		f(c.LivenessProbe, "/healthz")
		f(c.ReadinessProbe, "/readyz")

		service := one[core.Service](t, all)
		if p := service.Spec.Ports[0]; number[p.TargetPort.String()] != port || itoa(p.Port) != port || service.Spec.ClusterIP != core.ClusterIPNone {
			t.Errorf("service %+v leads to no port of the pods, or is not headless", service.Spec)
		}
		if m := one[monitoring.ServiceMonitor](t, all); m != nil && (m.Spec.Endpoints[0].Port != service.Spec.Ports[0].Name || m.Spec.Endpoints[0].Path != "/metrics") {
			t.Errorf("ServiceMonitor asks %+v", m.Spec.Endpoints[0])
		}
		if n := one[networking.NetworkPolicy](t, all); n != nil && number[n.Spec.Ingress[0].Ports[0].Port.String()] != port {
			t.Errorf("NetworkPolicy lets in %+v", n.Spec.Ingress[0].Ports)
		}
	})
}

// Files that the command line names are mounted, from volumes that are there.
func TestMounts(t *testing.T) {
	forAll(t, func(t *testing.T, all objects, pod *core.PodTemplateSpec) {
		volumes := map[string]core.Volume{}
		for _, v := range pod.Spec.Volumes {
			volumes[v.Name] = v
		}
		mounted := map[string]core.Volume{}
		for _, m := range pod.Spec.Containers[0].VolumeMounts {
			v, there := volumes[m.Name]
			if !there || !m.ReadOnly {
				t.Errorf("mount %s has no volume, or can be written to", m.Name)
			}
			mounted[m.MountPath] = v
		}
		args := pod.Spec.Containers[0].Args
		for _, name := range []string{"config", "catalog"} {
			file := option(args, name)
			v, there := mounted[path.Dir(file)]
			switch {
			case !there:
				t.Errorf("nothing is mounted where --%s=%s looks", name, file)
			case v.Secret != nil && v.Secret.SecretName == full:
				if all["Secret/"+full].(*core.Secret).Data[path.Base(file)] == nil {
					t.Errorf("the Secret has no %s", path.Base(file))
				}
			case v.ConfigMap != nil && v.ConfigMap.Name == full+"-catalog":
				if all["ConfigMap/"+full+"-catalog"].(*core.ConfigMap).Data[path.Base(file)] == "" {
					t.Errorf("the ConfigMap has no %s", path.Base(file))
				}
			}
		}
		for _, e := range pod.Spec.Containers[0].Env {
			if _, there := mounted[e.Value]; e.Name == "SSL_CERT_DIR" && !there {
				t.Errorf("nothing is mounted at %s", e.Value)
			}
		}
		name := pod.Spec.ServiceAccountName
		if account := one[core.ServiceAccount](t, all); account != nil && account.Name != name || account == nil && name != "lake" {
			t.Errorf("serviceAccountName is %s", name)
		}
	})
}

// What selects pods selects these.
func TestSelectors(t *testing.T) {
	forAll(t, func(t *testing.T, all objects, pod *core.PodTemplateSpec) {
		f := func(what string, selector map[string]string) {
			t.Helper()
			for key, value := range selector {
				if pod.Labels[key] != value {
					t.Errorf("%s selects %s=%s, the pods have %q", what, key, value, pod.Labels[key])
				}
			}
			if len(selector) == 0 {
				t.Errorf("%s selects everything", what)
			}
		}
		service := one[core.Service](t, all)
		f("Service", service.Spec.Selector)
		if set := one[apps.StatefulSet](t, all); set != nil {
			f("StatefulSet", set.Spec.Selector.MatchLabels)
			if set.Spec.ServiceName != service.Name || set.Spec.PodManagementPolicy != apps.ParallelPodManagement {
				t.Errorf("StatefulSet: %s, %s", set.Spec.ServiceName, set.Spec.PodManagementPolicy)
			}
		}
		if budget := one[policy.PodDisruptionBudget](t, all); budget != nil {
			f("PodDisruptionBudget", budget.Spec.Selector.MatchLabels)
		}
		if n := one[networking.NetworkPolicy](t, all); n != nil {
			f("NetworkPolicy", n.Spec.PodSelector.MatchLabels)
		}
		if m := one[monitoring.ServiceMonitor](t, all); m != nil {
			for key, value := range m.Spec.Selector.MatchLabels {
				if service.Labels[key] != value {
					t.Errorf("ServiceMonitor selects %s=%s, the Service has %q", key, value, service.Labels[key])
				}
			}
		}
	})
}

// A pod of the StatefulSet is the same member of the group when it comes back, and one of the Job is not.
func TestMembership(t *testing.T) {
	f := func(values, want string) {
		t.Helper()
		all := rendered(t, values)
		var env []core.EnvVar
		if set := one[apps.StatefulSet](t, all); set != nil {
			env = set.Spec.Template.Spec.Containers[0].Env
		} else {
			env = one[batch.Job](t, all).Spec.Template.Spec.Containers[0].Env
		}
		got, fields := "", map[string]string{}
		for _, e := range env {
			if e.ValueFrom != nil && e.ValueFrom.FieldRef != nil {
				fields["$("+e.Name+")"] = e.ValueFrom.FieldRef.FieldPath
			}
			if e.Name == "SLUICE_INSTANCE_ID" {
				// Kubernetes knows only what stands in front.
				got = regexp.MustCompile(`\$\(\w+\)`).ReplaceAllStringFunc(e.Value, func(v string) string { return fields[v] })
			}
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(inline, "metadata.namespace.metadata.name")
	f(valuesOf["all from outside"], "")
	f(valuesOf["a drain"], "")
}

// KEDA scales the StatefulSet, which then says nothing itself, and to no more workers than partitions.
func TestScaledObject(t *testing.T) {
	all := rendered(t, everything)
	s, set := one[scaledObject](t, all), one[apps.StatefulSet](t, all)
	if set.Spec.Replicas != nil {
		t.Error("the StatefulSet has a number of replicas beside KEDA's")
	}
	if to := s.Spec.ScaleTargetRef; to.Kind != "StatefulSet" || to.APIVersion != "apps/v1" || to.Name != set.Name {
		t.Errorf("scales %+v", to)
	}
	if s.Spec.Triggers[0].AuthenticationRef.Name != "kafka" {
		t.Errorf("authenticates by %+v", s.Spec.Triggers[0].AuthenticationRef)
	}
	f := func(values string, want map[string]string) {
		t.Helper()
		if got := one[scaledObject](t, rendered(t, values)).Spec.Triggers[0].Metadata; !maps.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
	f(everything, map[string]string{"bootstrapServers": "kafka:9093", "consumerGroup": "sluice", "topic": "sluice.orders", "lagThreshold": "10000000",
		"activationLagThreshold": "0", "offsetResetPolicy": "earliest", "allowIdleConsumers": "false", "version": "3.0.0", "sasl": "scram_sha512", "tls": "enable"})
	f(inline+"keda: {enabled: true, bootstrapServers: other:9092, consumerGroup: mine, lagThreshold: 5}", map[string]string{"bootstrapServers": "other:9092",
		"consumerGroup": "mine", "lagThreshold": "5", "activationLagThreshold": "0", "offsetResetPolicy": "earliest", "allowIdleConsumers": "false", "version": "3.0.0"})

	if set := one[apps.StatefulSet](t, rendered(t, inline)); *set.Spec.Replicas != 3 {
		t.Errorf("without KEDA there are %d replicas, want 3", *set.Spec.Replicas)
	}
}

func TestDrain(t *testing.T) {
	all := rendered(t, valuesOf["a drain"])
	job := one[batch.Job](t, all)
	if job.Name != full+"-may" || *job.Spec.Parallelism != 5 || *job.Spec.Completions != 5 || *job.Spec.ActiveDeadlineSeconds != 3600 {
		t.Errorf("%s: %+v", job.Name, job.Spec)
	}
	if args := job.Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--until-end") {
		t.Errorf("the drain has no end: %q", args)
	}
	// Kubernetes takes such a policy only with this one.
	if job.Spec.Template.Spec.RestartPolicy != core.RestartPolicyNever {
		t.Error("podFailurePolicy needs restartPolicy Never")
	}
	rule := job.Spec.PodFailurePolicy.Rules[0]
	if *rule.OnExitCodes.ContainerName != job.Spec.Template.Spec.Containers[0].Name || rule.Action != batch.PodFailurePolicyActionFailJob {
		t.Errorf("%+v", rule)
	}
	if one[policy.PodDisruptionBudget](t, all) != nil {
		t.Error("a Job has no PodDisruptionBudget")
	}
	if again := one[batch.Job](t, rendered(t, inline+"drain: {enabled: true}")); again.Name != full+"-7" || again.Spec.ActiveDeadlineSeconds != nil {
		t.Errorf("%s: %+v", again.Name, again.Spec)
	}
}

// Commands that are started somewhere have only flags that they have, as their help in COMMANDS.md says.
func TestFlagsExist(t *testing.T) {
	forAll(t, func(t *testing.T, all objects, pod *core.PodTemplateSpec) { checkFlags(t, pod.Spec.Containers[0].Args) })
}

var flag = regexp.MustCompile(`--([a-z][a-z-]*)`)

// checkFlags holds a command line, without sluice itself, to the help of its command.
func checkFlags(t *testing.T, args []string) {
	t.Helper()
	text, err := os.ReadFile(repository + "/docs/COMMANDS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, help, known := strings.Cut(string(text), "<!-- help of "+args[0]+";")
	if !known {
		t.Errorf("docs/COMMANDS.md knows no command %s", args[0])
		return
	}
	_, help, _ = strings.Cut(help, "```text")
	help, _, _ = strings.Cut(help, "```")
	_, flags, _ := strings.Cut(help, "\nFlags:\n")
	has := map[string]bool{}
	for line := range strings.SplitSeq(flags, "\n") {
		if m := flag.FindStringSubmatch(line); m != nil {
			has[m[1]] = true
		}
	}
	for _, arg := range args[1:] {
		if m := flag.FindStringSubmatch(arg); m != nil && !has[m[1]] {
			t.Errorf("sluice %s has no --%s", args[0], m[1])
		}
	}
}

// option is the value of --name=value.
func option(args []string, name string) string {
	for _, arg := range args {
		if value, found := strings.CutPrefix(arg, "--"+name+"="); found {
			return value
		}
	}
	return ""
}
