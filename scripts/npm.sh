#!/bin/sh
# Makes sure that node and npm are on this machine: from Debian (apt) or macOS
# (brew), else it says what to do. They fetch the test-only tools, no more.
set -eu

command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 && exit 0

# as_root runs a command as root, with sudo where that is needed.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		echo "npm.sh: Node.js and npm are missing: as root, run $*" >&2
		exit 1
	fi
}

if command -v apt-get >/dev/null 2>&1; then
	echo "npm.sh: installing nodejs and npm with apt-get" >&2
	as_root apt-get update -q >&2
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends nodejs npm >&2 </dev/null
elif command -v brew >/dev/null 2>&1; then
	echo "npm.sh: installing node with brew" >&2
	brew install node >&2
else
	echo "npm.sh: Node.js and npm are missing: install Node.js 18 or newer and run this again" >&2
	exit 1
fi
