#!/usr/bin/env python3
"""What a run of the tests took, and what it left out.

slowest.py DIRECTORY: reads TARGET*.xml as swift test --xunit-output writes them, and the file "times".

Tells the time of each target, the ten slowest tests, and the tests that were skipped with their reasons. The time of a
test holds what it has waited for others that ran at the same time.
"""

import collections
import pathlib
import sys
import xml.etree.ElementTree

SLOWEST = 10
# Of one target; when its tests wait for a large one, all of them seem slow.
OF_A_TARGET = 3


def targets(directory):
    """The seconds of each target, in order."""
    times = directory / "times"
    lines = times.read_text().splitlines() if times.exists() else []
    return [(name, float(end) - float(begin)) for name, begin, end in (line.split() for line in lines)]


def cases(directory):
    """Each test: its suite, its name, its seconds, and the reason if it was skipped."""
    for path in sorted(directory.glob("*.xml")):
        try:
            root = xml.etree.ElementTree.parse(path).getroot()
        except xml.etree.ElementTree.ParseError:
            continue  # a run that has crashed
        for case in root.iter("testcase"):
            skipped = case.find("skipped")
            reason = None if skipped is None else (skipped.text or "").strip() or "no reason is given"
            yield case.get("classname", ""), case.get("name", ""), float(case.get("time") or 0), reason


def slowest(all_cases):
    """The slowest tests, with no more than some of each target."""
    found, counts = [], collections.Counter()
    for suite, name, seconds, _ in sorted(all_cases, key=lambda case: -case[2]):
        target = suite.split(".")[0]
        counts[target] += 1
        if counts[target] <= OF_A_TARGET:
            found.append((suite, name, seconds))
    return found[:SLOWEST]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = pathlib.Path(sys.argv[1])
    all_cases = list(cases(directory))
    taken = targets(directory)
    print("seconds of each target:", ", ".join(f"{name} {seconds:.0f}" for name, seconds in taken))
    print("slowest tests, with what they have waited for others:")
    for suite, name, seconds in slowest(all_cases):
        print(f"  {seconds:6.1f} s  {suite} {name}")
    skipped = collections.defaultdict(list)
    for suite, name, _, reason in all_cases:
        if reason:
            skipped[reason].append(f"{suite} {name}")
    for reason, names in sorted(skipped.items()):
        print(f"skipped here, {reason}:")
        for name in sorted(names):
            print(f"  {name}")


if __name__ == "__main__":
    main()
