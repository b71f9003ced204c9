package scan

// Kind is what a scan has learned about a value.
type Kind uint8

const (
	Missing   Kind = iota // there is no value
	Null                  // null
	Bare                  // a number, true or false
	Text                  // a string whose text stands between its quotes as it is: no escape, good UTF-8
	Escaped               // a string with an escape, or with bytes that are no UTF-8
	JSON                  // an object or an array, all good UTF-8
	DirtyJSON             // an object or an array with bytes that are no UTF-8
)

// nestedKind is the kind of an object or an array.
func nestedKind(clean bool) Kind {
	if clean {
		return JSON
	}
	return DirtyJSON
}

// Value is a JSON value of a document. A string's span includes its quotes.
type Value struct {
	Span
	Kind Kind
}
