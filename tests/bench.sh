#!/usr/bin/env bash
# Prints the figures of the README: builds the release binary and puts it under load.
#
#   tests/bench.sh                    300 000 messages, in-flight window 100
#   tests/bench.sh 1000000 20         messages and window of your choice
#   tests/bench.sh metrics            what leaves a site that forwards metrics only
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked -p facility-gateway -p facility-tests --bins
exec target/release/facility-bench "$@"
