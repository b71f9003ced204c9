package generate

import (
	"fmt"
	"strings"
)

// orders is what a shop's database looks like: names and addresses of many countries, money
// with exact decimals, times with zones, objects, arrays, nulls, keys that are missing, and text
// that people have typed. About 1 KB a line.
func orders() *table {
	return &table{name: "orders", streams: []string{"orders"}, namespace: "shop", fields: []field{
		{"id", isInteger, func(m *maker) { m.int(m.row()) }},
		{"number", isString, (*maker).orderNumber},
		{"status", isString, func(m *maker) { m.text(pick(m, []string{"paid", "paid", "shipped", "shipped", "returned", "open"})) }},
		{"placed_at", isTime, func(m *maker) { m.text(m.moment()) }},
		{"deliver_on", isDate, func(m *maker) { m.maybe(6, func() { m.text(m.day()) }) }},
		{"total", isNumber, func(m *maker) { m.cents(m.rng.IntN(1_000_000)) }},
		{"currency", isString, func(m *maker) { m.text(pick(m, currencies)) }},
		{"exchange_rate", isNumber, func(m *maker) { fmt.Fprintf(m, "%d.%05d00", m.rng.IntN(3), m.rng.IntN(1e5)) }},
		// More digits than a float64 can hold.
		{"ledger_balance", isNumber, func(m *maker) { fmt.Fprintf(m, "%d%09d.%06d", 1e8+m.rng.IntN(9e8), m.rng.IntN(1e9), m.rng.IntN(1e6)) }},
		{"gift", isBoolean, func(m *maker) { m.maybe(10, func() { m.bool(m.once(8)) }) }},
		{"coupon", isString, func(m *maker) {
			m.absent = !m.once(5)
			m.text(fmt.Sprintf("%s%d", strings.ToUpper(pick(m, words)), 5*(1+m.rng.IntN(6))))
		}},
		{"customer", isObject, (*maker).customer},
		{"items", isArray, (*maker).basket},
		{"tags", isArray, func(m *maker) {
			m.list(m.rng.IntN(4), func(int) { m.text(pick(m, tags)) })
		}},
		{"note", isString, func(m *maker) { m.maybe(3, func() { m.text(m.remark()) }) }},
		{"extra", isObject, func(m *maker) {
			m.absent = m.once(4)
			m.begin('{')
			if m.once(2) {
				m.key("utm")
				m.words(1, 0)
				m.key("score")
				fmt.Fprintf(m, "%d.%de-%d", 1+m.rng.IntN(9), m.rng.IntN(1000), 1+m.rng.IntN(9))
				m.key("parent")
				m.null()
			}
			m.end('}')
		}},
	}}
}

// maybe writes null once in n times.
func (m *maker) maybe(n int, value func()) {
	if m.once(n) {
		m.null()
	} else {
		value()
	}
}

// orderNumber is made for each record, so it does without fmt.
func (m *maker) orderNumber() {
	m.WriteString(`"A-`)
	n := m.row()
	for limit := int(1e8); limit > max(n, 1); limit /= 10 {
		m.WriteByte('0')
	}
	m.int(n)
	m.WriteByte('"')
}

func (m *maker) day() string {
	return fmt.Sprintf("20%02d-%02d-%02d", 15+m.rng.IntN(11), 1+m.rng.IntN(12), 1+m.rng.IntN(28))
}

// moment is a time with a zone, with and without parts of a second.
func (m *maker) moment() string {
	s := m.day() + fmt.Sprintf("T%02d:%02d:%02d", m.rng.IntN(24), m.rng.IntN(60), m.rng.IntN(60))
	if m.once(2) {
		s += fmt.Sprintf(".%06d", m.rng.IntN(1e6))
	}
	return s + pick(m, []string{"Z", "Z", "+00:00", "+01:00", "+02:00", "-05:00", "+05:30", "+09:00"})
}

func (m *maker) customer() {
	c := pick(m, countries)
	first, last := pick(m, c.first), pick(m, c.last)
	m.begin('{')
	m.key("id")
	m.int(1 + m.rng.IntN(1e7))
	m.key("name")
	m.text(first + " " + last)
	m.key("email")
	m.text(fmt.Sprintf("%s.%d@example.%s", pick(m, words), m.rng.IntN(1000), pick(m, []string{"com", "org", "net"})))
	m.key("phone")
	m.maybe(5, func() { m.text(fmt.Sprintf("%s %d", c.dial, 100000+m.rng.IntN(9e8))) })
	m.key("address")
	m.begin('{')
	m.key("street")
	m.text(fmt.Sprintf(pick(m, c.streets), 1+m.rng.IntN(200)))
	m.key("city")
	m.text(pick(m, c.cities))
	m.key("postcode")
	m.text(fmt.Sprintf("%0*d", c.postcode, m.rng.IntN(90000)))
	m.key("country")
	m.text(c.code)
	m.key("location")
	m.begin('{')
	m.key("lat")
	m.decimal(float64(m.rng.IntN(180_000_000)-90_000_000)/1e6, 6)
	m.key("lon")
	m.decimal(float64(m.rng.IntN(360_000_000)-180_000_000)/1e6, 6)
	m.end('}')
	m.end('}')
	m.end('}')
}

