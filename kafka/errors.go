package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice"
)

// Class says who can do something about an Error.
type Class int

// The classes.
const (
	// Fatal is neither the user's nor will it go away: the cluster is not as it was.
	Fatal Class = iota
	// Setting is the user's to mend: the config, or rights that are missing.
	Setting
	// Transient may go away by itself.
	Transient
)

// Error is what a cluster can't do, or will not.
type Error struct {
	Doing  string // what was being done: "creating the topic users"
	Class  Class
	Advice string // what to do about it, or ""
	Err    error
}

func (e *Error) Error() string {
	if e.Doing == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %v", e.Doing, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Diagnosis implements sluice.Diagnosed.
func (e *Error) Diagnosis() (sluice.Class, string) {
	switch e.Class {
	case Setting:
		return sluice.ClassSettings, e.Advice
	case Transient:
		return sluice.ClassOutage, e.Advice
	case Fatal:
	}
	return sluice.ClassRefused, e.Advice
}

// wrong makes an *Error of what a client has returned, or nil of nil. A context that has ended is
// nobody's fault.
func wrong(doing string, err error) error {
	var known *Error
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &known) {
		return err
	}
	class, advice := classify(err)
	return &Error{Doing: doing, Class: class, Advice: advice, Err: err}
}

// advices are for the answers that a user can do something about.
var advices = []struct {
	err    error
	advice string
}{
	{kerr.SaslAuthenticationFailed, "check kafka.sasl_username, kafka.sasl_password and kafka.sasl_mechanism"},
	{kerr.UnsupportedSaslMechanism, "the brokers do not offer this kafka.sasl_mechanism"},
	{kerr.IllegalSaslState, "check kafka.security_protocol: it says whether brokers ask for a password"},
	{kerr.TopicAuthorizationFailed, "allow the user DESCRIBE and WRITE on the topic, and CREATE if it does not exist"},
	{kerr.GroupAuthorizationFailed, "allow the user DESCRIBE on the group of kafka.group"},
	{kerr.ClusterAuthorizationFailed, "allow the user CREATE on the topic, and with brokers before 2.8 IDEMPOTENT_WRITE on the cluster"},
	{kerr.InvalidReplicationFactor, "set kafka.replication_factor to no more than there are brokers, or to -1 for their default"},
	{kerr.InvalidPartitions, "check kafka.partitions"},
	{kerr.PolicyViolation, "create the topic by hand, as the cluster's policy wants it"},
	{kerr.InvalidTopicException, "check kafka.topic_pattern"},
	{kerr.InvalidRecord, "if the topic is compacted, set its cleanup.policy to delete: rows have no keys"},
	{kerr.UnsupportedVersion, "Kafka 2.8 or newer is needed"},
}

func classify(err error) (Class, string) {
	for _, a := range advices {
		if errors.Is(err, a.err) {
			return Setting, a.advice
		}
	}
	var (
		dns     *net.DNSError
		eof     *kgo.ErrFirstReadEOF
		record  tls.RecordHeaderError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		expired x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return Setting, "check kafka.brokers"
	case errors.As(err, &eof), errors.As(err, &record):
		return Setting, "check kafka.security_protocol: the broker hung up, as it does on a client that speaks TLS or SASL where it doesn't, or the other way round"
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &expired):
		return Setting, "SSL_CERT_DIR names directories of certificates that are trusted, besides the system's file"
	}
	var network net.Error
	var answer *kerr.Error
	switch {
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, kgo.ErrRecordTimeout), errors.Is(err, kgo.ErrRecordRetries):
		return Transient, "check that the brokers of kafka.brokers, and those that they name in turn (advertised.listeners), run, can be reached, and speak kafka.security_protocol"
	case !errors.As(err, &answer) || answer.Retriable:
		return Transient, ""
	}
	return Fatal, ""
}

// patiently calls op until it succeeds, fails for good, or has failed for as long as an outage is
// sat out.
func patiently(ctx context.Context, limit time.Duration, notify func(error), op func() error) error {
	const longest = 5 * time.Second
	for start, pause := time.Now(), longest/20; ; pause = min(2*pause, longest) {
		err := op()
		var e *Error
		if !errors.As(err, &e) || e.Class != Transient || time.Since(start)+pause > limit {
			return err
		}
		notify(err)
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// wait waits, or returns the reason why ctx has ended.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tryingAgain is what is said of an error that is sat out.
func tryingAgain(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Advice != "" {
		return fmt.Sprintf("%v (%s); trying again", err, e.Advice)
	}
	return fmt.Sprintf("%v; trying again", err)
}
