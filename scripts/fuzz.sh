#!/usr/bin/env bash
# make fuzz: libFuzzer on what reads bytes from outside, each target for DBXSYNC_FUZZ_SECONDS (60).
# An input that breaks something is kept as fuzz-TARGET-crash-…; DBXSYNC_FUZZ=TARGET .build/fuzz/debug/fuzz FILE replays it.
set -euo pipefail
cd "$(dirname "$0")/.."

targets=${*:-config fold page path request rows zip}
seconds=${DBXSYNC_FUZZ_SECONDS:-60}
scratch=.build/fuzz

export DBXSYNC_FUZZING=1 DBXSYNC_WARNINGS=
swift build --scratch-path $scratch --product fuzz --sanitize=address -Xswiftc -sanitize=fuzzer

# Swift's own crash handler would hide the fuzzer's.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0
for target in $targets; do
    mkdir -p "$scratch/corpus/$target"
    echo "fuzzing $target for $seconds s"
    if ! DBXSYNC_FUZZ=$target $scratch/debug/fuzz "$scratch/corpus/$target" "Fuzz/corpus/$target" \
        -max_total_time="$seconds" -timeout=20 -artifact_prefix="fuzz-$target-" >"$scratch/$target.log" 2>&1; then
        tail -n 40 "$scratch/$target.log"
        echo "$target: broken by the input named above" >&2
        exit 1
    fi
    tail -n 1 "$scratch/$target.log"
done
