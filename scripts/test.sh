#!/bin/bash
# test.sh TARGET...: runs these test targets of the debug build, and says at the end what was slow and what was skipped.
#
# One target after the other: what waits for a network is not starved by what needs all processors. "FAST" stands for
# the targets that wait for nothing, in one process. A target that fails does not keep the others from being run.
set -euo pipefail
cd "$(dirname "$0")/.."

# These share a process: they neither listen nor start programs, and no limit of theirs is short.
fast='SyncModelTests|FileSystemTests|ConfigurationTests|TextFormattingTests|AppTests|LayeringTests|ZipStreamTests|SandboxTests|StoreTests|MirrorFSTests'
# What is large there, and slow for that reason.
large='HugeFileTests|LargeStateTests'

results=.build/test-results
rm -rf "$results"
mkdir -p "$results"
failed=
for target in "$@"; do
    echo "$target"
    begin=$(date +%s)
    options=(--filter "^$target\\.")
    case $target in
        EndToEndTests) options+=(--no-parallel) ;;
        # Counts are exact where nobody else takes the time, and file systems in Python would take it.
        EngineTests) options+=(--skip 'FoldingTests|FoldingCrashTests|CountTests') ;;
        Counts) options=(--filter '^EngineTests\.CountTests') ;;
        Folding) options=(--filter '^EngineTests\.Folding(Crash)?Tests') ;;
        FAST) options=(--filter "^($fast)\\." --skip "$large") ;;
    esac
    swift test --skip-build --disable-xctest "${options[@]}" --xunit-output "$results/$target.xml" ||
        failed="$failed $target"
    echo "$target $begin $(date +%s)" >>"$results/times"
done
python3 -B scripts/slowest.py "$results" || true
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
