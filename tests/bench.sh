#!/usr/bin/env bash
# Prints the figures of the README: builds the release binary and puts it under load.
#
#   tests/bench.sh                    300 000 messages, in-flight window 128
#   tests/bench.sh 1000000 20         messages and window of your choice
#   tests/bench.sh 300000 20 6        through several brokers
#   tests/bench.sh mosquitto          a million messages through a real mosquitto, window 20: a client that only acknowledges, then the gateway
#   tests/bench.sh node-red           the same load on the gateway and on Node-RED (npm installs it), one after the other
#   tests/bench.sh metrics            bytes of a metric, of a site that forwards metrics only (a month: forward month)
#   tests/bench.sh store              the store alone, all of it (as root: device bytes need a loop device)
#   tests/bench.sh store write        or one part: write, size, day, reopen, query
#     --json                          one JSON object instead of a table
#     --real-time 600                 day: measured too, so many seconds
#     --points 5000000 --dir DIR      reopen, query: a smaller store, kept in DIR and used again
#   tests/bench.sh modbus             the Modbus driver, all of it (eight minutes)
#   tests/bench.sh modbus line        or one part: line, dead, tcp, requests
#     --seconds 60                    length of each run
#   tests/bench.sh forward            the forwarder alone, all of it (two minutes; victoria-metrics and influxdb from Debian)
#   tests/bench.sh forward null       or one part: null, victoria, influx, drain, month
#     --days 30                       month: simulated days; three, counted for a month, unless asked
set -euo pipefail
cd "$(dirname "$0")/.."
built="${CARGO_TARGET_DIR:-target}/release"

if [ "${1:-}" = modbus ]; then
  cargo build --release --locked -p facility-tests --bin facility-bench-modbus
  exec "$built/facility-bench-modbus" "${@:2}"
fi
if [ "${1:-}" = forward ]; then
  cargo build --release --locked -p facility-tests --bin facility-bench-forward
  # In memory: what is measured is the forwarder, not this machine's disk.
  [ ! -d /dev/shm ] || export TMPDIR=/dev/shm
  exec "$built/facility-bench-forward" "${@:2}"
fi
if [ "${1:-}" = node-red ]; then
  cargo build --release --locked -p facility-gateway --bin facility-gateway -p facility-tests --bin facility-bench
  export NODE_RED="$built/node-red"
  mkdir -p "$NODE_RED"
  cp tests/peers/node-red/*.js* "$NODE_RED"
  npm install --prefix "$NODE_RED" --no-audit --no-fund --silent
  for window in 128 20; do
    "$built/facility-bench" "${2:-100000}" "$window"
    "$built/facility-bench" node-red "${2:-100000}" "$window"
  done
  exit
fi
if [ "${1:-}" != store ]; then
  cargo build --release --locked -p facility-gateway --bin facility-gateway -p facility-tests --bin facility-bench
  # As the service is started.
  eval "$(sed -n 's/^Environment=\(GLIBC_TUNABLES=.*\)/export \1/p' deploy/systemd/facility-gateway.service)"
  exec "$built/facility-bench" "$@"
fi

cargo build --release --locked -p facility-tests --bin facility-bench-store
# In memory: what is measured is what a device is given, not how fast this one is.
scratch=$(mktemp -d -p "$([ -d /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")" store-bench.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
# Mounts in a namespace of their own end with it, kill -9 included, and their loop devices with them.
alone=()
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
  alone=(unshare --mount --propagation private)
fi
TMPDIR="$scratch" "${alone[@]}" "$built/facility-bench-store" "${@:2}"
