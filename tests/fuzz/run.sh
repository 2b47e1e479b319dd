#!/bin/sh
# Fuzzes one target for some seconds: tests/fuzz/run.sh TARGET SECONDS [libFuzzer options]
# Targets: topic payload body cbor dts sparkplug. New inputs go to tests/fuzz/found/TARGET, crashes to tests/fuzz/crashes.
# Needs only the toolchain of the product and a C++ compiler for libFuzzer.
set -eu
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 64; }
target=$1 seconds=$2
shift 2
cd "$(dirname "$0")"
[ -d "corpus/$target" ] || { echo "no target $target; there are: $(ls corpus | tr '\n' ' ')" >&2; exit 64; }
mkdir -p "found/$target" crashes

# Coverage for libFuzzer and the address sanitizer are switches of the compiler that stable hides.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
# With a target of its own, build scripts and macros stay as they are.
cargo build --release --target "$host" --bin "$target"
exec "${CARGO_TARGET_DIR:-target}/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=512 \
    -artifact_prefix=crashes/ -print_final_stats=1 "$@" "found/$target" "corpus/$target"
