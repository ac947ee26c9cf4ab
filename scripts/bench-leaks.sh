#!/bin/sh
# Prints what ecsheap says of the corpus of leaking and healthy services, on every
# version of Node.js: the rank of the true accumulation point, the verdict and the
# confidence with three snapshots, rank and verdict with two, the rank with one.
# Longer series and those with a restart come after it, then the second set of
# apps. A row that ends in "!!" is not as it should
# be. Arguments go to go test:
#
#   scripts/bench-leaks.sh
#   scripts/bench-leaks.sh -run 'LeakCorpus/series/lru'
set -eu

cd "$(dirname -- "$0")/.."
sh scripts/nodes.sh

[ $# -gt 0 ] || set -- -run '^TestLeak(Corpus|Series|Holdout)$'
# A row that is wrong fails its test, which is no reason to print nothing.
FULL=1 go test -count 1 -v -timeout 30m "$@" ./e2e | sed -n -e 's/^ *| /| /p' -e 's/^.*\.go:[0-9]*: \([0-9]* of [0-9]* rows\)/\n\1/p'
