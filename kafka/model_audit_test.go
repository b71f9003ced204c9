package kafka

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// audit compares objects and log.
func (m *model) audit() {
	m.mu.Lock()
	offset, text := m.offset, m.text
	m.mu.Unlock()
	i, err := parseIntent(text)
	if err != nil {
		panic(err)
	}
	got := m.offsets()
	for _, r := range m.log {
		n := got[r.Offset]
		delete(got, r.Offset)
		switch {
		case len(r.Headers) > 0:
			if n != 0 {
				m.bad("offset %d is no row, and there", r.Offset)
			}
		case r.Offset < offset && n != 1, n > 1:
			m.bad("offset %d is there %d times; committed is %d %s", r.Offset, n, offset, text)
		case r.Offset >= offset && n > 0 && (!i.prepared || r.Offset > i.end):
			m.bad("offset %d is there; committed is %d %s", r.Offset, offset, text)
		}
	}
	if len(got) > 0 {
		m.bad("not of the log: %v", got)
	}
}

// offsets are those of the rows and dead letters that can be seen, with their number.
func (m *model) offsets() map[int64]int {
	all := map[int64]int{}
	for info, err := range m.store.Walk(context.Background(), "", "") {
		if err != nil {
			panic(err)
		}
		body, err := m.store.Get(context.Background(), info.Key)
		if err != nil {
			panic(err)
		}
		data, err := io.ReadAll(body)
		if err = errors.Join(err, body.Close()); err != nil {
			panic(err)
		}
		for _, offset := range m.read(info.Key, data) {
			all[offset]++
		}
	}
	return all
}

func (m *model) read(key string, data []byte) []int64 {
	var all []int64
	if strings.HasSuffix(key, ".jsonl") {
		for line := range bytes.Lines(data) {
			var l struct{ Offset int64 }
			if err := json.Unmarshal(line, &l); err != nil {
				m.bad("%s: %v", key, err)
			}
			all = append(all, l.Offset)
		}
		return all
	}
	lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		panic(err)
	}
	at := slices.Index(lines[0], "offset")
	for _, line := range lines[1:] {
		var offset int64
		if _, err := fmt.Sscan(line[at], &offset); err != nil {
			m.bad("%s: %v", key, err)
		}
		all = append(all, offset)
	}
	return all
}
