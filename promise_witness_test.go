package sluice_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/twmb/avro/ocf"
	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
)

// drawFormat draws what the rows are written as.
func (h *history) drawFormat(t *rapid.T) {
	f := &h.cfg.Format
	f.Type = rapid.SampledFrom([]config.FormatType{config.FormatCSV, config.FormatCSV, config.FormatJSONL, config.FormatParquet, config.FormatAvro}).Draw(t, "format")
	f.CSV.Compression.Type = rapid.SampledFrom([]config.CompressionType{
		config.CompressionNone, config.CompressionNone, config.CompressionGZIP, config.CompressionZSTD,
	}).Draw(t, "compression")
	f.JSONL.Compression.Type = f.CSV.Compression.Type
	f.CSV.Flattening = rapid.SampledFrom([]config.Flattening{config.FlatteningNone, config.FlatteningRoot}).Draw(t, "flattening")
	f.JSONL.Flattening = f.CSV.Flattening
	f.Parquet.BlockSizeMB = 1                                                                           // and less where the files are small
	f.Parquet.Codec = rapid.SampledFrom([]string{"UNCOMPRESSED", "SNAPPY"}).Draw(t, "codec of Parquet") // pools of ZSTD have channels, which belong to one bubble
	f.Avro.Codec.Codec = rapid.SampledFrom([]string{"no compression", "Deflate"}).Draw(t, "codec of Avro")
}

// drawPartitions draws the keys of partitions. It returns what a record has for them: a field with a
// comma behind it, or nothing, its time, and its place.
func (h *history) drawPartitions(t *rapid.T) func() (field string, at int64, place string) {
	h.cfg.PartitionBy = rapid.SampledFrom([][]string{nil, {"p"}, {"p", "date(emitted_at)"}}).Draw(t, "partition_by")
	h.cfg.PartitionColumns = rapid.SampledFrom([]config.PartitionColumns{config.PartitionColumnsDrop, config.PartitionColumnsKeep}).Draw(t, "partition_columns")
	fields := [][2]string{{`"p":"DE",`, "DE"}, {`"p":"a/b",`, "a%2Fb"}, {`"p":7,`, "7"}, {`"p":null,`, "__HIVE_DEFAULT_PARTITION__"}, {"", "__HIVE_DEFAULT_PARTITION__"}}
	return func() (string, int64, string) {
		if len(h.cfg.PartitionBy) == 0 {
			return "", 1, ""
		}
		p := rapid.SampledFrom(fields).Draw(t, "p")
		at := rapid.SampledFrom([]int64{1, 1_700_000_000_000}).Draw(t, "at")
		place := "/p=" + p[1]
		if len(h.cfg.PartitionBy) > 1 {
			place += "/day=" + time.UnixMilli(at).UTC().Format(time.DateOnly)
		}
		return p[0], at, place
	}
}

// witness looks at each state that leaves, at that moment.
type witness struct {
	*history
	store *memory
	read  map[string][]int64 // the numbers of the rows of objects
	begun atomic.Int64       // the step that is being written
	last  int                // the step of the last state that left
	left  int
	err   error
}

var ofRow = regexp.MustCompile(`#(\d+)#`)

// rows returns the numbers of the rows that can be seen.
func (w *witness) rows() map[int64]int {
	seen := map[int64]int{}
	for key, o := range w.store.visible() {
		if string(o.data) == "old" {
			continue
		}
		rows, known := w.read[key]
		if !known {
			rows = w.open(key, o.data)
			w.read[key] = rows
		}
		for _, n := range rows {
			seen[n]++
		}
	}
	return seen
}

// open reads an object, and looks whether its rows belong there.
func (w *witness) open(key string, data []byte) (rows []int64) {
	text, err := plain(key, data)
	if err != nil {
		w.err = errors.Join(w.err, fmt.Errorf("%s can't be read: %w", key, err))
	}
	for _, m := range ofRow.FindAllSubmatch(text, -1) {
		n, _ := strconv.ParseInt(string(m[1]), 10, 64)
		rows = append(rows, n)
		if r := w.written[n]; path.Dir(key) != "data/"+streams[r.stream]+r.place {
			w.err = errors.Join(w.err, fmt.Errorf("row %d is in %s, and belongs to the stream %s, in %q", n, key, streams[r.stream], r.place))
		}
	}
	return rows
}

