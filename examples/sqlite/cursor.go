package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// cursors are how far each table has been copied.
type cursors map[string]cursor

type cursor struct {
	Column string `json:"column"`
	Value  any    `json:"value"` // int64, float64 or string
}

// readCursors reads a file, which need not be there yet.
func readCursors(file string) (cursors, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return cursors{}, nil
	}
	if err != nil {
		return nil, err
	}
	all := cursors{}
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber() // an id may have more digits than a float64
	if err := in.Decode(&all); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// get is the cursor of a table; nil: from its beginning.
func (all cursors) get(table, column string) (any, error) {
	c, found := all[table]
	if !found {
		return nil, nil
	}
	if c.Column != column {
		return nil, fmt.Errorf("the cursor that is stored is one of the column %s, not %s", c.Column, column)
	}
	switch v := c.Value.(type) {
	case string:
		return v, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64()
	}
	return nil, fmt.Errorf("the cursor that is stored is %v: neither a number nor a text", c.Value)
}

// write replaces the file in one step, so that a crash leaves the old one or the new one.
func (all cursors) write(file string) error {
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // after the renaming there is none
	_, err = next.Write(append(raw, '\n'))
	if err = errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), file)
}
