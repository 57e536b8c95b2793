#!/bin/bash
# install.sh install DIRECTORY_OF_THE_BUILT_PROGRAM | install.sh uninstall
#
# Environment: PREFIX (default /usr/local) is where things will be found, DESTDIR where they are put for packaging.
# With DESTDIR nothing outside it is touched: no user is made, systemd is not told.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${PREFIX:-/usr/local}
destination=${DESTDIR-}

as_root() { "$@"; }
if [ -z "$destination" ] && [ "$(id -u)" != 0 ]; then
    echo "Installing below $prefix and /etc needs root: using sudo."
    as_root() { sudo "$@"; }
fi

program=$prefix/bin/dbxsync
unit=$prefix/lib/systemd/system/dbxsync.service
sysusers=$prefix/lib/sysusers.d/dbxsync.conf
tmpfiles=$prefix/lib/tmpfiles.d/dbxsync.conf
configuration=/etc/dbxsync.conf
shopt -s nullglob
manuals=(man/*.[1-8])

manual_target() { echo "$prefix/share/man/man${1##*.}/${1##*/}"; }
# put MODE SOURCE TARGET
put() {
    as_root install -D -m "$1" "$2" "$destination$3"
    echo "  $destination$3"
}
booted() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

install_all() {
    local temporary manual
    temporary=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$temporary'" EXIT
    strip -o "$temporary/dbxsync" "$1/dbxsync"
    sed "s|/usr/local/bin/|$prefix/bin/|g" systemd/dbxsync.service >"$temporary/dbxsync.service"
    echo "Installed:"
    put 755 "$temporary/dbxsync" "$program"
    put 644 "$temporary/dbxsync.service" "$unit"
    put 644 systemd/dbxsync.sysusers.conf "$sysusers"
    put 644 systemd/dbxsync.tmpfiles.conf "$tmpfiles"
    for manual in "${manuals[@]}"; do put 644 "$manual" "$(manual_target "$manual")"; done
    if [ -e "$destination$configuration" ]; then
        echo "  $destination$configuration was there already and is left as it is"
    else
        put 640 config/dbxsync.conf "$configuration"
    fi
    [ -z "$destination" ] || return 0
    if command -v systemd-sysusers >/dev/null; then
        as_root systemd-sysusers "$sysusers"
        as_root systemd-tmpfiles --create "$tmpfiles"
    else
        echo "No systemd here: make the user dbxsync and /var/lib/dbxsync yourself, as in $sysusers and $tmpfiles."
    fi
    if booted; then
        as_root systemctl daemon-reload
        if systemctl is-active --quiet dbxsync; then
            echo "The service still runs the previous version: systemctl restart dbxsync"
            return
        fi
    fi
    cat <<END
Next:
  1. set account.app_key and mirror.directory in $configuration; the user dbxsync must be able to write to the latter
  2. sudo $program auth
  3. sudo systemctl enable --now dbxsync
END
}

uninstall_all() {
    local file
    if [ -z "$destination" ] && booted && systemctl cat dbxsync.service >/dev/null 2>&1; then
        as_root systemctl disable --now dbxsync.service
    fi
    local files=("$program" "$unit" "$sysusers" "$tmpfiles")
    for file in "${manuals[@]}"; do files+=("$(manual_target "$file")"); done
    echo "Removed:"
    for file in "${files[@]}"; do
        [ ! -e "$destination$file" ] || { as_root rm "$destination$file" && echo "  $destination$file"; }
    done
    if [ -z "$destination" ] && booted; then as_root systemctl daemon-reload; fi
    echo "Left as they are: $destination$configuration, $destination/var/lib/dbxsync (sign-in and state), the mirror, the user dbxsync."
}

case ${1-} in
    install) install_all "${2:?directory of the built program}" ;;
    uninstall) uninstall_all ;;
    *)
        echo "usage: install.sh install DIRECTORY | uninstall" >&2
        exit 64
        ;;
esac
