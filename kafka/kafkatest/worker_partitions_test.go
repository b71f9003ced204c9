package kafkatest

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/kafka"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// placed is a record of the stream users whose text is one of three.
func placed(id int) string {
	return fmt.Sprintf(`{"type":"RECORD","record":{"stream":"users","emitted_at":1700000000000,"data":{"id":%d,"text":"a/%d"}}}`, id, id%3)
}

// inPlaces has the rows of a worker in partitions. The column stays, for the audit.
func inPlaces(c *config.Config) {
	c.PartitionBy, c.PartitionColumns = []string{"text", "date(emitted_at)"}, config.PartitionColumnsKeep
}

func inParquet(c *config.Config) { c.Format.Type = config.FormatParquet }

// placesOf holds each row's directory against the row.
func (r *rig) placesOf() {
	r.t.Helper()
	for _, row := range r.rows("") {
		want := "/users/text=" + strings.ReplaceAll(row["text"], "/", "%2F") + "/day=2023-11-14"
		if dir := path.Dir(row["key"]); !strings.HasSuffix(dir, want) {
			r.t.Errorf("the row %s is in %s", row["id"], dir)
		}
	}
}

// parquetRows are the rows of an object of Parquet.
func (r *rig) parquetRows(key string, data []byte) (all []map[string]string) {
	r.t.Helper()
	type columns struct {
		ID   string `parquet:"_airbyte_ab_id"`
		Of   *int64 `parquet:"id,optional"`
		Text string `parquet:"text,optional"`
	}
	rows, err := parquet.Read[columns](bytes.NewReader(data), int64(len(data)))
	if err != nil || len(rows) == 0 {
		r.t.Errorf("%s: %d rows, %v", key, len(rows), err)
	}
	for _, row := range rows {
		all = append(all, map[string]string{"key": key, "_airbyte_ab_id": row.ID, "id": fmt.Sprint(*row.Of), "text": row.Text})
	}
	return all
}

// TestCrashInPartitions is TestCrash for epochs of three objects in partitions, and for Parquet, with
// and without them.
func TestCrashInPartitions(t *testing.T) {
	t.Parallel()
	gw := server(t)
	for _, p := range []point{
		{name: "before prepare", commit: ";E="},
		{name: "prepared, not told", commit: ";E=", done: true, replay: true},
		{name: "prepared, no object", op: faultstore.Put, nth: 1, replay: true},
		{name: "prepared, one of three objects", op: faultstore.Put, nth: 2, makes: 1, replay: true},
		{name: "prepared, two of three objects", op: faultstore.Put, nth: 3, makes: 2, replay: true},
		{name: "complete, before commit", commit: "v1;t=", makes: 3, replay: true},
		{name: "committed, not told", commit: "v1;t=", done: true, makes: 3},
	} {
		for name, changes := range map[string][]func(*config.Config){"CSV": {inPlaces}, "Parquet": {inPlaces, inParquet}} {
			for store, on := range map[string]*gateway.Gateway{"directory": nil, "S3": gw} {
				if on != nil && !p.replay {
					continue
				}
				t.Run(p.name+", "+name+", "+store, func(t *testing.T) {
					t.Parallel()
					p.crash(t, on, placed, changes...).placesOf()
				})
			}
		}
	}
	for _, p := range points {
		if p.replay && !p.parts {
			t.Run(p.name+", Parquet without partitions", func(t *testing.T) {
				t.Parallel()
				p.crash(t, nil, row, inParquet)
			})
		}
	}
}

// TestLostInPartitions: objects are seen where they are, when the group has forgotten all.
func TestLostInPartitions(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, inPlaces)
	r.row = placed
	r.produce(30)
	r.finish()
	before := r.hashes()
	r.deleteGroup()
	r.worker(nil).refuses(new(*kafka.LostError), "has no offset", "/users/text=a%2F", "topic all, partition 0")
	if after := r.hashes(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("objects before %v, after %v", before, after)
	}
	r.commit(30, "")
	r.produce(30)
	r.finish()
	r.audit()
	r.placesOf()
}
