# The one place for the commands that everybody needs. A machine needs Go, make and git; a C
# compiler only for the race detector.

.SILENT:
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help build image demo test race faults e2e e2e-kafka bench-kafka lint bench bench-peers bench-stages bench-sweep charts fuzz torture golden generate clean modules tools plotting imaging deploying brokers examples

# A workspace would hide tools/go.mod.
export GOWORK := off
BIN := .bin
T ?= 30s
N ?= 10000
RUNS ?= 200
SEED ?= 0
ARGS ?=
PYTHON ?= python3
# Modules of their own, so that theirs are not in ours.
EXAMPLES := examples examples/benthos
OTHERS := bench/plot deploy/image deploy/deploytest kafka/kafkatest $(EXAMPLES)
# A package that hangs should fail before a person gives up.
TEST := go test -timeout 10m

help: ## Show this list
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: modules ## Build .bin/sluice
	echo "building $(BIN)/sluice"
	CGO_ENABLED=0 go build -trimpath -o $(BIN)/sluice ./cmd/sluice

image: modules imaging ## Build the connector's image without Docker: .bin/image; ARGS="-help" tells more
	cd deploy/image && go build -o ../../$(BIN)/image-builder .
	$(BIN)/image-builder $(ARGS)

demo: build $(BIN)/versitygw ## Show a whole sync of recorded data into an S3 server
	go build -o $(BIN)/withs3 ./internal/gateway/cmd/withs3
	echo "starting an S3 server on this machine for: sluice demo --config config.json"
	$(BIN)/withs3 $(BIN)/sluice demo --config

# -count 1: go test does not see when files outside of a module change, which some modules look at.
test: modules plotting imaging deploying brokers examples $(BIN)/versitygw $(BIN)/toxiproxy-server ## Run all tests; where there is a C compiler, once more with the race detector
	echo "testing (a few minutes, first time only)"
	$(TEST) ./...
	for m in $(OTHERS); do (cd $$m && $(TEST) -count 1 ./...) || exit 1; done
	$(MAKE) --no-print-directory race

race: modules $(BIN)/versitygw $(BIN)/toxiproxy-server ## Run all tests with the race detector
	if go build -race runtime/cgo 2>/dev/null; \
	then echo "testing with the race detector"; $(TEST) -race ./... && (cd kafka/kafkatest && $(TEST) -race ./...); \
	else echo "skipped: the race detector needs a C compiler and cgo"; fi

faults: modules $(BIN)/versitygw ## Count rows over N=10000 faults, and measure what they cost, about half an hour
	SLUICE_FAULTS=$(N) go test -timeout 2h -count 1 -v -run 'TestManyFaults|TestCostOfFaults|TestStopInAnOutage' ./cmd/sluice

e2e: build $(BIN)/versitygw ## Run PyAirbyte, its sources and people's readers around Sluice, some minutes; needs Python 3.11
	$(PYTHON) e2e/run.py $(ARGS)

# A round is some minutes, where one of make torture is a second.
e2e-kafka: RUNS = 12
e2e-kafka: build $(BIN)/versitygw ## Kill workers and brokers of Apache Kafka in RUNS=12 rounds, about 35 minutes; needs Java, Maven, Python
	go build -o $(BIN)/kafkatorture ./internal/kafkatorture/cmd/kafkatorture
	$(PYTHON) e2e/kafka/run.py -runs $(RUNS) -seed $(SEED) $(if $(ROUND),-round $(ROUND)) $(ARGS)

lint: modules tools plotting imaging deploying brokers examples ## Check format, vet, staticcheck, layout, module files and generated files
	echo "gofmt"; bad=$$(gofmt -l .); test -z "$$bad" || { echo "not formatted: $$bad"; exit 1; }
	echo "go vet"; go vet ./...
	echo "staticcheck"; go tool -modfile=tools/go.mod staticcheck ./...
	echo "layout, generated files"; go test ./internal/layout ./internal/configdoc
	for m in $(OTHERS); do echo "module $$m"; (cd $$m && go vet ./... && go tool -modfile=$(CURDIR)/tools/go.mod staticcheck ./...) || exit 1; done
	echo "go mod tidy"; for m in . tools $(OTHERS); do (cd $$m && go mod tidy -diff) || exit 1; done

bench: modules ## Measure the engine, about 10 minutes; ARGS="-help" tells what can be chosen
	go build -o $(BIN)/bench ./bench/cmd/bench
	$(BIN)/bench $(ARGS)

