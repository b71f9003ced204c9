package peers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Input is one set of records, in a file for each form that somebody reads.
type Input struct {
	Bytes   int64 // of the messages
	Records int64
	Files   map[Form]string
	sums    *sums // of its columns, once somebody has asked
}

// recordsOnly returns the RECORD messages of a block of messages. Of other messages most
// tools would make rows, and a filter would cost them time.
func recordsOnly(block []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(block) {
		if bytes.HasPrefix(line, []byte(`{"type":"RECORD"`)) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// writeMessages writes the lines of the block again and again, until there are about size
// bytes: at most that, and at least one line.
func writeMessages(path string, block []byte, size int64) (*Input, error) {
	in := &Input{Files: map[Form]string{Messages: path}}
	return in, writeFile(path, func(out io.Writer) error {
		for left := size; left > 0; left = size - in.Bytes {
			part := block
			if left < int64(len(block)) {
				part = block[:bytes.LastIndexByte(block[:left], '\n')+1]
			}
			if len(part) == 0 && in.Bytes == 0 {
				part = block[:bytes.IndexByte(block, '\n')+1]
			}
			if len(part) == 0 {
				return nil // less than a line is missing
			}
			if _, err := out.Write(part); err != nil {
				return err
			}
			in.Bytes += int64(len(part))
			in.Records += int64(bytes.Count(part, []byte{'\n'}))
		}
		return nil
	})
}

// writeSinger writes the records of a file of messages as Singer messages. They have no
// emitted_at: the target that reads them would not write it anyway.
func writeSinger(path, messages string, catalog []byte) error {
	var c struct {
		Streams []struct {
			Stream struct {
				Name   string          `json:"name"`
				Schema json.RawMessage `json:"json_schema"`
			} `json:"stream"`
		} `json:"streams"`
	}
	if err := json.Unmarshal(catalog, &c); err != nil || len(c.Streams) != 1 {
		return fmt.Errorf("the catalog must be of one stream: %w", err)
	}
	stream := c.Streams[0].Stream
	in, err := os.Open(messages)
	if err != nil {
		return err
	}
	defer in.Close() // only read
	return writeFile(path, func(out io.Writer) error {
		_, _ = fmt.Fprintf(out, `{"type":"SCHEMA","stream":%q,"schema":`, stream.Name) // out keeps its first error
		var schema bytes.Buffer
		if err := json.Compact(&schema, stream.Schema); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, `%s,"key_properties":[]}`+"\n", &schema)
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var m struct {
				Record struct {
					Data json.RawMessage `json:"data"`
				} `json:"record"`
			}
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(out, `{"type":"RECORD","stream":%q,"record":%s}`+"\n", stream.Name, m.Record.Data); err != nil {
				return err
			}
		}
		return lines.Err()
	})
}

// writeFile makes a file through a buffer. Of the writes, the last error is enough: a
// bufio.Writer keeps the first one.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(write(buffered), buffered.Flush(), f.Close())
}

// warm reads a file once, so that nobody is the first to read it from a disk.
func warm(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, f, make([]byte, 1<<20))
	return err
}

// written is what a run left in a directory: the files in it and their line ends. What
// begins with a dot belongs to a store, not to the output.
type written struct {
	files []string
	bytes int64
	lines int64
}

func collect(dir string) (w written, err error) {
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != dir && d.Name()[0] == '.' {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		w.files = append(w.files, path)
		return w.count(path)
	})
	return w, err
}

func (w *written) count(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	block := make([]byte, 1<<20)
	for {
		n, err := f.Read(block)
		w.bytes += int64(n)
		w.lines += int64(bytes.Count(block[:n], []byte{'\n'}))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
