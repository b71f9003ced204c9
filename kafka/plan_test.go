package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/sink"
)

// setting is what a worker is given.
type setting struct {
	cfg     config.Config
	catalog *airbyte.Catalog
}

// settings are those of two streams with a topic each.
func settings(t *testing.T) *setting {
	t.Helper()
	s := &setting{cfg: config.Default()}
	s.cfg.Bucket, s.cfg.Path, s.cfg.Region = "lake", "data", "eu-central-1"
	s.cfg.Engine, s.cfg.Kafka.Brokers = config.EngineKafka, "127.0.0.1:1"
	s.cfg.Format.CSV.Flattening = config.FlatteningRoot
	s.cfg.MetadataColumns = config.MetadataV2
	catalog, err := airbyte.ParseCatalog([]byte(`{"streams":[
		{"stream":{"name":"users","namespace":"public","json_schema":{"properties":{"id":{"type":"integer"},"name":{}}}},"sync_mode":"incremental","destination_sync_mode":"append","generation_id":3,"minimum_generation_id":0,"sync_id":7},
		{"stream":{"name":"orders","json_schema":{"properties":{"id":{}}}},"sync_mode":"full_refresh","destination_sync_mode":"append"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	s.catalog = catalog
	return s
}

func (s *setting) plan() (map[string]*topicPlan, error) {
	return plan(&s.cfg, s.catalog, sink.Properties{MaxKey: 1024, MaxName: 255})
}

const usersTopic = "sluice.public.users"

func TestPlan(t *testing.T) {
	s := settings(t)
	plans, err := s.plan()
	if err != nil {
		t.Fatal(err)
	}
	users := plans[usersTopic]
	if len(plans) != 2 || users == nil || len(users.catalog.Tables) != 1 || users.catalog.Tables[0].Dir != "data/public/users" || users.letters != "data/_sluice_dead_letters" ||
		len(users.headers) != 1 || len(users.seen) != 1 || len(users.fingerprint) != 16 || users.envelope["users"] != s.catalog.Streams[0].ID {
		t.Errorf("got %+v", users)
	}
	if s.catalog.Streams[0].SyncID == nil {
		t.Error("the caller's catalog was changed")
	}
	row, _ := users.catalog.Tables[0].Encoder.AppendRow(nil, &format.Row{Columns: []int32{-1, -1}, Clean: true})
	if meta := users.catalog.Tables[0].Metadata; strings.Contains(string(row), "sync_id") || meta[sink.MetaSyncID] != "" || meta[sink.MetaGeneration] != "3" {
		t.Errorf("a row of an unknown sync is %s, the metadata are %v", row, meta)
	}
	s.cfg.Kafka.TopicPattern = "one"
	if plans, err = s.plan(); err != nil || len(plans) != 1 || len(plans["one"].catalog.Tables) != 2 {
		t.Errorf("got %v, %v", plans, err)
	}
}

// TestPlanDirectories: a path that the config gives holds for workers too, and dead letters are below all of it.
func TestPlanDirectories(t *testing.T) {
	s := settings(t)
	s.cfg.PathFormat = "raw/${STREAM_NAME}/x/"
	plans, err := s.plan()
	if err != nil {
		t.Fatal(err)
	}
	users := plans[usersTopic]
	key := place{topic: usersTopic, first: 7}.key(users.catalog.Tables[0].Dir, "csv")
	if want := "data/raw/users/x/sluice.public.users_00000000_00000_00000000000000000007.csv"; key != want || users.letters != "data/raw/_sluice_dead_letters" {
		t.Errorf("got %s and %s, want %s", key, users.letters, want)
	}
	s.cfg.PathFormat = "raw/"
	var bad *sluice.PlanError
	if _, err := s.plan(); !errors.As(err, &bad) || !strings.Contains(err.Error(), `"public.users" and "orders"`) {
		t.Errorf("two streams in one directory: %v", err)
	}
}

// TestPlanRefuses what workers can't do together, with advice.
func TestPlanRefuses(t *testing.T) {
	f := func(want string, change func(*setting)) {
		t.Helper()
		s := settings(t)
		change(s)
		_, err := s.plan()
		var bad *sluice.PlanError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	stream := func(mode airbyte.DestinationSyncMode, minimum int64) func(*setting) {
		return func(s *setting) {
			s.catalog.Streams[0].Mode = mode
			s.catalog.Streams[0].Generation = &airbyte.Generation{ID: 3, Minimum: minimum}
		}
	}
	f(`the config has the engine "local": a worker needs "kafka"`, func(s *setting) { s.cfg.Engine = config.EngineLocal })
	f(`stream public.users: the engine "kafka" only appends`, stream(airbyte.Append, 3))
	f("choose an append mode", stream(airbyte.Overwrite, 3))
	f("choose an append mode", func(s *setting) {
		s.catalog.Streams[1].Mode = airbyte.Overwrite
		s.catalog.Streams[0].Generation = nil
	})
	f("kafka.topic_pattern", func(s *setting) { s.cfg.Kafka.TopicPattern = "..." })
	f("share the topic one", func(s *setting) {
		s.cfg.Kafka.TopicPattern, s.cfg.Kafka.Input = "one", config.InputEnvelope
		s.catalog.Streams[1].ID.Name = "users"
	})
}

// TestFingerprint: it tells settings apart that make other rows or keys, and no others.
func TestFingerprint(t *testing.T) {
	was, err := settings(t).plan()
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, other bool, change func(*setting)) {
		t.Helper()
		s := settings(t)
		change(s)
		plans, err := s.plan()
		if err != nil {
			t.Fatal(name, err)
		}
		users := plans[usersTopic]
		if users == nil { // the envelope's rule
			users = plans["sluice_public_users"]
		}
		if got := users.fingerprint != was[usersTopic].fingerprint; got != other {
			t.Errorf("%s: the fingerprint is another one: %v", name, got)
		}
	}
	csv := func(s *setting) *config.CSV { return &s.cfg.Format.CSV }
	f("nothing", false, func(*setting) {})
	f("bucket", true, func(s *setting) { s.cfg.Bucket = "sea" })
	f("path", true, func(s *setting) { s.cfg.Path = "elsewhere" })
	f("flattening", true, func(s *setting) { csv(s).Flattening = config.FlatteningNone })
	f("quoting", true, func(s *setting) { csv(s).Quoting = config.QuoteAll })
	f("delimiter", true, func(s *setting) { csv(s).Delimiter = ";" })
	f("header", true, func(s *setting) { csv(s).Header = false })
	f("null", true, func(s *setting) { csv(s).NullValue = "NULL" })
	f("line end", true, func(s *setting) { csv(s).LineEnding = config.LineEndingLF })
	f("undeclared fields", true, func(s *setting) { csv(s).UndeclaredFields = config.UndeclaredKeep })
	f("compression", true, func(s *setting) { csv(s).Compression = config.Compression{Type: config.CompressionGZIP, Level: 6} })
	f("metadata columns", true, func(s *setting) { s.cfg.MetadataColumns = config.MetadataV1 })
	f("input", true, func(s *setting) {
		s.cfg.Kafka.Input, s.cfg.Kafka.TopicPattern = config.InputEnvelope, "sluice.{namespace}.{stream}"
	})
	f("columns", true, func(s *setting) { s.catalog.Streams[0].Schema = []byte(`{"properties":{"id":{}}}`) })
	f("order of columns", true, func(s *setting) { s.catalog.Streams[0].Schema = []byte(`{"properties":{"name":{},"id":{}}}`) })
	f("partitions", true, func(s *setting) { s.cfg.PartitionBy = []string{"id"} })
	f("generation", true, func(s *setting) { s.catalog.Streams[0].Generation = &airbyte.Generation{ID: 4} })

	f("sync", false, func(s *setting) { s.catalog.Streams[0].SyncID = nil })
	f("another topic's stream", false, func(s *setting) { s.catalog.Streams = s.catalog.Streams[:1] })
	f("order of streams", false, func(s *setting) {
		s.catalog.Streams[0], s.catalog.Streams[1] = s.catalog.Streams[1], s.catalog.Streams[0]
	})
	f("where objects are cut", false, func(s *setting) {
		s.cfg.FileSizeMB, s.cfg.CheckpointMinutes, s.cfg.Kafka.MaxRows, s.cfg.Kafka.RotateMinutes = 1, 1, 1, 1
	})
	f("memory", false, func(s *setting) { s.cfg.Upload.MemoryMB, s.cfg.Upload.Concurrency = 64, 1 })
	f("brokers", false, func(s *setting) { s.cfg.Kafka.Brokers, s.cfg.Kafka.SASLPassword = "b:9092", "x" })
	f("credentials", false, func(s *setting) { s.cfg.AccessKeyID, s.cfg.SecretAccessKey = "a", "b" })
}

// TestFingerprintFormat: each option that makes other rows, of each format, makes another one.
func TestFingerprintFormat(t *testing.T) {
	of := func(change func(*config.Format)) string {
		s := settings(t)
		change(&s.cfg.Format)
		print, err := fingerprint(&s.cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		return print
	}
	taken := map[string]string{}
	f := func(name string, change func(*config.Format)) {
		t.Helper()
		print := of(change)
		if other, is := taken[print]; is {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		taken[print] = name
	}
	f("CSV", func(*config.Format) {})
	for _, kind := range []config.FormatType{config.FormatJSONL, config.FormatAvro, config.FormatParquet} {
		g := func(name string, change func(*config.Format)) {
			t.Helper()
			f(string(kind)+" with "+name, func(format *config.Format) { format.Type = kind; change(format) })
		}
		g("nothing", func(*config.Format) {})
		switch kind {
		case config.FormatJSONL:
			g("flattening", func(f *config.Format) { f.JSONL.Flattening = config.FlatteningRoot })
			g("compression", func(f *config.Format) { f.JSONL.Compression.Type = config.CompressionZSTD })
			g("undeclared fields", func(f *config.Format) { f.JSONL.UndeclaredFields = config.UndeclaredDrop })
		case config.FormatAvro:
			g("codec", func(f *config.Format) { f.Avro.Codec.Codec = "xz" })
			g("checksum", func(f *config.Format) { f.Avro.Codec.IncludeChecksum = true })
			g("numbers", func(f *config.Format) { f.Avro.NumberType = config.NumberDouble })
			g("undeclared fields", func(f *config.Format) { f.Avro.UndeclaredFields = config.UndeclaredKeep })
		case config.FormatParquet:
			g("codec", func(f *config.Format) { f.Parquet.Codec = "ZSTD" })
			g("row groups", func(f *config.Format) { f.Parquet.BlockSizeMB = 1 })
			g("numbers", func(f *config.Format) { f.Parquet.NumberType = config.NumberString })
			g("undeclared fields", func(f *config.Format) { f.Parquet.UndeclaredFields = config.UndeclaredKeep })
		case config.FormatCSV:
		}
	}
}

// TestFingerprintLevel: a level of compression makes other bytes of the same rows.
func TestFingerprintLevel(t *testing.T) {
	of := func(level int) string {
		s := settings(t)
		s.cfg.Format.CSV.Compression = config.Compression{Type: config.CompressionGZIP, Level: level}
		plans, err := s.plan()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.cfg.Format.CSV.Compression.Level; got != level {
			t.Errorf("the config's level has become %d", got)
		}
		return plans[usersTopic].fingerprint
	}
	if of(1) != of(9) {
		t.Error("an epoch that was prepared is refused for another level")
	}
}

func TestKey(t *testing.T) {
	f := func(p place, dir, extension, want string) {
		t.Helper()
		if got := p.key(dir, extension); got != want || !strings.HasPrefix(got, dir+"/"+p.prefix()) {
			t.Errorf("got %s, want %s; the prefix is %s", got, want, p.prefix())
		}
	}
	id := uuid.MustParse("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
	f(place{"sluice.users", id, 3, 42}, "data/users", "csv.gz", "data/users/sluice.users_0a1b2c3d_00003_00000000000000000042.csv.gz")
	f(place{"t", uuid.Nil, 0, 0}, "t", "csv", "t/t_00000000_00000_00000000000000000000.csv")
	f(place{"t", id, 123456, 1<<63 - 1}, "t", "jsonl", "t/t_0a1b2c3d_123456_09223372036854775807.jsonl")
}

// TestFingerprintTypes: what a schema says of a column counts where columns have types.
func TestFingerprintTypes(t *testing.T) {
	of := func(kind config.FormatType, schema string) string {
		s := settings(t)
		s.cfg.Format.Type = kind
		s.catalog.Streams[0].Schema = []byte(schema)
		plans, err := s.plan()
		if err != nil {
			t.Fatal(err)
		}
		return plans[usersTopic].fingerprint
	}
	const long, double = `{"properties":{"id":{"type":"integer"}}}`, `{"properties":{"id":{"type":"number"}}}`
	for _, kind := range []config.FormatType{config.FormatAvro, config.FormatParquet} {
		if print := of(kind, long); print == of(kind, double) {
			t.Errorf("%s: both are %s", kind, print)
		}
	}
	if of(config.FormatJSONL, long) != of(config.FormatJSONL, double) {
		t.Error("JSONL has no types")
	}
}
