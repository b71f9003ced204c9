package config

import (
	"fmt"
	"io"
	"log/slog"
)

// masked is what stands for a secret wherever it could be seen.
const masked = "***"

// Secret is a string that is never shown: printing, logging and encoding it all give
// "***", or nothing when it is empty. Only Reveal gives the value.
//
// The fmt package cannot call methods on unexported struct fields. A struct that is printed
// must hold its Secret, or its Config, in an exported field or behind a pointer.
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// String returns "***", or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString is String in quotes.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// Format hides the value from every verb of the fmt package, %x and %d too.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text) // a fmt.State reports its errors by itself
}

// MarshalJSON hides the value from JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(s.GoString()), nil }

// LogValue hides the value from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// SecretsOf returns the values that must be taken out of anything that is shown, such as
// the message of an error that a server sent.
func SecretsOf(c *Config) []string {
	var values []string
	for _, s := range []Secret{c.AccessKeyID, c.SecretAccessKey, c.ExternalID, c.Kafka.SASLPassword} {
		if s != "" {
			values = append(values, s.Reveal())
		}
	}
	return values
}
