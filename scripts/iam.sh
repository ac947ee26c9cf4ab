#!/bin/sh
# Installs an evaluation of IAM policies that is not ours, @cloud-copilot/iam-simulate
# with AWS's own list of actions, resources and condition keys, as a judge for the
# tests of iam-policies: the pinned packages of scripts/iam/package.json, fetched with
# the ordinary npm client into .tools/iam/<version> ($ECSHEAP_TOOLS/iam/… when that is
# set). It is a process of the tests alone. Quick when it is there already.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tools=${ECSHEAP_TOOLS:-$root/.tools}
manifest=$root/scripts/iam/package.json
version=$(sed -n 's/.*"@cloud-copilot\/iam-simulate": "\(.*\)".*/\1/p' "$manifest")
target=$tools/iam/$version

cmp -s "$manifest" "$target/package.json" && exit 0
sh "$root/scripts/npm.sh"
mkdir -p "$tools/iam"
work=$(mktemp -d "$tools/iam/.new-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "iam.sh: fetching @cloud-copilot/iam-simulate@$version" >&2
cp "$manifest" "$work/package.json"
(cd "$work" && npm install --silent --no-package-lock --no-audit --no-fund --ignore-scripts) || {
	echo "iam.sh: npm could not fetch the packages of scripts/iam/package.json" >&2
	exit 1
}
rm -rf "$target" # of other pins
mv "$work" "$target"
