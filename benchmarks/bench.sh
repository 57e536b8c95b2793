#!/bin/bash
# Measures release builds of dbxsync and of the sandbox on this machine; benchmarks/bench.py says what, and how to scale it.
set -euo pipefail
cd "$(dirname "$0")/.."
export DBXSYNC_WARNINGS=
for product in dbxsync dbxsync-sandbox; do swift build -c release --static-swift-stdlib --product "$product"; done
exec python3 -B benchmarks/bench.py "$(swift build -c release --static-swift-stdlib --show-bin-path)"
