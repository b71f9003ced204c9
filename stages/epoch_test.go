package stages

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/compress"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
)

var _ pipeline.End = (*Epoch)(nil)

// epochRig is an Epoch with all that it works with, over a directory.
type epochRig struct {
	*Epoch
	t       *testing.T
	catalog *Catalog
	store   *dir.Store
	up      *sink.Uploader
	group   errgroup.Group
	offset  int64
	full    int
	taken   func(key string, table *Table) error
}

func newEpochRig(t *testing.T, uploads sink.UploadOptions, codec compress.Codec, tables ...*Table) *epochRig {
	t.Helper()
	store, err := dir.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, tab := range tables {
		tab.Codec, tab.Metadata = codec, sink.Metadata{"stream": tab.Stream.Name}
	}
	uploads.Concurrency = 2
	r := &epochRig{t: t, catalog: NewCatalog(tables), store: store, up: sink.NewUploader(store, uploads)}
	r.Epoch = NewEpoch(EpochOptions{
		Catalog: r.catalog, Headers: NewHeaders(r.catalog), Uploader: r.up,
		Key: func(tab *Table, partition string) string {
			if tab == nil {
				return "letters/0.jsonl"
			}
			return path.Join(tab.Dir, partition, "0."+tab.Extension())
		},
		Metadata: func(ended bool) sink.Metadata { return sink.Metadata{"ended": fmt.Sprint(ended)} },
		Taken:    func(_ context.Context, o *sink.Object, tab *Table) error { return r.taken(o.Key, tab) },
		Full:     func() { r.full++ },
		Letter: func(o pipeline.Origin) Letter {
			return Letter{Topic: "t", Partition: 3, Offset: o.Offset, Timestamp: o.Time}
		},
	})
	r.group.Go(func() error { return r.up.Run(t.Context()) })
	return r
}

// send gives lines to the stages and to Epoch, as one batch.
func (r *epochRig) send(lines ...string) {
	r.t.Helper()
	b := batch(lines...)
	for range lines {
		b.Origins = append(b.Origins, pipeline.Origin{Offset: r.offset, Time: 1000 + r.offset})
		r.offset++
	}
	r.process(b)
}

func (r *epochRig) process(b *pipeline.Batch) {
	r.t.Helper()
	steps := []func(context.Context, *pipeline.Batch) error{
		NewRejectingDecode(r.catalog).Process, NewOriginStamp(topicID, 3).Process, NewPartition(r.catalog).Process, NewFlatten(r.catalog).Process, NewEncode(r.catalog).Process,
	}
	if codec := r.catalog.Tables[0].Codec; codec != nil {
		steps = append(steps, NewPack(r.catalog).Process)
	}
	for _, step := range append(steps, r.Process) {
		if err := step(r.t.Context(), b); err != nil {
			r.t.Fatal(err)
		}
	}
}

// end completes the epoch, and waits until nothing is under way.
func (r *epochRig) end() error {
	r.t.Helper()
	err := errors.Join(r.Finish(r.t.Context()), r.Complete(r.t.Context()))
	r.up.Close()
	return errors.Join(err, r.group.Wait(), r.up.AbortAll(r.t.Context()))
}

