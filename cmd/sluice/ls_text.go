package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"

	"github.com/sluice-data/sluice/internal/inventory"
)

// lsText shows a bucket to people.
type lsText struct {
	*printer
	flags   lsFlags
	started bool
}

// object prints one line, at once: a table that fits all of them would have to wait for the last.
func (t *lsText) object(o inventory.Object) error {
	more := func(cells ...string) string {
		if !t.flags.metadata {
			return ""
		}
		return fmt.Sprintf("%12s  %10s  %10s  ", cells[0], cells[1], cells[2])
	}
	if !t.started {
		t.started = true
		t.line("%-20s  %10s  %s%s", "UPLOADED", "SIZE", more("ROWS", "GENERATION", "SYNC ID"), "OBJECT")
	}
	t.line("%s  %10s  %s%s", timeText(o.Modified), size(o.Size), more(orUnknown(o.Rows), orNone(o.Generation), orNone(o.SyncID)), plain(o.Key))
	return t.err
}

func orUnknown(n *int64) string {
	if n == nil {
		return "unknown"
	}
	return comma(*n)
}

func orNone(n *int64) string {
	if n == nil {
		return "none"
	}
	return fmt.Sprint(*n)
}

func (t *lsText) end(f found) error {
	if t.started {
		t.line("")
	}
	rows := f.rows()
	if len(rows) == 0 {
		t.nothing(f)
	} else {
		t.streams(f, rows)
	}
	t.foreign(f)
	t.uploads(f)
	return t.err
}

func (t *lsText) nothing(f found) {
	if f.flags.stream != "" {
		t.line("%s has no stream %s. Without --stream all are shown.", f.at, f.flags.stream)
		return
	}
	t.line("%s has no objects of a sync.", f.at)
}

func (t *lsText) streams(f found, rows []row) {
	head := []string{"STREAM", "OBJECTS", "SIZE"}
	if f.flags.metadata {
		head = append(head, "ROWS", "GENERATIONS", "SYNC IDS")
	}
	table := [][]string{append(head, "OLDEST", "NEWEST", "UNFINISHED")}
	for _, r := range rows {
		cells := []string{plain(r.Dir), comma(r.Objects), size(r.Bytes)}
		if f.flags.metadata {
			cells = append(cells, rowsText(r.Rows, r.Objects), numbersText(r.Generations), numbersText(r.SyncIDs))
		}
		unfinished := comma(int64(r.unfinished))
		if f.partly {
			unfinished = cmp.Or(map[bool]string{true: "unknown"}[r.unfinished == 0], "at least "+unfinished)
		}
		table = append(table, append(cells, timeText(r.Oldest), timeText(r.Newest), unfinished))
	}
	t.table(table)
	objects, bytes := f.sums()
	t.line("")
	t.line("%s: %s, %s, %s", f.at, count(int64(len(rows)), "stream"), count(objects, "object"), size(bytes))
}

// stateText says what becomes of an upload.
var stateText = map[inventory.State]string{
	inventory.InUse:   "a sync may be using it",
	inventory.Stale:   "stale: sluice gc aborts it",
	inventory.Proof:   "of a full refresh that was shown in part: the next sync of the stream puts that right",
	inventory.Unclear: "could not be looked at",
}

func (t *lsText) uploads(f found) {
	if len(f.uploads.Ours) == 0 {
		return
	}
	table := [][]string{{"UNFINISHED UPLOAD", "BEGAN", "LAST SEEN", "SIZE", "STATE"}}
	for _, up := range f.uploads.Ours {
		table = append(table, []string{plain(up.Key), timeText(up.Started), seen(up, f.now), heldText(up), stateText[up.State]})
	}
	t.line("")
	t.table(table)
}

// foreign is the one line about what is not ours.
func (t *lsText) foreign(f found) {
	var parts []string
	if n := f.objects.Foreign; n.Objects > 0 {
		parts = append(parts, fmt.Sprintf("%s (%s)", count(n.Objects, "other object"), size(n.Bytes)))
	}
	if n := f.uploads.Foreign; n > 0 {
		parts = append(parts, count(n, "other unfinished upload"))
	}
	if len(parts) > 0 {
		t.line("%s", strings.Join(parts, ", "))
	}
}

// table prints aligned columns.
func (p *printer) table(rows [][]string) {
	if p.err != nil {
		return
	}
	w := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', tabwriter.TabIndent)
	lines := &printer{w: w}
	for _, cells := range rows {
		lines.line("%s", strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	p.err = cmp.Or(lines.err, w.Flush())
}

// plain is a name as it is, unless it would do something to a terminal: directories may have any
// name.
func plain(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("%q", name)
	}
	return name
}

func comma(n int64) string { return humanize.Comma(n) }

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// count is a large number with its noun.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return comma(n) + " " + noun + "s"
}

func timeText(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}

// seen is how long ago the sync of an upload was seen alive.
func seen(up inventory.Upload, now time.Time) string {
	if up.Alive.IsZero() {
		return "unknown"
	}
	return ago(now.Sub(up.Alive)) + " ago"
}

// ago is a duration in its two largest units. A store's clock may be in front of ours.
func ago(d time.Duration) string {
	d = max(d, 0)
	days, hours, minutes := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd %dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh %dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm", minutes)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func heldText(up inventory.Upload) string {
	if up.Size < 0 {
		return "-"
	}
	return size(up.Size)
}

func sortBy[T any](all []T, key func(T) string) {
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
}
