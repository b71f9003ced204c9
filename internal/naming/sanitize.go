package naming

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Sanitize turns a stream's or a namespace's name into one path element, by the rules of
// Airbyte's S3 destination since 0.2.12: accents go (NFKD, then all marks), and what is
// not a character that S3 calls safe becomes "_". Two things differ on purpose: a "/"
// becomes "_" as well, because a stream is one directory, and a name of dots only ("..")
// becomes underscores, because a path means something else by it.
func Sanitize(name string) string {
	var b strings.Builder
	dots := true
	for _, r := range norm.NFKD.String(name) {
		if unicode.Is(unicode.M, r) {
			continue
		}
		if !safe(r) {
			r = '_'
		}
		dots = dots && r == '.'
		b.WriteRune(r)
	}
	if dots {
		return strings.Repeat("_", b.Len())
	}
	return b.String()
}

// safePunctuation are the characters of a name beside letters and digits.
const safePunctuation = "!_.*')(&$@=;:+,?-"

func safe(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	return strings.ContainsRune(safePunctuation, r)
}

// CleanPath is a path without the slashes that it may have too many, at its ends or in a row.
func CleanPath(path string) string {
	var parts []string
	for p := range strings.SplitSeq(path, "/") {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "/")
}
