package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/internal/inventory"
)

const lsHelp = `Shows what is below the bucket path of a config: the streams with their objects, and the uploads that were
begun and not finished. Only what has the name of an object of a sync counts; the rest is one line.

The listing takes one request for each 1,000 objects, and little memory, however many they are. How many rows
an object has, its generation and its sync id are in its metadata, which take one more request an object, 16 at
a time: --metadata asks for them. Rows are only known of objects that were made by one request, not in parts.

A stream is named as its directory is: "namespace/stream", or "stream" where it has no namespace.

--json prints a JSON object a line; docs/COMMANDS.md has their fields.`

// lsFlags are what was asked for.
type lsFlags struct {
	config, stream          string
	objects, metadata, json bool
}

func (a *app) ls() *cobra.Command {
	var f lsFlags
	cmd := &cobra.Command{
		Use:   "ls --config FILE",
		Short: "Show what is in the bucket: streams, objects, unfinished uploads",
		Long:  lsHelp,
		Example: `  sluice ls --config config.json
  sluice ls --config config.json --stream public/users --objects --metadata
  sluice ls --config config.json --json | jq 'select(.type == "stream") | .bytes'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := a.open(cmd.Context(), f.config)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(a.out)
			if err := a.list(cmd.Context(), b, f, &printer{w: out}); err != nil {
				_ = out.Flush() // the first error is the cause
				return err
			}
			return out.Flush()
		},
	}
	configFlag(cmd, &f.config)
	cmd.Flags().StringVar(&f.stream, "stream", "", "only this stream: [namespace/]name, as it is listed. With its namespace only its directory is read")
	cmd.Flags().BoolVar(&f.objects, "objects", false, "each object too")
	cmd.Flags().BoolVar(&f.metadata, "metadata", false, "rows, generations and sync ids: one request an object")
	cmd.Flags().BoolVar(&f.json, "json", false, "a JSON object a line, for scripts")
	return cmd
}

// report shows what was found.
type report interface {
	object(inventory.Object) error
	end(found) error
}

// found is all that a look at a bucket has found, but for single objects.
type found struct {
	at      *inventory.Bucket
	flags   lsFlags
	now     time.Time
	objects *inventory.Objects
	uploads *inventory.Uploads // those that are known
	partly  bool               // there may be more of them
}

func (a *app) list(ctx context.Context, b *inventory.Bucket, f lsFlags, p *printer) error {
	var r report = &lsText{printer: p, flags: f}
	if f.json {
		r = &lsJSON{printer: p, flags: f, at: b}
	}
	opts := inventory.Options{Template: b.Template, Stream: f.stream, Metadata: f.metadata}
	if f.objects {
		opts.Each = r.object
	}
	objects, err := inventory.List(ctx, b, opts)
	if err != nil {
		return err
	}
	all := found{at: b, flags: f, now: time.Now(), objects: objects}
	all.uploads, err = inventory.Unfinished(ctx, b, opts, all.now, inventory.StaleAfter)
	if err != nil {
		if all.uploads == nil || ctx.Err() != nil || sluice.Classify(err) == sluice.ClassOutage {
			return err
		}
		// Who may not see them, or can't, still wants to see the rest.
		a.log.Warn(err.Error())
		all.partly = true
	}
	return r.end(all)
}

// row is one stream, of which there may be unfinished uploads only.
type row struct {
	inventory.Stream
	unfinished int
}

// rows are the streams in the order of their directories.
func (f *found) rows() []row {
	unfinished := map[string]int{}
	for _, up := range f.uploads.Ours {
		unfinished[up.Dir]++
	}
	var rows []row
	for _, s := range f.objects.Streams {
		rows = append(rows, row{s, unfinished[s.Dir]})
		delete(unfinished, s.Dir)
	}
	for dir, n := range unfinished {
		rows = append(rows, row{inventory.Stream{Dir: dir}, n})
	}
	sortBy(rows, func(r row) string { return r.Dir })
	return rows
}

// sums are the numbers of objects and bytes of all streams.
func (f *found) sums() (objects, bytes int64) {
	for _, s := range f.objects.Streams {
		objects += s.Objects
		bytes += s.Bytes
	}
	return objects, bytes
}

// rowsText is a number of rows of which a part may be unknown.
func rowsText(r inventory.Rows, objects int64) string {
	switch {
	case objects == 0:
		return "0"
	case r.Known == 0:
		return "unknown"
	case r.Known < objects:
		return "at least " + comma(r.Sum)
	}
	return comma(r.Sum)
}

// numbersText is a few of the numbers, or their range.
func numbersText(n inventory.Numbers) string {
	const few = 4
	text := ""
	for i, v := range n.Values {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(v)
	}
	if last := len(n.Values) - 1; last >= few {
		text = fmt.Sprintf("%d to %d (%d)", n.Values[0], n.Values[last], last+1)
		if n.More {
			text = fmt.Sprintf("more than %d", last+1)
		}
	}
	if n.Without > 0 && text != "" {
		text += ", none"
	}
	return cmp.Or(text, "none")
}
