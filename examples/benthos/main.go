// Benthos with an output that writes tables by Sluice.
//
//	benthos run pipeline.yaml
//
// config.go says what the output can be told, output.go is the output, tables.go the writer
// behind it, and log.go passes on what Sluice says.
package main

import (
	"context"

	// The components that a pipeline may use beside the output.
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

func main() { service.RunCLI(context.Background()) }

func init() {
	service.MustRegisterBatchOutput("sluice", spec(), func(conf *service.ParsedConfig, mgr *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
		batching, err := conf.FieldBatchPolicy("batching")
		if err != nil {
			return nil, batching, 0, err
		}
		if batching.IsNoop() && batching.Count != 1 { // each message would be an object
			batching.Count, batching.ByteSize, batching.Period = 10_000, 64<<20, "5s"
		}
		inFlight, err := conf.FieldMaxInFlight()
		if err != nil {
			return nil, batching, 0, err
		}
		out, err := newOutput(conf, mgr)
		return out, batching, inFlight, err
	})
}
