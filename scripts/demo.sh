#!/bin/sh
# Runs `ecsheap demo` from the sources. Needs Go, and gets Node.js when there is
# none of version 18 or newer on PATH. Arguments go to the demo:
#
#   scripts/demo.sh --keep
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
oldest=18 # the same as MinMajor of internal/demoapp
tools=${ECSHEAP_TOOLS:-$root/.tools}

command -v go >/dev/null 2>&1 || {
	echo "demo.sh: Go is missing: install the version that go.mod names, or a newer one" >&2
	exit 1
}

# new_enough says whether node on PATH runs the demo.
new_enough() {
	command -v node >/dev/null 2>&1 &&
		node -e "process.exit(parseInt(process.versions.node, 10) >= $oldest ? 0 : 1)"
}

new_enough || sh "$root/scripts/npm.sh"
if ! new_enough; then
	lts=$(awk '$2 == "lts" { print $1 }' "$root/internal/nodetest/versions.txt")
	sh "$root/scripts/nodes.sh" "$lts"
	for bin in "$tools/node/$lts."*/bin; do
		PATH=$bin:$PATH
	done
	export PATH
fi

# Built and then run in place of this shell, so that Ctrl-C reaches the program
# alone and its exit code is ours. `go run` keeps neither.
cd "$root"
echo "demo.sh: building ecsheap (the first time takes a minute or two)" >&2
go build -o bin/ecsheap ./cmd/ecsheap
exec bin/ecsheap demo "$@"
