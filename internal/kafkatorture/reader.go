package kafkatorture

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// deadLetters is the directory of what is no row.
const deadLetters = "_sluice_dead_letters"

// place is a record's in Kafka.
type place struct {
	topic     string
	partition int32
	offset    int64
}

// object is what a reader finds in one version of an object.
type object struct {
	rows    []row
	letters []place
}

// read reads an object as any reader would, and checks every cell. It shares no code with what
// wrote it.
func (v version) read(width int) (*object, error) {
	data, err := os.ReadFile(v.file)
	if err != nil {
		return nil, err
	}
	var o *object
	if path.Base(path.Dir(v.key)) == deadLetters {
		o, err = readLetters(data)
	} else {
		o, err = readRows(v.key, data, width)
	}
	if err != nil {
		return nil, fmt.Errorf("the object %s is not whole: %w", v.key, err)
	}
	return o, nil
}

func readLetters(data []byte) (*object, error) {
	o := &object{}
	for line := range bytes.Lines(data) {
		var letter struct {
			Topic     string  `json:"topic"`
			Partition *int32  `json:"partition"`
			Offset    *int64  `json:"offset"`
			Timestamp int64   `json:"timestamp"`
			Reason    string  `json:"reason"`
			Value     *string `json:"value"`
			Base64    *[]byte `json:"value_base64"`
		}
		if err := json.Unmarshal(line, &letter); err != nil {
			return nil, fmt.Errorf("the line %.200q: %w", line, err)
		}
		if letter.Partition == nil || letter.Offset == nil || letter.Reason == "" || letter.Timestamp == 0 {
			return nil, fmt.Errorf("the line %.200q lacks something", line)
		}
		o.letters = append(o.letters, place{letter.Topic, *letter.Partition, *letter.Offset})
	}
	return o, nil
}

func readRows(key string, data []byte, width int) (*object, error) {
	if strings.HasSuffix(key, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if data, err = io.ReadAll(z); err != nil {
			return nil, err
		}
	}
	in := path.Dir(strings.TrimPrefix(key, dir+"/"))
	stream := slices.IndexFunc(streams, func(s stream) bool {
		return in == path.Join(s.namespace, s.name) || strings.HasSuffix(in, "/"+path.Join(s.namespace, s.name))
	})
	if stream < 0 {
		return nil, errors.New("it is of no stream of ours")
	}
	r := csv.NewReader(bytes.NewReader(data))
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	columns := [3]int{}
	for i, name := range []string{"front", "seq", "text"} {
		if columns[i] = slices.Index(header, name); columns[i] < 0 {
			return nil, fmt.Errorf("its header is %q", header)
		}
	}
	o := &object{}
	for {
		cells, err := r.Read() // which demands as many cells as the header has
		if errors.Is(err, io.EOF) {
			return o, nil
		}
		if err != nil {
			return nil, err
		}
		one, err := parseRow(stream, cells[columns[0]], cells[columns[1]])
		if err == nil && cells[columns[2]] != one.text(width) {
			err = errors.New("its text is not as it was sent")
		}
		if err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		o.rows = append(o.rows, one)
	}
}

func parseRow(stream int, name, seq string) (row, error) {
	number, found := strings.CutPrefix(name, front(0)[:len("front-")])
	f, err := strconv.Atoi(number)
	n, seqErr := strconv.Atoi(seq)
	if !found || err != nil || seqErr != nil {
		return row{}, fmt.Errorf("no source has sent the row %q %q", name, seq)
	}
	return row{stream, f, n}, nil
}
