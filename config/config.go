package config

import (
	"math"
	"time"

	"github.com/sluice-data/sluice/internal/hive"
	"github.com/sluice-data/sluice/internal/naming"
)

// Config is everything that a user can set. Field comments are in spec.json, under the
// names in the tags. Begin with Default: the zero Config is not valid.
type Config struct {
	Bucket          string          `json:"s3_bucket_name"`
	Path            string          `json:"s3_bucket_path"`
	Region          string          `json:"s3_bucket_region"`
	AccessKeyID     Secret          `json:"access_key_id"`
	SecretAccessKey Secret          `json:"secret_access_key"`
	RoleARN         string          `json:"role_arn"`
	ExternalID      Secret          `json:"external_id"`
	Endpoint        string          `json:"s3_endpoint"`
	Format          Format          `json:"format"`
	PathFormat      string          `json:"s3_path_format"`
	FileNamePattern string          `json:"file_name_pattern"`
	MetadataColumns MetadataColumns `json:"metadata_columns"`

	// FileSizeMB and CheckpointMinutes are never reached when 0. FileSize and
	// CheckpointAge give them in the units of Go.
	FileSizeMB        float64     `json:"file_size_mb"`
	CheckpointMinutes float64     `json:"checkpoint_minutes"`
	FullRefresh       FullRefresh `json:"full_refresh"`
	Upload            Upload      `json:"upload"`
	// PartitionBy has keys such as country and date(created_at): see internal/hive. PartitionColumns says
	// whether a field that is a key stands in the files, too.
	PartitionBy      []string         `json:"partition_by,omitempty"`
	PartitionColumns PartitionColumns `json:"partition_columns"`
	Engine           Engine           `json:"engine"`
	Kafka            Kafka            `json:"kafka"`
}

// Engine says who writes the objects.
type Engine string

// The engines.
const (
	EngineLocal Engine = "local"
	EngineKafka Engine = "kafka"
)

// PartitionColumns says what becomes of the columns whose values stand in the names of directories.
type PartitionColumns string

// What can become of them.
const (
	PartitionColumnsDrop PartitionColumns = "drop"
	PartitionColumnsKeep PartitionColumns = "keep"
)

// Upload says how objects are uploaded. PartSizeMB, Concurrency, MemoryMB and TimeoutSeconds
// are automatic when 0. RetryMinutes is not: 0 means that an outage is not sat out at all.
type Upload struct {
	PartSizeMB   int     `json:"part_size_mb,omitzero"`
	Concurrency  int     `json:"concurrency,omitzero"`
	MemoryMB     int     `json:"memory_mb,omitzero"`
	RetryMinutes float64 `json:"retry_minutes"`
	// TimeoutSeconds is how long a request may take, beside sending its body.
	TimeoutSeconds float64 `json:"timeout_seconds,omitzero"`
}

// MetadataColumns names a set of the columns that are added to each record.
type MetadataColumns string

// The sets of metadata columns.
const (
	MetadataV1 MetadataColumns = "v1" // _airbyte_ab_id, _airbyte_emitted_at
	MetadataV2 MetadataColumns = "v2" // raw id, extracted at, meta, generation id
)

// FullRefresh says how a full refresh replaces the objects that were there.
type FullRefresh string

// The ways to replace the old objects.
const (
	RefreshAtomic      FullRefresh = "atomic"
	RefreshIncremental FullRefresh = "incremental"
	RefreshPurgeFirst  FullRefresh = "purge_first"
)

// The templates of who says nothing else; "" stands for them too.
const (
	DefaultPathFormat      = naming.DefaultPath
	DefaultFileNamePattern = naming.DefaultFile
)

// Template is how the objects are named. The error is one that Validate finds, too.
func (c *Config) Template() (*naming.Template, error) {
	t, err := naming.Parse(c.Path, c.PathFormat, c.FileNamePattern)
	if err != nil {
		return nil, err
	}
	if keys, err := hive.ParseAll(c.PartitionBy); err == nil && len(keys) > 0 {
		t.WithPartitions(hive.Longest(keys))
	}
	return t, nil
}

// Default returns the configuration with every default set. Bucket, Path and Region have
// none; the format is CSV.
func Default() Config {
	return Config{
		Format:            defaultFormat(),
		PathFormat:        DefaultPathFormat,
		FileNamePattern:   DefaultFileNamePattern,
		MetadataColumns:   MetadataV1,
		FileSizeMB:        1024,
		CheckpointMinutes: 15,
		FullRefresh:       RefreshAtomic,
		Upload:            Upload{RetryMinutes: 5},
		PartitionColumns:  PartitionColumnsDrop,
		Engine:            EngineLocal,
		Kafka:             defaultKafka(),
	}
}

const megabyte = 1 << 20

// FileSize returns the size at which an object is closed, in bytes; 0 is never.
func (c *Config) FileSize() int64 { return scale(c.FileSizeMB, megabyte) }

// CheckpointAge returns the age at which an append stream's object is closed; 0 is never.
func (c *Config) CheckpointAge() time.Duration {
	return time.Duration(scale(c.CheckpointMinutes, float64(time.Minute)))
}

// PartSize returns the size of a part in bytes; 0 is automatic.
func (u Upload) PartSize() int64 { return int64(u.PartSizeMB) * megabyte }

// Memory returns the budget of all part buffers in bytes; 0 is automatic.
func (u Upload) Memory() int64 { return int64(u.MemoryMB) * megabyte }

// RetryFor returns how long an outage is sat out.
func (u Upload) RetryFor() time.Duration {
	return time.Duration(scale(u.RetryMinutes, float64(time.Minute)))
}

// Timeout returns how long a request may take, beside sending its body; 0 is automatic.
func (u Upload) Timeout() time.Duration {
	return time.Duration(scale(u.TimeoutSeconds, float64(time.Second)))
}

// scale multiplies and stays within int64: a number in a config may be of any size. What is
// above 0 stays above 0, because 0 has a meaning of its own.
func scale(n, unit float64) int64 {
	product := n * unit
	switch {
	case product <= 0:
		return 0
	case product < 1:
		return 1
	case product >= math.MaxInt64:
		return math.MaxInt64
	}
	return int64(product)
}
