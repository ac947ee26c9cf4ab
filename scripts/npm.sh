#!/bin/sh
# Makes sure that node and npm are on this machine: from Debian (apt) or macOS
# (brew), else it says what to do. They fetch the test-only tools, no more.
set -eu

command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 && exit 0

if command -v apt-get >/dev/null 2>&1; then
	sh "$(dirname -- "$0")/debian.sh" nodejs npm
elif command -v brew >/dev/null 2>&1; then
	echo "npm.sh: installing node with brew" >&2
	brew install node >&2
else
	echo "npm.sh: Node.js and npm are missing: install Node.js 18 or newer and run this again" >&2
	exit 1
fi
