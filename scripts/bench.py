#!/usr/bin/env python3
"""Measures dbxsync against the sandbox, beside curl fetching the same files; "make bench" builds and starts it.

bench.py DIRECTORY_OF_THE_PROGRAMS

Environment, for a quick run or a longer one:
BENCH_RUNS=3             runs of each measurement; the median is shown
BENCH_FILES=10000        small files, 1 to 16 KiB
BENCH_LARGE=2147483648   bytes of the large file
BENCH_ENTRIES=100000     entries for the memory measurement, beside a quarter of them
BENCH_DELAY=40           milliseconds before each answer, for small files over a long line
BENCH_ONLY=              some of: small bulk large memory idle latency
TMPDIR                   where mirrors go
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import compare
import sandbox

RUNS = int(os.environ.get("BENCH_RUNS", 3))
FILES = int(os.environ.get("BENCH_FILES", 10_000))
LARGE = int(os.environ.get("BENCH_LARGE", 2 << 30))
ENTRIES = int(os.environ.get("BENCH_ENTRIES", 100_000))
DELAY = int(os.environ.get("BENCH_DELAY", 40))
ONLY = os.environ.get("BENCH_ONLY", "small bulk large memory idle latency").split()
CONFIG = """
[account]
app_key = "sandboxappkey00"
endpoint = "{url}"
credentials = "{work}/credentials.json"
[mirror]
directory = "{work}/mirror"
remote_root = "{root}"
min_free_space = "0"
[state]
directory = "{work}/state"
[schedule]
{schedule}
[transfer]
{transfer}
[log]
level = "warning"
"""


class Bench:
    def __init__(self, programs, work):
        self.programs, self.work = pathlib.Path(programs), pathlib.Path(work)
        self.past = 0
        port = self.work / "port"
        self.sandbox = subprocess.Popen(
            [self.programs / "dbxsync-sandbox", "--port-file", port], stdout=subprocess.DEVNULL
        )
        while not port.exists():
            if self.sandbox.poll() is not None:
                sys.exit("the sandbox did not start")
            time.sleep(0.05)
        self.account = sandbox.Account(f"http://127.0.0.1:{port.read_text().strip()}")
        token = json.dumps({"access_token": sandbox.TOKEN})
        credentials = self.work / "credentials.json"
        credentials.touch(0o600)
        credentials.write_text(token)

    def fill(self, root, **what):
        """A folder of the account with made-up files, whose hashes are computed now and not while we measure."""
        self.account.change("fill", into=root, journal=False, **what)
        for _ in self.account.entries(root):
            pass

    def fresh(self, root, schedule='interval = "1h"', transfer=""):
        """No mirror, no state, and a configuration for a folder of the account; caches written out.

        What was there is kept until the end: ext4 does not give away inodes that were deleted in the last minutes, and
        looking for others costs whoever makes files next several times what it measures.
        """
        self.past += 1
        for name in ("mirror", "state", "curl"):
            if (self.work / name).exists():
                (self.work / name).rename(self.work / f"{name}.{self.past}")
        (self.work / "mirror").mkdir()
        self.configure(root, schedule, transfer)
        os.sync()

    def configure(self, root, schedule, transfer=""):
        """The configuration for a folder of the account."""
        (self.work / "dbxsync.conf").write_text(
            CONFIG.format(url=self.account.url, work=self.work, root=root, schedule=schedule, transfer=transfer)
        )

    def command(self, verb):
        return [self.programs / "dbxsync", verb, "--config", self.work / "dbxsync.conf"]

    def measure(self, command):
        """Wall time in seconds and peak RSS in bytes."""
        with open(self.work / "errors", "w+") as errors:  # curl draws its progress there, asked or not
            begin = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                errors.seek(0)
                sys.exit(f"{command[0]} ended with {process.returncode}: {errors.read()[-2000:]}")
        return seconds, usage.ru_maxrss * 1024

    def mirror(self, root, transfer=""):
        """A first mirror: seconds and peak RSS."""
        self.fresh(root, transfer=transfer)
        return self.measure(self.command("sync"))

    def curl(self, root):
        """The same files by curl, 64 at a time: seconds, and seconds until they are on the disk, as ours are."""
        self.fresh(root)
        listed = self.work / "curl.list"
        with open(listed, "w") as file:
            sandbox.curl_list(self.account, self.work / "curl", root, file)
        command = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--create-dirs", "--parallel"]
        command += ["--parallel-max", "64", "--header", f"Authorization: Bearer {sandbox.TOKEN}", "--config", listed]
        seconds = self.measure(command)[0]
        begin = time.monotonic()
        os.sync()
        return seconds, seconds + time.monotonic() - begin

    def daemon(self, root, schedule):
        """A running daemon that has nothing left to do."""
        self.fresh(root, schedule)
        process = subprocess.Popen(self.command("run"), stdout=subprocess.DEVNULL)
        while subprocess.run(self.command("status"), stdout=subprocess.DEVNULL, check=False).returncode:
            if process.poll() is not None:
                sys.exit(f"the daemon ended with {process.returncode}")
            time.sleep(0.2)
        return process

    def counters(self):
        with sandbox.opener.open(f"{self.account.url}/sandbox/counters") as answer:
            return json.load(answer)

    def beside_curl(self, root):
        """Medians of the seconds that dbxsync, curl, and curl with what it wrote on the disk take, in turn."""
        times = []
        for run in range(RUNS):
            times.append((*self.curl(root), self.mirror(root)[0]))
            tell("run {}: curl {:.2f} s, on the disk {:.2f} s, dbxsync {:.2f} s".format(run + 1, *times[-1]))
        texts = compare.differences(str(self.work / "mirror"), self.account.url, root)[1]
        if texts:
            sys.exit(f"mirror and account differ: {texts[:3]}")
        return [statistics.median(column) for column in zip(*times)]


def tell(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def small(bench):
    bench.fill("/small", files=FILES)
    curl, on_disk, ours = bench.beside_curl("/small")
    yield f"first mirror, {FILES:,} files of 1-16 KiB", f"{ours:.2f} s", (
        f"curl {curl:.2f} s, on the disk {on_disk:.2f} s"
    ), f"{ours / curl:.2f} x, {ours / on_disk:.2f} x", "< 1.5 x"


def bulk(bench):
    """Folders of small files as zips, file by file, and one file after the other, on a long line and on none."""
    few = max(1, FILES // 20)
    bench.fill("/bulk", files=FILES)
    bench.fill("/bulk few", files=few)
    ways = {"as zips": "bulk = true", "file by file": "bulk = false"}
    for delay in (DELAY, 0):
        bench.account.change("settings", delay=delay)
        times = {way: [] for way in ways}
        for run in range(RUNS):
            for way, transfer in ways.items():
                times[way].append(bench.mirror("/bulk", transfer)[0])
                tell(f"run {run + 1}: {delay} ms, {way} {times[way][-1]:.2f} s")
        zips, single = (statistics.median(times[way]) for way in ways)
        one, beside = None, f"file by file {single:.2f} s"
        if delay:
            one = bench.mirror("/bulk few", "bulk = false\nparallel = 1")[0] * FILES / few
            tell(f"{delay} ms, one after the other, {few:,} files scaled to {FILES:,}: {one:.1f} s")
            beside += f", one after the other {one:.0f} s"
        yield f"first mirror, {FILES:,} small files, {delay} ms before each answer", f"{zips:.2f} s", beside, (
            f"{single / zips:.1f} x as fast" + (f", {one / zips:.0f} x" if one else "")
        ), ">= 10 x one after the other" if one else ">= 1 x"
    bench.account.change("settings", delay=0)


def large(bench):
    bench.fill("/large", files=0, large_files=1, large_size=LARGE)
    times = bench.beside_curl("/large")
    curl, on_disk, ours = (LARGE / seconds / 1e6 for seconds in times)
    yield f"one file of {LARGE / (1 << 30):.2f} GiB", f"{ours:.0f} MB/s", (
        f"curl {curl:.0f} MB/s, on the disk {on_disk:.0f} MB/s"
    ), f"{ours / curl:.0%}, {ours / on_disk:.0%}", ">= 90 %"


def memory(bench):
    """Peak memory of every phase: listing and placing, listing again, verifying, removing."""
    for number in (ENTRIES // 4, ENTRIES):
        root = f"/memory {number}"
        bench.fill(root, files=number - number // 40, min_size=1, max_size=100)
        phases = {}
        for run in range(RUNS):
            phases.setdefault("first mirror", []).append(bench.mirror(root))
            bench.configure(root, 'relist = "1s"')
            time.sleep(2)
            phases.setdefault("full listing again", []).append(bench.measure(bench.command("sync")))
            phases.setdefault("verify", []).append(bench.measure(bench.command("verify")))
            if run == RUNS - 1:
                for entry in bench.account.call("files/list_folder", path=root)["entries"]:
                    bench.account.change("delete", path=entry["path_lower"])
                phases["everything removed"] = [bench.measure(bench.command("sync"))]
            tell(f"run {run + 1}: {number:,} entries")
        for phase, results in phases.items():
            seconds, peak = (statistics.median(column) for column in zip(*results))
            yield f"{phase}, {number:,} entries: peak memory", f"{peak / 1e6:.1f} MB", f"{seconds:.1f} s", "", "< 100 MB"


def idle(bench):
    bench.fill("/idle", files=1000)
    requests, written = [], []
    daemon = bench.daemon("/idle", 'interval = "5s"\nlongpoll = false')
    for run in range(RUNS):
        before = bench.counters()["endpoints"], bytes_written(daemon.pid)
        passes = before[0].get("files/list_folder/continue", 0)
        while bench.counters()["endpoints"].get("files/list_folder/continue", 0) == passes:
            time.sleep(0.5)
        time.sleep(2)
        after = bench.counters()["endpoints"], bytes_written(daemon.pid)
        requests.append(sum(after[0].values()) - sum(before[0].values()))
        written.append(after[1] - before[1])
        tell(f"run {run + 1}: {requests[-1]} requests, {written[-1]:,} bytes written")
    daemon.terminate()
    daemon.wait()
    yield "pass without changes", f"{statistics.median(requests):.0f} request", "", (
        f"{statistics.median(written):,.0f} bytes written"
    ), "1 request"


def bytes_written(pid):
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def latency(bench):
    bench.fill("/latency", files=1000)
    daemon = bench.daemon("/latency", 'interval = "1h"')
    times = []
    for number in range(RUNS * 10):
        time.sleep(0.2)
        path = bench.work / "mirror" / f"new {number}.txt"
        begin = time.monotonic()
        bench.account.change("put", path=f"/latency/{path.name}", text="new")
        while not path.exists():
            time.sleep(0.001)
        times.append(time.monotonic() - begin)
    daemon.terminate()
    daemon.wait()
    yield "from a change to the file in the mirror", f"{statistics.median(times) * 1e3:.0f} ms", "", (
        f"slowest of {len(times)}: {max(times) * 1e3:.0f} ms"
    ), ""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rows = [("measured", "dbxsync", "beside it", "", "aim")]
    with tempfile.TemporaryDirectory(prefix="dbxsync-bench.") as work:
        bench = Bench(sys.argv[1], work)
        try:
            for measurement in (small, bulk, large, memory, idle, latency):
                if measurement.__name__ in ONLY:
                    print(measurement.__name__, file=sys.stderr)
                    rows += measurement(bench)
        finally:
            bench.sandbox.kill()
            bench.sandbox.wait()
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(" | ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip(" |"))
    print(f"medians of {RUNS} runs, {os.cpu_count()} cores, sandbox and curl on the same machine")


if __name__ == "__main__":
    main()
