// Command configdoc writes docs/CONFIG.md from the specification. Run it by
// `go generate ./config`.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/sluice-data/sluice/config"
)

func main() {
	out := flag.String("o", "", "the file to write; standard output when empty")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "configdoc:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	text, err := render(config.Spec())
	if err != nil {
		return err
	}
	if out == "" {
		_, err = os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(out, text, 0o644)
}
