package main

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
	"time"

	"github.com/sluice-data/sluice/internal/inventory"
)

// lsJSON shows a bucket to scripts, a line at a time. docs/COMMANDS.md has the shape.
type lsJSON struct {
	*printer
	flags lsFlags
	at    *inventory.Bucket
}

// jsonStream names a stream.
type jsonStream struct {
	Type      string `json:"type"`
	Directory string `json:"directory"`
	Namespace string `json:"namespace"`
	Stream    string `json:"stream"`
}

func (j *lsJSON) stream(kind, dir string) jsonStream {
	namespace, name := path.Split(dir)
	return jsonStream{Type: kind, Directory: j.at.Directory(dir), Namespace: strings.TrimSuffix(namespace, "/"), Stream: name}
}

// put prints one object. No value that comes here can fail to be JSON.
func (j *lsJSON) put(v any) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	j.line("%s", bytes.TrimSuffix(line.Bytes(), []byte("\n")))
	return j.err
}

func (j *lsJSON) object(o inventory.Object) error {
	type metadata struct {
		Rows       *int64 `json:"rows"`
		Generation *int64 `json:"generation"`
		SyncID     *int64 `json:"sync_id"`
	}
	v := struct {
		jsonStream
		Key      string     `json:"key"`
		Bytes    int64      `json:"bytes"`
		Uploaded *time.Time `json:"uploaded"`
		Metadata *metadata  `json:"metadata,omitempty"`
	}{j.stream("object", o.Dir), o.Key, o.Size, orNull(o.Modified), nil}
	if j.flags.metadata {
		v.Metadata = &metadata{o.Rows, o.Generation, o.SyncID}
	}
	return j.put(v)
}

// numbersJSON are the different values of a number.
type numbersJSON struct {
	Values  []int64 `json:"values"`
	More    bool    `json:"more"`
	Without int64   `json:"objects_without"`
}

func numbers(n inventory.Numbers) numbersJSON {
	return numbersJSON{Values: append([]int64{}, n.Values...), More: n.More, Without: n.Without}
}

type streamMetadata struct {
	Rows        *int64      `json:"rows"` // of those that are known; null if none is
	RowsExact   bool        `json:"rows_exact"`
	Generations numbersJSON `json:"generations"`
	SyncIDs     numbersJSON `json:"sync_ids"`
}

func (j *lsJSON) row(r row, uploads *int) error {
	v := struct {
		jsonStream
		Objects  int64           `json:"objects"`
		Bytes    int64           `json:"bytes"`
		Oldest   *time.Time      `json:"oldest"`
		Newest   *time.Time      `json:"newest"`
		Uploads  *int            `json:"unfinished_uploads"`
		Metadata *streamMetadata `json:"metadata,omitempty"`
	}{j.stream("stream", r.Dir), r.Objects, r.Bytes, orNull(r.Oldest), orNull(r.Newest), uploads, nil}
	if j.flags.metadata {
		v.Metadata = &streamMetadata{RowsExact: r.Rows.Known == r.Objects, Generations: numbers(r.Generations), SyncIDs: numbers(r.SyncIDs)}
		if r.Rows.Known > 0 || r.Objects == 0 {
			v.Metadata.Rows = &r.Rows.Sum
		}
	}
	return j.put(v)
}

func (j *lsJSON) upload(up inventory.Upload) error {
	v := struct {
		jsonStream
		Key      string     `json:"key"`
		ID       string     `json:"upload_id"`
		Began    *time.Time `json:"began"`
		LastSeen *time.Time `json:"last_seen"`
		Bytes    *int64     `json:"bytes"`
		State    string     `json:"state"`
	}{j.stream("upload", up.Dir), up.Key, up.ID, orNull(up.Started), orNull(up.Alive), nil, string(up.State)}
	if up.Size >= 0 {
		v.Bytes = &up.Size
	}
	return j.put(v)
}

func (j *lsJSON) end(f found) error {
	known := func(n int) *int {
		if f.partly {
			return nil
		}
		return &n
	}
	rows := f.rows()
	for _, r := range rows {
		if err := j.row(r, known(r.unfinished)); err != nil {
			return err
		}
	}
	for _, up := range f.uploads.Ours {
		if err := j.upload(up); err != nil {
			return err
		}
	}
	objects, size := f.sums()
	return j.put(struct {
		Type         string `json:"type"`
		Location     string `json:"location"`
		Streams      int    `json:"streams"`
		Objects      int64  `json:"objects"`
		Bytes        int64  `json:"bytes"`
		Uploads      *int   `json:"unfinished_uploads"`
		OtherObjects int64  `json:"other_objects"`
		OtherBytes   int64  `json:"other_bytes"`
		OtherUploads *int   `json:"other_unfinished_uploads"`
	}{"total", f.at.String(), len(rows), objects, size, known(len(f.uploads.Ours)),
		f.objects.Foreign.Objects, f.objects.Foreign.Bytes, known(int(f.uploads.Foreign))})
}

func orNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}
