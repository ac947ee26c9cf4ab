#!/bin/sh
# Runs the benchmarks, no tests. Arguments go to go test, and stand for ./...
# when there are some; six runs each are what benchstat wants:
#
#   scripts/bench.sh
#   scripts/bench.sh -count 6 ./cdp
set -eu

cd "$(dirname -- "$0")/.."
[ $# -gt 0 ] || set -- ./...
exec go test -run '^$' -bench . -benchmem "$@"
