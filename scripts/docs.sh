#!/bin/bash
# make docs: the API documentation of the libraries, from their comments, as pages in .build/docs/html.
set -euo pipefail
cd "$(dirname "$0")/.."

build=.build/docs
docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
if [ ! -x "$docc" ]; then
    echo "No docc beside swift: $docc. It is part of the toolchains from https://www.swift.org/install/linux" >&2
    exit 1
fi

# It fails in the end for the modules of executables, which it cannot load; the libraries are written by then.
find "$build" -name symbolgraph -exec rm -r {} + 2>/dev/null || true
swift package --scratch-path "$build" dump-symbol-graph --minimum-access-level public >"$build.log" 2>&1 || true
first=$(find "$build" -path '*/symbolgraph/SyncModel.symbols.json')
if [ -z "$first" ]; then
    tail -30 "$build.log" >&2
    exit 1
fi
graphs=$(dirname "$first")

rm -rf "$build"/{modules,archives,html}
mkdir -p "$build"/{modules,archives}
for folder in Sources/*/; do
    module=$(basename "$folder")
    [ -f "$graphs/$module.symbols.json" ] || continue
    # Modules without Swift of their own, such as system libraries, have nothing to show.
    [ -n "$(find "$folder" -name '*.swift' -print -quit)" ] || continue
    mkdir "$build/modules/$module"
    cp "$graphs/$module".symbols.json "$graphs/$module"@*.symbols.json "$build/modules/$module" 2>/dev/null || true
    "$docc" convert --diagnostic-filter error --additional-symbol-graph-dir "$build/modules/$module" --fallback-display-name "$module" \
        --fallback-bundle-identifier "dbxsync.$module" --output-path "$build/archives/$module.doccarchive"
done
"$docc" merge "$build"/archives/*.doccarchive --synthesized-landing-page-name dbxsync --output-path "$build/html"
echo "$build/html: serve it with \"python3 -m http.server -d $build/html\", and open /documentation"
