package main

import (
	"flag"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

//go:generate go test -count=1 -run ^(TestCommandsAreDocumented|TestDemoPage)$ . -update

var update = flag.Bool("update", false, "write the help into docs/COMMANDS.md, and docs/DEMO.md, again")

const commandsDoc = "../../docs/COMMANDS.md"

// helpBlock is where the help of a command stands in the document.
var helpBlock = regexp.MustCompile("(?s)<!-- help of ([a-z]+);[^\n]*-->\n```text\n(.*?)```\n")

// TestCommandsAreDocumented holds docs/COMMANDS.md to the binary: every command, with its help.
func TestCommandsAreDocumented(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	raw, err := os.ReadFile(commandsDoc)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	doc := helpBlock.ReplaceAllStringFunc(string(raw), func(block string) string {
		parts := helpBlock.FindStringSubmatch(block)
		command, there := parts[1], parts[2]
		found[command] = true
		help := ask(t, "", command, "--help").ok().out
		if there != help && !*update {
			t.Errorf("the help of %s is another one: make generate\n got %q\nwant %q", command, there, help)
		}
		return strings.TrimSuffix(block, there+"```\n") + help + "```\n"
	})
	if *update {
		if err := os.WriteFile(commandsDoc, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := &app{streams: streams{out: io.Discard}}
	for _, cmd := range a.root().Commands() {
		if name := cmd.Name(); !found[name] || !strings.Contains(doc, "\n### sluice "+name+"\n") || !strings.Contains(doc, "(#sluice-"+name+")") {
			t.Errorf("docs/COMMANDS.md needs a line in its table, a section and the help of sluice %s", name)
		}
	}
}

// TestPeopleHelp: each command has examples, and is in the list of all.
func TestPeopleHelp(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	for _, command := range []string{"spec", "check", "write", "ls", "gc"} {
		ask(t, "", command, "--help").ok("Examples:\n  ", "sluice "+command)
	}
	ask(t, "", "--help").ok("The connector, as Airbyte runs it:\n  check", "For people:\n  completion", "  gc ", "  ls ")
}
