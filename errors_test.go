package sluice_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// TestClassify: an error keeps its class whatever it is wrapped in.
func TestClassify(t *testing.T) {
	f := func(err error, class sluice.Class, advice string) {
		t.Helper()
		if err != nil {
			err = fmt.Errorf("stream users: %w", errors.Join(io.EOF, err))
		}
		if got := sluice.Classify(err); got != class {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, class)
		}
		if got := sluice.Advice(err); advice == "" && got != "" || !strings.Contains(got, advice) {
			t.Errorf("%v\ngot  %q\nwant %q", err, got, advice)
		}
	}
	store := func(kind error, class sink.Class) error {
		return &sink.Error{Op: "PutObject", Kind: kind, Class: class, Err: io.ErrUnexpectedEOF}
	}
	f(nil, "", "")
	f(config.Errors{{Field: "s3_bucket_name"}}, sluice.ClassSettings, "")
	f(&sluice.PlanError{Err: io.EOF}, sluice.ClassSettings, "")
	f(&airbyte.CatalogError{Err: io.EOF}, sluice.ClassSettings, "")
	f(store(sink.ErrCredentials, sink.Permanent), sluice.ClassSettings, "access_key_id")
	f(store(sink.ErrExpired, sink.Permanent), sluice.ClassSettings, "give it new ones")
	f(store(sink.ErrEndpoint, sink.Permanent), sluice.ClassSettings, "s3_endpoint")
	f(store(sink.ErrTooLarge, sink.Permanent), sluice.ClassSettings, "file_size_mb")
	f(store(sink.ErrDenied, sink.Permanent), sluice.ClassSettings, "sluice check")
	f(&sink.Error{Kind: sink.ErrDenied, Right: "s3:PutObject"}, sluice.ClassSettings, "policy")
	f(store(sink.ErrNoBucket, sink.Permanent), sluice.ClassSettings, "s3_bucket_name")
	f(&pipeline.LineError{Line: 3, Err: io.EOF}, sluice.ClassInput, "mend the source")
	f(&pipeline.LineError{Line: 3, Err: pipeline.ErrLong}, sluice.ClassInput, "more memory")
	f(&sluice.RecordError{Err: pipeline.ErrLong}, sluice.ClassInput, "more memory")
	f(&sluice.RecordError{Err: io.EOF}, sluice.ClassInput, "")
	f(&sluice.IncompleteError{}, sluice.ClassInput, "")
	f(store(sink.ErrFull, sink.Permanent), sluice.ClassRefused, "space")
	f(store(sink.ErrClock, sink.Permanent), sluice.ClassRefused, "clock")
	f(store(sink.ErrTaken, sink.Permanent), sluice.ClassRefused, "")
	f(store(nil, sink.Permanent), sluice.ClassRefused, "")
	f(store(nil, sink.Retryable), sluice.ClassOutage, "")
	f(store(nil, sink.Unknown), sluice.ClassOutage, "")
	f(&sink.Error{Class: sink.Retryable, Err: context.DeadlineExceeded}, sluice.ClassOutage, "") // of a request
	f(&sink.Error{Class: sink.Retryable, Err: context.Canceled}, sluice.ClassUnknown, "")
	f(&guard.BugError{Panic: "index out of range"}, sluice.ClassUnknown, "report")
	f(context.Canceled, sluice.ClassUnknown, "")
	f(sluice.ErrClosed, sluice.ClassUnknown, "")
}

// TestClassesOfARun are those of errors as they come out of the package.
func TestClassesOfARun(t *testing.T) {
	f := func(input string, class sluice.Class, rules ...*faultstore.Rule) {
		t.Helper()
		cfg := settings()
		cfg.Upload.RetryMinutes = 0
		e, err := sluice.Open(t.Context(), cfg, users(airbyte.Append), sluice.Options{Store: faultstore.New(newMemory(), rules...)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Run(t.Context(), strings.NewReader(input), func([]byte) error { return nil })
		if got := sluice.Classify(err); got != class {
			t.Errorf("%s%v\ngot  %q\nwant %q", input, err, got, class)
		}
	}
	const row = `{"type":"RECORD","record":{"stream":"users","emitted_at":1,"data":{"id":1}}}` + "\n"
	const failed = `{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"users"},"status":"INCOMPLETE"}}}` + "\n"
	f(row, "")
	f(row+`{"type":`+"\n", sluice.ClassInput)
	f(row+failed, sluice.ClassInput)
	f(row, sluice.ClassSettings, faultstore.On(faultstore.Put).Fail(&sink.Error{Kind: sink.ErrDenied}))
	f(row, sluice.ClassRefused, faultstore.On(faultstore.Put).Fail(&sink.Error{Kind: sink.ErrFull}))
	f(row, sluice.ClassOutage, faultstore.On(faultstore.Put).Fail(&sink.Error{Class: sink.Retryable}))
}

// TestCatalogErrors are known for what they are.
func TestCatalogErrors(t *testing.T) {
	for _, raw := range []string{``, `[]`, `{}`, `{"streams": [{"stream": {}}]}`} {
		if _, err := airbyte.ParseCatalog([]byte(raw)); sluice.Classify(err) != sluice.ClassSettings {
			t.Errorf("%s: got %v, %s", raw, err, sluice.Classify(err))
		}
	}
}

// TestRunOnce: a second Run would find the uploads closed, in the middle of a sync.
func TestRunOnce(t *testing.T) {
	e, err := sluice.Open(t.Context(), settings(), users(airbyte.Append), sluice.Options{Store: newMemory(), Workers: -1, StopTimeout: -time.Second})
	if err != nil {
		t.Fatal(err)
	}
	run := func() error {
		_, err := e.Run(t.Context(), strings.NewReader(""), func([]byte) error { return nil })
		return err
	}
	if err := run(); err != nil {
		t.Error(err)
	}
	if err := run(); err == nil || !strings.Contains(err.Error(), "runs once") {
		t.Errorf("the second time: got %v", err)
	}
}
