# An index of what there is to run. The work is in scripts/; ARGS goes on to it:
#   make demo ARGS=--keep      make test ARGS='-run Snapshot ./e2e'

.PHONY: demo test bench bench-heap bench-capture bench-tunnel bench-leaks lint build fmt

demo: ; @scripts/demo.sh $(ARGS)
test: ; @scripts/test.sh $(ARGS)
bench: ; @scripts/bench.sh $(ARGS)
bench-heap: ; @scripts/bench-heap.sh $(ARGS)
bench-capture: ; @scripts/bench-capture.sh $(ARGS)
bench-tunnel: ; @scripts/bench-tunnel.sh $(ARGS)
bench-leaks: ; @scripts/bench-leaks.sh $(ARGS)
lint: ; @scripts/lint.sh $(ARGS)
build: ; go build -o bin/ecsheap ./cmd/ecsheap
fmt: ; gofmt -w .
