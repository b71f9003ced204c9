package naming

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Names are the keys that the objects of one stream have, have had and will have. All methods may
// be called by many goroutines.
type Names struct {
	elements []element
	file     int // index of the first element of the file name pattern
	prefix   string
	longest  string                // path of a partition
	rest     func() *regexp.Regexp // of what follows the prefix, which may be any bytes
	cells    func() []cell
}

func (n *Names) compile() {
	variable := slices.IndexFunc(n.elements, func(e element) bool { return e.kind != literal })
	n.prefix = render(n.elements[:variable], &Values{})
	n.cells = sync.OnceValue(n.asCells)
	n.rest = sync.OnceValue(func() *regexp.Regexp {
		var b strings.Builder
		b.WriteString(`\A`)
		for _, e := range n.elements[variable:] {
			if e.kind == literal {
				b.WriteString(e.pattern())
			} else {
				b.WriteString("(" + e.pattern() + ")")
			}
		}
		b.WriteString(`\z`)
		return regexp.MustCompile(b.String())
	})
}

// In gives the names that the default template has in a directory.
func In(dir string) *Names {
	t, err := Parse("", "${YEAR}_${MONTH}_${DAY}_${EPOCH}_", DefaultFile)
	if err != nil {
		panic(err) // it is ours
	}
	n := t.bind(element{}, element{})
	if dir != "" {
		n.elements = slices.Insert(n.elements, 0, element{text: dir + "/"})
		n.file++
	}
	n.compile()
	return n
}

var anywhere = sync.OnceValue(func() *Names { return In("") })

// IsDefault reports whether a key has a name that the default template gives, in whatever directory.
func IsDefault(key string) bool {
	_, ok := anywhere().Match(key[strings.LastIndexByte(key, '/')+1:])
	return ok
}

var parsedDefault = sync.OnceValue(func() *Template {
	t, err := Parse("", DefaultPath, DefaultFile)
	if err != nil {
		panic(err) // it is ours
	}
	return t
})

// Prefix is what all keys begin with.
func (n *Names) Prefix() string { return n.prefix }

// Dir is the directory that all of the objects are in or below, without a "/" at its end.
func (n *Names) Dir() string { return n.prefix[:max(strings.LastIndexByte(n.prefix, '/'), 0)] }

// Nested reports whether the objects may stand in more directories than one.
func (n *Names) Nested() bool {
	variable := false
	for _, e := range n.elements {
		if e.kind == partition || variable && strings.Contains(e.text, "/") {
			return true
		}
		variable = variable || e.kind != literal
	}
	return false
}

// Dated reports whether a key tells which sync the object is of, and which of two syncs came later.
func (n *Names) Dated() bool { return n.has(epoch) }

// Numbered reports whether keys are told apart by a number that counts: else by the time.
func (n *Names) Numbered() bool { return n.has(part) || n.has(again) }

// Tick is the smallest time by which the Timestamp of two keys must differ.
func (n *Names) Tick() time.Duration {
	if n.has(timestampMicros) {
		return time.Microsecond
	}
	return time.Millisecond
}

func (n *Names) has(k kind) bool {
	return slices.ContainsFunc(n.elements, func(e element) bool { return e.kind == k })
}

// Key is the key of an object.
func (n *Names) Key(v Values) string { return render(n.elements, &v) }

// Path is what the path format gives for a sync: its keys begin with that, and their numbers count
// the objects of that path.
func (n *Names) Path(v Values) string { return render(n.elements[:n.file], &v) }

func render(elements []element, v *Values) string {
	var b strings.Builder
	for _, e := range elements {
		b.WriteString(e.value(v))
	}
	return b.String()
}

// From is a text that the keys of all syncs since a time come behind, in the order of keys.
func (n *Names) From(t time.Time) string {
	v, parts := &Values{Time: t}, []kind{year, month, day, hour, minute, second}
	known := 0
	var b strings.Builder
	for _, e := range n.elements {
		if i := slices.Index(parts, e.kind); i == known {
			known++
		} else if e.kind != literal && (i < 0 || i > known) {
			break
		}
		b.WriteString(e.value(v))
	}
	return b.String()
}

