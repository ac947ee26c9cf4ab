#!/bin/sh
# Installs Debian packages, with sudo where that is needed. Arguments are package
# names. Without apt-get it does nothing.
#
#   scripts/debian.sh nodejs npm
set -eu

command -v apt-get >/dev/null 2>&1 || exit 0

# as_root runs a command as root.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		echo "debian.sh: as root, run $*" >&2
		exit 1
	fi
}

echo "debian.sh: installing $* with apt-get" >&2
as_root apt-get update -q >&2
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2 </dev/null
