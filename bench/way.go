package bench

import (
	"fmt"

	"github.com/sluice-data/sluice/config"
)

// Way is what the process at the end of the pipe does with the input.
type Way string

const (
	Pipe          Way = "pipe"
	Ceiling       Way = "ceiling"
	Flattened     Way = "flattened"
	Unflattened   Way = "unflattened"
	FlattenedS3   Way = "flattened-s3"
	UnflattenedS3 Way = "unflattened-s3"
	Gzip          Way = "gzip"
	Gzip1         Way = "gzip-1"
	Zstd          Way = "zstd"
	JSONL         Way = "jsonl"
	JSONLWhole    Way = "jsonl-unflattened"
	Avro          Way = "avro"
	ParquetSnappy Way = "parquet-snappy"
	ParquetZstd   Way = "parquet-zstd"
)

// Ways are all of them, with what they are for people.
var Ways = []struct {
	Way  Way
	What string
}{
	{Pipe, "reads the pipe and does nothing: what the pipe allows"},
	{Ceiling, "copies the input unparsed through the same reader, batches and uploader: what any engine of this build allows"},
	{Flattened, "the whole engine, one column a field"},
	{Unflattened, "the whole engine, one JSON column"},
	{FlattenedS3, "flattened, into a real S3 server (versitygw) that shares the machine's cores and disk"},
	{UnflattenedS3, "unflattened, into the same"},
	{Gzip, "flattened, GZIP at its automatic level"},
	{Gzip1, "flattened, GZIP at level 1"},
	{Zstd, "flattened, ZSTD at its automatic level"},
	{JSONL, "flattened, as JSONL"},
	{JSONLWhole, "unflattened, as JSONL"},
	{Avro, "flattened and typed, as Avro"},
	{ParquetSnappy, "flattened and typed, as Parquet with SNAPPY"},
	{ParquetZstd, "flattened and typed, as Parquet with ZSTD at its automatic level"},
}

// S3 reports whether the way needs a bucket.
func (w Way) S3() bool { return w == FlattenedS3 || w == UnflattenedS3 }

// Bucket is where a way that needs one uploads to.
type Bucket struct {
	Endpoint, Region, Name, AccessKey, SecretKey string
}

// Check tells whether this build can go that way, before a process is started for it.
func (w Way) Check() error {
	cfg, err := w.config(&Bucket{Endpoint: "http://127.0.0.1:1", Region: "us-east-1", Name: "bench", AccessKey: "x", SecretKey: "x"})
	if err != nil || cfg == nil {
		return err
	}
	return cfg.Validate()
}

// config is the engine's, all defaults but what the way is about; nil for the ways without
// an engine.
func (w Way) config(bucket *Bucket) (*config.Config, error) {
	cfg := config.Default()
	cfg.Bucket, cfg.Path, cfg.Region = "bench", "bench", "us-east-1"
	csv := &cfg.Format.CSV
	csv.Flattening = config.FlatteningRoot
	switch w {
	case Pipe, Ceiling:
		return nil, nil
	case Flattened, FlattenedS3:
	case Unflattened, UnflattenedS3:
		csv.Flattening = config.FlatteningNone
	case Gzip:
		csv.Compression = config.Compression{Type: config.CompressionGZIP}
	case Gzip1:
		csv.Compression = config.Compression{Type: config.CompressionGZIP, Level: 1}
	case Zstd:
		csv.Compression = config.Compression{Type: config.CompressionZSTD}
	case JSONL:
		cfg.Format.Type, cfg.Format.JSONL.Flattening = config.FormatJSONL, config.FlatteningRoot
	case JSONLWhole:
		cfg.Format.Type = config.FormatJSONL
	case Avro:
		cfg.Format.Type = config.FormatAvro
	case ParquetSnappy:
		cfg.Format.Type, cfg.Format.Parquet.Codec = config.FormatParquet, "SNAPPY"
	case ParquetZstd:
		cfg.Format.Type, cfg.Format.Parquet.Codec = config.FormatParquet, "ZSTD"
	default:
		return nil, fmt.Errorf("there is no way %q", w)
	}
	if w.S3() {
		if bucket == nil {
			return nil, fmt.Errorf("the way %q needs a bucket", w)
		}
		cfg.Bucket, cfg.Region, cfg.Endpoint = bucket.Name, bucket.Region, bucket.Endpoint
		cfg.AccessKeyID, cfg.SecretAccessKey = config.Secret(bucket.AccessKey), config.Secret(bucket.SecretKey)
	}
	return &cfg, nil
}