// visible are the keys of all objects.
func (r *epochRig) visible() (all []string) {
	for info, err := range r.store.Walk(r.t.Context(), "", "") {
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

func (r *epochRig) read(key string) string {
	r.t.Helper()
	f, err := r.store.Get(r.t.Context(), key)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		r.t.Fatal(err)
	}
	return unpacked(r.t, key, raw)
}

// unpacked is what a reader gets of an object, by the end of its key.
func unpacked(t *testing.T, key string, raw []byte) string {
	t.Helper()
	var plain io.Reader = bytes.NewReader(raw)
	var err error
	switch {
	case strings.HasSuffix(key, "gz"):
		plain, err = gzip.NewReader(plain)
	case strings.HasSuffix(key, "zst"):
		plain, err = zstd.NewReader(plain, zstd.WithDecoderConcurrency(1))
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		t.Errorf("%s: %v", key, err)
	}
	return string(text)
}

// row is what becomes of a record with one column a, whose offset is given.
func row(offset int, a string) string {
	return fmt.Sprintf("\"%s\",7,%s\n", uuid.NewSHA1(topicID, fmt.Appendf(nil, "3/%d", offset)), a)
}

const epochHeader = `"_airbyte_ab_id","_airbyte_emitted_at","a"` + "\n"

// digits is a long number, which hardly gets smaller.
func digits(rng *rand.Rand, n int) string {
	number := []byte("1")
	for len(number) < n {
		number = append(number, '0'+byte(rng.IntN(10)))
	}
	return string(number)
}

// TestEpoch: one object a table that has rows, with its header, of the rows of several batches; not
// before Complete.
func TestEpoch(t *testing.T) {
	f := func(codec compress.Codec, uploads sink.UploadOptions) {
		t.Helper()
		r := newEpochRig(t, uploads, codec, table("users", "a"), table("none", "a"), table("orders", "a"))
		want, rng := map[string]*strings.Builder{"users": {}, "orders": {}}, rand.New(rand.NewPCG(1, 0))
		for batch := range 4 {
			var lines []string
			for i := range 100 {
				stream := []string{"users", "orders"}[(batch+i)%2]
				if batch == 0 {
					stream = "users"
				}
				a := digits(rng, 900)
				want[stream].WriteString(row(batch*101+i, a))
				lines = append(lines, record(stream, `{"a":`+a+`}`))
			}
			r.send(append(lines, streamState("users"))...)
		}
		if got := r.visible(); len(got) > 0 {
			t.Errorf("%q are visible before Complete", got)
		}
		end := r.catalog.Tables[0].Extension()
		keys := []string{"data/users/0." + end, "data/orders/0." + end}
		if got := r.Keys(); !slices.Equal(got, keys) || r.Rows() != 400 || r.Rejects() != 0 {
			t.Errorf("%s: keys %q, %d rows, %d rejects", end, got, r.Rows(), r.Rejects())
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if got, want := r.read(key), epochHeader+want[strings.Split(key, "/")[1]].String(); got != want {
				t.Errorf("%s: got %d bytes, want %d", key, len(got), len(want))
			}
		}
		r.wantTold(map[string]int64{keys[0]: 250, keys[1]: 150})
	}
	for _, uploads := range []sink.UploadOptions{{}, {PartSize: 1, Memory: 4 << 20}} {
		f(nil, uploads)
		f(compress.Gzip(1), uploads)
		f(compress.Zstd(1), uploads)
	}
}

// wantTold compares what Objects and Summary tell with what there is.
func (r *epochRig) wantTold(rows map[string]int64) {
	r.t.Helper()
	if got := r.visible(); len(got) != len(rows) {
		r.t.Errorf("there are %q", got)
	}
	objects := r.Objects()
	if len(objects) != len(rows) {
		r.t.Errorf("%d objects are told of", len(objects))
	}
	size := map[string]int64{}
	for _, o := range objects {
		info, err := r.store.Stat(r.t.Context(), o.Key)
		if err != nil || o.Rows != rows[o.Key] || o.Bytes != info.Size || !strings.Contains(o.Key, o.Stream.Name) {
			r.t.Errorf("%+v: %v; it has %d bytes, want %d rows", o, err, info.Size, rows[o.Key])
		}
		size[o.Stream.Name] = info.Size
	}
	for i, s := range r.Summary() {
		has := int64(0)
		if size[s.Stream.Name] > 0 {
			has = 1
		}
		if s.Stream != r.catalog.Tables[i].Stream || s.Bytes != size[s.Stream.Name] || s.Objects != has || s.Rows != rows["data/"+s.Stream.Name+"/0."+r.catalog.Tables[i].Extension()] {
			r.t.Errorf("summary %+v", s)
		}
	}
}

// TestEpochLetters: what can't be written is found again, with its place and the reason.
func TestEpochLetters(t *testing.T) {
	r := newEpochRig(t, sink.UploadOptions{}, compress.Gzip(1), table("users", "a"))
	r.send(`{"type":"RECORD"`, record("users", `{"a":1}`), "<nonsense> \"é\"", record("nobody", `{}`))
	b := batch("", record("users", `{"a":2}`), "")
	b.Origins = []pipeline.Origin{{Offset: 10, Value: []byte{}}, {Offset: 11, Time: 1, Value: []byte("is not the line")}, {Offset: 12, Time: 12, Value: []byte("not \xff\n text")}}
	b.Rejects = []pipeline.Reject{{Line: 0, Err: errors.New("it has no value")}, {Line: 2, Err: errors.New("no \"envelope\"")}}
	r.process(b)
	r.send(record("users", `{"a":3}`), "last\r")
	if r.Rows() != 3 || r.Rejects() != 6 || !slices.Equal(r.Keys(), []string{"data/users/0.csv.gz", "letters/0.jsonl"}) {
		t.Errorf("%d rows, %d rejects, keys %q", r.Rows(), r.Rejects(), r.Keys())
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if got, want := r.read("data/users/0.csv.gz"), epochHeader+row(1, "1")+row(11, "2")+row(4, "3"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := []string{
		`{"topic":"t","partition":3,"offset":0,"timestamp":1000,"reason":"not valid JSON: ...","value":"{\"type\":\"RECORD\""}`,
		`{"topic":"t","partition":3,"offset":2,"timestamp":1002,"reason":"not valid JSON: ...","value":"\u003cnonsense\u003e \"é\""}`,
		`{"topic":"t","partition":3,"offset":3,"timestamp":1003,"reason":"RECORD of stream nobody, which is not in the catalog","value":"{\"type\":\"RECORD\",\"record\":{\"stream\":\"nobody\",\"emitted_at\":7,\"data\":{}}}"}`,
		`{"topic":"t","partition":3,"offset":10,"timestamp":0,"reason":"it has no value"}`,
		`{"topic":"t","partition":3,"offset":12,"timestamp":12,"reason":"no \"envelope\"","value_base64":"bm90IP8KIHRleHQ="}`,
		`{"topic":"t","partition":3,"offset":5,"timestamp":1005,"reason":"not valid JSON: ...","value":"last\r"}`,
	}
	for i, line := range strings.Split(strings.TrimSuffix(r.read("letters/0.jsonl"), "\n"), "\n") {
		var letter Letter
		if err := json.Unmarshal([]byte(line), &letter); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if _, why, found := strings.Cut(letter.Reason, "not valid JSON: "); found { // the rest is the JSON library's
			line = strings.Replace(line, strings.Trim(quoted(t, why), `"`), "...", 1)
		}
		if i >= len(want) || line != want[i] {
			t.Errorf("letter %d: got %s", i, line)
		}
	}
	if got := r.Objects(); len(got) != 1 {
		t.Errorf("dead letters count as objects: %v", got)
	}
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	raw, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestEpochMetadata: those of the table and of the epoch; an upload in parts begins before it is
// known how it ends.
func TestEpochMetadata(t *testing.T) {
	f := func(rows int, want sink.Metadata) {
		t.Helper()
		r := newEpochRig(t, sink.UploadOptions{PartSize: 200_000, Memory: 1 << 20}, nil, table("users", "a"))
		for range rows {
			r.send(record("users", `{"a":`+strings.Repeat("1", 100_000)+`}`))
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		info, err := r.store.Stat(t.Context(), "data/users/0.csv")
		if err != nil || fmt.Sprint(info.Metadata) != fmt.Sprint(want) {
			t.Errorf("%d rows: got %v, %v; want %v", rows, info.Metadata, err, want)
		}
	}
	f(1, sink.Metadata{"stream": "users", "ended": "true", sink.MetaRows: "1"})
	f(20, sink.Metadata{"stream": "users", "ended": "false"})
}

// TestEpochTaken: of what is there already, Taken is told with the table, and its error ends it.
func TestEpochTaken(t *testing.T) {
	refused := errors.New("not ours")
	f := func(answer error) {
		t.Helper()
		r := newEpochRig(t, sink.UploadOptions{}, nil, table("users", "a"), table("orders", "a"))
		var asked []string
		r.taken = func(key string, tab *Table) error {
			asked = append(asked, fmt.Sprint(key, tab == nil))
			return answer
		}
		for _, key := range []string{"data/orders/0.csv", "letters/0.jsonl"} {
			if err := r.store.Put(t.Context(), key, sink.NewBody([]byte("there")), nil); err != nil {
				t.Fatal(err)
			}
		}
		r.send(record("orders", `{"a":1}`), record("users", `{"a":2}`), "nonsense")
		err := r.end()
		slices.Sort(asked)
		if !errors.Is(err, answer) || answer == nil && !slices.Equal(asked, []string{"data/orders/0.csvfalse", "letters/0.jsonltrue"}) {
			t.Errorf("got %v, want %v; asked %q", err, answer, asked)
		}
		if got := r.read("data/orders/0.csv"); got != "there" {
			t.Errorf("the object that was there is now %q", got)
		}
	}
	f(nil)
	f(refused)
}

// TestEpochTells when an object has reached its size, and what is not in the schema.
func TestEpochTells(t *testing.T) {
	r := newEpochRig(t, sink.UploadOptions{MaxObject: int64(len(epochHeader) + 2*len(row(1, "1")))}, nil, table("users", "a"), table("orders", "a"))
	r.send(record("users", `{"a":1}`), record("orders", `{"a":1,"x":2}`))
	if r.full > 0 {
		t.Error("an object is called full too early")
	}
	r.send(record("users", `{"a":1}`), record("orders", "{\"a\":\"\\ud800\"}"))
	if r.full != 2 {
		t.Errorf("Full was called %d times", r.full)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if s := r.Summary()[1]; s.Undeclared["x"] != 1 || s.Replaced != 1 || r.Summary()[0].Undeclared["x"] != 0 {
		t.Errorf("summaries %+v", r.Summary())
	}
}

// TestNewHeaders: each is what the table's encoder says, and good by itself.
func TestNewHeaders(t *testing.T) {
	for _, codec := range []compress.Codec{nil, compress.Gzip(6), compress.Zstd(3)} {
		c := NewCatalog([]*Table{table("users", "a"), table("orders", "b", "c")})
		for _, tab := range c.Tables {
			tab.Codec = codec
		}
		for i, h := range NewHeaders(c) {
			want, got := c.Tables[i].Encoder.AppendHeader(nil), bytes.Clone(h.bytes)
			if codec != nil {
				got = []byte(unpacked(t, codec.Extension(), codec.AppendTrailer(got, h.sum)))
			}
			if !bytes.Equal(got, want) || len(want) == 0 {
				t.Errorf("table %d: got %q, want %q", i, got, want)
			}
		}
	}
}
