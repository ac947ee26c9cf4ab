#!/bin/sh
# Takes snapshots of real processes by every transfer over a tunnel at the pace of
# the real one, looks at the process meanwhile, and prints pauses, memory, bytes
# and times beside the forecasts, with ratios at the end. Linux only.
#
#   scripts/bench-capture.sh                    some cells, under a quarter of an hour
#   FULL=1 scripts/bench-capture.sh             the whole matrix, a night
#
# A slice of the matrix, each variable a list of words, all of them where unset:
#
#   NODES='18 24'             major versions of internal/nodetest/versions.txt
#   SHAPES='mix map'          shapes of internal/nodetest/shapes.js; map+strings is half of each
#   MB='100 300'              sizes of the heap in MB (10^6 bytes)
#   TRANSFERS='disk stream'   disk, memory, stream, s3
#
# The order is that of the lists: sizes, in each the shapes, in each the versions,
# in each the transfers. Every row is printed when it is done, and a run that is
# stopped (SIGINT, SIGTERM) prints the ratios of what it has. A word that is not
# known is refused before anything starts.
#
# Wants two idle cores and, for 300 MB, 8 GB of memory.
set -eu

cd "$(dirname -- "$0")/.."
# shellcheck disable=SC2086 # one word a major version
sh scripts/nodes.sh ${NODES:-}
case " ${TRANSFERS:-s3} " in
*' s3 '*) sh scripts/versitygw.sh ;;
esac
# Not go test, which does not hand a SIGTERM on.
bench=${ECSHEAP_TOOLS:-$PWD/.tools}/bench/capture.test
mkdir -p "$(dirname -- "$bench")"
go test -c -o "$bench" ./e2e
cd e2e
exec "$bench" -test.run '^$' -test.bench '^BenchmarkCapture$' -test.benchtime 1x
