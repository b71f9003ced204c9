// Package naming says how objects are named: what the templates of a config mean, which keys they
// give the objects of a stream, and which keys a stream's objects can have, so that those are known
// again later and no others are. It is pure: no clock, no chance, no store.
//
//	bucket path + "/" + path format + file name pattern
//	data          /     ${NAMESPACE}/${STREAM_NAME}/${YEAR}_${MONTH}_${DAY}_${EPOCH}_ {part_number}{format_extension}
//
// A Template is what the config says; Names are what it says for one stream. Up to the last "/" a
// key is the directory, and what follows is the name of the file.
package naming

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// The fields of a config that make a template.
const (
	FieldBucket = "s3_bucket_path"
	FieldPath   = "s3_path_format"
	FieldFile   = "file_name_pattern"
)

// The templates of who says nothing else.
const (
	DefaultPath = "${NAMESPACE}/${STREAM_NAME}/${YEAR}_${MONTH}_${DAY}_${EPOCH}_"
	DefaultFile = "{part_number}{format_extension}"
)

// Template is how the objects of all streams are named.
type Template struct {
	path, file []element

	longest string // path of a partition; "": there are none

	streams map[bool]*Names // of any stream, with a namespace and without: see Whose
}

// Error is what is wrong with a template.
type Error struct {
	Field  string // of the config
	Reason string // what is wrong, and what would be right
}

func (e *Error) Error() string { return e.Field + ": " + e.Reason }

// Errors are all that is wrong with one.
type Errors []*Error

func (e Errors) Error() string {
	var all []string
	for _, one := range e {
		all = append(all, one.Error())
	}
	return strings.Join(all, "; ")
}

// Parse reads the three texts of a config; an empty format or pattern is the default one. The error
// is of type Errors.
func Parse(bucketPath, pathFormat, fileNamePattern string) (*Template, error) {
	texts := []struct {
		field, text string
		syntax      syntax
	}{
		{FieldBucket, bucketPath, pathSyntax},
		{FieldPath, cmp.Or(pathFormat, DefaultPath), pathSyntax},
		{FieldFile, cmp.Or(fileNamePattern, DefaultFile), fileSyntax},
	}
	var wrong Errors
	var scanned [3][]element
	for i, t := range texts {
		var err *Error
		if scanned[i], err = scan(t.field, t.text, t.syntax); err != nil {
			wrong = append(wrong, err)
		}
	}
	if wrong != nil {
		return nil, wrong
	}
	path := slices.Concat(scanned[0], []element{{text: "/"}}, scanned[1])
	t := &Template{path: path, file: addAgain(path, scanned[2])}
	if reason := t.check(); reason != "" {
		field := FieldPath
		if texts[1].text == DefaultPath {
			field = FieldFile
		}
		return nil, Errors{{field, reason}}
	}
	t.makeStreams()
	return t, nil
}

func (t *Template) makeStreams() {
	t.streams = map[bool]*Names{false: t.bind(element{}, element{kind: stream})}
	if t.has(namespace) {
		t.streams[true] = t.bind(element{kind: namespace}, element{kind: stream})
	}
}

// addAgain gives a file name whose variables don't make it another one for each object a place for
// a number: in front of its extension, because readers look at that.
func addAgain(path, file []element) []element {
	for _, e := range slices.Concat(path, file) {
		if e.kind == part || e.kind == timestampMillis || e.kind == timestampMicros {
			return file
		}
	}
	number := element{kind: again}
	for i, e := range slices.Backward(file) {
		if e.kind == extension {
			return slices.Insert(file, i, number)
		}
	}
	last := &file[len(file)-1]
	if last.kind != literal {
		return append(file, number)
	}
	dot := literalExtension.FindStringIndex(last.text)
	if dot == nil {
		return append(file, number)
	}
	tail := element{text: last.text[dot[0]:]}
	last.text = last.text[:dot[0]]
	return append(file, number, tail)
}

// check says what is wrong whatever the streams are called, or "".
func (t *Template) check() string {
	n := t.bind(element{text: "n"}, element{text: "x"})
	if n.dots() {
		return dots
	}
	if key := n.Key(Values{Extension: ".csv"}); key == "" || strings.HasSuffix(key, "/") {
		return "the name of a file must not end with a slash"
	}
	if n.ambiguous() {
		return "two numbers of no fixed length stand side by side, so where one ends could not be told from a key: put a character that is no digit between them"
	}
	// A name that goes over into a number can't be told from one that ends in a digit.
	for _, c := range []struct {
		of                        kind
		variable, namespace, name string
	}{
		{stream, "${STREAM_NAME}", "n", "x1"}, {stream, "${STREAM_NAME}", "n", "1x"},
		{namespace, "${NAMESPACE}", "n1", "x"}, {namespace, "${NAMESPACE}", "1n", "x"},
	} {
		if t.has(c.of) && n.Overlaps(t.bind(element{text: c.namespace}, element{text: c.name})) {
			return fmt.Sprintf("%s stands beside a number, so that the objects of a stream could not be told from those of one whose name has a digit more: put a character that is no digit between them", c.variable)
		}
	}
	return ""
}

