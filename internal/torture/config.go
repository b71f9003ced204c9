package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
)

type fields = map[string]any

// The syncs of a round are of these generations.
const (
	oldGeneration = 1
	newGeneration = 2
)

// config is that of a sync.
func (r *round) config(endpoint string, e era) fields {
	format := fields{"format_type": "CSV", "flattening": "Root level flattening"}
	if r.JSONL && e == newEra {
		format["format_type"] = "JSONL"
	}
	if r.Gzip && e == newEra {
		format["compression"] = fields{"compression_type": "GZIP"}
	}
	c := fields{
		"s3_bucket_name": r.bucket.name, "s3_bucket_path": dir, "s3_bucket_region": r.gw.Region, "s3_endpoint": endpoint,
		"access_key_id": r.gw.AccessKey, "secret_access_key": r.gw.SecretKey,
		"format": format, "file_size_mb": r.FileSize, "checkpoint_minutes": r.Checkpoint,
		"upload": fields{"part_size_mb": 5, "memory_mb": 32, "concurrency": r.Concurrency},
	}
	if e == newEra {
		c["full_refresh"] = r.Refresh
	}
	if of := layouts[r.Layout]; of.path != "" {
		c["s3_path_format"], c["file_name_pattern"] = of.path, of.file
	}
	if layouts[r.Layout].places {
		c["partition_by"] = []string{placeField}
	}
	return c
}

// catalog is that of a sync.
func (r *round) catalog(e era) fields {
	return catalog(r.Streams, r.schemaOf(), func(s Stream) (replace bool, generation int) {
		if e == oldEra {
			return s.Replaced, oldGeneration
		}
		if s.Refresh {
			return true, newGeneration
		}
		return false, oldGeneration
	})
}

func catalog(streams []Stream, schema string, mode func(Stream) (replace bool, generation int)) fields {
	var all []fields
	for _, s := range streams {
		c := fields{
			"stream":    fields{"name": s.Name, "json_schema": json.RawMessage(schema), "supported_sync_modes": []string{"full_refresh", "incremental"}},
			"sync_mode": "full_refresh", "destination_sync_mode": "append",
		}
		replace, generation := mode(s)
		if replace {
			c["destination_sync_mode"] = "overwrite"
		}
		if s.Generations {
			c["generation_id"], c["minimum_generation_id"] = generation, 0
			if replace {
				c["minimum_generation_id"] = generation
			}
		}
		all = append(all, c)
	}
	return fields{"streams": all}
}

// dayAfter runs a sync that appends nothing, a day later: it tidies up what dead attempts
// have left, and changes nothing else. The binary has no other clock than the machine's, so
// this one is the library's.
func (r *round) dayAfter(ctx context.Context, when moment) error {
	r.stage += ", and the day after"
	rawConfig, err := json.Marshal(r.config(r.gw.Endpoint, newEra))
	if err != nil {
		return err
	}
	cfg, _, err := config.Parse(rawConfig)
	if err != nil {
		return err
	}
	rawCatalog, err := json.Marshal(catalog(r.Streams, r.schemaOf(), func(Stream) (bool, int) { return false, newGeneration + 1 }))
	if err != nil {
		return err
	}
	streams, err := airbyte.ParseCatalog(rawCatalog)
	if err != nil {
		return err
	}
	engine, err := sluice.Open(ctx, cfg, streams, sluice.Options{Now: func() time.Time { return time.Now().Add(25 * time.Hour) }})
	if err != nil {
		return err
	}
	if _, err := engine.Run(ctx, bytes.NewReader(nil), func([]byte) error { return nil }); err != nil {
		return r.fail("the sync of the day after failed: %v", err)
	}
	clear(r.uploads) // none may be left
	_, err = r.judge(ctx, when)
	return err
}
