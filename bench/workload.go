// Package bench measures the engine: seeded workloads, a store that discards, and runs of
// whole pipelines in a process of their own, fed through a pipe as a source would.
package bench

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Workload is an endless stream of messages with its catalog.
type Workload struct {
	Name    string
	Catalog []byte // a ConfiguredAirbyteCatalog
	Block   []byte // whole lines, to be sent again and again
	Records int    // in Block
}

// Lineitem is the table of that name from TPC-H, as a source would send it: about 570
// bytes a line, 17 fields, one of them nested. size is about that of the block in bytes.
func Lineitem(seed uint64, size int) Workload {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := Workload{Name: "tpch-lineitem", Catalog: []byte(lineitemCatalog)}
	var b bytes.Buffer
	for b.Len() < size {
		w.Records++
		lineitem(&b, rng, w.Records)
	}
	w.Block = b.Bytes()
	return w
}

func lineitem(b *bytes.Buffer, rng *rand.Rand, n int) {
	fmt.Fprintf(b, `{"type":"RECORD","record":{"stream":"lineitem","namespace":"tpch","emitted_at":%d,"data":{`, 1700000000000+n)
	fmt.Fprintf(b, `"l_orderkey":%d,"l_partkey":%d,"l_suppkey":%d,"l_linenumber":%d,`, n/4, rng.IntN(200000), rng.IntN(10000), n%7+1)
	fmt.Fprintf(b, `"l_quantity":%d,"l_extendedprice":%s,"l_discount":0.0%d,"l_tax":0.0%d,`,
		rng.IntN(50)+1, strconv.FormatFloat(float64(rng.IntN(10000000))/100, 'f', 2, 64), rng.IntN(10), rng.IntN(9))
	fmt.Fprintf(b, `"l_returnflag":"%c","l_linestatus":"%c","l_shipdate":"%s","l_commitdate":"%s","l_receiptdate":"%s",`,
		"ANR"[rng.IntN(3)], "OF"[rng.IntN(2)], date(rng), date(rng), date(rng))
	fmt.Fprintf(b, `"l_shipinstruct":"%s","l_shipmode":"%s","l_comment":"%s",`,
		instructions[rng.IntN(len(instructions))], modes[rng.IntN(len(modes))], comment(rng))
	fmt.Fprintf(b, `"l_source":{"system":"dbgen","chunk":%d,"ok":true}}}}`+"\n", rng.IntN(1000))
}

func date(rng *rand.Rand) string {
	return fmt.Sprintf("%d-%02d-%02d", 1992+rng.IntN(7), rng.IntN(12)+1, rng.IntN(28)+1)
}

var (
	instructions = []string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}
	modes        = []string{"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"}
	words        = []string{"furiously", "quick", "pending", "accounts", "sleep", "carefully", "final", "deposits", "above", "the", "ironic", "requests", "boost", "blithely"}
)

func comment(rng *rand.Rand) string {
	var b bytes.Buffer
	for range rng.IntN(6) + 8 {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(words[rng.IntN(len(words))])
	}
	return b.String()
}

const lineitemCatalog = `{"streams":[{"stream":{"name":"lineitem","namespace":"tpch","json_schema":{"type":"object","properties":{
"l_orderkey":{"type":"integer"},"l_partkey":{"type":"integer"},"l_suppkey":{"type":"integer"},"l_linenumber":{"type":"integer"},
"l_quantity":{"type":"number"},"l_extendedprice":{"type":"number"},"l_discount":{"type":"number"},"l_tax":{"type":"number"},
"l_returnflag":{"type":"string"},"l_linestatus":{"type":"string"},"l_shipdate":{"type":"string"},"l_commitdate":{"type":"string"},
"l_receiptdate":{"type":"string"},"l_shipinstruct":{"type":"string"},"l_shipmode":{"type":"string"},"l_comment":{"type":"string"},
"l_source":{"type":"object"}}}},"sync_mode":"full_refresh","destination_sync_mode":"append"}]}`
