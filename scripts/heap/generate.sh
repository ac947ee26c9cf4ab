#!/bin/sh
# Makes large heap snapshots for benchmarks with a real Node.js, into
# .tools/heaps ($ECSHEAP_TOOLS/heaps when that is set): nothing of them is
# committed. Quick for what is there already.
#
#   scripts/heap/generate.sh                what scripts/bench-heap.sh measures
#   scripts/heap/generate.sh mix-100 list-2m
#   scripts/heap/generate.sh all            some 9 GB of disk, 16 GB of memory, 10 minutes
#   scripts/heap/generate.sh --list         the names
#
# A name is a shape of generate.mjs and an amount: mix-1000 is a snapshot of
# about 1000 MB, closures-2m has two million closures. series makes series-1,
# series-2 and series-3 of 276, 369 and 468 MB, from one process.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
heaps=${ECSHEAP_TOOLS:-$root/.tools}/heaps
heap_limit_mb=16000 # of the largest; the snapshot itself takes as much again outside of V8's heap
work=               # the folder of the file that is being made
known="mix-100 mix-468 mix-1000 series closures-2m list-2m map-1m timers-1m strings-600 mix-3000"

die() {
	echo "generate.sh: $*" >&2
	exit 1
}

# fill runs the generator unless its last file is there.
fill() {
	shape=$1
	shift
	for last in "$@"; do :; done
	[ -f "$heaps/$last" ] && return 0
	echo "generate.sh: making $last" >&2
	# A folder of its own, so that a file is in its place whole or not at all.
	work=$(mktemp -d "$heaps/.new-XXXXXX")
	(cd "$work" && "$node" --max-old-space-size="$heap_limit_mb" "$root/scripts/heap/generate.mjs" "$shape" "$@")
	mv "$work"/*.heapsnapshot "$heaps/"
	rmdir "$work"
}

# amount turns 2m into 2000000.
amount() {
	case $1 in
	*m) echo "${1%m}000000" ;;
	*) echo "$1" ;;
	esac
}

[ $# -gt 0 ] || set -- mix-100 mix-468 mix-1000
# shellcheck disable=SC2086 # one word a name
case $1 in
all) set -- $known ;;
--list)
	printf '%s\n' $known
	exit 0
	;;
esac

lts=$(awk '$2 == "lts" { print $1 }' "$root/internal/nodetest/versions.txt")
sh "$root/scripts/nodes.sh" "$lts"
for node in "${ECSHEAP_TOOLS:-$root/.tools}/node/$lts."*/bin/node; do :; done
mkdir -p "$heaps"
chmod 700 "$heaps"
trap 'if [ -n "$work" ]; then rm -rf "$work"; fi' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for name in "$@"; do
	case $name in
	series) fill mix 276 series-1.heapsnapshot 369 series-2.heapsnapshot 468 series-3.heapsnapshot ;;
	mix-* | closures-* | list-* | map-* | timers-* | strings-*)
		fill "${name%%-*}" "$(amount "${name#*-}")" "$name.heapsnapshot"
		;;
	*) die "no heap is called $name: see generate.sh --list" ;;
	esac
done
