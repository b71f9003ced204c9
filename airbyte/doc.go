// Package airbyte speaks the Airbyte protocol: it decodes the messages that a destination
// reads from stdin, parses the configured catalog, and writes the messages that a
// destination puts on stdout. It holds no goroutine and no clock.
//
// The protocol is described at https://docs.airbyte.com/understanding-airbyte/airbyte-protocol;
// this package follows version 0.18.0 of its schema. Unknown fields and unknown message
// types are ignored everywhere, as the protocol asks.
package airbyte
