package kafka

import (
	"fmt"
	"strconv"
	"strings"
)

// intent is what stands in the metadata of a committed offset: to which topic it belongs and, while
// an epoch is prepared, where that ends. Kafka keeps up to 4096 bytes with an offset
// (offset.metadata.max.bytes); this has about 100.
type intent struct {
	topic string // the first 8 hex digits of the topic's id

	prepared bool
	end      int64  // the epoch's last offset
	rows     int64  // that it has
	rejects  int64  // records of it that can't be written
	config   string // what its rows and keys depend on: see fingerprint
}

const intentVersion = "v1"

func (i intent) String() string {
	text := intentVersion + ";t=" + i.topic
	if i.prepared {
		text += fmt.Sprintf(";E=%d;n=%d;r=%d;h=%s", i.end, i.rows, i.rejects, i.config)
	}
	return text
}

// parseIntent reads what a worker has committed. "" is what a tool leaves that sets offsets.
func parseIntent(text string) (intent, error) {
	var i intent
	if text == "" {
		return i, nil
	}
	version, rest, _ := strings.Cut(text, ";")
	if version != intentVersion {
		return i, fmt.Errorf("the committed offset has the metadata %.100q, which this version of sluice does not know: run the version that wrote it until its partitions are committed, or commit offsets without metadata", text)
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ";") {
		key, value, _ := strings.Cut(field, "=")
		fields[key] = value
	}
	i.topic, i.config = fields["t"], fields["h"]
	end, prepared := fields["E"]
	if !prepared {
		return i, nil
	}
	i.prepared = true
	for _, n := range []struct {
		text string
		to   *int64
	}{{end, &i.end}, {fields["n"], &i.rows}, {fields["r"], &i.rejects}} {
		v, err := strconv.ParseInt(n.text, 10, 64)
		if err != nil || v < 0 {
			return i, fmt.Errorf("the committed offset has the metadata %.100q, which can't be read", text)
		}
		*n.to = v
	}
	return i, nil
}
