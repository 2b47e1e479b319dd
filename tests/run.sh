#!/usr/bin/env bash
# Installs what the tests need from Debian when it is missing, then runs the whole suite.
#
#   tests/run.sh            format, lints, unit and integration tests (what CI runs)
#   tests/run.sh it         integration tests only
#   tests/run.sh it NAME    integration tests whose name contains NAME
#
# Real parts, no mocks: mosquitto, victoria-metrics, influxdb, socat, pymodbus, libmodbus and mbpoll are started by the tests on free
# loopback ports.
set -euo pipefail
cd "$(dirname "$0")/.."

needs() { # program package: prints the package when the program is missing
  command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || echo "$2"
}

holds() { # file package: prints the package when the file is missing
  [ -e "$1" ] || echo "$2"
}

install_missing() {
  local missing=()
  mapfile -t missing < <(
    needs mosquitto mosquitto
    needs mosquitto_pub mosquitto-clients
    needs openssl openssl
    needs victoria-metrics victoria-metrics
    needs influxd influxdb
    needs socat socat
    needs cc gcc
    needs strace strace
    needs mkfs.ext4 e2fsprogs
    needs faketime faketime
    needs mount mount
    needs mbpoll mbpoll
    holds /usr/lib/python3/dist-packages/pymodbus python3-pymodbus
    holds /usr/lib/python3/dist-packages/serial python3-serial
    holds /usr/lib/python3/dist-packages/serial_asyncio python3-serial-asyncio
    holds /usr/include/modbus/modbus.h libmodbus-dev
  )
  [ "${#missing[@]}" -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq
  # Tests start their own servers; the packaged services stay off.
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

command -v cargo >/dev/null 2>&1 || { echo "cargo is missing: install Rust 1.88 or newer (https://rustup.rs)" >&2; exit 69; }
install_missing
export PATH="$PATH:/usr/sbin"

case "${1:-all}" in
  it)
    cargo build --workspace --all-targets --locked
    exec cargo test --workspace --locked --test it -- "${@:2}"
    ;;
  all)
    for tool in fmt clippy; do
      cargo "$tool" --version >/dev/null 2>&1 || rustup component add "$([ "$tool" = fmt ] && echo rustfmt || echo clippy)"
    done
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    # One build with one set of features: the tests then use this very binary, nothing is compiled twice.
    cargo build --workspace --all-targets --locked
    cargo test --workspace --locked
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac
