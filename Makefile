# An index of what there is to run. The work is in scripts/; ARGS goes on to it:
#   make demo ARGS=--keep      make test ARGS='-run Snapshot ./e2e'

.PHONY: demo test bench lint build fmt

demo: ; @scripts/demo.sh $(ARGS)
test: ; @scripts/test.sh $(ARGS)
bench: ; @scripts/bench.sh $(ARGS)
lint: ; @scripts/lint.sh $(ARGS)
build: ; go build -o bin/ecsheap ./cmd/ecsheap
fmt: ; gofmt -w .
