#!/bin/sh
# Installs versitygw, an S3 server that verifies signatures, for the tests: the
# pinned version of internal/s3test/version.txt, built from its source by the Go
# command, as .tools/bin/versitygw-<version> ($ECSHEAP_TOOLS/bin/… when that is
# set). Quick when it is there already; the first time it takes some minutes.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tools=${ECSHEAP_TOOLS:-$root/.tools}
version=$(cat "$root/internal/s3test/version.txt")
target=$tools/bin/versitygw-$version

[ -x "$target" ] && exit 0
mkdir -p "$tools/bin"
work=$(mktemp -d "$tools/bin/.new-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "versitygw.sh: building versitygw $version" >&2
# Outside of the module: a tool is no dependency of it.
(cd "$work" && GOBIN="$work" GOFLAGS='' go install "github.com/versity/versitygw/cmd/versitygw@$version") || {
	echo "versitygw.sh: go install could not build versitygw $version" >&2
	exit 1
}
mv "$work/versitygw" "$target"
