package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

const (
	firstRows = 3       // rows of one file that are shown
	sample    = "users" // the stream whose rows they are
)

const docs = "https://github.com/sluice-data/sluice/tree/main/docs"

// show runs the sync and tells of each step.
func show(ctx context.Context, out screen, p *program, rec *recording) error {
	if err := showPlace(out, p.at); err != nil {
		return err
	}
	out.title("$ %s", p.check())
	p.at.opened = true
	got, err := p.run(ctx, p.check(), out.log)
	if err != nil {
		return err
	}
	if got.check == "" {
		return errors.New("sluice check gave no answer")
	}
	if got.check != "SUCCEEDED" {
		p.at.opened = false // check has tidied up by itself
		return fmt.Errorf("sluice check says %s: %s", got.check, got.checkReason)
	}
	out.line("  SUCCEEDED: every right that a sync needs was tried")

	out.title("$ %s", p.write())
	if got, err = p.run(ctx, p.write(), out.log); err != nil {
		return err
	}
	found, err := p.at.readBack(ctx)
	if err != nil {
		return err
	}
	showObjects(out, p.at, rec, found)
	showRows(out, rec, found)
	showStates(out, rec, got)
	same := showComparison(out, rec, found, got)
	showSpeed(out, rec, got.took)
	if !same {
		return errors.New("what came out is not what went in")
	}
	return nil
}

// showPlace tells where all this happens. What is in a config of the user's is not printed.
func showPlace(out screen, at *place) error {
	into := "a directory that stands for a bucket"
	if at.users {
		into = "your bucket"
	}
	out.line("One sync, as Airbyte runs it: what the connector source-faker said, recorded,")
	out.line("goes into %s: %s messages of %d streams.", into, number(at.recording.lines), len(at.recording.streams))
	if at.users {
		out.title("%s is your config with a path of its own. Nothing else is touched:", configFile)
		out.line("  %s%s", at.name(), at.server())
		return nil
	}
	out.title("$ cd %s", shellWord(at.dir))
	out.line("$ cat %s", configFile)
	text, err := os.ReadFile(filepath.Join(at.dir, configFile))
	if err != nil {
		return err
	}
	for l := range strings.Lines(string(text)) {
		out.line("  %s", strings.TrimSuffix(l, "\n"))
	}
	return nil
}

// shellWord is a word as a shell wants it.
func shellWord(text string) string {
	if plain := strings.IndexFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+:@%", r)
	}) < 0; plain {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func showObjects(out screen, at *place, rec *recording, found contents) {
	out.title("The objects in %s", at.name())
	var rows [][]string
	for _, stream := range rec.streams {
		for _, o := range found[stream.id] {
			rows = append(rows, []string{o.name, number(int(o.size)), "bytes"})
		}
	}
	out.table(rows)
}

// showRows prints the beginning of a file as it is.
func showRows(out screen, rec *recording, found contents) {
	for _, stream := range rec.streams {
		if stream.id.Name != sample || len(found[stream.id]) == 0 {
			continue
		}
		o := found[stream.id][0]
		if o.binary {
			return
		}
		out.title("The first %d rows of %s", firstRows, o.name)
		shown := o.head + firstRows
		lines := strings.SplitN(string(o.data), "\n", shown+1)
		for _, l := range lines[:min(len(lines), shown)] {
			out.data("  %s", strings.TrimSuffix(l, "\r"))
		}
	}
}

func showStates(out screen, rec *recording, got *answer) {
	out.title("The last state of each stream: from there the source would go on")
	for _, stream := range rec.streams {
		if states := got.of(stream.id); len(states) > 0 {
			out.line("  %s", stream.id)
			out.data("    %s", states[len(states)-1].text)
		}
	}
}

// showComparison reports whether every row and every state came through.
func showComparison(out screen, rec *recording, found contents, got *answer) bool {
	out.title("In and out")
	rows := [][]string{{"", "rows in", "rows out", "states in", "states out"}}
	same := true
	for _, stream := range rec.streams {
		rowsOut := 0
		for _, o := range found[stream.id] {
			rowsOut += o.rows
		}
		states := len(got.of(stream.id))
		row := []string{stream.id.String(), number(stream.rows), number(rowsOut), number(stream.states), number(states)}
		if rowsOut != stream.rows || states != stream.states {
			row, same = append(row, "DIFFERENT"), false
		}
		rows = append(rows, row)
	}
	out.table(rows)
	return same
}

// showSpeed says how long it took, and warns of reading much into that.
func showSpeed(out screen, rec *recording, took time.Duration) {
	rows, mb := 0, float64(len(rec.messages))/1e6
	for _, stream := range rec.streams {
		rows += stream.rows
	}
	out.title("%s rows, %.1f MB, in %s: %s rows/s, %.1f MB/s", number(rows), mb,
		took.Round(time.Millisecond), number(int(float64(rows)/took.Seconds())), mb/took.Seconds())
	out.line("Most of that is the start of a process; docs/PERFORMANCE.md has the speed.")
}

// showNext tells what became of the objects, and what to try now.
func showNext(out screen, at *place) {
	switch left := at.left(); {
	case left != "":
		out.title("All of this is still in %s", left)
	case at.users:
		out.title("The objects are removed again; --keep leaves them.")
	default:
		out.title("The directory is removed again; --keep leaves it, --keep DIR chooses it.")
	}
	out.title("What next")
	out.line("  sluice check --config FILE    does your bucket work, with all rights?")
	if !at.users {
		out.line("  sluice demo --config FILE     all this in your bucket, and removed again")
	}
	out.line("  source read ... | sluice write --config FILE --catalog FILE")
	out.line("                                a sync of yours")
	out.line("  %s", docs)
	out.line("                                CONFIG.md has all that a config can say")
}
