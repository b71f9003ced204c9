package kafka

import (
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
)

// place is where an epoch begins. All that it makes is named after it.
type place struct {
	topic     string
	topicID   uuid.UUID // nil where brokers have none (before Kafka 2.8)
	partition int32
	first     int64 // offset
}

// shortID tells topics of one name apart, of which one was made after the other was deleted.
func shortID(id uuid.UUID) string { return hex.EncodeToString(id[:4]) }

// prefix is what the names of all objects of the partition begin with.
func (p place) prefix() string {
	return fmt.Sprintf("%s_%s_%05d_", p.topic, shortID(p.topicID), p.partition)
}

// key names an object of the epoch. Nothing of it depends on a clock, a host or chance.
func (p place) key(dir, extension string) string {
	return fmt.Sprintf("%s/%s%020d.%s", dir, p.prefix(), p.first, extension)
}
