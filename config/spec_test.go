package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// published is the connectionSpecification as users get it, with its oneOf.
func published(t testing.TB) *jsonschema.Schema {
	t.Helper()
	spec, err := jsonschema.UnmarshalJSON(bytes.NewReader(Spec()))
	if err != nil {
		t.Fatal(err)
	}
	return compile(spec.(map[string]any)["connectionSpecification"])
}

// each calls f for every property of the specification, branches included. A branch is
// written into the path as {value}.
func each(path string, p *property, f func(path string, p *property)) {
	for _, name := range p.names() {
		q := p.Properties[name]
		f(join(path, name), q)
		each(join(path, name), q, f)
	}
	for _, b := range p.OneOf {
		each(path+"{"+b.Properties[p.discriminator()].Const.(string)+"}", b, f)
	}
}

func TestSpecEnvelope(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(Spec(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "connectionSpecification")
	want := map[string]any{
		"documentationUrl":    "https://github.com/sluice-data/sluice",
		"supportsIncremental": true, "supportsNormalization": false, "supportsDBT": false,
		"supported_destination_sync_modes": []any{"overwrite", "append"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if bytes.ContainsAny(Spec(), "\n\t") {
		t.Error("the specification must be one line")
	}
}

func TestSpecIsDraft7(t *testing.T) {
	spec, err := jsonschema.UnmarshalJSON(bytes.NewReader(Spec()))
	if err != nil {
		t.Fatal(err)
	}
	connection := spec.(map[string]any)["connectionSpecification"]
	if connection.(map[string]any)["$schema"] != "http://json-schema.org/draft-07/schema#" {
		t.Error("$schema is not draft-07")
	}
	meta, err := jsonschema.NewCompiler().Compile("http://json-schema.org/draft-07/schema")
	if err != nil {
		t.Fatal(err)
	}
	if err := meta.Validate(connection); err != nil {
		t.Error(err)
	}
	published(t)
	validator()
}

func TestSpecPropertiesAreDescribed(t *testing.T) {
	type described struct {
		Title, Description, Type string
		Order                    *int
		Pattern                  string
		Descriptor               string `json:"pattern_descriptor"`
		Properties               map[string]*described
		OneOf                    []*described
		AdditionalProperties     *bool
		Const                    *string
		Enum                     []any
		Default                  any
	}
	var envelope struct{ ConnectionSpecification *described }
	if err := json.Unmarshal(Spec(), &envelope); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, d *described)
	walk = func(path string, d *described) {
		orders := map[int]bool{}
		for name, p := range d.Properties {
			at := join(path, name)
			if p.Title == "" || p.Description == "" || p.Type == "" || p.Order == nil {
				t.Errorf("%s needs title, description, type and order", at)
			} else if orders[*p.Order] {
				t.Errorf("%s: order %d is taken", at, *p.Order)
			} else {
				orders[*p.Order] = true
			}
			if (p.Pattern == "") != (p.Descriptor == "") {
				t.Errorf("%s: a pattern needs a pattern_descriptor, which errors say", at)
			}
			if p.Const != nil && (len(p.Enum) != 1 || p.Enum[0] != *p.Const || p.Default != *p.Const) {
				t.Errorf("%s: const, enum and default must agree", at)
			}
			walk(at, p)
		}
		if len(d.Properties) > 0 && (d.AdditionalProperties == nil || !*d.AdditionalProperties) {
			t.Errorf("%q must allow additional properties", path)
		}
		for _, b := range d.OneOf {
			walk(path, b)
		}
	}
	walk("", envelope.ConnectionSpecification)
}

func TestRequiredAndSecret(t *testing.T) {
	if want := []string{"s3_bucket_name", "s3_bucket_path", "s3_bucket_region", "format"}; !slices.Equal(model().root.Required, want) {
		t.Errorf("required are %v", model().root.Required)
	}
	var secrets []string
	each("", model().root, func(path string, p *property) {
		if p.Secret {
			secrets = append(secrets, path)
		}
		if want := model().discriminators[plainPath(path)]; (p.Const != nil) != want {
			t.Errorf("%s: const %v, discriminator %v", path, p.Const, want)
		}
	})
	// SecretsOf knows of these.
	if want := []string{"access_key_id", "secret_access_key", "external_id", "kafka.sasl_password"}; !slices.Equal(secrets, want) {
		t.Errorf("secrets are %v", secrets)
	}
}

// plainPath takes the branches out of a path of each.
func plainPath(path string) string {
	for {
		open, end := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
		if open < 0 {
			return path
		}
		path = path[:open] + path[end+1:]
	}
}

// Default must have the defaults of the specification, and a field for each property.
func TestDefaultsAreTheSpecs(t *testing.T) {
	for _, format := range []FormatType{FormatCSV, FormatJSONL, FormatAvro, FormatParquet} {
		c := Default()
		c.Format.Type = format
		text, err := json.Marshal(&c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readDocument(text)
		if err != nil {
			t.Fatal(err)
		}
		each("", model().root, func(path string, p *property) {
			if strings.Contains(path, "{") && !strings.HasPrefix(path, "format{"+string(format)+"}") {
				return
			}
			if n := strings.Count(path, "{"); n > 1 { // only the branch that is the default
				if !strings.Contains(path, "{No Compression}") && !strings.Contains(path, "{no compression}") {
					return
				}
			}
			v := plain(lookup(got, strings.Split(plainPath(path), ".")))
			if obj, ok := v.(map[string]any); ok && p.Default != nil {
				p.OneOf[0].fill(obj) // the Go struct has the fields of all branches
				v = map[string]any{p.discriminator(): obj[p.discriminator()]}
			}
			if p.Default != nil && !reflect.DeepEqual(v, p.Default) {
				t.Errorf("%s: Default has %v, the specification %v", path, v, p.Default)
			}
		})
	}
}

func TestParseOfMinimalIsDefault(t *testing.T) {
	got, _, err := Parse([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Bucket, want.Path = "bucket", "path"
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("\n got %+v\nwant %+v", *got, want)
	}
}

// Some defaults hang on the branch.
func TestBranchDefaults(t *testing.T) {
	for codec, level := range map[string]int{"Deflate": 0, "xz": 6, "zstandard": 3} {
		c, err := decode(map[string]any{"format": map[string]any{"format_type": "Avro", "compression_codec": map[string]any{"codec": codec}}})
		if want := (AvroCodec{Codec: codec, Level: level}); err != nil || c.Format.Avro.Codec != want {
			t.Errorf("got %+v, want %+v, %v", c.Format.Avro.Codec, want, err)
		}
	}
}

// Every property must reach Config: a value that is not the default must change it.
func TestEveryPropertyIsDecoded(t *testing.T) {
	each("", model().root, func(path string, p *property) {
		if p.Const != nil || p.Type == "object" {
			return
		}
		doc := branchDocument(path)
		base, err := decode(doc)
		if err != nil {
			t.Fatal(path, err)
		}
		keys := strings.Split(plainPath(path), ".")
		parent := lookup(doc, keys[:len(keys)-1]).(map[string]any)
		switch p.Type {
		case "boolean":
			parent[keys[len(keys)-1]] = p.Default != true
		case "string":
			parent[keys[len(keys)-1]] = "something else"
		case "array":
			parent[keys[len(keys)-1]] = []any{"something else"}
		default:
			parent[keys[len(keys)-1]] = 17.0
		}
		changed, err := decode(doc)
		if err != nil || reflect.DeepEqual(base, changed) {
			t.Errorf("%s does not reach Config (%v)", path, err)
		}
	})
}

// branchDocument returns a document that has the objects and branches of a path of each.
func branchDocument(path string) map[string]any {
	root := map[string]any{}
	obj, p := root, model().root
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		name, branch, chosen := strings.Cut(strings.TrimSuffix(key, "}"), "{")
		next := map[string]any{}
		obj[name] = next
		q := p.Properties[name]
		if chosen {
			next[q.discriminator()] = branch
			q = q.branch(next)
		}
		obj, p = next, q
	}
	return root
}

func TestAllowedValuesAndExamples(t *testing.T) {
	check := func(path string, v any) {
		doc := branchDocument(path)
		var base map[string]any
		if err := json.Unmarshal([]byte(minimal), &base); err != nil {
			t.Fatal(err)
		}
		keys := strings.Split(plainPath(path), ".")
		lookup(doc, keys[:len(keys)-1]).(map[string]any)[keys[len(keys)-1]] = v
		for key, value := range base {
			if _, ok := doc[key]; !ok {
				doc[key] = value
			}
		}
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		_, warnings, err := Parse(raw)
		var all Errors
		errors.As(err, &all)
		for _, e := range all {
			// These need more than one key, or a later version.
			if e.Value != "" && !strings.Contains(e.Allowed, "together with") && !strings.Contains(e.Allowed, "this version") && !strings.Contains(e.Allowed, "for the engine") {
				t.Errorf("%s: %v", path, e)
			}
		}
		if len(warnings) > 0 {
			t.Errorf("%s: %v", path, warnings)
		}
	}
	each("", model().root, func(path string, p *property) {
		for _, v := range slices.Concat(p.Enum, p.Examples) {
			check(path, v)
		}
		for _, bound := range []*float64{p.Minimum, p.Maximum} {
			if bound != nil {
				check(path, *bound)
			}
		}
		if p.Default != nil {
			check(path, p.Default)
		}
	})
}