bench-peers: build $(BIN)/versitygw ## Measure DuckDB, Polars and others beside Sluice, about 40 minutes; needs Python 3.11
	go build -o $(BIN)/bench-peers ./bench/cmd/peers
	$(BIN)/bench-peers -sluice $(BIN)/sluice $(ARGS)

bench-stages: modules ## Measure the Writer, stages and encoders, each by itself
	go test -run '^$$' -bench . -benchmem . ./stages ./format ./format/typed ./format/parquet ./internal/scan ./compress

bench-kafka: build $(BIN)/versitygw ## Measure Kafka workers beside sluice write, about 10 minutes; needs Java, Maven, Python
	go build -o $(BIN)/kafkatorture ./internal/kafkatorture/cmd/kafkatorture
	$(PYTHON) e2e/kafka/run.py -bench 3000000 $(ARGS)

bench-sweep: modules $(BIN)/toxiproxy-server ## Measure part size and concurrency of uploads over a slow network, about 10 minutes
	go build -o $(BIN)/bench ./bench/cmd/bench
	$(BIN)/bench -sweep $(ARGS)

charts: plotting ## Draw docs/charts from the newest reports in bench/results
	cd bench/plot && go build -o ../../$(BIN)/plot .
	$(BIN)/plot $(ARGS)

fuzz: modules ## Fuzz each target for T=30s
	scripts/fuzz.sh $(T)

torture: build $(BIN)/versitygw ## Kill sluice (kill -9) in RUNS=200 rounds, about 2 minutes; SEED=1 ROUND=2 repeats one
	go build -o $(BIN)/torture ./internal/torture/cmd/torture
	$(BIN)/torture -sluice $(BIN)/sluice -runs $(RUNS) -seed $(SEED) $(if $(ROUND),-round $(ROUND)) $(ARGS)

golden: modules ## Write the expected objects in format/testdata anew
	go test ./format ./format/parquet -update

generate: modules ## Write the generated files anew
	go generate ./...

clean: ## Remove what was built
	rm -rf $(BIN)

# Downloads are silent and long. The stamps make them, and the line that announces them, go
# away once they are done.
modules: $(BIN)/modules
tools: $(BIN)/tools
plotting: $(BIN)/plotting
imaging: $(BIN)/imaging
deploying: $(BIN)/deploying
brokers: $(BIN)/brokers
examples: $(BIN)/examples

$(BIN)/modules: go.mod go.sum
	mkdir -p $(BIN)
	echo "downloading Go modules (first run only)"
	go mod download
	touch $@

$(BIN)/tools: tools/go.mod tools/go.sum
	mkdir -p $(BIN)
	echo "downloading the modules of the tools (first run only)"
	cd tools && go mod download
	touch $@

$(BIN)/imaging: deploy/image/go.mod deploy/image/go.sum go.mod
	mkdir -p $(BIN)
	echo "downloading the modules of the image (first run only)"
	cd deploy/image && go mod download
	touch $@

$(BIN)/plotting: bench/plot/go.mod bench/plot/go.sum go.mod
	mkdir -p $(BIN)
	echo "downloading the modules of the charts (first run only)"
	cd bench/plot && go mod download
	touch $@

$(BIN)/deploying: deploy/deploytest/go.mod deploy/deploytest/go.sum go.mod
	mkdir -p $(BIN)
	echo "downloading the modules that test the Helm chart and the compose file (first run only)"
	cd deploy/deploytest && go mod download
	touch $@

$(BIN)/brokers: kafka/kafkatest/go.mod kafka/kafkatest/go.sum go.mod
	mkdir -p $(BIN)
	echo "downloading the modules of the brokers for the tests (first run only)"
	cd kafka/kafkatest && go mod download
	touch $@

$(BIN)/examples: $(EXAMPLES:=/go.mod) $(EXAMPLES:=/go.sum) go.mod
	mkdir -p $(BIN)
	echo "downloading the modules of the examples (first run only)"
	for m in $(EXAMPLES); do (cd $$m && go mod download) || exit 1; done
	touch $@

# The tests build the server too, but nobody would see why they take so long. It is put in
# place whole, since tests may run at the same time.
$(BIN)/versitygw: tools/go.mod tools/go.sum | $(BIN)/tools
	echo "building the S3 server for the tests (about a minute, first time only)"
	go build -modfile=tools/go.mod -o $@.new github.com/versity/versitygw/cmd/versitygw
	touch $@.new
	mv $@.new $@

$(BIN)/toxiproxy-server: tools/go.mod tools/go.sum | $(BIN)/tools
	echo "building Toxiproxy (first time only)"
	go build -modfile=tools/go.mod -o $@ github.com/Shopify/toxiproxy/v2/cmd/server
