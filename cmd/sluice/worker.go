package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/metrics"
	"github.com/sluice-data/sluice/kafka"
)

// instanceVariable gives a worker its instance id where no flag does: a pod knows its name.
const instanceVariable = "SLUICE_INSTANCE_ID"

func (a *app) worker() *cobra.Command {
	var configFile, catalogFile, metricsAddr string
	opts := kafka.WorkerOptions{}
	cmd := &cobra.Command{
		Use:     "worker --config FILE --catalog FILE",
		Short:   "Bring the records of Kafka topics into objects, with other workers of a group",
		Example: "  sluice worker --config config.json --catalog catalog.json\n  sluice worker --config config.json --catalog catalog.json --until-end",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.InstanceID == "" {
				opts.InstanceID = os.Getenv(instanceVariable)
			}
			opts.Log = a.log
			raw, err := a.read(configFile, true)
			if err != nil {
				return err
			}
			cfg, err := a.config(raw)
			if err != nil {
				return err
			}
			if raw, err = a.read(catalogFile, false); err != nil {
				return err
			}
			catalog, err := airbyte.ParseCatalog(raw)
			if err != nil {
				return &sluice.PlanError{Err: err}
			}
			w, err := kafka.NewWorker(cmd.Context(), cfg, catalog, opts)
			if err != nil {
				return err
			}
			return a.work(cmd.Context(), w, metricsAddr)
		},
	}
	configFlag(cmd, &configFile)
	cmd.Flags().StringVar(&catalogFile, "catalog", "", "the configured catalog, a JSON file: that of the syncs that write to the topics")
	_ = cmd.MarkFlagRequired("catalog")
	cmd.Flags().StringVar(&opts.InstanceID, "instance-id", "", "a name that this worker keeps over restarts (group.instance.id): coming back in time, it has its partitions again; default: "+instanceVariable+" of the environment, or none")
	cmd.Flags().BoolVar(&opts.UntilEnd, "until-end", false, "end when all partitions of this worker are committed up to the end that they had when it got them")
	cmd.Flags().StringVar(&metricsAddr, "metrics-addr", "", "HOST:PORT where Prometheus finds /metrics, and others /healthz and /readyz; default: nowhere")
	return cmd
}

// work runs a worker, and shows how it goes.
func (a *app) work(ctx context.Context, w *kafka.Worker, metricsAddr string) error {
	collectAt(100) // what is fetched becomes garbage, which a sync hardly makes
	if metricsAddr != "" {
		server, err := metrics.Listen(ctx, metricsAddr, a.log)
		if err != nil {
			return &usageError{fmt.Errorf("--metrics-addr is %q: %w: choose another HOST:PORT, or leave the option out", metricsAddr, err)}
		}
		defer server.Close()
		server.ServeWorker(w.Progress)
	}
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(logEvery)
		defer tick.Stop()
		last := w.Progress()
		for {
			select {
			case <-tick.C:
				now := w.Progress()
				a.log.Info(now.Since(last, logEvery))
				last = now
			case <-done:
				return
			}
		}
	}()
	err := w.Run(ctx)
	close(done)
	if err == nil {
		a.log.Info("ended: " + w.Progress().String())
	}
	return err
}
