#!/bin/bash
# Installs what is missing: dependencies.sh build|check|lint|test|prometheus|demo|bench|page|deb|systemd|container...
#
# Looks for what is used, not for package names, so that other distributions work when the same things are there.
# No network when nothing is missing.
set -euo pipefail

missing=()
module() { pkg-config --exists "$1" 2>/dev/null || missing+=("$2"); }
program() { command -v "$1" >/dev/null || missing+=("$2"); }

for purpose in "$@"; do
    case $purpose in
        build)
            if ! command -v swift >/dev/null; then
                echo "No swift in PATH. Swift 6.1 or later is needed: https://www.swift.org/install/linux" >&2
                [ -z "${SUDO_USER-}" ] || echo "Run make as yourself; it asks for sudo where that is needed." >&2
                exit 1
            fi
            program pkg-config pkg-config
            module libcurl libcurl4-openssl-dev
            module libcrypto libssl-dev
            module libsystemd libsystemd-dev
            module libarchive libarchive-dev
            module sqlite3 libsqlite3-dev
            module tomlplusplus libtomlplusplus-dev
            ;;
        test)
            program curl curl
            program openssl openssl
            program python3 python3
            [ -x /usr/sbin/nghttpd ] || program nghttpd nghttp2-server
            [ -x /usr/sbin/nghttpx ] || program nghttpx nghttp2-proxy
            python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
            # Of use to root only: tests mount a mirror whose server stops, and one that folds names.
            if [ "$(id -u)" = 0 ] && [ -w /dev/fuse ]; then
                program bindfs bindfs
                /usr/bin/python3 -c 'import pyfuse3' 2>/dev/null || missing+=(python3-pyfuse3)
            fi
            ;;
        check)
            program python3 python3
            ;;
        prometheus)
            program python3 python3
            program promtool prometheus
            program prometheus-node-exporter prometheus-node-exporter
            ;;
        lint)
            program codespell codespell
            program shellcheck shellcheck
            program python3 python3
            ;;
        demo)
            program curl curl
            program python3 python3
            ;;
        bench)
            program curl curl
            program openssl openssl
            program python3 python3
            [ -x /usr/sbin/nghttpx ] || program nghttpx nghttp2-proxy
            ;;
        page)
            command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || program chromium chromium
            fc-list 2>/dev/null | grep -q . || missing+=(fonts-dejavu-core)
            ;;
        deb)
            program dh debhelper
            program dpkg-shlibdeps dpkg-dev
            program lintian lintian
            ;;
        systemd)
            program python3 python3
            [ -x /lib/systemd/systemd ] || missing+=(systemd)
            program systemd-nspawn systemd-container
            [ -e /usr/share/dbus-1/system.conf ] || missing+=(dbus)
            [ -n "$(find /lib/*-linux-gnu* /usr/lib64 -name 'libnss_systemd.so.2' 2>/dev/null)" ] || missing+=(libnss-systemd)
            ;;
        container)
            program python3 python3
            program debootstrap debootstrap
            program setpriv util-linux
            ;;
        *)
            echo "usage: dependencies.sh build|check|lint|test|prometheus|demo|bench|page|deb|systemd|container..." >&2
            exit 64
            ;;
    esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing; these are the names of the Debian packages that hold them: ${missing[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
    if ! command -v sudo >/dev/null; then
        echo "Missing packages. As root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi
echo "Installing what is missing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! {
    "${as_root[@]}" apt-get update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"
} >"$log" 2>&1; then
    cat "$log" >&2
    echo "apt-get failed, see above." >&2
    exit 1
fi
