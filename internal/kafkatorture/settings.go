package kafkatorture

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type fields = map[string]any

// dir is the config's s3_bucket_path.
const dir = "data"

// config is that of the fronts and the workers, but for the way to the brokers.
func (r *round) config(endpoint string) fields {
	format := fields{"format_type": "CSV", "flattening": "Root level flattening"}
	if r.Gzip {
		format["compression"] = fields{"compression_type": "GZIP"}
	}
	input := "protocol"
	if r.Envelope {
		input = "envelope"
	}
	return fields{
		"s3_bucket_name": r.bucket.name, "s3_bucket_path": dir, "s3_bucket_region": r.gw.Region, "s3_endpoint": endpoint,
		"access_key_id": r.gw.AccessKey, "secret_access_key": r.gw.SecretKey,
		"format": format, "metadata_columns": r.Metadata, "file_size_mb": r.FileSize, "checkpoint_minutes": r.Checkpoint,
		"upload": fields{"part_size_mb": 5, "memory_mb": 64, "concurrency": 4},
		"engine": "kafka",
		"kafka": fields{
			"brokers": strings.Join(r.cluster.addresses(), ","), "group": r.group, "topic_pattern": r.pattern, "input": input,
			"partitions": r.Partitions, "replication_factor": r.Brokers, "session_timeout_seconds": session.Seconds(), "max_rows": r.MaxRows,
		},
	}
}

func catalog() fields {
	var all []fields
	for _, s := range streams {
		one := fields{"name": s.name, "json_schema": json.RawMessage(schema), "supported_sync_modes": []string{"full_refresh", "incremental"}}
		if s.namespace != "" {
			one["namespace"] = s.namespace
		}
		all = append(all, fields{
			"stream": one, "sync_mode": "full_refresh", "destination_sync_mode": "append",
			"generation_id": 1, "minimum_generation_id": 0, "sync_id": 1,
		})
	}
	return fields{"streams": all}
}

// writeFiles writes the config and the catalog, and returns the flags that name them.
func (r *round) writeFiles() error {
	write := func(flag, name string, content any) error {
		raw, err := json.Marshal(content)
		if err != nil {
			return err
		}
		file := filepath.Join(r.scratch, name)
		r.flags = append(r.flags, flag, file)
		return os.WriteFile(file, raw, 0o600)
	}
	if err := write("--config", "config.json", r.config(r.door.url)); err != nil {
		return err
	}
	return write("--catalog", "catalog.json", catalog())
}

// topic is the one that a stream's records go to, by the rule of the input.
func (r *round) topic(s stream) string {
	name := strings.NewReplacer("{namespace}", s.namespace, "{stream}", s.name).Replace(r.pattern)
	if r.Envelope {
		return strings.Map(func(c rune) rune {
			if c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
				return c
			}
			return '_'
		}, name)
	}
	for strings.Contains(name, "..") {
		name = strings.ReplaceAll(name, "..", ".")
	}
	return strings.Trim(name, ".")
}

func (r *round) topics() []string {
	all := map[string]bool{}
	for _, s := range streams {
		all[r.topic(s)] = true
	}
	return slices.Sorted(maps.Keys(all))
}
