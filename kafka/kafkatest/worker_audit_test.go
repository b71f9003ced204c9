package kafkatest

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/sink"
)

// tried is told of each try to make an object: all for one key have the same bytes.
func (r *rig) tried(key string, body sink.Body) {
	sum := sha256.New()
	body.Chunks(func(c []byte) { sum.Write(c) })
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.digests[key] == nil {
		r.digests[key] = map[string]bool{}
	}
	r.digests[key][string(sum.Sum(nil))] = true
}

// showed counts an object, unless it is there already.
func (r *rig) showed(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.shown++
		r.change.Broadcast()
	}
	return err
}

// objects are what is visible, by key.
func (r *rig) objects() map[string][]byte {
	r.t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(r.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && strings.HasPrefix(d.Name(), ".") { // the store's own
				return fs.SkipDir
			}
			return err
		}
		data, err := os.ReadFile(path)
		key, _ := filepath.Rel(r.root, path)
		all[filepath.ToSlash(key)] = data
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// rows are the lines of all objects of a stream (all: ""), as maps, with the object's key under "key".
func (r *rig) rows(stream string) []map[string]string {
	r.t.Helper()
	var all []map[string]string
	objects := r.objects()
	for _, key := range sorted(objects) {
		if strings.Contains(key, "/_sluice_dead_letters/") || stream != "" && !strings.Contains(key, "/"+stream+"/") {
			continue
		}
		if strings.HasSuffix(key, ".jsonl") {
			all = append(all, r.jsonRows(key, objects[key])...)
			continue
		}
		if strings.HasSuffix(key, ".parquet") {
			all = append(all, r.parquetRows(key, objects[key])...)
			continue
		}
		lines, err := csv.NewReader(bytes.NewReader(objects[key])).ReadAll()
		if err != nil || len(lines) < 2 {
			r.t.Errorf("%s: %d lines, %v", key, len(lines), err)
			continue
		}
		for _, line := range lines[1:] {
			m := map[string]string{"key": key}
			for i, name := range lines[0] {
				m[name] = line[i]
			}
			all = append(all, m)
		}
	}
	return all
}

// jsonRows are the rows of an object of JSONL.
func (r *rig) jsonRows(key string, data []byte) (all []map[string]string) {
	r.t.Helper()
	for line := range bytes.Lines(data) {
		var members map[string]any
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&members); err != nil {
			r.t.Errorf("%s: %q: %v", key, line, err)
		}
		row := map[string]string{"key": key}
		for name, v := range members {
			row[name] = fmt.Sprint(v)
		}
		all = append(all, row)
	}
	return all
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// idOf is the id of the row at a place of the log.
func (r *rig) idOf(partition int32, offset int64) string {
	topic := r.b.TopicInfo(r.topic)
	return uuid.NewSHA1(uuid.UUID(topic.TopicID), fmt.Appendf(nil, "%d/%d", partition, offset)).String()
}

// audit compares all objects with the whole log: each row is there once, with its id and under the
// key of the epoch that it belongs to, and nobody has ever tried to make an object of other bytes.
func (r *rig) audit() {
	r.t.Helper()
	want := map[string]*kgo.Record{} // by id
	n := 0
	for _, p := range r.b.ends(r.topic)[r.topic] {
		n += int(p.At)
	}
	for _, rec := range r.b.read(n, r.topic) {
		if len(rec.Headers) == 0 { // no barrier
			want[r.idOf(rec.Partition, rec.Offset)] = rec
		}
	}
	seen := map[string]string{}
	firsts := r.firsts()
	for _, row := range r.rows("") {
		id := row["_airbyte_ab_id"]
		rec := want[id]
		switch {
		case rec == nil:
			r.t.Errorf("%s: the row %v is not of the log", row["key"], row)
		case seen[id] != "":
			r.t.Errorf("offset %d of partition %d is in %s and in %s", rec.Offset, rec.Partition, seen[id], row["key"])
		case !strings.Contains(string(rec.Value), fmt.Sprintf(`"id":%s,"text":%q`, row["id"], row["text"])):
			r.t.Errorf("%s: the row %v is not %s", row["key"], row, rec.Value)
		case rec.Offset < firsts[row["key"]].offset || rec.Partition != firsts[row["key"]].partition:
			r.t.Errorf("%s has offset %d of partition %d", row["key"], rec.Offset, rec.Partition)
		}
		seen[id] = row["key"]
	}
	if len(seen) != len(want) {
		r.t.Errorf("%d of %d rows are in objects", len(seen), len(want))
	}
	for key, digests := range r.tries() {
		if len(digests) > 1 {
			r.t.Errorf("%s: %d kinds of bytes were tried", key, len(digests))
		}
	}
}

func (r *rig) tries() map[string]map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]map[string]bool{}
	for k, v := range r.digests {
		all[k] = v
	}
	return all
}

// at is a place in the log.
type at struct {
	partition int32
	offset    int64
}

// firsts are the places that the keys name.
func (r *rig) firsts() map[string]at {
	all := map[string]at{}
	for key := range r.objects() {
		parts := strings.Split(strings.TrimSuffix(filepath.Base(key), filepath.Ext(key)), "_")
		partition, _ := strconv.Atoi(parts[len(parts)-2])
		offset, _ := strconv.ParseInt(parts[len(parts)-1], 10, 64)
		all[key] = at{int32(partition), offset}
	}
	return all
}

// letter is a dead letter.
type letter struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64
	Reason    string
	Value     string
	Base64    string `json:"value_base64"`
}

// letters are all dead letters, in the order of keys and lines.
func (r *rig) letters() []letter {
	r.t.Helper()
	var all []letter
	objects := r.objects()
	for _, key := range sorted(objects) {
		if !strings.Contains(key, "/_sluice_dead_letters/") {
			continue
		}
		for line := range strings.Lines(string(objects[key])) {
			var l letter
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				r.t.Errorf("%s: %v in %s", key, err, line)
			}
			all = append(all, l)
		}
	}
	return all
}
