#!/bin/bash
# processors.sh: the sources refuse to be built where a pointer has 32 bits, and only there.
set -euo pipefail
cd "$(dirname "$0")/.."
clang=$(dirname "$(realpath "$(command -v swift)")")/clang
[ -x "$clang" ] || clang=clang

# Whether it is taken; anything else that is wrong ends this.
takes() {
    local said
    if said=$("$clang" --target="$1" -fsyntax-only Sources/CLinux/processor.c 2>&1); then return 0; fi
    if grep -q 'needs a 64-bit processor' <<<"$said"; then return 1; fi
    echo "$said" >&2
    exit 1
}
for target in x86_64-linux-gnu aarch64-linux-gnu; do
    takes "$target" || { echo "Sources/CLinux/processor.c refuses $target" >&2; exit 1; }
done
for target in i686-linux-gnu armv7-linux-gnueabihf x86_64-linux-gnux32; do
    if takes "$target"; then echo "Sources/CLinux/processor.c takes $target" >&2; exit 1; fi
done