// dots is the reason to refuse a path that means another one.
const dots = `must have no "." or ".." between its slashes`

// dots reports whether there is a part of the path that means another directory.
func (n *Names) dots() bool {
	return slices.ContainsFunc(strings.Split(n.String(), "/"), func(part string) bool { return part == "." || part == ".." })
}

func (t *Template) has(k kind) bool {
	return slices.ContainsFunc(slices.Concat(t.path, t.file), func(e element) bool { return e.kind == k })
}

// HasSyncID reports whether keys have a sync id in them, which the catalog must then give.
func (t *Template) HasSyncID() bool { return t.has(syncID) }

// Stream gives the names of the objects of one stream. A blank namespace is left out.
func (t *Template) Stream(space, name string) (*Names, error) {
	text := Sanitize(name)
	if text == "" {
		return nil, fmt.Errorf("the stream name %q has no character that can stand in a key", name)
	}
	n := t.bind(element{text: cleanNamespace(space)}, element{text: text})
	if n.dots() {
		return nil, fmt.Errorf("its objects would be named %s: a key %s", n, dots)
	}
	return n, nil
}

func cleanNamespace(space string) string {
	if strings.TrimSpace(space) == "" {
		return ""
	}
	return Sanitize(space)
}

// bind puts a stream's names into the template, and takes out the slashes that are too many.
func (t *Template) bind(space, name element) *Names {
	n := &Names{}
	slash := true // a key does not begin with one
	for i, e := range slices.Concat(t.path, t.file) {
		if i == len(t.path) {
			n.file = len(n.elements)
		}
		switch e.kind {
		case namespace:
			e = space
		case stream:
			e = name
		}
		if e.kind != literal {
			n.elements, slash = append(n.elements, e), false
			continue
		}
		var text strings.Builder
		for _, r := range []byte(e.text) {
			if r != '/' || !slash {
				text.WriteByte(r)
			}
			slash = r == '/'
		}
		if last := len(n.elements) - 1; last >= n.file && n.elements[last].kind == literal {
			n.elements[last].text += text.String()
		} else if text.Len() > 0 {
			n.elements = append(n.elements, element{text: text.String()})
		}
	}
	if t.longest != "" {
		n.partitioned(t.longest)
	}
	n.compile()
	return n
}

// Dir is the directory that all objects of a sync at a time are below, whatever their streams:
// what stands in front of the first variable that a stream or an object may have of its own.
func (t *Template) Dir(v Values) string {
	return t.start(func(k kind) bool { return k == literal || k.ofSync() && k != uuid && k != syncID }, &v)
}

// Root is the directory that all objects are below, of any stream and any time.
func (t *Template) Root() string {
	return t.start(func(k kind) bool { return k == literal }, &Values{})
}

func (t *Template) start(known func(kind) bool, v *Values) string {
	var b strings.Builder
	for _, e := range slices.Concat(t.path, t.file) {
		if !known(e.kind) {
			break
		}
		b.WriteString(e.value(v))
	}
	text := b.String()
	return CleanPath(text[:strings.LastIndexByte(text, '/')+1])
}

// Default reports whether keys are <directory>/<namespace>/<stream>/<date>_<epoch>_<number>.<extension>.
func (t *Template) Default() bool {
	n, d := t.bind(element{kind: namespace}, element{kind: stream}), parsedDefault().bind(element{kind: namespace}, element{kind: stream})
	if n.elements[0].kind == literal {
		n.elements = n.elements[1:] // the bucket path
	}
	return slices.Equal(n.elements, d.elements)
}

// Whose tells the namespace and the stream of the object that a key names, as they stand in it. Where
// two names run into one another, it is one of the ways to read them, and the same for all of a
// stream's keys. A directory that can be one of a partition is no stream "country=DE" of the namespace
// "users".
func (t *Template) Whose(key string) (space, name string, ok bool) {
	partition := -1 // how long it is
	for _, with := range []bool{true, false} {
		n := t.streams[with]
		if n == nil {
			continue
		}
		m, own := n.Match(key)
		if of := m.texts[stream]; !own && of != "" { // which is there more than once, and may have been read in another way
			_, own = t.bind(element{text: m.texts[namespace]}, element{text: of}).Match(key)
		}
		if own && len(m.Partition) > partition {
			space, name, ok = m.texts[namespace], m.texts[stream], true
			partition = len(m.Partition)
		}
	}
	return space, name, ok
}

// Unlisted reports what the XML of a store's listing can't tell, or tells as something else: an
// object that is not found there can't be replaced.
func Unlisted(r rune) bool { return unicode.IsControl(r) || r == '\ufffe' || r == '\uffff' }
