#!/bin/sh
# Compares package tunnel with AWS's session-manager-plugin (its session package,
# built as a child process) against the loopback AWS, and prints two tables: what
# becomes of transfers under faults at 50 ms round trip, and throughput with CPU.
#
#   scripts/bench-tunnel.sh                     both, about a quarter of an hour
#   scripts/bench-tunnel.sh faults              the first alone
#   scripts/bench-tunnel.sh speed               the second alone
#
# Settings, each a variable:
#
#   RUNS=20        transfers of each fault and client
#   PARALLEL=10    of them at a time
#   KB=1024        bytes in each direction of a transfer, in KiB
#   LIMIT=90       seconds after which a transfer counts as hung
#   FAULTS='a;b'   these faults alone, by the names in the table
#   CLIENTS='tunnel plugin'
#   PACED_MB=16 FAST_MB=256   sizes for the throughput
set -eu

cd "$(dirname -- "$0")/.."
case ${1:-all} in
all) which='^BenchmarkTunnel(Faults|Speed)$' ;;
faults) which='^BenchmarkTunnelFaults$' ;;
speed) which='^BenchmarkTunnelSpeed$' ;;
*)
	echo "bench-tunnel.sh: faults, speed or nothing, not $1" >&2
	exit 2
	;;
esac
# Not go test, which does not hand a SIGTERM on.
bench=${ECSHEAP_TOOLS:-$PWD/.tools}/bench/tunnel.test
mkdir -p "$(dirname -- "$bench")"
go test -c -o "$bench" ./e2e
cd e2e
exec "$bench" -test.run '^$' -test.bench "$which" -test.benchtime 1x -test.timeout 2h
