package generate

import "fmt"

// lineitemTable is the table of that name from TPC-H, as a source would send it: about 570
// bytes a line, 17 fields, one of them nested.
func lineitemTable() *table {
	return &table{name: "tpch-lineitem", streams: []string{"lineitem"}, namespace: "tpch", fields: lineitem}
}

var lineitem = []field{
	{"l_orderkey", isInteger, func(m *maker) { m.int(m.row() / 4) }},
	{"l_partkey", isInteger, func(m *maker) { m.int(m.rng.IntN(200000)) }},
	{"l_suppkey", isInteger, func(m *maker) { m.int(m.rng.IntN(10000)) }},
	{"l_linenumber", isInteger, func(m *maker) { m.int(m.row()%7 + 1) }},
	{"l_quantity", isNumber, func(m *maker) { m.int(m.rng.IntN(50) + 1) }},
	{"l_extendedprice", isNumber, func(m *maker) { m.decimal(float64(m.rng.IntN(10000000))/100, 2) }},
	{"l_discount", isNumber, func(m *maker) { m.decimal(float64(m.rng.IntN(10))/100, 2) }},
	{"l_tax", isNumber, func(m *maker) { m.decimal(float64(m.rng.IntN(9))/100, 2) }},
	{"l_returnflag", isString, func(m *maker) { m.text(pick(m, []string{"A", "N", "R"})) }},
	{"l_linestatus", isString, func(m *maker) { m.text(pick(m, []string{"O", "F"})) }},
	{"l_shipdate", isDate, func(m *maker) { m.text(m.date()) }},
	{"l_commitdate", isDate, func(m *maker) { m.text(m.date()) }},
	{"l_receiptdate", isDate, func(m *maker) { m.text(m.date()) }},
	{"l_shipinstruct", isString, func(m *maker) { m.text(pick(m, instructions)) }},
	{"l_shipmode", isString, func(m *maker) { m.text(pick(m, modes)) }},
	{"l_comment", isString, func(m *maker) { m.words(8, 5) }},
	{"l_source", isObject, func(m *maker) {
		m.begin('{')
		m.key("system")
		m.text("dbgen")
		m.key("chunk")
		m.int(m.rng.IntN(1000))
		m.key("ok")
		m.bool(true)
		m.end('}')
	}},
}

var (
	instructions = []string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}
	modes        = []string{"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"}
)

// interleaved is 500 streams of lineitem records, mixed at random record by record: as many
// open objects, and hardly two records in a row that belong together.
func interleaved() *table {
	t := &table{name: "interleaved", namespace: "tpch", fields: lineitem}
	for i := range 500 {
		t.streams = append(t.streams, fmt.Sprintf("lineitem_%03d", i))
	}
	return t
}

// sparse is lineitem as a document store sends it: each key but the first is missing in a
// third of the records, and in one of ten records the keys come in another order.
func sparse() *table {
	return &table{
		name: "sparse", streams: []string{"lineitem"}, namespace: "tpch", fields: lineitem, dataFirst: true,
		missing: 3, shuffled: 10,
	}
}

// python is lineitem as json.dumps writes it: a space behind each ':' and ',', and as
// sources without namespaces send it.
func python() *table {
	return &table{name: "python", streams: []string{"lineitem"}, fields: lineitem, dataFirst: true, python: true}
}
