package kafka

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/sluice-data/sluice/config"
)

// clientOptions are what the front and a worker have in common. What a program adds comes last,
// and wins.
func clientOptions(cfg *config.Kafka, log *slog.Logger, role string, more []kgo.Opt) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Addresses()...),
		kgo.ClientID("sluice-" + role),
		kgo.WithLogger(&logger{log}),
	}
	if cfg.SecurityProtocol.TLS() {
		opts = append(opts, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	if cfg.SecurityProtocol.SASL() {
		opts = append(opts, kgo.SASL(mechanism(cfg)))
	}
	return append(opts, more...)
}

// mechanism is how the client tells who it is.
func mechanism(cfg *config.Kafka) sasl.Mechanism {
	user, password := cfg.SASLUsername, cfg.SASLPassword.Reveal()
	switch cfg.SASLMechanism {
	case config.SASLScramSHA256:
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	case config.SASLScramSHA512:
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	case config.SASLPlain:
	}
	return plain.Auth{User: user, Pass: password}.AsMechanism()
}

// logger passes on what the client has to say. Most of it is of use only to who debugs a cluster.
type logger struct{ log *slog.Logger }

func (l *logger) Level() kgo.LogLevel {
	switch ctx := context.Background(); {
	case l.log.Enabled(ctx, slog.LevelDebug):
		return kgo.LogLevelInfo
	case l.log.Enabled(ctx, slog.LevelWarn):
		return kgo.LogLevelWarn
	}
	return kgo.LogLevelError
}

func (l *logger) Log(level kgo.LogLevel, text string, keyvals ...any) {
	to := l.log.Debug
	switch level {
	case kgo.LogLevelError, kgo.LogLevelWarn:
		to = l.log.Warn
	}
	line := "kafka client: " + text
	for i := 0; i+1 < len(keyvals); i += 2 {
		line += fmt.Sprintf(", %v: %v", keyvals[i], keyvals[i+1])
	}
	to(line)
}
