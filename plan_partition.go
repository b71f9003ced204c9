package sluice

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/hive"
	"github.com/sluice-data/sluice/stages"
)

// planPartitions gives a table the keys of the config. Those that take the values of a field as they are
// leave its columns, if the config does not say to keep it.
func planPartitions(t *stages.Table, cfg *config.Config, s *airbyte.Stream) error {
	keys, err := hive.ParseAll(cfg.PartitionBy)
	if err != nil || len(keys) == 0 {
		return err
	}
	fields, err := s.Columns()
	if err != nil {
		return err
	}
	t.PartitionColumns = cfg.PartitionColumns == config.PartitionColumnsKeep
	for _, k := range keys {
		t.Partition = append(t.Partition, stages.PartitionKey{
			Key: k, EmittedAt: hive.IsEmittedAt(k.Field) && !slices.Contains(fields, k.Field),
		})
	}
	hidden := t.Hidden()
	t.Format.Columns = slices.DeleteFunc(t.Format.Columns, func(c string) bool { return slices.Contains(hidden, c) })
	return nil
}

// checkPartitions refuses a key that no stream has: it is a slip of the pen.
func checkPartitions(catalog *airbyte.Catalog, tables []*stages.Table) error {
	found, missing, err := partitionFields(catalog, tables)
	if err != nil {
		return err
	}
	for field := range missing {
		if !found[field] {
			return fmt.Errorf("partition_by has the field %q, and no stream has it in its schema", field)
		}
	}
	return nil
}

// warnPartitions tells of keys that some streams do not have: all of their rows are in the partition of those
// without a value.
func warnPartitions(catalog *airbyte.Catalog, tables []*stages.Table, log *slog.Logger) {
	for _, t := range tables {
		warnNames(t, log)
	}
	_, missing, _ := partitionFields(catalog, tables) // the plan has been made of them
	for field, streams := range missing {
		log.Warn(fmt.Sprintf("the field %q of partition_by is not in the schema of the stream %s (%s): rows without it go to %s",
			field, streams[0], stages.Count(int64(len(streams)), "such stream"), hive.Null))
	}
}

// partitionFields are the fields of keys, and the streams that do not have them.
func partitionFields(catalog *airbyte.Catalog, tables []*stages.Table) (found map[string]bool, missing map[string][]airbyte.StreamID, err error) {
	found, missing = map[string]bool{}, map[string][]airbyte.StreamID{}
	for i, t := range tables {
		if len(t.Partition) == 0 {
			continue // and the schema need not be read once more
		}
		fields, err := catalog.Streams[i].Columns()
		if err != nil {
			return nil, nil, err
		}
		for _, k := range t.Partition {
			if k.EmittedAt || slices.Contains(fields, k.Field) {
				found[k.Field] = true
			} else {
				missing[k.Field] = append(missing[k.Field], t.Stream)
			}
		}
	}
	return found, missing, nil
}

// warnNames tells of directories that are named like a column of the files which is another one: most readers give the
// one or the other.
func warnNames(t *stages.Table, log *slog.Logger) {
	for _, k := range t.Partition {
		same := func(c string) bool { return strings.EqualFold(c, k.Name) }
		if i := slices.IndexFunc(t.Format.Columns, same); i >= 0 && (k.Func != hive.Value || t.Format.Columns[i] != k.Field) {
			log.Warn(fmt.Sprintf("the stream %s has a column %q, and a key of partition_by the name %q: readers will find one of them only. Another name in front of the key helps, as in the_%s=...",
				t.Stream, t.Format.Columns[i], k.Name, k.Name))
		}
	}
}
