#!/bin/sh
# Compares how fast and in how much memory ecsheap, Chrome's own worker and
# memlab read heap snapshots: interleaved, best of ROUNDS (3). Arguments are
# files, or names of scripts/heap/generate.sh; without any, mixes of 100 MB to
# 1 GB:
#
#   scripts/bench-heap.sh
#   ROUNDS=1 scripts/bench-heap.sh mix-100 timers-1m my.heapsnapshot
#
# Wants as many idle cores as the machine has. Chrome needs about four times the
# size of a file in memory.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tools=${ECSHEAP_TOOLS:-$root/.tools}
ROUNDS=${ROUNDS:-3}

sh "$root/scripts/npm.sh"
sh "$root/scripts/nodes.sh" "$(awk '$2 == "lts" { print $1 }' "$root/internal/nodetest/versions.txt")"
sh "$root/scripts/devtools.sh"

# Put in place by a rename, so that it is there whole or not at all; again when
# the pinned version changes.
if ! cmp -s "$root/scripts/heap/package.json" "$tools/memlab/package.json"; then
	echo "bench-heap.sh: fetching memlab" >&2
	work=$(mktemp -d "$tools/.new-XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	cp "$root/scripts/heap/package.json" "$work/package.json"
	(cd "$work" && npm install --silent --no-package-lock --no-audit --no-fund --ignore-scripts) || {
		echo "bench-heap.sh: npm could not fetch the packages of scripts/heap/package.json" >&2
		exit 1
	}
	rm -rf "$tools/memlab"
	mv "$work" "$tools/memlab"
fi

[ $# -gt 0 ] || set -- mix-100 mix-468 mix-1000
HEAPS=
for heap in "$@"; do
	if [ ! -f "$heap" ]; then
		sh "$root/scripts/heap/generate.sh" "$heap"
		heap=$tools/heaps/$heap.heapsnapshot
	fi
	case $heap in
	*[[:space:]]*)
		echo "bench-heap.sh: a path without spaces, please: $heap" >&2
		exit 2
		;;
	/*) ;;
	*) heap=$PWD/$heap ;;
	esac
	HEAPS="$HEAPS $heap"
done

cd "$root"
export HEAPS ROUNDS
exec go test -run '^$' -bench HeapPeers -benchtime 1x -timeout 4h ./e2e
