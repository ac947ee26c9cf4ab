#!/bin/sh
# Takes snapshots of real processes by every transfer over a tunnel at the pace of
# the real one, looks at the process meanwhile, and prints pauses, memory, bytes
# and times beside the forecasts, with ratios at the end. Linux only.
#
#   scripts/bench-capture.sh                    a slice, under a quarter of an hour
#   FULL=1 scripts/bench-capture.sh             the whole matrix, a night
#   TRANSFERS='disk stream' scripts/bench-capture.sh
#
# Wants two idle cores and, with FULL=1, 8 GB of memory.
set -eu

cd "$(dirname -- "$0")/.."
sh scripts/nodes.sh
case " ${TRANSFERS:-s3} " in
*' s3 '*) sh scripts/versitygw.sh ;;
esac
exec go test -run '^$' -bench '^BenchmarkCapture$' -benchtime 1x -timeout 24h ./e2e
