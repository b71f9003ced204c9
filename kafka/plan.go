package kafka

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/stages"
)

// topicPlan is how the records of one topic are written.
type topicPlan struct {
	name        string
	catalog     *stages.Catalog // of the topic's streams
	headers     []stages.Header
	letters     string // directory of its dead letters
	fingerprint string

	seen []stages.StreamSummary // fields that are not in the schema, so far; under Worker.mu

	envelope map[string]airbyte.StreamID // for input of that kind: the streams by their names
}

// deadLetters is the directory of the records that can't be written, below all that streams have.
const deadLetters = "_sluice_dead_letters"

// plan compiles what config and catalog say about each topic.
func plan(cfg *config.Config, catalog *airbyte.Catalog, limits sink.Properties) (map[string]*topicPlan, error) {
	if cfg.Engine != config.EngineKafka {
		return nil, &sluice.PlanError{Err: fmt.Errorf("the config has the engine %q: a worker needs %q", cfg.Engine, config.EngineKafka)}
	}
	tables, err := sluice.Plan(cfg, withoutSyncs(catalog), limits)
	if err != nil {
		return nil, err
	}
	if err := onlyAppends(catalog); err != nil {
		return nil, err
	}
	topics, err := topicsOf(&cfg.Kafka, catalog)
	if err != nil {
		return nil, &sluice.PlanError{Err: err}
	}
	template, err := cfg.Template()
	if err != nil {
		return nil, &sluice.PlanError{Err: err}
	}
	letters := naming.CleanPath(template.Root() + "/" + deadLetters)
	plans := map[string]*topicPlan{}
	for topic, streams := range topics {
		p := &topicPlan{name: topic, letters: letters, envelope: map[string]airbyte.StreamID{}}
		var own []*stages.Table
		for _, i := range streams {
			if err := checkKey(topic, tables[i], letters, limits); err != nil {
				return nil, &sluice.PlanError{Err: fmt.Errorf("stream %s: %w", tables[i].Stream, err)}
			}
			own = append(own, tables[i])
			p.envelope[tables[i].Stream.Name] = tables[i].Stream
		}
		p.catalog = stages.NewCatalog(own)
		p.headers = stages.NewHeaders(p.catalog)
		p.seen = make([]stages.StreamSummary, len(own))
		if p.fingerprint, err = fingerprint(cfg, own); err != nil {
			return nil, err
		}
		plans[topic] = p
	}
	return plans, nil
}

// withoutSyncs leaves the ids of syncs out: they are those of the front's, and a worker's catalog
// stays over many.
func withoutSyncs(catalog *airbyte.Catalog) *airbyte.Catalog {
	c := *catalog
	c.Streams = slices.Clone(c.Streams)
	for i := range c.Streams {
		c.Streams[i].SyncID = nil
	}
	return &c
}

// checkKey says why a worker can't write the objects of a table, or nil.
func checkKey(topic string, t *stages.Table, letters string, limits sink.Properties) error {
	if t.Dir == letters {
		return fmt.Errorf("its directory %s is the one of the records that can't be written: give the stream a prefix", letters)
	}
	key := place{topic: topic}.key(t.Dir, t.Extension())
	name := key[len(t.Dir)+1:]
	if limits.MaxKey > 0 && len(key) > limits.MaxKey || limits.MaxName > 0 && len(name) > limits.MaxName {
		return fmt.Errorf("its objects would have keys such as %s, which is over the store's limit: choose a shorter kafka.topic_pattern or s3_bucket_path", key)
	}
	return nil
}

// fingerprint is a hash of all that the rows and the keys of a topic's objects depend on. An epoch
// that was prepared under one is not finished under another. Where objects are cut is no part of it, nor
// how well they are compressed: that is other bytes of the same rows.
func fingerprint(cfg *config.Config, tables []*stages.Table) (string, error) {
	type table struct {
		Stream     airbyte.StreamID
		Dir        string
		Columns    []string
		Types      *typed.Type `json:",omitempty"`
		Generation *int64
	}
	all := struct {
		Bucket   string
		Input    config.KafkaInput
		Format   config.Format
		Metadata config.MetadataColumns
		// Whether a row is in a file, and with which columns.
		PartitionBy      []string
		PartitionColumns config.PartitionColumns
		Tables           []table
	}{Bucket: cfg.Bucket, Input: cfg.Kafka.Input, Format: cfg.Format.WithoutLevels(), Metadata: cfg.MetadataColumns, PartitionBy: cfg.PartitionBy, PartitionColumns: cfg.PartitionColumns}
	for _, t := range tables {
		of := table{Stream: t.Stream, Dir: t.Dir, Columns: t.Format.Columns}
		if columns, ok := t.Encoder.(interface{ Root() *typed.Type }); ok {
			of.Types = columns.Root()
		}
		if t.Format.Metadata == format.MetadataV2 { // it is in the rows
			of.Generation = t.Format.GenerationID
		}
		all.Tables = append(all.Tables, of)
	}
	slices.SortFunc(all.Tables, func(a, b table) int { return cmp.Compare(a.Dir, b.Dir) })
	text, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}
