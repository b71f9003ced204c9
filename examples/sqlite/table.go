package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table is one of the database.
type table struct {
	name    string
	columns []column
}

type column struct {
	name string
	kind string // as it was declared, such as DECIMAL(10,2)
	key  []byte // the beginning of a member: "name":
}

// readTables describes the tables of these names; of none: all.
func readTables(ctx context.Context, tx *sql.Tx, names []string) ([]*table, error) {
	if len(names) == 0 {
		rows, err := tx.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return nil, err
			}
			names = append(names, name)
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, errors.New("it has no tables")
		}
	}
	var tables []*table
	for _, name := range names {
		t, err := readTable(ctx, tx, name)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func readTable(ctx context.Context, tx *sql.Tx, name string) (*table, error) {
	rows, err := tx.QueryContext(ctx, `SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid`, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	t := &table{name: name}
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.kind); err != nil {
			return nil, err
		}
		key, err := json.Marshal(c.name)
		if err != nil {
			return nil, err
		}
		c.key = append(key, ':')
		t.columns = append(t.columns, c)
	}
	if len(t.columns) == 0 && rows.Err() == nil {
		return nil, errors.New("there is none")
	}
	return t, rows.Err()
}

// schema is a JSON schema with the columns in their order.
func (t *table) schema() []byte {
	schema := []byte(`{"type":"object","properties":{`)
	for i, c := range t.columns {
		if i > 0 {
			schema = append(schema, ',')
		}
		schema = fmt.Appendf(append(schema, c.key...), `{"type":["null",%s}`, c.kindInJSON())
	}
	return append(schema, `}}`...)
}

// kindInJSON follows the rules by which SQLite gives a column its affinity. A value may still be of
// another kind: SQLite lets it, and so does a CSV.
func (c *column) kindInJSON() string {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(strings.ToUpper(c.kind), p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		return `"integer"]`
	case has("CHAR", "CLOB", "TEXT", "DATE", "TIME"):
		return `"string"]`
	case has("BLOB") || c.kind == "":
		return `"string"],"contentEncoding":"base64"`
	}
	return `"number"]`
}

// read calls f with each row as a JSON object, which is only valid until f returns. With a cursor
// these are the rows above after, if that is not nil, in their order, and at is the row's.
func (t *table) read(ctx context.Context, tx *sql.Tx, cursor string, after any, f func(record []byte, at any) error) error {
	where, args, err := t.condition(ctx, tx, cursor, after)
	if err != nil {
		return err
	}
	list := make([]string, len(t.columns))
	at := -1
	for i, c := range t.columns {
		// The sign keeps the driver from making a time of a DATE, or a bool: values come as they are stored.
		list[i] = "+" + quote(c.name)
		if c.name == cursor {
			at = i
		}
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+quote(t.name)+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	values, targets := make([]any, len(list)), make([]any, len(list))
	for i := range values {
		targets[i] = &values[i]
	}
	var record []byte
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if record, err = t.appendRecord(record[:0], values); err != nil {
			return err
		}
		var position any
		if at >= 0 {
			position = values[at]
		}
		if err := f(record, position); err != nil {
			return err
		}
	}
	return rows.Err()
}

// condition is the end of a query for the rows above a cursor.
func (t *table) condition(ctx context.Context, tx *sql.Tx, cursor string, after any) (where string, args []any, err error) {
	if cursor == "" {
		return "", nil, nil
	}
	// SQLite would take a name that it does not know for a text.
	if !slices.ContainsFunc(t.columns, func(c column) bool { return c.name == cursor }) {
		return "", nil, fmt.Errorf("it has no column %s", cursor)
	}
	// Two texts that are equal to a collation of the column are not to us.
	c := quote(cursor) + " COLLATE BINARY"
	// A row without a cursor would never be copied; one with a BLOB is above everything.
	var bad bool
	query := fmt.Sprintf("SELECT EXISTS (SELECT 1 FROM %s WHERE %s IS NULL OR typeof(%s) = 'blob')", quote(t.name), c, c)
	if err := tx.QueryRowContext(ctx, query).Scan(&bad); err != nil {
		return "", nil, err
	}
	if bad {
		return "", nil, fmt.Errorf("%s is no cursor: it is NULL, or a BLOB, in some rows", cursor)
	}
	if after == nil {
		return " ORDER BY " + c, nil, nil
	}
	return " WHERE " + c + " > ? ORDER BY " + c, []any{after}, nil
}

func (t *table) appendRecord(b []byte, values []any) ([]byte, error) {
	b = append(b, '{')
	for i := range t.columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, t.columns[i].key...)
		var err error
		if b, err = appendValue(b, values[i]); err != nil {
			return nil, fmt.Errorf("column %s: %w", t.columns[i].name, err)
		}
	}
	return append(b, '}'), nil
}

// appendValue writes a value of one of SQLite's five kinds.
func appendValue(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(b, "null"...), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		if math.IsInf(v, 0) { // JSON has no number for it
			return fmt.Appendf(b, `"%v"`, v), nil
		}
		return strconv.AppendFloat(b, v, 'g', -1, 64), nil // the shortest that is read as the same number
	case string:
		if !utf8.ValidString(v) {
			return nil, errors.New("a text is not UTF-8: copy a view that has CAST(... AS BLOB) in its place")
		}
		text := bytes.NewBuffer(b)
		enc := json.NewEncoder(text)
		enc.SetEscapeHTML(false)
		err := enc.Encode(v)
		return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
	case []byte:
		b = base64.StdEncoding.AppendEncode(append(b, '"'), v)
		return append(b, '"'), nil
	}
	return nil, fmt.Errorf("the driver gave a %T", value)
}

// same reports whether SQLite may take two cursors for equal: of 1 and 1.0 that is so.
func same(a, b any) bool {
	if n, ok := a.(int64); ok {
		a = float64(n)
	}
	if n, ok := b.(int64); ok {
		b = float64(n)
	}
	return a == b
}

// quote makes a name that may be anything a part of a query.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
