#!/bin/sh
# Installs the real parts that the tests run against (Node.js in several
# versions, the DevTools worker, an S3 server, a judge of IAM policies, a browser), then vets
# and tests everything.
# Arguments go to go test, and stand for ./... when there are some:
#
#   scripts/test.sh
#   scripts/test.sh -run Snapshot ./e2e
#   RACE=1 scripts/test.sh         with the race detector, which needs a C compiler
#
# `go test ./...` alone works too: it skips what is not installed.
set -eu

cd "$(dirname -- "$0")/.."
sh scripts/nodes.sh
# The heap engine is compared with Chrome on files of older versions too, which
# are not to be had for every platform.
for old in 14 16; do
	sh scripts/nodes.sh "$old" || echo "test.sh: going on without Node.js $old" >&2
done
sh scripts/devtools.sh
sh scripts/versitygw.sh
sh scripts/iam.sh
command -v chromium >/dev/null 2>&1 || sh scripts/debian.sh chromium # for the HTML report

# Many tests of e2e wait for a slow tunnel more than they work, hence more of them at a time than
# there are cores. What hangs is given up by go test after this time, ten minutes by default.
tests() { go test -timeout 30m -parallel 6 "$@"; }

if [ $# -gt 0 ] || [ "${RACE:-0}" = 0 ]; then
	[ $# -gt 0 ] || set -- ./...
	[ "${RACE:-0}" = 0 ] || set -- -race "$@"
	go vet ./...
	tests "$@"
	exit
fi

# starts PACKAGE tells whether a package starts goroutines or guards something against them. In the
# others the detector has nothing to detect, and makes their tests ten times slower.
starts() { find "$(go list -f '{{.Dir}}' "$1")" -maxdepth 1 -name '*.go' ! -name '*_test.go' -exec grep -qE '^[[:space:]]+(go (func|[[:alnum:].]+)\(|"sync"|"sync/atomic"|"golang.org/x/sync)' {} + ; }

# e2e and the scripts of cmd/ecsheap run the program as a process of its own, hundreds of times: with
# the race detector each start takes half a second, and what they wait for is Node.js. So they
# run without it, and so does a test that analyses large heaps.
processes='^(TestProgramScripts|TestReportsHoldNoNamesOfData)$'
raced='' plain=''
for package in $(go list ./... | grep -v '/e2e$'); do
	if starts "$package"; then raced="$raced $package"; else plain="$plain $package"; fi
done
echo "test.sh: with the race detector:$raced" >&2
# shellcheck disable=SC2086 # one word a package
tests -race -skip "$processes" $raced
# shellcheck disable=SC2086
tests $plain
tests -run "$processes" ./cmd/ecsheap
tests ./e2e
