package demo

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/format/avro"
	"github.com/sluice-data/sluice/format/parquet"
	"github.com/sluice-data/sluice/sink"
)

// object is an object of the bucket, as it was read back.
type object struct {
	name string // below the path of the config
	size int64
	data []byte // decompressed
	rows int
	head int // lines in front of the first row

	binary bool // data has no lines
}

// readable is a store that can read.
type readable interface {
	sink.Store
	Get(ctx context.Context, key string) (io.ReadCloser, error)
}

// contents are the objects of each stream.
type contents map[airbyte.StreamID][]object

// readBack gets all objects of the demo.
func (at *place) readBack(ctx context.Context) (contents, error) {
	opened, err := sluice.OpenStore(ctx, at.cfg)
	if err != nil {
		return nil, err
	}
	store, ok := opened.(readable)
	if !ok {
		return nil, errors.New("this store can't be read")
	}
	found := contents{}
	for _, s := range at.recording.streams {
		if found[s.id], err = at.readStream(ctx, store, s.id); err != nil {
			return nil, fmt.Errorf("reading stream %s back: %w", s.id, err)
		}
	}
	return found, nil
}

func (at *place) readStream(ctx context.Context, store readable, id airbyte.StreamID) ([]object, error) {
	template, err := at.cfg.Template()
	if err != nil {
		return nil, err
	}
	names, err := template.Stream(id.Namespace, id.Name)
	if err != nil {
		return nil, err
	}
	var objects []object
	for info, err := range store.Walk(ctx, names.Prefix(), "") {
		if err != nil {
			return nil, err
		}
		if _, own := names.Match(info.Key); !own {
			continue
		}
		o := object{name: strings.TrimPrefix(info.Key, at.cfg.Path+"/"), size: info.Size}
		raw, err := get(ctx, store, info.Key)
		if err != nil {
			return nil, err
		}
		if o.data, err = decompress(raw, at.cfg.Format.Compression().Type); err == nil {
			err = o.count(&at.cfg.Format)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", info.Key, err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func get(ctx context.Context, store readable, key string) ([]byte, error) {
	body, err := store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	_ = body.Close() // everything is read: there is nothing left to lose
	return data, err
}

func decompress(data []byte, by config.CompressionType) ([]byte, error) {
	switch by {
	case config.CompressionGZIP:
		zr, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(zr)
	case config.CompressionZSTD:
		zr, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer zr.Close()
		return zr.DecodeAll(data, nil)
	}
	return data, nil
}

// count counts the rows of a file as any reader of its format would.
func (o *object) count(format *config.Format) error {
	of := map[config.FormatType]func([]byte) (int64, error){config.FormatAvro: avro.CountRows, config.FormatParquet: parquet.CountRows}
	if counted := of[format.Type]; counted != nil {
		rows, err := counted(o.data)
		o.rows, o.binary = int(rows), true
		return err
	}
	if format.Type == config.FormatJSONL {
		return o.countLines()
	}
	return o.countCSV(format.CSV)
}

// countCSV wants each row to have the columns that the first has.
func (o *object) countCSV(format config.CSV) error {
	r := csv.NewReader(bytes.NewReader(o.data))
	r.Comma = rune(format.Delimiter[0]) // one ASCII character
	rows, err := r.ReadAll()
	if err != nil {
		return err
	}
	if format.Header && len(rows) > 0 {
		o.head = 1
	}
	o.rows = len(rows) - o.head
	return nil
}

// countLines wants each line to be an object.
func (o *object) countLines() error {
	for line := range bytes.Lines(o.data) {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(line, &members); err != nil {
			return fmt.Errorf("line %d: %w", o.rows+1, err)
		}
		o.rows++
	}
	return nil
}
