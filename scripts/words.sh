#!/bin/sh
# Writes redact/words.txt: the names of V8's and Node.js's own code, which redact
# keeps. Run it when a version is added to internal/nodetest/versions.txt.
#
#   scripts/words.sh
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tools=${ECSHEAP_TOOLS:-$root/.tools}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cp "$root/scripts/words.cjs" "$work/main.cjs"
awk '/^[0-9]/ { print $1 }' "$root/internal/nodetest/versions.txt" | while read -r major; do
	sh "$root/scripts/nodes.sh" "$major" </dev/null
	for node in "$tools/node/$major."*/bin/node; do
		# Without an environment, and without the name of the folder: nothing of this machine.
		(cd "$work" && env -i "$node" --no-warnings main.cjs "$work/snapshot") </dev/null >>"$work/names"
	done
done
LC_ALL=C sort -u "$work/names" >"$root/redact/words.txt"
