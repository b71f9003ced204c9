package sluice

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/stages"
)

// Version is that of this package, which is written into the metadata of each object.
const Version = "0.1.0"

// Plan compiles what the config and the catalog say about each stream, for a store with these
// limits: how the package kafka, which has its own way to the objects, shares ours. A *PlanError
// says that they do not go together.
func Plan(cfg *config.Config, catalog *airbyte.Catalog, limits sink.Properties) ([]*stages.Table, error) {
	template, err := cfg.Template()
	if err != nil {
		return nil, &PlanError{err}
	}
	var tables []*stages.Table
	for i := range catalog.Streams {
		s := &catalog.Streams[i]
		t, err := planTable(cfg, template, s, limits)
		if err != nil {
			return nil, &PlanError{fmt.Errorf("stream %s: %w", s.ID, err)}
		}
		if err := apart(template, tables, t); err != nil {
			return nil, &PlanError{err}
		}
		tables = append(tables, t)
	}
	if err := checkPartitions(catalog, tables); err != nil {
		return nil, &PlanError{err}
	}
	return tables, nil
}

// apart says why a stream can't be told from one of the others by its keys, or nil. A full refresh
// deletes by them.
func apart(template *naming.Template, others []*stages.Table, t *stages.Table) error {
	for _, other := range others {
		if !t.Names.Overlaps(other.Names) {
			continue
		}
		if template.Default() {
			return fmt.Errorf("the streams %q and %q would both be written to %s: rename one of them, or give it a prefix", other.Stream, t.Stream, t.Dir)
		}
		return fmt.Errorf("the streams %q and %q could have objects with the same key, %s and %s: put ${NAMESPACE} and ${STREAM_NAME} into %s, with a / or another separator behind each",
			other.Stream, t.Stream, other.Names, t.Names, naming.FieldPath)
	}
	return nil
}

func planTable(cfg *config.Config, template *naming.Template, s *airbyte.Stream, limits sink.Properties) (*stages.Table, error) {
	names, err := template.Stream(s.ID.Namespace, s.ID.Name)
	if err != nil {
		return nil, err
	}
	if template.HasSyncID() && s.SyncID == nil {
		return nil, fmt.Errorf("%s has {sync_id}, and the catalog has no sync_id for it: the platform is too old to give one", naming.FieldFile)
	}
	t := &stages.Table{Stream: s.ID, Names: names, Dir: names.Dir(), Refresh: refresh(cfg, s), Metadata: metadata(s)}
	if s.Generation != nil {
		t.Format.GenerationID = &s.Generation.ID
		if s.Counted() { // else all older objects go, if any: see Stream.FullRefresh
			t.MinGeneration = &s.Generation.Minimum
		}
	}
	if t.Refresh == stages.Atomic {
		t.Metadata[sink.MetaReplaces] = sink.Replaces(t.MinGeneration)
	}
	t.Format.SyncID = s.SyncID
	if cfg.MetadataColumns == config.MetadataV2 {
		t.Format.Metadata = format.MetadataV2
	}
	if cfg.Format.Flattening() == config.FlatteningRoot {
		if err := planColumns(t, s, cfg.Format.UndeclaredFields() == config.UndeclaredKeep); err != nil {
			return nil, err
		}
	}
	if err := planPartitions(t, cfg, s); err != nil {
		return nil, err
	}
	if t.Encoder, err = encoder(&cfg.Format, s, &t.Format); err != nil {
		return nil, err
	}
	t.Codec = codec(cfg.Format.Compression())
	if err := sink.CheckKeys(names, "."+t.Extension(), limits); err != nil {
		return nil, err
	}
	return t, nil
}

// planColumns takes the columns from the stream's schema. A field that has the name of a
// column of ours can't have its own column: with undeclared fields kept it goes there.
func planColumns(t *stages.Table, s *airbyte.Stream, keep bool) error {
	columns, err := s.Columns()
	if err != nil {
		return err
	}
	t.Format.Flatten, t.Format.KeepUndeclared = true, keep
	ours := t.Format.Metadata.Names()
	if keep {
		ours = append(ours, format.UndeclaredColumn)
	}
	var shadowed []string
	for _, c := range columns { // two columns of one name would make the file unreadable
		if slices.Contains(ours, c) {
			shadowed = append(shadowed, c)
		} else {
			t.Format.Columns = append(t.Format.Columns, c)
		}
	}
	if len(shadowed) > 0 && !keep {
		return fmt.Errorf("its field %s has the name of a metadata column: use undeclared_fields: %q, other metadata_columns, or %q of CSV or JSONL",
			strings.Join(shadowed, ", "), config.UndeclaredKeep, config.FlatteningNone)
	}
	return nil
}

func refresh(cfg *config.Config, s *airbyte.Stream) stages.Refresh {
	if !s.FullRefresh() {
		return stages.Append
	}
	switch cfg.FullRefresh {
	case config.RefreshIncremental:
		return stages.Incremental
	case config.RefreshPurgeFirst:
		return stages.PurgeFirst
	case config.RefreshAtomic:
	}
	return stages.Atomic
}

func metadata(s *airbyte.Stream) sink.Metadata {
	m := sink.Metadata{"sluice-version": Version}
	if s.Generation != nil {
		m[sink.MetaGeneration] = fmt.Sprint(s.Generation.ID)
	}
	if s.SyncID != nil {
		m[sink.MetaSyncID] = fmt.Sprint(*s.SyncID)
	}
	return m
}