func (m *maker) basket() {
	m.list(1+m.rng.IntN(4), func(int) {
		m.begin('{')
		m.key("sku")
		m.text(fmt.Sprintf("SKU-%06d", m.rng.IntN(1e6)))
		m.key("title")
		m.text(pick(m, goods))
		m.key("quantity")
		m.int(1 + m.rng.IntN(5))
		m.key("price")
		m.cents(1 + m.rng.IntN(50000))
		if m.once(4) {
			m.key("discount")
			m.cents(m.rng.IntN(500))
		}
		m.end('}')
	})
}

// remark is what people type into a field that takes any text.
func (m *maker) remark() string {
	switch m.rng.IntN(6) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("Customer said: \"%s\", then hung up", m.sentence(3, 6))
	case 2:
		return m.sentence(2, 4) + "\n\n- " + m.sentence(1, 3) + "\n- " + m.sentence(1, 3)
	case 3:
		return pick(m, names) + ": " + m.sentence(2, 3) + "; " + pick(m, goods)
	case 4:
		return fmt.Sprintf(`C:\orders\%s.csv, see https://example.com/?q=%d&lang=de`, pick(m, words), m.rng.IntN(1e6))
	}
	return m.sentence(4, 12)
}

// country has what addresses in it look like. The streets have a place for the number.
type country struct {
	code, dial  string
	first, last []string
	streets     []string
	cities      []string
	postcode    int // digits
}

var countries = []country{
	{"DE", "+49", []string{"Jörg", "Anna", "Käthe", "Maximilian"}, []string{"Müller", "Weiß", "von der Heide", "Özdemir"},
		[]string{"Königsallee %d", "Straße des 17. Juni %d", "Am Bächle %da"}, []string{"Düsseldorf", "Köln", "Garmisch-Partenkirchen"}, 5},
	{"US", "+1", []string{"James", "Mary-Ann", "D'Angelo", "Wei"}, []string{"O'Brien", "Smith, Jr.", "García", "Nguyen"},
		[]string{"%d Main St., Apt. #4", "%d \"Old\" Mill Rd", "%d 5th Ave"}, []string{"New York", "St. Louis", "San José"}, 5},
	{"JP", "+81", []string{"太郎", "花子", "さくら"}, []string{"山田", "佐藤", "髙橋"},
		[]string{"千代田区丸の内%d丁目", "中央区銀座%d-1"}, []string{"東京都", "大阪市"}, 7},
	{"PL", "+48", []string{"Łukasz", "Żaneta", "Michał"}, []string{"Wiśniewski", "Dąbrowska", "Gęś"},
		[]string{"ul. Świętokrzyska %d", "al. Solidarności %d"}, []string{"Łódź", "Kraków", "Wrocław"}, 5},
	{"GR", "+30", []string{"Ελένη", "Γιώργος"}, []string{"Παπαδοπούλου", "Νικολάου"},
		[]string{"Οδός Ερμού %d"}, []string{"Αθήνα", "Θεσσαλονίκη"}, 5},
	{"AE", "+971", []string{"محمد", "فاطمة"}, []string{"الهاشمي", "بن راشد"},
		[]string{"شارع الشيخ زايد %d"}, []string{"دبي", "أبو ظبي"}, 5},
	{"IN", "+91", []string{"प्रिया", "Arjun"}, []string{"शर्मा", "Iyer"},
		[]string{"%d, MG Road", "एमजी रोड %d"}, []string{"बेंगलुरु", "Mumbai"}, 6},
}

var (
	currencies = []string{"EUR", "EUR", "USD", "USD", "JPY", "PLN", "GBP"}
	tags       = []string{"new", "vip", "b2b", "très chic", "back-order", "50% off", "a,b;c", "⚡ express"}
	goods      = []string{
		"Espresso machine, 15 bar", "19\" rack shelf", "Crème brûlée torch", "T-shirt \"Ünïcode\" (L)", "USB-C cable 2 m", "緑茶 100 g",
		"Notebook A5; dotted", "Tape 3/4\" x 10'", "Garden hose 1/2\"", "🎁 Gift card", "Wrench set\n(12 pieces)", "Olive oil 0,75 l",
	}
)
