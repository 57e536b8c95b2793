#!/bin/bash
# make lint: spelling everywhere, and that what the documents refer to exists.
set -euo pipefail
cd "$(dirname "$0")/.."

# Words of Swift, of mdoc, and of names in tests.
words=inout,upto,inflight,uptodate,nd,te,bu,ordner,filetests
# Written wrongly on purpose: "did you mean" is under test.
wrong=bandwith,miror,paralel
texts=(Makefile Package.swift Sources Fuzz/*.swift config debian man packaging benchmarks scripts systemd docs ./*.md .ci/run)

failed=0
codespell --builtin clear --ignore-words-list "$words,$wrong" Tests || failed=1
codespell --builtin clear --ignore-words-list "$words" --skip scripts/lint.sh "${texts[@]}" || failed=1
python3 -B scripts/links.py || failed=1
exit $failed
