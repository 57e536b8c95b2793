#!/bin/bash
# install.sh install DIRECTORY_OF_THE_BUILT_PROGRAM | install.sh uninstall
#
# Environment: PREFIX (default /usr/local) is where things will be found, DESTDIR where they are put for packaging, UNITS
# where the units go (default PREFIX/lib/systemd/system).
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
units=${UNITS:-$prefix/lib/systemd/system}
sysusers=$prefix/lib/sysusers.d/dbxsync.conf
tmpfiles=$prefix/lib/tmpfiles.d/dbxsync.conf
catalog=$prefix/lib/systemd/catalog/dbxsync.catalog
configuration=/etc/dbxsync.conf
instances=/etc/dbxsync
shopt -s nullglob
services=(dbxsync.service dbxsync@.service dbxsync-on-change@.service dbxsync-failed@.service dbxsync-web.socket
    dbxsync-web@.service)
manuals=(man/*.[1-8])

# What others read who watch over it, by folder of $prefix/share/dbxsync.
shared=(prometheus/dbxsync.rules.yml grafana/dbxsync.json)
# What tells that the service has failed; nothing starts it until the administrator says so.
failed=$prefix/share/dbxsync/failed
failed_dropin=$prefix/share/dbxsync/systemd/failed.conf

manual_target() { echo "$prefix/share/man/man${1##*.}/${1##*/}"; }
# Debian keeps what packages bring for zsh apart from what the administrator puts there.
completion_target() {
    case $1 in
        bash) echo "$prefix/share/bash-completion/completions/dbxsync" ;;
        zsh)
            if [ "$prefix" = /usr ]; then
                echo /usr/share/zsh/vendor-completions/_dbxsync
            else
                echo "$prefix/share/zsh/site-functions/_dbxsync"
            fi
            ;;
        fish) echo "$prefix/share/fish/vendor_completions.d/dbxsync.fish" ;;
    esac
}
# put MODE SOURCE TARGET
put() {
    as_root install -D -m "$1" "$2" "$destination$3"
    echo "  $destination$3"
}
booted() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

# unit FILE: the unit for this prefix, and for the systemd of this machine, which would complain about what it does not
# know.
unit() {
    local version unknown=()
    local soon='# Soon, because most causes pass by themselves'
    version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 254 ] || unknown=(-e '/^RestartSteps=/,+2d' -e '/^RestartMaxDelaySec=/d'
        -e '/^# \.\.\. and more and more slowly/d' -e "s/^$soon \.\.\.\$/$soon./")
    sed -e "s#/usr/local/\(bin\|share\)/#$prefix/\1/#g" "${unknown[@]}" "$1"
}

install_all() {
    local temporary manual shell name
    temporary=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$temporary'" EXIT
    strip -o "$temporary/dbxsync" "$1/dbxsync"
    echo "Installed:"
    put 755 "$temporary/dbxsync" "$program"
    for name in "${services[@]}"; do
        unit "systemd/$name" >"$temporary/$name"
        put 644 "$temporary/$name" "$units/$name"
    done
    put 644 systemd/dbxsync.sysusers.conf "$sysusers"
    put 644 systemd/dbxsync.tmpfiles.conf "$tmpfiles"
    put 644 systemd/dbxsync.catalog "$catalog"
    for manual in "${manuals[@]}"; do put 644 "$manual" "$(manual_target "$manual")"; done
    put 755 systemd/failed "$failed"
    put 644 systemd/failed.conf "$failed_dropin"
    for name in "${shared[@]}"; do put 644 "config/$name" "$prefix/share/dbxsync/$name"; done
    for shell in bash zsh fish; do
        # bash reads it, nobody runs it.
        "$1/dbxsync" --generate-completion-script "$shell" | sed '1{/^#!/d}' >"$temporary/completion"
        put 644 "$temporary/completion" "$(completion_target "$shell")"
    done
    as_root install -d -m 750 "$destination$instances"
    if [ -e "$destination$configuration" ]; then
        echo "  $destination$configuration was there already and is left as it is"
    else
        put 640 config/dbxsync.conf "$configuration"
    fi
    [ -z "$destination" ] || return 0
    if command -v systemd-sysusers >/dev/null; then
        as_root systemd-sysusers "$sysusers"
        as_root systemd-tmpfiles --create "$tmpfiles"
        as_root journalctl --update-catalog
    else
        echo "No systemd here: make the user dbxsync and /var/lib/dbxsync yourself, as in $sysusers and $tmpfiles."
    fi
    if booted; then
        as_root systemctl daemon-reload
        if systemctl is-active --quiet 'dbxsync*.service'; then
            echo "The service still runs the previous version: systemctl restart 'dbxsync*.service'"
            return
        fi
    fi
    cat <<END
Next: sudo $program setup
END
}

uninstall_all() {
    local file
    if [ -z "$destination" ] && booted && systemctl cat dbxsync.service >/dev/null 2>&1; then
        as_root systemctl disable --now dbxsync.service dbxsync-web.socket
        as_root systemctl stop 'dbxsync@*.service' 'dbxsync-on-change@*.service' 'dbxsync-web@*.service'
    fi
    local files=("$program" "$sysusers" "$tmpfiles" "$catalog" "$failed" "$failed_dropin")
    for file in "${services[@]}"; do files+=("$units/$file"); done
    for file in "${manuals[@]}"; do files+=("$(manual_target "$file")"); done
    for file in "${shared[@]}"; do files+=("$prefix/share/dbxsync/$file"); done
    for file in bash zsh fish; do files+=("$(completion_target "$file")"); done
    echo "Removed:"
    for file in "${files[@]}"; do
        [ ! -e "$destination$file" ] || { as_root rm "$destination$file" && echo "  $destination$file"; }
    done
    if [ -z "$destination" ] && booted; then
        as_root systemctl daemon-reload
        as_root journalctl --update-catalog
    fi
    echo "Left as they are: $destination$configuration, $destination$instances, $destination/var/lib/dbxsync (sign-in and state), $destination/var/lib/dbxsync-on-change, the mirror, the user dbxsync."
}

case ${1-} in
    install) install_all "${2:?directory of the built program}" ;;
    uninstall) uninstall_all ;;
    *)
        echo "usage: install.sh install DIRECTORY | uninstall" >&2
        exit 64
        ;;
esac
