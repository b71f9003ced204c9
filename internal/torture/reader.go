package torture

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// object is a visible object, as a reader of the bucket finds it.
type object struct {
	key  string
	etag string
	rows []row
	ids  []string // of the rows
}

// read reads an object of a stream as any reader of its format would, and checks every cell. It
// shares no code with what wrote the object.
func (o *object) read(s *Stream, data []byte) error {
	if strings.HasSuffix(o.key, ".gz") {
		var err error
		if data, err = gunzip(data); err != nil {
			return err
		}
	}
	read, end := o.readCSV, "\r\n"
	if strings.Contains(o.key, ".jsonl") {
		read, end = o.readJSONL, "\n"
	}
	if !bytes.HasSuffix(data, []byte(end)) {
		return fmt.Errorf("it ends with %q, and not with the end of a line", data[max(len(data)-20, 0):])
	}
	if err := read(s, data); err != nil {
		return err
	}
	if len(o.rows) == 0 {
		return errors.New("it has no rows")
	}
	return nil
}

func (o *object) readCSV(s *Stream, data []byte) error {
	r := csv.NewReader(bytes.NewReader(data))
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("its header: %w", err)
	}
	if !slices.Equal(header, columns) {
		return fmt.Errorf("its header is %q", header)
	}
	for {
		cells, err := r.Read() // which demands as many cells as the header has
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := o.add(s, cells); err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (o *object) readJSONL(s *Stream, data []byte) error {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		var r struct {
			ID     string      `json:"_airbyte_ab_id"`
			At     json.Number `json:"_airbyte_emitted_at"`
			Era    string      `json:"era"`
			Number json.Number `json:"number"`
			Text   string      `json:"text"`
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		err := d.Decode(&r)
		if err == nil {
			err = o.add(s, []string{r.ID, r.At.String(), r.Era, r.Number.String(), r.Text})
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return nil
}

func (o *object) add(s *Stream, cells []string) error {
	number, err := strconv.Atoi(cells[3])
	r := row{era(cells[2]), number}
	if err != nil || r.era != oldEra && r.era != newEra || number < 0 || number >= s.rows(r.era) {
		return fmt.Errorf("no source has sent the row %q %q", cells[2], cells[3])
	}
	if cells[1] != emittedAt || cells[4] != r.text(s.Name, s.Width) {
		return fmt.Errorf("the %s row %d is not as it was sent", r.era, r.number)
	}
	if _, rest, inPlace := strings.Cut(o.key, "/"+placeField+"="); inPlace && path.Dir(rest) != r.place()[1] {
		return fmt.Errorf("the %s row %d belongs to the partition %s", r.era, r.number, r.place()[1])
	}
	o.rows = append(o.rows, r)
	o.ids = append(o.ids, cells[0])
	return nil
}

// gunzip demands one whole member, and nothing behind it: there are readers that stop there.
func gunzip(data []byte) ([]byte, error) {
	rest := bytes.NewReader(data)
	z, err := gzip.NewReader(rest)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	text, err := io.ReadAll(z) // which checks length and checksum
	if err != nil {
		return nil, err
	}
	if rest.Len() > 0 {
		return nil, fmt.Errorf("%d bytes stand behind the end of the gzip member", rest.Len())
	}
	return text, nil
}

// table is what all objects of a stream hold together.
type table struct {
	objects []*object
	old     []int // copies of each row, by its number
	new     []int
}

// collect puts a table together. A row's id must be its own.
func collect(s *Stream, objects []*object) (*table, error) {
	t := &table{objects: objects, old: make([]int, s.Old), new: make([]int, s.New)}
	ids := map[string]string{}
	for _, o := range objects {
		for i, r := range o.rows {
			if other, twice := ids[o.ids[i]]; twice {
				return nil, fmt.Errorf("two rows have the id %s, in %s and %s", o.ids[i], other, o.key)
			}
			ids[o.ids[i]] = o.key
			if r.era == oldEra {
				t.old[r.number]++
			} else {
				t.new[r.number]++
			}
		}
	}
	return t, nil
}

// where lists the objects that hold a row.
func (t *table) where(r row) []string {
	var keys []string
	for _, o := range t.objects {
		if slices.Contains(o.rows, r) {
			keys = append(keys, o.key)
		}
	}
	return keys
}