// Longest is a key as long as one can be, of objects with this extension.
func (n *Names) Longest(extension string) string {
	const digits = 999_999_999_999_999_999 // mostDigits of them
	return n.Key(Values{
		Time: time.UnixMilli(9_999_999_999_999), Timestamp: time.UnixMilli(9_999_999_999_999), SyncID: digits, Part: digits,
		UUID: "00000000-0000-0000-0000-000000000000", Extension: extension, Partition: n.longest,
	})
}

// String is the template with the stream's names in it.
func (n *Names) String() string {
	names := map[kind]string{again: "", millis: "{date:SSS}", partition: "{partition}/"}
	for _, s := range []syntax{pathSyntax, fileSyntax} {
		for _, v := range slices.Backward(s.variables) {
			if len(v.means) == 1 {
				names[v.means[0].kind] = s.open + v.name + "}"
			}
		}
	}
	var b strings.Builder
	for _, e := range n.elements {
		b.WriteString(e.text + names[e.kind])
	}
	return b.String()
}

// Match is what a key tells.
type Match struct {
	// Stamp is what the keys of all objects of a sync have in common. Only where the names are Dated it
	// is another one for each sync.
	Stamp string
	Epoch int64 // milliseconds, where the names are Dated
	// Partition is the path of its partition, or "", and Plain the key without that.
	Partition, Plain string
	// Begin is what the keys of all objects of the same path and sync begin with, in front of the
	// path of a partition at most.
	Begin  string
	Number int64 // where the names are Numbered; else the Timestamp, in milli- or microseconds

	texts [kinds]string
}

// Match reports whether a key names an object of the stream: one that this template gives, in all of
// its length, at whatever time, in whatever sync. A variable that is there twice is the same twice.
func (n *Names) Match(key string) (m Match, ok bool) {
	if !strings.HasPrefix(key, n.prefix) {
		return m, false
	}
	rest := key[len(n.prefix):]
	at := n.rest().FindStringSubmatchIndex(rest)
	if at == nil {
		return m, false
	}
	m.Begin, m.Plain = key, key
	var seen [kinds]bool
	for _, e := range n.elements {
		if e.kind == literal {
			continue
		}
		at = at[2:]
		text := rest[at[0]:at[1]]
		if (e.kind.ofObject() || e.kind == partition) && len(m.Begin) == len(key) {
			m.Begin = n.prefix + rest[:at[0]]
		}
		if e.kind == partition {
			m.Partition, m.Plain = strings.TrimSuffix(text, "/"), n.prefix+rest[:at[0]]+rest[at[1]:]
			continue
		}
		if seen[e.kind] {
			if m.texts[e.kind] != text {
				return m, false
			}
			continue
		}
		m.texts[e.kind], seen[e.kind] = text, true
		if e.kind.ofSync() {
			m.Stamp += text + "_"
		}
	}
	number := m.texts[part] + strings.TrimPrefix(m.texts[again], separator)
	if number == "" {
		number = m.texts[timestampMillis]
		if n.has(timestampMicros) {
			number = m.texts[timestampMicros]
		}
	}
	// Both fit, by the patterns; where there is none it is 0.
	m.Number, _ = strconv.ParseInt(number, 10, 64)
	m.Epoch, _ = strconv.ParseInt(m.texts[epoch], 10, 64)
	return m, true
}

// Tell is what stands in a key behind the directory of all, in words that metadata can hold, and
// Told is the reverse.
func (n *Names) Tell(key string) string { return url.PathEscape(strings.TrimPrefix(key, n.within())) }

// within is the part of the prefix that is the directory.
func (n *Names) within() string { return n.prefix[:strings.LastIndexByte(n.prefix, '/')+1] }

// Told returns the key that Tell has made a text of, if it is one of ours.
func (n *Names) Told(text string) (key string, m Match, ok bool) {
	rest, err := url.PathUnescape(text)
	if err != nil {
		return "", m, false
	}
	key = n.within() + rest
	m, ok = n.Match(key)
	return key, m, ok
}

// logName is the name of an object that a worker has written of a partition of a log: see the
// package kafka.
var logName = regexp.MustCompile(`^.+_[0-9a-f]{8}_\d{5,}_\d{20}` + extensions + `$`)

// IsLog reports whether a key names an object of a worker, in whatever directory. A full refresh
// touches none of them.
func IsLog(key string) bool { return logName.MatchString(key[strings.LastIndexByte(key, '/')+1:]) }
