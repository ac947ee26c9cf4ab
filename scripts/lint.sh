#!/bin/sh
# Formatting, go vet, staticcheck, and shellcheck where it is installed.
#
#   scripts/lint.sh
#   FULL=1 scripts/lint.sh    golangci-lint with .golangci.yml too; its first
#                             build takes some minutes
#
# The linters are built from their pinned sources by the Go command; nothing is
# installed.
set -eu

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

cd "$(dirname -- "$0")/.."

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	echo "lint.sh: not formatted, run make fmt:" >&2
	echo "$unformatted" >&2
	exit 1
fi
go vet ./...
go run "$staticcheck" ./...
if command -v shellcheck >/dev/null 2>&1; then
	shellcheck scripts/*.sh .ci/run
elif [ "${CI:-}" = true ]; then
	echo "lint.sh: shellcheck is missing, and CI=true must have it" >&2
	exit 1
fi
if [ "${FULL:-0}" != 0 ]; then
	go run "$golangci" run ./...
fi