// atomic reports whether a stream's table is replaced at its end, all at once.
func (w *witness) atomic(stream int) bool {
	return w.catalog.Streams[stream].Mode == airbyte.Overwrite && w.cfg.FullRefresh == config.RefreshAtomic
}

// before is what an earlier sync has left of each stream: with partitions of whatever keys, or none.
func (h *history) before() []string {
	all := []string{"2021_01_01_1609541171643_0.csv", "2021_01_01_1609541171643_1.parquet"}
	if len(h.cfg.PartitionBy) > 0 {
		all = append(all, "p=DE/2021_01_01_1609541171643_2.parquet", "q=1/r=2/2021_01_01_1609541171643_3.csv")
	}
	return all
}

// early finds rows of tables that are replaced at their end, and which can be seen before.
func (w *witness) early(seen map[int64]int) error {
	for n := range seen {
		stream := w.written[n].stream
		end := len(w.steps)
		for i, s := range w.steps {
			if s.stream == stream && strings.Contains(s.line, "COMPLETE") {
				end = i
			}
		}
		if w.atomic(stream) && w.begun.Load() < int64(end) {
			return fmt.Errorf("row %d of a full refresh can be seen in step %d, and its end is step %d", n, w.begun.Load(), end)
		}
	}
	return nil
}

// old compares what is there of the earlier sync with what should be.
func (w *witness) old(failed bool) (err error) {
	all := w.store.visible()
	for i, stream := range streams {
		gone := 0
		for _, key := range w.before() {
			if all["data/"+stream+"/"+key] == nil {
				gone++
			}
		}
		refresh := w.catalog.Streams[i].Mode == airbyte.Overwrite
		if refresh && !failed && gone < len(w.before()) || !refresh && gone > 0 {
			err = errors.Join(err, fmt.Errorf("%d old objects of the stream %s are gone", gone, stream))
		}
	}
	return err
}

// whole finds tables that are replaced in part.
func (w *witness) whole(failed bool, seen map[int64]int) (err error) {
	if failed && w.undeleted() {
		return nil // then it can't take back, and the next sync does
	}
	var rows, there [3]int
	for n, r := range w.written {
		rows[r.stream]++
		if seen[int64(n)] > 0 {
			there[r.stream]++
		}
	}
	for i, stream := range streams {
		if w.atomic(i) && there[i] > 0 && there[i] < rows[i] {
			err = errors.Join(err, fmt.Errorf("%d rows of %d of the full refresh of %s can be seen", there[i], rows[i], stream))
		}
	}
	return err
}

// plain is the text of an object's rows.
func plain(key string, data []byte) (text []byte, err error) {
	var r io.Reader = bytes.NewReader(data)
	switch path.Ext(key) {
	case ".gz":
		r, err = gzip.NewReader(r)
	case ".zst":
		r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	case ".avro":
		return plainAvro(r)
	case ".parquet":
		return plainParquet(data)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func plainAvro(r io.Reader) (text []byte, err error) {
	object, err := ocf.NewReader(r)
	if err != nil {
		return nil, err
	}
	for {
		var row any
		if err := object.Decode(&row); err == io.EOF {
			return text, object.Close()
		} else if err != nil {
			return text, err
		}
		text = fmt.Append(text, row.(map[string]any)["n"])
	}
}

func plainParquet(data []byte) (text []byte, err error) {
	object, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	column, _ := object.Schema().Lookup("n")
	for _, group := range object.RowGroups() {
		rows := group.Rows()
		buf := make([]parquet.Row, 10)
		for err = nil; err == nil; {
			var n int
			n, err = rows.ReadRows(buf)
			for _, row := range buf[:n] {
				for _, v := range row {
					if v.Column() == column.ColumnIndex {
						text = append(text, v.ByteArray()...)
					}
				}
			}
		}
		if err == io.EOF {
			err = nil
		}
		if err = errors.Join(err, rows.Close()); err != nil {
			return text, err
		}
	}
	return text, nil
}
