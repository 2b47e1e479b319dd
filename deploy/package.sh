#!/bin/sh
# Makes the Debian package: the binary, the service, the configuration, the broker's set-up.
#
#   deploy/package.sh [BINARY] [FOLDER]     default: target/release/facility-gateway, and the folder you are in
#
# Needs dpkg-deb only. The architecture is that of the binary.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
binary=${1:-$here/target/release/facility-gateway}
to=${2:-.}
[ -x "$binary" ] || { echo "$binary is not there: cargo build --release -p facility-gateway" >&2; exit 66; }

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/Cargo.toml" | head -1)
# Machine of an ELF file (its bytes 18 and 19): AArch64, x86-64, ARM.
case $(od -An -tx1 -j18 -N2 "$binary" | tr -d ' \n') in
  b700) arch=arm64 ;;
  3e00) arch=amd64 ;;
  2800) arch=armhf ;;
  *) echo "$binary is for a machine that has no package" >&2; exit 65 ;;
esac

tree=$(mktemp -d)
chmod 755 "$tree"
trap 'rm -rf "$tree"' EXIT
share=$tree/usr/share/facility-gateway
install -D -m755 "$binary" "$tree/usr/bin/facility-gateway"
install -D -m644 "$here/deploy/systemd/facility-gateway.service" "$tree/lib/systemd/system/facility-gateway.service"
install -D -m644 "$here/config/gateway.toml" "$tree/etc/facility-gateway/gateway.toml"
install -d "$tree/etc/facility-gateway/conf.d" "$tree/etc/facility-gateway/profiles.d"
install -D -m644 -t "$share/examples" "$here"/config/examples/*.toml
install -D -m644 "$here/config/schema/gateway.schema.json" "$share/gateway.schema.json"
install -D -m644 -t "$share/mosquitto" "$here/deploy/mosquitto/facility.conf" "$here/deploy/mosquitto/acl"
install -D -m755 "$here/deploy/mosquitto/facility-mosquitto" "$tree/usr/sbin/facility-mosquitto"
install -D -m644 -t "$tree/usr/share/doc/facility-gateway" "$here/README.md" "$here/README.zh-CN.md" "$here/SECURITY.md"

install -d "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<END
Package: facility-gateway
Version: $version
Architecture: $arch
Maintainer: facility-gateway <root@localhost>
Depends: libc6 (>= 2.34)
Recommends: mosquitto, openssl, systemd
Section: net
Priority: optional
Installed-Size: $(du -sk "$tree" | cut -f1)
Description: IoT gateway for neighbourhood facilities
 Reads parcel lockers, refrigerated cabinets and vending machines over MQTT and
 Modbus, keeps every reading on flash, and forwards to a time-series database.
 社区便民设施物联网网关：智能信包箱、智能冷柜、自助售卖机。
END
echo /etc/facility-gateway/gateway.toml >"$tree/DEBIAN/conffiles"
cat >"$tree/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
# Started by whoever has filled in gateway.toml: three settings have no default.
[ ! -d /run/systemd/system ] || systemctl daemon-reload
if [ "$1" = configure ] && [ -n "$2" ] && [ -d /run/systemd/system ]; then
  systemctl try-restart facility-gateway || true
fi
END
chmod 755 "$tree/DEBIAN/postinst"
file=$to/facility-gateway_${version}_$arch.deb
dpkg-deb --root-owner-group --build "$tree" "$file" >/dev/null
echo "$file"
