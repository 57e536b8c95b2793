#!/bin/bash
# make docs: pages of what the libraries declare, with docc of the toolchain, in .build/docs/pages.
#
# Built apart from everything else: the compiler writes what docc reads while it compiles.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! docc=$(command -v docc); then
    echo "No docc in PATH: it comes with Swift's toolchain." >&2
    exit 1
fi
build=.build/docs
symbols=$PWD/$build/symbols
pages=$build/pages
rm -rf "$symbols" "$pages"
mkdir -p "$symbols" "$pages"
DBXSYNC_WARNINGS='' swift build --scratch-path "$build/build" --product dbxsync \
    -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$symbols"
for folder in Sources/*/; do
    target=$(basename "$folder")
    [ -f "$symbols/$target.symbols.json" ] || continue
    work=$(mktemp -d)
    cp "$symbols/$target".symbols.json "$symbols/$target"@*.symbols.json "$work" 2>/dev/null || true
    "$docc" convert --additional-symbol-graph-dir "$work" --fallback-display-name "$target" \
        --fallback-bundle-identifier "dbxsync.$target" --output-path "$pages/$target" >/dev/null
    rm -rf "$work"
    echo "$pages/$target"
done
echo "Read them with: docc preview, or any web server, for example: python3 -m http.server --directory $pages/Engine"
