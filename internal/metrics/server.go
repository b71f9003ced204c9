package metrics

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sluice-data/sluice"
)

// Server answers at /metrics and /healthz, and nowhere else.
type Server struct {
	listener net.Listener
	log      *slog.Logger
	http     *http.Server
	ended    sync.WaitGroup
}

// Listen takes the address, HOST:PORT, so that one that can't be had is known before there is
// anything to do. Close has to follow.
func Listen(ctx context.Context, address string, log *slog.Logger) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &Server{listener: l, log: log}, nil
}

// Serve answers with what progress tells, until Close. So many streams, the first of the
// catalog, have a name of their own; the others are one.
func (s *Server) Serve(progress func() *sluice.Progress, streams int) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(progress, streams),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.serve(handlers(registry))
	s.log.Info(fmt.Sprintf("metrics are at http://%s/metrics", s.listener.Addr()))
}

func handlers(registry *prometheus.Registry) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return mux
}

func (s *Server) serve(mux *http.ServeMux) {
	s.http = &http.Server{
		Handler: mux,
		// Nobody needs long for a scrape.
		ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // and not stderr
	}
	s.ended.Go(func() { _ = s.http.Serve(s.listener) }) // returns when the listener is closed
}

// patience is how long the end of a sync waits for scrapes that are under way.
const patience = time.Second

// Close ends it.
func (s *Server) Close() {
	if s.http == nil {
		_ = s.listener.Close()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.ended.Wait()
}
