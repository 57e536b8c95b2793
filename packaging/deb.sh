#!/bin/bash
# deb.sh DIRECTORY_OF_THE_BUILT_PROGRAM: packs it into .build/deb/dbxsync_VERSION-REVISION_ARCHITECTURE.deb and prints that path.
#
# debhelper works in a copy of what it needs, so that the checkout stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${1:?directory of the built program}")

version=$("$program/dbxsync" --version)
changelog=$(dpkg-parsechangelog --file debian/changelog --show-field Version)
if [ "$version" != "${changelog%-*}" ]; then
    echo "The program is version $version, debian/changelog begins with $changelog: add an entry for it there." >&2
    exit 1
fi
target=.build/deb
tree=$target/dbxsync-$version
rm -rf "$target"
mkdir -p "$tree"
cp -a debian config man systemd packaging "$tree"
log=$target/log
if ! (cd "$tree" && DBXSYNC_PROGRAM=$program DEB_BUILD_OPTIONS=noautodbgsym debian/rules binary) >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
package=$(echo "$target"/dbxsync_"$changelog"_*.deb)
lintian --allow-root --fail-on error "$package" >&2
rm -rf "$tree"
echo "$package"
