package kafka

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/scan"
)

// appendEnvelope appends a record of Airbyte's Kafka destination as the RECORD message that it was:
//
//	{"_airbyte_ab_id": "…", "_airbyte_stream": "users", "_airbyte_emitted_at": 1763793600000, "_airbyte_data": {…}}
//
// id is that of the record if it is a UUID. With a partition key that destination writes the key in
// its place, which many records share; that is no id of a row.
func appendEnvelope(dst, value []byte, streams map[string]airbyte.StreamID) (line []byte, id uuid.UUID, err error) {
	if !scan.Valid(value) {
		return dst, id, fmt.Errorf("not valid JSON: %w", scan.Explain(value))
	}
	at := scan.SkipSpace(value, 0)
	if value[at] != '{' {
		return dst, id, errors.New("not a record of Airbyte's Kafka destination: a JSON object is expected")
	}
	var rowID, stream, emitted, data scan.Span
	for o := scan.Object(value, at); o.Next(); {
		switch string(o.Key.Of(value)) {
		case "_airbyte_ab_id":
			rowID = o.Value
		case "_airbyte_stream":
			stream = o.Value
		case "_airbyte_emitted_at":
			emitted = o.Value
		case "_airbyte_data":
			data = o.Value
		}
	}
	if stream.None() || data.None() {
		return dst, id, errors.New("not a record of Airbyte's Kafka destination: it needs _airbyte_stream and _airbyte_data")
	}
	var name string
	if err := json.Unmarshal(stream.Of(value), &name); err != nil || value[stream.Start] != '"' { // null
		return dst, id, errors.New("_airbyte_stream is no string")
	}
	if !rowID.None() {
		id = parseID(rowID.Of(value))
	}
	dst = append(dst, `{"type":"RECORD","record":{"stream":`...)
	dst = append(dst, stream.Of(value)...)
	if full, known := streams[name]; known && full.Namespace != "" {
		namespace, err := json.Marshal(full.Namespace)
		if err != nil {
			return dst, id, err
		}
		dst = append(append(dst, `,"namespace":`...), namespace...)
	}
	if !emitted.None() {
		dst = append(append(dst, `,"emitted_at":`...), emitted.Of(value)...)
	}
	dst = append(append(dst, `,"data":`...), data.Of(value)...)
	return append(dst, `}}`...), id, nil
}

// parseID reads a UUID in quotes, as it is written in 36 characters; other forms are keys.
func parseID(quoted []byte) uuid.UUID {
	if len(quoted) != 38 {
		return uuid.Nil
	}
	id, err := uuid.ParseBytes(quoted[1:37])
	if err != nil {
		return uuid.Nil
	}
	return id
}
