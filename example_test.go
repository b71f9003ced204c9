package sluice_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
)

// A config can also be read from JSON: see config.Parse. This one writes into a directory; a
// bucket needs no endpoint, and finds its keys where the AWS tools do.
func exampleConfig() (cfg *config.Config, remove func()) {
	dir, err := os.MkdirTemp("", "sluice-example-")
	if err != nil {
		log.Fatal(err)
	}
	c := config.Default()
	c.Endpoint = "file://" + dir
	c.Bucket, c.Path, c.Region = "lake", "raw", "us-east-1"
	c.Format.CSV.Flattening = config.FlatteningRoot
	return &c, func() { _ = os.RemoveAll(dir) }
}

// A Writer takes records one by one. What a Checkpoint follows is safe.
func ExampleNewWriter() {
	ctx := context.Background()
	cfg, remove := exampleConfig()
	defer remove()

	schema := []byte(`{"properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}`)
	w, err := sluice.NewWriter(ctx, cfg, []sluice.Table{{Name: "users", Schema: schema}}, sluice.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort() // after Close it does nothing

	users, err := w.Table("", "users")
	if err != nil {
		log.Fatal(err)
	}
	type user struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	if err := users.Write(ctx, user{1, "Ada"}); err != nil {
		log.Fatal(err)
	}
	if err := users.WriteJSON(ctx, []byte(`{"id": 2, "name": "Grace"}`)); err != nil {
		log.Fatal(err)
	}
	objects, err := w.Checkpoint(ctx) // now both are in the bucket, and may be acknowledged
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range objects {
		fmt.Println(o.Stream, o.Rows, "rows")
	}
	summary, err := w.Close(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(summary.Rows, "rows in", summary.Objects, "object")
	// Output:
	// users 2 rows
	// 2 rows in 1 object
}

// Run takes a whole Airbyte sync, as a connector's process gets it on stdin.
func ExampleEngine_Run() {
	ctx := context.Background()
	cfg, remove := exampleConfig()
	defer remove()

	catalog, err := airbyte.ParseCatalog([]byte(`{"streams": [{
		"stream": {"name": "users", "json_schema": {"properties": {"id": {"type": "integer"}}}},
		"sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	engine, err := sluice.Open(ctx, cfg, catalog, sluice.Options{})
	if err != nil {
		log.Fatal(err)
	}
	messages := strings.NewReader(`{"type": "RECORD", "record": {"stream": "users", "emitted_at": 1763769600000, "data": {"id": 1}}}
{"type": "STATE", "state": {"data": {"cursor": 1}}}
`)
	summary, err := engine.Run(ctx, messages, func(state []byte) error {
		fmt.Println("safe up to", string(state))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(summary.Rows, "row")
	// Output:
	// safe up to {"type": "STATE", "state": {"data": {"cursor": 1},"destinationStats":{"recordCount":1.0}}}
	// 1 row
}

// A program that takes records from somewhere asks whether it helps to try again, and tells a person
// what it can't mend by itself.
func ExampleClassify() {
	ctx := context.Background()
	cfg, remove := exampleConfig()
	defer remove()
	cfg.Bucket = "" // nobody has set it

	tables := []sluice.Table{{Name: "users", Schema: []byte(`{"properties": {"id": {"type": "integer"}}}`)}}
	_, err := sluice.NewWriter(ctx, cfg, tables, sluice.Options{})
	switch class := sluice.Classify(err); class {
	case sluice.ClassOutage:
		fmt.Println("trying again in a minute")
	default:
		fmt.Println(class)
		fmt.Println(err)
	}
	// Output:
	// settings
	// s3_bucket_name is "": must be the name of a bucket, without "/"
}

// Check tells whether a sync will get along with its store, before there is one.
func ExampleCheck() {
	ctx := context.Background()
	cfg, remove := exampleConfig()
	defer remove()
	if err := sluice.Check(ctx, cfg, sluice.Options{}); err != nil {
		fmt.Println(err)
		fmt.Println(sluice.Advice(err))
		return
	}
	fmt.Println("ready")
	// Output:
	// ready
}
