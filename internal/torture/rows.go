package torture

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
)

// row is one record of a stream. Which bytes it has follows from what it is, so that a
// reader can tell a damaged one.
type row struct {
	era    era
	number int
}

// era tells the rows of the earlier sync from those of the job that is killed.
type era string

const (
	oldEra era = "old"
	newEra era = "new"
)

// schema is that of every stream, with room for one more field; columns is what a reader must find.
const schema = `{"type":"object","properties":{"era":{"type":"string"},"number":{"type":"integer"},"text":{"type":"string"}%s}}`

// schemaOf is that of every stream of a round.
func (p *Plan) schemaOf() string {
	if layouts[p.Layout].places {
		return fmt.Sprintf(schema, `,"`+placeField+`":{}`)
	}
	return fmt.Sprintf(schema, "")
}

var columns = []string{"_airbyte_ab_id", "_airbyte_emitted_at", "era", "number", "text"}

const emittedAt = "1622135805000"

// noise is a text that does not compress: gzip must not make a small object of a large one.
var noise = sync.OnceValue(func() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
})

// text is what a row has in its last column: what CSV has to quote, then noise.
func (r row) text(stream string, width int) string {
	h := fnv.New32a()
	fmt.Fprint(h, stream, r.era, r.number)
	at := int(h.Sum32()) % (len(noise()) - width)
	return fmt.Sprintf("%s, \"%d\"\né %s", stream, r.number, noise()[at:at+width])
}

// place is where a row belongs, if the rows are in partitions.
func (r row) place() [2]string { return places[r.number%len(places)] }

// appendRecord appends a RECORD message.
func (r row) appendRecord(b []byte, of *layout, stream string, width int) []byte {
	text, _ := json.Marshal(r.text(stream, width)) // a string always can be
	b = append(b, `{"type":"RECORD","record":{"stream":"`...)
	b = append(b, stream...)
	b = append(b, `","emitted_at":`+emittedAt+`,"data":{"era":"`...)
	b = append(b, r.era...)
	b = append(b, `","number":`...)
	b = strconv.AppendInt(b, int64(r.number), 10)
	if of.places {
		b = append(b, `,"`+placeField+`":`...)
		b = append(b, r.place()[0]...)
	}
	b = append(b, `,"text":`...)
	b = append(b, text...)
	return append(b, "}}}\n"...)
}
