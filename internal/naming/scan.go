package naming

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// syntax is how variables are written in a field, and which there are.
type syntax struct {
	open      string
	variables []variable
}

type variable struct {
	name  string
	means []element
}

var pathSyntax = syntax{open: "${", variables: []variable{
	{"NAMESPACE", one(namespace)}, {"STREAM_NAME", one(stream)},
	{"YEAR", one(year)}, {"MONTH", one(month)}, {"DAY", one(day)}, {"HOUR", one(hour)}, {"MINUTE", one(minute)},
	{"SECOND", one(second)}, {"MILLISECOND", one(millisecond)}, {"EPOCH", one(epoch)}, {"UUID", one(uuid)},
}}

var fileSyntax = syntax{open: "{", variables: []variable{
	{"date", []element{{kind: year}, {text: "_"}, {kind: month}, {text: "_"}, {kind: day}}},
	{"timestamp", one(timestampMillis)}, {"timestamp:millis", one(timestampMillis)}, {"timestamp:micros", one(timestampMicros)},
	{"part_number", one(part)}, {"sync_id", one(syncID)}, {"format_extension", one(extension)},
}}

func one(k kind) []element { return []element{{kind: k}} }

// list names the variables as they are written.
func (s *syntax) list() string {
	var all []string
	for _, v := range s.variables {
		all = append(all, s.open+v.name+"}")
		if v.name == "date" {
			all = append(all, "{date:yyyy_MM_dd}")
		}
	}
	return strings.Join(all, ", ")
}

// scan reads a text with variables.
func scan(field, text string, in syntax) (all []element, err *Error) {
	wrong := func(format string, args ...any) *Error { return &Error{field, fmt.Sprintf(format, args...)} }
	if strings.ContainsFunc(text, Unlisted) {
		return nil, wrong("must have no control characters")
	}
	if !utf8.ValidString(text) {
		return nil, wrong("must be UTF-8")
	}
	if slices.ContainsFunc(strings.Split(text, "/"), func(part string) bool { return part == "." || part == ".." }) {
		return nil, wrong(dots)
	}
	lone := field == FieldBucket // where they may have been before there were variables
	for text != "" {
		i := strings.Index(text, in.open)
		plain := text
		if i >= 0 {
			plain = text[:i]
		}
		if b := strings.IndexAny(plain, "{}"); b >= 0 && !lone {
			return nil, wrong("has a %q that is of no variable; a variable is written as in %s", plain[b:b+1], in.open+in.variables[0].name+"}")
		}
		if plain != "" {
			all = append(all, element{text: plain})
		}
		if i < 0 {
			break
		}
		name, rest, closed := strings.Cut(text[i+len(in.open):], "}")
		if !closed {
			return nil, wrong("has a %q without a %q", in.open, "}")
		}
		means, reason := in.find(name)
		if reason != "" {
			return nil, wrong("%s", reason)
		}
		all, text = append(all, means...), rest
	}
	return all, nil
}

// find returns what a variable means, or what is wrong with it.
func (s *syntax) find(name string) (means []element, reason string) {
	for _, v := range s.variables {
		if v.name == name {
			return v.means, ""
		}
	}
	if pattern, ok := strings.CutPrefix(name, "date:"); ok && s.open == "{" {
		means, bad := datePattern(pattern)
		if bad == "" {
			return means, ""
		}
		return nil, fmt.Sprintf("the variable {%s} has %s: a pattern of a date is made of yyyy, MM, dd, HH, mm, ss, SSS and the characters %s", shorten(name), bad, dateSeparators)
	}
	return nil, fmt.Sprintf("the variable %s%s} is not known: allowed are %s", s.open, shorten(name), s.list())
}

// shorten cuts what only is to be recognised.
func shorten(name string) string {
	if r := []rune(name); len(r) > 40 {
		return string(r[:37]) + "..."
	}
	return name
}

// dateSeparators may stand between the numbers of a date.
const dateSeparators = "-_./:=,+"

var dateLetters = map[string]kind{"yyyy": year, "MM": month, "dd": day, "HH": hour, "mm": minute, "ss": second, "SSS": millis}

var datePiece = regexp.MustCompile(`^(?:y+|M+|d+|H+|m+|s+|S+|.)`)

// datePattern reads a pattern of Java's DateTimeFormatter, of those that are plain numbers.
func datePattern(pattern string) (all []element, bad string) {
	if pattern == "" {
		return nil, "no pattern"
	}
	for pattern != "" {
		piece := datePiece.FindString(pattern)
		if k, ok := dateLetters[piece]; ok {
			all = append(all, element{kind: k})
		} else if strings.Contains(dateSeparators, piece) {
			all = append(all, element{text: piece})
		} else {
			return nil, fmt.Sprintf("%q in its pattern", shorten(piece))
		}
		pattern = pattern[len(piece):]
	}
	return all, ""
}

// literalExtension is what looks like an extension at the end of a text: ".csv.gz".
var literalExtension = regexp.MustCompile(`(?:\.[A-Za-z][A-Za-z0-9]*)+$`)

// OfTime reports whether a path has variables beside the names of a stream.
func OfTime(path string) bool {
	all, err := scan(FieldBucket, path, pathSyntax)
	return err != nil || slices.ContainsFunc(all, func(e element) bool { return e.kind > stream })
}
