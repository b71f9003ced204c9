package config

import (
	"strings"
	"time"
)

// Kafka is what the front (write) and the workers of the engine "kafka" need to know. Both
// have to have the same.
type Kafka struct {
	Brokers           string     `json:"brokers"` // see Addresses
	Group             string     `json:"group"`
	TopicPattern      string     `json:"topic_pattern"`
	Input             KafkaInput `json:"input"`
	Partitions        int32      `json:"partitions"`
	ReplicationFactor int16      `json:"replication_factor"`

	SecurityProtocol SecurityProtocol `json:"security_protocol"`
	SASLMechanism    SASLMechanism    `json:"sasl_mechanism"`
	SASLUsername     string           `json:"sasl_username"`
	SASLPassword     Secret           `json:"sasl_password"`

	SessionTimeoutSeconds float64 `json:"session_timeout_seconds"`

	// MaxRows and RotateMinutes are never reached when 0.
	MaxRows       int64   `json:"max_rows"`
	RotateMinutes float64 `json:"rotate_minutes"`
}

// KafkaInput is what the records of a topic are.
type KafkaInput string

// The inputs.
const (
	InputProtocol KafkaInput = "protocol" // messages of the Airbyte protocol
	InputEnvelope KafkaInput = "envelope" // of Airbyte's Kafka destination
)

// SecurityProtocol is how brokers are spoken to, by the names of Kafka's own clients.
type SecurityProtocol string

// The security protocols.
const (
	SecurityPlaintext     SecurityProtocol = "PLAINTEXT"
	SecuritySSL           SecurityProtocol = "SSL"
	SecuritySASLPlaintext SecurityProtocol = "SASL_PLAINTEXT"
	SecuritySASLSSL       SecurityProtocol = "SASL_SSL"
)

// TLS reports whether connections are encrypted.
func (p SecurityProtocol) TLS() bool { return p == SecuritySSL || p == SecuritySASLSSL }

// SASL reports whether a user name and a password are proved.
func (p SecurityProtocol) SASL() bool { return p == SecuritySASLPlaintext || p == SecuritySASLSSL }

// SASLMechanism is how they are.
type SASLMechanism string

// The SASL mechanisms.
const (
	SASLPlain       SASLMechanism = "PLAIN"
	SASLScramSHA256 SASLMechanism = "SCRAM-SHA-256"
	SASLScramSHA512 SASLMechanism = "SCRAM-SHA-512"
)

func defaultKafka() Kafka {
	return Kafka{
		Group: "sluice", TopicPattern: "sluice.{namespace}.{stream}", Input: InputProtocol,
		Partitions: 12, ReplicationFactor: -1,
		SecurityProtocol: SecurityPlaintext, SASLMechanism: SASLPlain,
		SessionTimeoutSeconds: 45,
	}
}

// Addresses are the brokers, one by one.
func (k *Kafka) Addresses() []string {
	var all []string
	for a := range strings.SplitSeq(k.Brokers, ",") {
		if a = strings.TrimSpace(a); a != "" {
			all = append(all, a)
		}
	}
	return all
}

// SessionTimeout is how long the group waits for a worker that it does not hear of.
func (k *Kafka) SessionTimeout() time.Duration {
	return time.Duration(scale(k.SessionTimeoutSeconds, float64(time.Second)))
}

// RotateEvery is the interval of record time whose end closes objects; 0 is never.
func (k *Kafka) RotateEvery() time.Duration {
	return time.Duration(scale(k.RotateMinutes, float64(time.Minute)))
}

// kafkaRules checks what a JSON Schema cannot say about the engine.
func (c *Config) kafkaRules(p *problems) {
	if c.Engine != EngineKafka {
		return
	}
	k := &c.Kafka
	if len(k.Addresses()) == 0 {
		p.add("kafka.brokers", k.Brokers, `must name a broker, as host:port, for the engine "kafka"`)
	}
	if k.ReplicationFactor == 0 {
		p.add("kafka.replication_factor", 0, "must be -1, or at least 1")
	}
	if !k.SecurityProtocol.SASL() {
		return
	}
	needed := "needed together with the security protocol " + string(k.SecurityProtocol)
	if k.SASLUsername == "" {
		p.add("kafka.sasl_username", nil, needed)
	}
	if k.SASLPassword == "" {
		p.add("kafka.sasl_password", nil, needed)
	}
}
