package main

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/sluice-data/sluice/config"
)

// spec is what a pipeline may say, and what benthos create, lint and list show of it.
func spec() *service.ConfigSpec {
	return service.NewConfigSpec().Beta().Categories("Services", "AWS").
		Summary("Writes JSON messages as rows of CSV objects into an S3 bucket, one directory a table.").
		Description(`
A batch is acknowledged when all of it is in completed objects: at least once. After a crash, or when a store fails
in the middle of a batch, messages that were not acknowledged come again, and some may be there twice.

Each batch makes an object for each of its tables, so batches should be large. Without a policy they have 10,000
messages, 64 MiB, or what came in 5 seconds. With a count of 1 they are as the input has made them.

A message that is no JSON object, or has no table, is an error of its own, and the rest of its batch is written. (What
Benthos gives back is a batch of the input: where a policy here joins batches of several messages, all of a batch
comes back for one of them.) When the store does not answer, the output disconnects and connects again. What won't pass by itself, such as a missing right, is the
error of the batch: have a `+"`fallback`"+` or a `+"`drop_on`"+` around the output if its messages should not be tried again.`).
		Fields(
			service.NewStringField("bucket").Description("The bucket. It has to be there."),
			service.NewStringField("path").Default("").Description("The directory in it that the tables are in."),
			service.NewStringField("region").Default("").Description("The bucket's region."),
			service.NewStringField("endpoint").Default("").Description("Another S3 server, or `file://` and a directory."),
			service.NewStringField("access_key_id").Default("").Description("Without keys the usual AWS places are searched."),
			service.NewStringField("secret_access_key").Default("").Secret(),
			service.NewInterpolatedStringField("table").Description("The message's table.").Example("events").Example(`${! this.kind }`),
			service.NewIntField("max_tables").Default(100).Advanced().
				Description("How many tables there may be. Each new one makes the output open its writer again."),
			service.NewStringListField("columns").Default([]any{}).
				Description("The fields that become columns; all others are kept as JSON in one more. Without any, a message is one column."),
			service.NewStringEnumField("compression", "none", "gzip", "zstd").Default("none").Description("How objects are compressed."),
			service.NewAnyField("settings").Default(map[string]any{}).Advanced().
				Description("More of Sluice's settings, by their names in its config.").Example(map[string]any{"upload": map[string]any{"retry_minutes": 1}}),
			service.NewBatchPolicyField("batching"),
			service.NewOutputMaxInFlightField().Default(2),
		)
}

// settings makes Sluice's config of the output's, which is checked by Sluice then.
func settings(conf *service.ParsedConfig) (*config.Config, []string, error) {
	doc := map[string]any{}
	for ours, theirs := range map[string]string{
		"s3_bucket_name": "bucket", "s3_bucket_path": "path", "s3_bucket_region": "region", "s3_endpoint": "endpoint",
		"access_key_id": "access_key_id", "secret_access_key": "secret_access_key",
	} {
		v, err := conf.FieldString(theirs)
		if err != nil {
			return nil, nil, err
		}
		doc[ours] = v
	}
	columns, err := conf.FieldStringList("columns")
	if err != nil {
		return nil, nil, err
	}
	compression, err := conf.FieldString("compression")
	if err != nil {
		return nil, nil, err
	}
	names := map[string]config.CompressionType{"none": config.CompressionNone, "gzip": config.CompressionGZIP, "zstd": config.CompressionZSTD}
	format := map[string]any{"format_type": config.FormatCSV, "compression": config.Compression{Type: names[compression]}}
	if len(columns) > 0 {
		format["flattening"], format["undeclared_fields"] = config.FlatteningRoot, config.UndeclaredKeep
	}
	doc["format"] = format
	more, err := conf.FieldAny("settings")
	if err != nil {
		return nil, nil, err
	}
	object, ok := more.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("settings is no object")
	}
	maps.Copy(doc, object)
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, nil, err
	}
	return config.Parse(raw)
}

// schema names the columns of every table.
func schema(columns []string) []byte {
	if len(columns) == 0 {
		return nil
	}
	s := []byte(`{"properties":{`)
	for i, c := range columns {
		if i > 0 {
			s = append(s, ',')
		}
		name, _ := json.Marshal(c) // a string can always be written
		s = append(append(s, name...), `:{}`...)
	}
	return append(s, `}}`...)
}
