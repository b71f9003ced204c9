package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice/internal/inventory"
)

const gcHelp = `Aborts uploads that dead syncs have left unfinished below the bucket path of a config, in all its streams. They
can't be seen in the bucket and cost storage. A sync does the same at its start, for its own streams; this is for
connections that are never run again.

Without --yes nothing is aborted: the uploads are listed. Only uploads with the name of an object of a sync are
touched, and of those not

  - what a running sync may own: every upload of a sync of which anything (an upload, a part, an object) is
    younger than --older-than;
  - the one that tells the next sync that a full refresh was shown only in part. That sync puts it right.

WARNING: with --older-than below 24h the uploads of a sync that is running, and only waits for its source, may be
aborted. That sync fails, and has to be run again. Make sure that none runs below the path, of any connection.`

// gcFlags are what was asked for.
type gcFlags struct {
	config string
	age    time.Duration
	yes    bool
}

func (a *app) gc() *cobra.Command {
	var f gcFlags
	cmd := &cobra.Command{
		Use:   "gc --config FILE",
		Short: "Abort unfinished uploads that dead syncs have left",
		Long:  gcHelp,
		Example: `  sluice gc --config config.json
  sluice gc --config config.json --yes
  sluice gc --config config.json --older-than 168h --yes`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.age < 0 {
				return &usageError{fmt.Errorf("--older-than is %s: must be 0 or more", duration(f.age))}
			}
			b, err := a.open(cmd.Context(), f.config)
			if err != nil {
				return err
			}
			if f.age < inventory.StaleAfter {
				a.log.Warn(fmt.Sprintf("with --older-than %s the uploads of a running sync may be among these: make sure that none runs below %s", duration(f.age), b))
			}
			return a.collect(cmd, b, f)
		},
	}
	configFlag(cmd, &f.config)
	cmd.Flags().DurationVar(&f.age, "older-than", inventory.StaleAfter, "age of a sync's last sign of life, such as 24h or 90m; below 24h see the warning above")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "abort them; without it they are only listed")
	return cmd
}

// collect lists what is stale, and aborts it if that was asked for.
func (a *app) collect(cmd *cobra.Command, b *inventory.Bucket, f gcFlags) error {
	ctx, now := cmd.Context(), time.Now()
	uploads, failed := inventory.Unfinished(ctx, b, inventory.Options{Template: b.Template}, now, f.age)
	// A store that can't list them all gets further when the first ones are gone.
	if failed != nil && (uploads == nil || len(uploads.Ours) == 0 || !inventory.OnlyAPage(failed)) {
		return failed
	}
	by := map[inventory.State][]inventory.Upload{}
	for _, up := range uploads.Ours {
		by[up.State] = append(by[up.State], up)
	}
	p := &printer{w: a.out}
	stale := by[inventory.Stale]
	var err error
	switch {
	case len(stale) == 0:
		p.line("%s: nothing to abort (--older-than %s)", b, duration(f.age))
	case f.yes:
		err = a.abort(cmd, b, stale, now, p)
	default:
		p.stale(stale, now)
	}
	p.leftAlone(by, uploads.Foreign, f.age)
	if len(stale) > 0 && !f.yes {
		p.line("%s: %s would be aborted, which %s. Nothing was done yet. To abort:", b, count(int64(len(stale)), "unfinished upload"), frees(stale, "frees"))
		p.line("\n  %s", f.again())
	}
	for _, up := range by[inventory.Unclear] {
		a.complain(cmd, fmt.Sprintf("%s is left alone: %v", plain(up.Key), up.Err))
	}
	if n := len(by[inventory.Unclear]); n > 0 && err == nil {
		err = &incomplete{fmt.Sprintf("%s could not be looked at", count(int64(n), "upload"))}
	}
	if failed != nil {
		failed = fmt.Errorf("there may be more than these: run it again when they are gone (%w)", failed)
	}
	return cmp.Or(p.err, err, failed)
}

// incomplete is the end of a command that could not do all it should. What failed was told.
type incomplete struct{ what string }

func (e *incomplete) Error() string { return e.what }

func (p *printer) stale(stale []inventory.Upload, now time.Time) {
	table := [][]string{{"STALE UPLOAD", "BEGAN", "LAST SEEN", "SIZE"}}
	for _, up := range stale {
		table = append(table, []string{plain(up.Key), timeText(up.Started), seen(up, now), heldText(up)})
	}
	p.table(table)
	p.line("")
}

// again is the command that does what this one only tells of.
func (f gcFlags) again() string {
	line := "sluice gc --config " + shellWord(f.config)
	if f.age != inventory.StaleAfter {
		line += " --older-than " + duration(f.age)
	}
	return line + " --yes"
}

func (a *app) abort(cmd *cobra.Command, b *inventory.Bucket, stale []inventory.Upload, now time.Time, p *printer) error {
	var aborted []inventory.Upload
	failed := 0
	err := inventory.Abort(cmd.Context(), b, stale, func(up inventory.Upload, err error) {
		if err != nil {
			failed++
			a.complain(cmd, fmt.Sprintf("%s: %v", plain(up.Key), err))
			return
		}
		aborted = append(aborted, up)
		p.line("aborted %s, last seen %s, %s", plain(up.Key), seen(up, now), heldText(up))
	})
	p.line("%s: %s aborted, which %s", b, count(int64(len(aborted)), "unfinished upload"), frees(aborted, "freed"))
	if err != nil {
		return err
	}
	if failed > 0 {
		return &incomplete{fmt.Sprintf("%d of %s could not be aborted: see above", failed, count(int64(len(stale)), "unfinished upload"))}
	}
	return nil
}

// frees says how much uploads hold.
func frees(uploads []inventory.Upload, verb string) string {
	var sum int64
	unknown := false
	for _, up := range uploads {
		unknown = unknown || up.Size < 0
		sum += max(up.Size, 0)
	}
	switch {
	case unknown && sum == 0:
		return verb + " an unknown amount of storage"
	case unknown:
		return verb + " at least " + size(sum)
	}
	return verb + " " + size(sum)
}

// leftAlone tells of the uploads that are not touched, and why.
func (p *printer) leftAlone(by map[inventory.State][]inventory.Upload, foreign int64, age time.Duration) {
	for _, up := range by[inventory.Proof] {
		p.line("left alone: %s: it tells that a full refresh of %s was shown only in part. The next sync of that stream puts it right.", plain(up.Key), plain(up.Dir))
	}
	if n := len(by[inventory.InUse]); n > 0 {
		p.line("left alone: %s of syncs that were seen alive less than %s ago", count(int64(n), "unfinished upload"), duration(age))
	}
	if foreign > 0 {
		p.line("left alone: %s", count(foreign, "other unfinished upload"))
	}
}

// duration leaves out the zeros at the end: 24h, not 24h0m0s.
func duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// shellWord quotes a word for a shell, if it needs that.
func shellWord(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n\\'\"`$&|;<>()*?[]{}!#~") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
