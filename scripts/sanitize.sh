#!/usr/bin/env bash
# make sanitize: the suite under the address and the thread sanitizer, or under the one that is named.
# End-to-end tests run the programs that the plain build has made, so they would prove nothing here; SizeTests and
# LargeStateTests bound the memory, of which a sanitizer takes a lot, and CountTests count where nobody else takes the
# time.
set -euo pipefail
cd "$(dirname "$0")/.."

export DBXSYNC_WARNINGS=
export ASAN_OPTIONS=detect_leaks=0:suppressions=$PWD/scripts/asan.supp
sanitizers=${*:-address thread}
failed=
for sanitizer in $sanitizers; do
    scratch=.build/sanitize-$sanitizer
    swift build --build-tests --sanitize="$sanitizer" --scratch-path "$scratch"
    # One target after the other, as in "make test": some tests wait only so long.
    for target in Tests/*Tests; do
        target=${target#Tests/}
        [[ $target != EndToEndTests ]] || continue
        echo "$target, $sanitizer sanitizer"
        swift test --skip-build --disable-xctest --sanitize="$sanitizer" --scratch-path "$scratch" \
            --filter "^$target\\." --skip SizeTests --skip LargeStateTests --skip CountTests || failed="$failed $target($sanitizer)"
    done
done
[[ -z $failed ]] || { echo "failed:$failed" >&2 && exit 1; }
