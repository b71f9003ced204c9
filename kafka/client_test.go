package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/sluice-data/sluice/config"
)

// told is a log that keeps its lines.
type told struct {
	strings.Builder
	log *slog.Logger
}

func tell(level slog.Level) *told {
	t := &told{}
	t.log = slog.New(slog.NewTextHandler(&t.Builder, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	return t
}

// TestLogger: what the client has to say is a warning, or for who debugs.
func TestLogger(t *testing.T) {
	f := func(level slog.Level, want kgo.LogLevel) {
		t.Helper()
		if got := (&logger{tell(level).log}).Level(); got != want {
			t.Errorf("%v: got %v, want %v", level, got, want)
		}
	}
	f(slog.LevelDebug, kgo.LogLevelInfo)
	f(slog.LevelInfo, kgo.LogLevelWarn)
	f(slog.LevelWarn, kgo.LogLevelWarn)
	f(slog.LevelError, kgo.LogLevelError)
	g := func(level kgo.LogLevel, want string) {
		t.Helper()
		to := tell(slog.LevelDebug)
		(&logger{to.log}).Log(level, "unable to dial", "addr", "h:9092", "err", io.EOF, "odd")
		if want += " msg=\"kafka client: unable to dial, addr: h:9092, err: EOF\"\n"; to.String() != want {
			t.Errorf("%v: got %swant %s", level, &to.Builder, want)
		}
	}
	g(kgo.LogLevelError, "level=WARN")
	g(kgo.LogLevelWarn, "level=WARN")
	g(kgo.LogLevelInfo, "level=DEBUG")
	g(kgo.LogLevelDebug, "level=DEBUG")
}

// TestClientOptions: each way to speak to brokers makes a client, and a program's own options win.
func TestClientOptions(t *testing.T) {
	f := func(protocol config.SecurityProtocol, encrypted, authenticated bool) {
		t.Helper()
		cfg := config.Default().Kafka
		cfg.Brokers, cfg.SecurityProtocol, cfg.SASLUsername, cfg.SASLPassword = "h:9092", protocol, "me", "secret"
		client, err := kgo.NewClient(clientOptions(&cfg, tell(slog.LevelInfo).log, "worker", []kgo.Opt{kgo.ClientID("mine")})...)
		if err != nil {
			t.Fatalf("%s: %v", protocol, err)
		}
		defer client.Close()
		if got := fmt.Sprint(client.OptValue(kgo.ClientID)); got != "mine" {
			t.Errorf("the client id is %s", got)
		}
		dial, _ := client.OptValue(kgo.DialTLSConfig).(*tls.Config)
		auth, _ := client.OptValue(kgo.SASL).([]sasl.Mechanism)
		if (dial != nil) != encrypted || (len(auth) == 1) != authenticated {
			t.Errorf("%s: TLS %v, %d mechanisms", protocol, dial != nil, len(auth))
		}
	}
	f(config.SecurityPlaintext, false, false)
	f(config.SecuritySSL, true, false)
	f(config.SecuritySASLPlaintext, false, true)
	f(config.SecuritySASLSSL, true, true)
	for want, m := range map[string]config.SASLMechanism{"PLAIN": config.SASLPlain, "SCRAM-SHA-256": config.SASLScramSHA256, "SCRAM-SHA-512": config.SASLScramSHA512} {
		if got := mechanism(&config.Kafka{SASLMechanism: m}).Name(); got != want {
			t.Errorf("%s: got %s", want, got)
		}
	}
}

// TestFetchError: what passes is sat out, what a person has to mend ends the worker.
func TestFetchError(t *testing.T) {
	f := func(err error, want, logged string) {
		t.Helper()
		to := tell(slog.LevelInfo)
		p, failed := &partition{}, make(chan error, 1)
		w := &Worker{
			log: to.log, cfg: &config.Config{Kafka: config.Kafka{Group: "g"}}, fail: func(err error) { failed <- err },
			partitions: map[id]*partition{{"t", 3}: p},
		}
		got := w.fetchError(kgo.FetchError{Topic: "t", Partition: 3, Err: err})
		if p.doubted.Load() { // it waits whether the group takes the partition away
			got = <-failed
		}
		if want == "" && got != nil || want != "" && (got == nil || !strings.Contains(got.Error(), want)) {
			t.Errorf("%v: got %v, want %s", err, got, want)
		}
		if logged == "" && to.Len() > 0 || !strings.Contains(to.String(), logged) {
			t.Errorf("%v: logged %s, want %s", err, &to.Builder, logged)
		}
		if lost := "topic t, partition 3: the log does not have the records"; errors.Is(got, ErrRefused) != strings.HasPrefix(want, lost) {
			t.Errorf("%v: refused: %v", err, got)
		}
	}
	f(context.Canceled, "", "")
	f(fmt.Errorf("polling: %w", context.Canceled), "", "")
	f(kgo.ErrClientClosed, "", "")
	const lost = "topic t, partition 3: the log does not have the records at the committed offset any more"
	f(kerr.OffsetOutOfRange, lost, "")
	f(&kgo.ErrDataLoss{Topic: "t", Partition: 3, ConsumedTo: 7, ResetTo: 1}, lost, "")
	f(kerr.UnknownTopicOrPartition, "", "the topic t is not there yet; waiting for it")
	for _, no := range []error{
		kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.SaslAuthenticationFailed, kerr.FencedInstanceID, kerr.InvalidSessionTimeout, kerr.InconsistentGroupProtocol,
	} {
		f(no, "working as a member of the group g: "+no.Error(), "")
	}
	f(kerr.NotLeaderForPartition, "", "level=WARN")
	f(io.ErrUnexpectedEOF, "", `fetching from topic \"t\", partition 3: unexpected EOF`)
}

// TestAgain: a commit that another try may mend is tried again.
func TestAgain(t *testing.T) {
	f := func(want bool, all ...error) {
		t.Helper()
		for _, err := range all {
			if got := again(fmt.Errorf("committing: %w", err)); got != want {
				t.Errorf("%v: got %v", err, got)
			}
		}
	}
	f(true, io.EOF, kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.StaleMemberEpoch, kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.CoordinatorLoadInProgress)
	f(false, kgo.ErrClientClosed, kerr.GroupAuthorizationFailed, kerr.OffsetMetadataTooLarge, kerr.FencedInstanceID, kerr.UnknownMemberID, kerr.InvalidCommitOffsetSize)
}
