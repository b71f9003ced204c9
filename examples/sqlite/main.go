// Sqlite copies tables of a SQLite database into a bucket.
//
//	sqlite -config config.json -db shop.db -replace
//	sqlite -config config.json -db shop.db -table orders -since id -state orders.json
//
// main.go is the copying, table.go turns rows into JSON, cursor.go remembers how far an append came.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	_ "modernc.org/sqlite"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(ctx, log, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Error(err.Error())
		os.Exit(1)
	}
}

// job is what the command line asks for.
type job struct {
	database string
	tables   []string // none: all
	replace  bool
	since    string // the cursor's column
	state    string // the file with the cursors
	every    int64  // rows from one checkpoint to the next
	log      *slog.Logger
}

func run(ctx context.Context, log *slog.Logger, args []string) error {
	j := job{log: log}
	flags := flag.NewFlagSet("sqlite", flag.ContinueOnError)
	file := flags.String("config", "config.json", "Sluice's `file` of settings")
	flags.StringVar(&j.database, "db", "", "`file` of the database")
	flags.Func("table", "`name` of a table or view, may be repeated; default: all tables", func(name string) error {
		j.tables = append(j.tables, name)
		return nil
	})
	flags.BoolVar(&j.replace, "replace", false, "replace the tables in the bucket")
	flags.StringVar(&j.since, "since", "", "append the rows whose `column` is above that of the run before")
	flags.StringVar(&j.state, "state", "state.json", "`file` that remembers how far -since has come")
	flags.Int64Var(&j.every, "checkpoint-rows", 1_000_000, "rows after which -since remembers how far it is; each time makes an object")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if j.database == "" || j.replace == (j.since != "") {
		return errors.New("name a database with -db, and say either -replace or -since")
	}
	raw, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	cfg, warnings, err := config.Parse(raw)
	for _, w := range warnings {
		log.Warn(w, "file", *file)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", *file, err)
	}
	return j.run(ctx, cfg)
}

// run copies the tables as they are at one moment: all reading is one transaction.
func (j *job) run(ctx context.Context, cfg *config.Config) error {
	db, err := sql.Open("sqlite", address(j.database, "mode=ro"))
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("opening %s: %w", j.database, err)
	}
	defer func() { _ = tx.Rollback() }() // it has only read

	tables, err := readTables(ctx, tx, j.tables)
	if err != nil {
		return fmt.Errorf("%s: %w", j.database, err)
	}
	var open []sluice.Table
	for _, t := range tables {
		open = append(open, sluice.Table{Name: t.name, Schema: t.schema(), Replace: j.replace})
	}
	w, err := sluice.NewWriter(ctx, cfg, open, sluice.Options{Log: j.log})
	if err != nil {
		return err
	}
	defer w.Abort() // after an error: a table that is replaced stays as it was
	for _, t := range tables {
		if j.replace {
			err = replaceTable(ctx, tx, w, t)
		} else {
			err = j.appendTable(ctx, tx, w, t)
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	summary, err := w.Close(ctx) // replaces the tables
	if err != nil {
		return err
	}
	j.log.Info(summary.String())
	return nil
}

// address is the URL of a file, whose name may have any character.
func address(file, query string) string {
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(file), RawQuery: query}
	return u.String()
}

func replaceTable(ctx context.Context, tx *sql.Tx, w *sluice.Writer, t *table) error {
	to, err := w.Table("", t.name)
	if err != nil {
		return err
	}
	return t.read(ctx, tx, "", nil, func(record []byte, _ any) error {
		return to.WriteJSON(ctx, record)
	})
}

// appendTable copies the rows above the cursor, in its order. The cursor that is stored is never
// ahead of the bucket: what a crash leaves out comes with the next run.
func (j *job) appendTable(ctx context.Context, tx *sql.Tx, w *sluice.Writer, t *table) error {
	to, err := w.Table("", t.name)
	if err != nil {
		return err
	}
	all, err := readCursors(j.state)
	if err != nil {
		return err
	}
	after, err := all.get(t.name, j.since)
	if err != nil {
		return err
	}
	save := func(at any) error {
		if _, err := w.Checkpoint(ctx); err != nil {
			return err
		}
		all[t.name] = cursor{Column: j.since, Value: at}
		return all.write(j.state)
	}
	var rows int64 // since the last checkpoint
	last := after  // the cursor of the row before
	err = t.read(ctx, tx, j.since, after, func(record []byte, at any) error {
		// Rows of one value are not torn apart: the next run would not see the rest.
		if rows >= j.every && !same(at, last) {
			if err := save(last); err != nil {
				return err
			}
			rows = 0
		}
		rows, last = rows+1, at
		return to.WriteJSON(ctx, record)
	})
	if err != nil || rows == 0 {
		return err
	}
	return save(last)
}
