package generate

import "fmt"

// wide has 200 columns of mixed types, of which one in ten is null: about 5 KB a line.
func wide() *table {
	t := &table{name: "wide", streams: []string{"accounts"}, namespace: "crm", dataFirst: true}
	for i := range 200 {
		kind := wideKinds[i%len(wideKinds)]
		f := field{fmt.Sprintf("%s_%03d", kind.name, i), kind.kind, kind.value}
		if i > 0 {
			f.value = func(m *maker) {
				if m.rng.IntN(10) == 0 {
					m.null()
				} else {
					kind.value(m)
				}
			}
		}
		t.fields = append(t.fields, f)
	}
	return t
}

var wideKinds = []field{
	{"id", isInteger, func(m *maker) { m.int(m.row()) }},
	{"amount", isNumber, func(m *maker) { m.decimal(m.rng.Float64()*1e6, 4) }},
	{"name", isString, func(m *maker) { m.words(1, 3) }},
	{"active", isBoolean, func(m *maker) { m.bool(m.rng.IntN(2) == 0) }},
	{"day", isDate, func(m *maker) { m.text(m.date()) }},
	{"updated_at", isTime, func(m *maker) {
		m.text(fmt.Sprintf("%sT%02d:%02d:%02d.%06dZ", m.date(), m.rng.IntN(24), m.rng.IntN(60), m.rng.IntN(60), m.rng.IntN(1e6)))
	}},
	{"count", isInteger, func(m *maker) { m.int(m.rng.IntN(1000)) }},
	{"code", isString, func(m *maker) { m.text(fmt.Sprintf("%08X", m.rng.Uint32())) }},
	{"tags", isArray, func(m *maker) {
		m.begin('[')
		for range m.rng.IntN(4) {
			m.next()
			m.words(1, 0)
		}
		m.end(']')
	}},
	{"owner", isObject, func(m *maker) {
		m.begin('{')
		m.key("id")
		m.int(m.rng.IntN(1e6))
		m.key("role")
		m.words(1, 0)
		m.end('}')
	}},
}

// Depth of the objects in nested, the record's data not counted.
const nestedLevels = 12

// nested has few fields, deep ones: objects of 12 levels, and arrays of objects; about 5 KB a line.
func nested() *table {
	return &table{name: "nested", streams: []string{"orders"}, namespace: "shop", dataFirst: true, fields: []field{
		{"id", isInteger, func(m *maker) { m.int(m.row()) }},
		{"created", isDate, func(m *maker) { m.text(m.date()) }},
		{"tree", isObject, func(m *maker) { m.tree(nestedLevels) }},
		{"items", isArray, (*maker).items},
		{"matrix", isArray, func(m *maker) {
			m.list(6, func(int) {
				m.list(8, func(int) { m.decimal(m.normal(), 5) })
			})
		}},
		{"note", isString, func(m *maker) { m.words(5, 20) }},
	}}
}

func (m *maker) tree(levels int) {
	m.begin('{')
	m.key("level")
	m.int(levels)
	m.key("name")
	m.words(2, 2)
	m.key("attributes")
	m.begin('{')
	for _, name := range []string{"weight", "height"} {
		m.key(name)
		m.decimal(m.rng.Float64()*100, 3)
	}
	m.end('}')
	if levels > 1 {
		m.key("child")
		m.tree(levels - 1)
	}
	m.end('}')
}

func (m *maker) items() {
	m.list(8+m.rng.IntN(9), func(i int) {
		m.begin('{')
		m.key("sku")
		m.text(fmt.Sprintf("SKU-%06d", m.rng.IntN(1e6)))
		m.key("quantity")
		m.int(1 + m.rng.IntN(9))
		m.key("price")
		m.begin('{')
		m.key("amount")
		m.decimal(m.rng.Float64()*500, 2)
		m.key("currency")
		m.text("EUR")
		m.end('}')
		m.key("options")
		m.list(m.rng.IntN(4), func(i int) {
			m.begin('{')
			m.key("name")
			m.words(1, 0)
			m.key("values")
			m.list(3, func(int) { m.words(1, 0) })
			m.end('}')
		})
		m.key("first")
		m.bool(i == 0)
		m.end('}')
	})
}

// list writes an array of n elements.
func (m *maker) list(n int, element func(i int)) {
	m.begin('[')
	for i := range n {
		m.next()
		element(i)
	}
	m.end(']')
}

// quotes has text in which hardly a run of 20 bytes can be copied as it stands: markup,
// JSON inside of strings, Windows paths, several lines, other scripts; about 1 KB a line.
func quotes() *table {
	return &table{name: "quotes", streams: []string{"events"}, namespace: "web", fields: []field{
		{"id", isInteger, func(m *maker) { m.int(m.row()) }},
		{"html", isString, func(m *maker) {
			m.text(fmt.Sprintf("<a href=\"/%s?q=%d\" class=\"%s\">\"%s\"</a>", pick(m, words), m.rng.IntN(1e6), pick(m, words), m.sentence(3, 5)))
		}},
		{"payload", isString, func(m *maker) {
			m.text(fmt.Sprintf(`{"event":"%s","path":"C:\\%s\\%s","labels":["%s","%s"],"ok":true}`,
				pick(m, words), pick(m, words), pick(m, words), pick(m, words), pick(m, words)))
		}},
		{"path", isString, func(m *maker) {
			m.text(fmt.Sprintf(`\\server\%s\%s\%s.txt`, pick(m, words), pick(m, words), pick(m, words)))
		}},
		{"lines", isString, func(m *maker) {
			m.text(m.sentence(3, 3) + "\n\t- \"" + m.sentence(2, 3) + "\"\n\t- " + m.sentence(2, 3) + "\n")
		}},
		{"name", isString, func(m *maker) { m.text(pick(m, names) + ", " + pick(m, names)) }},
		{"name_escaped", isString, func(m *maker) {
			m.ascii = true
			m.text(pick(m, names) + ", " + pick(m, names))
			m.ascii = false
		}},
		{"query", isString, func(m *maker) {
			m.text(fmt.Sprintf("SELECT \"%s\", \"%s\"\nFROM \"%s\" -- %s", pick(m, words), pick(m, words), pick(m, words), pick(m, names)))
		}},
	}}
}

var names = []string{"Zoë Brontë", "Łukasz Żółć", "Ærøskøbing", "東京都千代田区", "Ελλάδα", "Москва", "مرحبا", "naïve café 🙂", "Größe \"XL\"", "O’Neill – “quoted”"}

// text has a long comment a record: 4 to 16 KB, in paragraphs.
func text() *table {
	return &table{name: "text", streams: []string{"tickets"}, namespace: "support", fields: []field{
		{"id", isInteger, func(m *maker) { m.int(m.row()) }},
		{"subject", isString, func(m *maker) { m.words(4, 6) }},
		{"comment", isString, func(m *maker) {
			size := 4096 + m.rng.IntN(12289)
			var text []byte
			for len(text) < size {
				text = append(text, m.sentence(20, 60)...)
				text = append(text, ".\n"...)
			}
			m.text(string(text[:size]))
		}},
		{"closed", isBoolean, func(m *maker) { m.bool(m.rng.IntN(2) == 0) }},
	}}
}
