#!/bin/sh
# Makes Chrome DevTools' own heap snapshot worker runnable under Node.js, as an
# oracle for tests: fetches the pinned packages of scripts/devtools/package.json
# with the ordinary npm client and bundles the worker into
# .tools/devtools/<version>/worker.mjs ($ECSHEAP_TOOLS/devtools/… when that is set).
# Quick when it is there already.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tools=${ECSHEAP_TOOLS:-$root/.tools}
manifest=$root/scripts/devtools/package.json
version=$(sed -n 's/.*"chrome-devtools-frontend": "\(.*\)".*/\1/p' "$manifest")
target=$tools/devtools/$version/worker.mjs

[ -f "$target" ] && exit 0
sh "$root/scripts/npm.sh"
mkdir -p "$tools/devtools/$version"
work=$(mktemp -d "$tools/devtools/.new-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "devtools.sh: fetching chrome-devtools-frontend@$version" >&2
cp "$manifest" "$work/package.json"
(cd "$work" && npm install --silent --no-package-lock --no-audit --no-fund --ignore-scripts) || {
	echo "devtools.sh: npm could not fetch the packages of scripts/devtools/package.json" >&2
	exit 1
}
front=$work/node_modules/chrome-devtools-frontend/front_end

# Chrome's build generates this file; the worker needs it for progress texts only.
cat >"$front/core/i18n/locales.js" <<'JS'
export const BUNDLED_LOCALES = ['en-US'];
export const DEFAULT_LOCALE = 'en-US';
export const LOCALES = ['en-US'];
export const LOCAL_FETCH_PATTERN = '';
export const REMOTE_FETCH_PATTERN = '';
JS

"$work/node_modules/.bin/esbuild" \
	"$front/entrypoints/heap_snapshot_worker/heap_snapshot_worker.ts" \
	--bundle --format=esm --platform=node --target=node22 --log-level=error --outfile="$work/worker.mjs"
mv "$work/worker.mjs" "$target"
