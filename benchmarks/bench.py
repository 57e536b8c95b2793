#!/usr/bin/env python3
"""Measures dbxsync against the sandbox, beside curl and, where it is installed, rclone fetching the same files.

"make bench" builds both programs and starts it.

bench.py DIRECTORY_OF_THE_PROGRAMS

Environment, for a quick run or a longer one:
BENCH_RUNS=3             runs of each measurement; the median is shown
BENCH_FILES=10000        small files, 1 to 16 KiB
BENCH_LARGE=2147483648   bytes of the large file
BENCH_ENTRIES=100000     entries for the memory measurement, beside a quarter of them, and for the changes
BENCH_DELAY=40           milliseconds before each answer, for what is far away
BENCH_IDLE=300           seconds for which the idle daemon of a large account is watched
BENCH_SWEEP=1000000      entries of the mirror that is compared with what was put there
BENCH_ADOPT=100000       files of 1 to 4 KiB that the mirror holds already when the state is lost
BENCH_PUT=2147483648     bytes of the file that goes up far away
BENCH_CUT=5368709120     bytes of the file whose upload is cut 20 times
BENCH_LISTING=1000000    entries of the account whose first listing is recorded
BENCH_ONLY=              some of: small bulk large capped http2 memory bandwidth put cut latency adopt idle changes rename watch sweep
                         listing; account is for a large BENCH_LISTING and has to be named
TMPDIR                   where mirrors go
"""

import collections
import contextlib
import hashlib
import json
import os
import pathlib
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "scripts"))
import compare
import sandbox
import tls

RUNS = int(os.environ.get("BENCH_RUNS", 3))
FILES = int(os.environ.get("BENCH_FILES", 10_000))
LARGE = int(os.environ.get("BENCH_LARGE", 2 << 30))
ENTRIES = int(os.environ.get("BENCH_ENTRIES", 100_000))
IDLE = int(os.environ.get("BENCH_IDLE", 300))
SWEEP = int(os.environ.get("BENCH_SWEEP", 1_000_000))
ADOPT = int(os.environ.get("BENCH_ADOPT", 100_000))
PUT = int(os.environ.get("BENCH_PUT", 2 << 30))
CUT, CUTS = int(os.environ.get("BENCH_CUT", 5 << 30)), 20
# The peak memory of a process is never less than that of this one when it was started: what makes this one large comes last.
ALL = "small bulk large capped http2 memory bandwidth put cut latency adopt idle changes rename watch sweep listing"
ONLY = os.environ.get("BENCH_ONLY", ALL).split()
LISTING, PAGE_DELAY, PAGE = int(os.environ.get("BENCH_LISTING", 1_000_000)), 300, 1_000
# A link far away: milliseconds for each request, bytes per second of one connection.
DELAY, RATE = int(os.environ.get("BENCH_DELAY", 40)), 25_000_000
CHANGES, RENAMED = 100, 2_000
BANDWIDTH = 20_000_000
CONFIG = """
[account]
app_key = "sandboxappkey00"
endpoint = "{url}"
credentials = "{work}/credentials.json"
{ca}
[guard]
removals = "off"
share = "off"
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


class Usage(collections.namedtuple("Usage", "seconds cpu peak requests bytes")):
    """What something has cost: wall and CPU seconds, peak RSS, requests to the sandbox and bytes from it."""

    def __str__(self):
        return (
            f"{self.seconds:.1f} s, CPU {self.cpu:.1f} s, {self.peak / 1e6:.0f} MB, {self.requests:,.0f} requests, "
            f"{self.bytes / 1e6:,.1f} MB received"
        )


def middle(usages):
    """The median of each column."""
    return Usage(*(statistics.median(column) for column in zip(*usages)))


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
        # What is measured goes to the sandbox itself, or by way of the server before it.
        self.front, self.curl_options = None, []
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
        for name in ("mirror", "state", "curl", "rclone"):
            if (self.work / name).exists():
                (self.work / name).rename(self.work / f"{name}.{self.past}")
        (self.work / "mirror").mkdir()
        self.configure(root, schedule, transfer)
        os.sync()

    def configure(self, root, schedule, transfer=""):
        """The configuration for a folder of the account."""
        (self.work / "dbxsync.conf").write_text(
            CONFIG.format(
                url=self.url, work=self.work, root=root, schedule=schedule, transfer=transfer,
                ca=f'ca_file = "{self.front.certificate}"' if self.front else "",
            )
        )

    @property
    def url(self):
        return self.front.url if self.front else self.account.url

    def command(self, verb, *arguments):
        return [self.programs / "dbxsync", verb, "--config", self.work / "dbxsync.conf", *arguments]

    def measure(self, command, environment=None):
        """What a command costs; it has to end with 0."""
        before = self.counters()
        with open(self.work / "errors", "w+") as errors:  # curl draws its progress there, asked or not
            begin = time.monotonic()
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=errors, env={**os.environ, **(environment or {})}
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                errors.seek(0)
                sys.exit(f"{command[0]} ended with {process.returncode}: {errors.read()[-2000:]}")
        after = self.counters()
        return Usage(
            seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024,
            *(after[key] - before[key] for key in ("requests", "bytes")),
        )

    def mirror(self, root, transfer=""):
        """A first mirror."""
        self.fresh(root, transfer=transfer)
        return self.measure(self.command("sync"))

    def curl(self, root, parallel=64):
        """The same files by curl: what it costs, and seconds until they are on the disk, as ours are."""
        self.fresh(root)
        listed = self.work / "curl.list"
        with open(listed, "w") as file:
            sandbox.curl_list(self.account, self.work / "curl", root, file, self.url)
        command = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--create-dirs", "--parallel"]
        command += self.curl_options
        command += ["--parallel-max", f"{parallel}", "--header", f"Authorization: Bearer {sandbox.TOKEN}"]
        usage = self.measure([*command, "--config", listed])
        begin = time.monotonic()
        os.sync()
        return usage, usage.seconds + time.monotonic() - begin

    def rclone(self, root, *options):
        """The same files by rclone's own backend for Dropbox; None where it is not installed.

        It knows no hosts but Dropbox's: it gets to the sandbox by way of benchmarks/gateway.py, whose TLS costs it some
        CPU time, but is not its own.
        """
        if not (shutil.which("rclone") and shutil.which("openssl")):
            return None
        self.fresh(root)
        port = self.work / "gateway.port"
        port.unlink(missing_ok=True)
        script = pathlib.Path(__file__).with_name("gateway.py")
        gateway = subprocess.Popen([sys.executable, "-B", script, self.work, self.account.url.rpartition(":")[2]])
        try:
            while not port.exists():
                if gateway.poll() is not None:
                    sys.exit("the gateway for rclone did not start")
                time.sleep(0.05)
            command = ["rclone", "--ca-cert", self.work / "gateway.pem", "copy", f"box:{root.strip('/')}", self.work / "rclone"]
            token = {"access_token": sandbox.TOKEN, "token_type": "bearer", "expiry": "2099-01-01T00:00:00Z"}
            environment = {
                "RCLONE_CONFIG": os.devnull, "RCLONE_CONFIG_BOX_TYPE": "dropbox",
                "RCLONE_CONFIG_BOX_TOKEN": json.dumps(token), "HTTPS_PROXY": f"http://127.0.0.1:{port.read_text()}",
            }
            return self.measure([*command, *options], environment)
        finally:
            gateway.kill()
            gateway.wait()

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

    def usage(self, daemon):
        """What a running daemon has cost so far."""
        # stat(5): the fields after the name, utime and stime the 14th and 15th of all.
        fields = pathlib.Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text().split("VmHWM:")[1]
        counters = self.counters()
        return Usage(time.monotonic(), cpu, int(status.split()[0]) * 1024, counters["requests"], counters["bytes"])

    def since(self, before, daemon):
        """What a running daemon has cost since then."""
        after = self.usage(daemon)
        costs = Usage(*(late - early for early, late in zip(before, after)))
        return costs._replace(peak=after.peak)

    def far_away(self, rate=0):
        """The sandbox behind a link that delays each request; far_away() is over with near()."""
        self.account.change("settings", delay=DELAY, rate=rate, upload_rate=rate)

    def near(self):
        self.account.change("settings", delay=0, rate=0, upload_rate=0)

    def arrived(self, path, digest):
        """Whether the account has the right bytes there is a condition of every measurement of uploads."""
        if self.account.call("files/get_metadata", path=path)["content_hash"] != digest:
            sys.exit(f"other bytes arrived at {path}")

    def beside_curl(self, root, parallel=64):
        """Medians of what dbxsync and curl cost, and of curl's seconds until the disk has it, in turn."""
        runs = []
        for run in range(RUNS):
            (curl, on_disk), ours = self.curl(root, parallel), self.mirror(root)
            runs.append((ours, curl, on_disk))
            tell(f"run {run + 1}: curl {curl.seconds:.2f} s, on the disk {on_disk:.2f} s, dbxsync {ours}")
        self.compare(root)
        ours, curls, on_disks = zip(*runs)
        return middle(ours), middle(curls), statistics.median(on_disks)

    def compare(self, root):
        texts = compare.differences(str(self.work / "mirror"), self.account.url, root)[1]
        if texts:
            sys.exit(f"mirror and account differ: {texts[:3]}")


def tell(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def small(bench):
    bench.fill("/small", files=FILES)
    ours, curl, on_disk = bench.beside_curl("/small")
    rclone = bench.rclone("/small", "--transfers", "16", "--checkers", "16")
    yield f"first mirror, {FILES:,} files of 1-16 KiB", f"{ours.seconds:.2f} s", (
        f"curl {curl.seconds:.2f} s, on the disk {on_disk:.2f} s{beside(rclone)}"
    ), f"{ours.seconds / curl.seconds:.2f} x, {ours.seconds / on_disk:.2f} x", "< 1.5 x", ours


def beside(rclone):
    return f", rclone {rclone.seconds:.1f} s" if rclone else ""


def bulk(bench):
    """Folders of small files as zips, file by file, and one file after the other, on a long line and on none."""
    few = max(1, FILES // 20)
    bench.fill("/bulk", files=FILES)
    bench.fill("/bulk few", files=few)
    ways = {"as zips": "bulk = true", "file by file": "bulk = false"}
    for delay in (DELAY, 0):
        bench.account.change("settings", delay=delay)
        usages = {way: [] for way in ways}
        for run in range(RUNS):
            for way, transfer in ways.items():
                usages[way].append(bench.mirror("/bulk", transfer))
                tell(f"run {run + 1}: {delay} ms, {way} {usages[way][-1]}")
        zips, single = (middle(usages[way]) for way in ways)
        one, others = None, f"file by file {single.seconds:.2f} s"
        if delay:
            one = bench.mirror("/bulk few", "bulk = false\nparallel = 1").seconds * FILES / few
            tell(f"{delay} ms, one after the other, {few:,} files scaled to {FILES:,}: {one:.1f} s")
            curl, rclone = bench.curl("/bulk", 16)[0], bench.rclone("/bulk", "--transfers", "16", "--checkers", "16")
            others += f", one after the other {one:.0f} s, curl, 16 at a time, {curl.seconds:.1f} s{beside(rclone)}"
        yield f"first mirror, {FILES:,} small files, {delay} ms before each answer", f"{zips.seconds:.2f} s", others, (
            f"{single.seconds / zips.seconds:.1f} x as fast" + (f", {one / zips.seconds:.0f} x" if one else "")
        ), ">= 10 x one after the other" if one else ">= 1 x", zips
    bench.account.change("settings", delay=0)


def large(bench):
    bench.fill("/large", files=0, large_files=1, large_size=LARGE)
    usage, curled, disked = bench.beside_curl("/large")
    ours, curl, on_disk = (LARGE / seconds / 1e6 for seconds in (usage.seconds, curled.seconds, disked))
    yield f"one file of {LARGE / (1 << 30):.2f} GiB", f"{ours:.0f} MB/s", (
        f"curl {curl:.0f} MB/s, on the disk {on_disk:.0f} MB/s"
    ), f"{ours / curl:.0%}, {ours / on_disk:.0%}", ">= 90 %", usage


def capped(bench):
    """One large file far away, over connections that are slow each: one curl is measured once, it only waits."""
    bench.fill("/capped", files=0, large_files=1, large_size=LARGE)
    bench.far_away(RATE)
    curl = bench.curl("/capped")[0]
    tell(f"curl {curl}")
    rclone = bench.rclone("/capped", "--multi-thread-streams", "8")
    if rclone:
        tell(f"rclone {rclone}")
    runs = [bench.mirror("/capped") for _ in range(RUNS)]
    for run, usage in enumerate(runs):
        tell(f"run {run + 1}: dbxsync {usage}")
    bench.near()
    bench.compare("/capped")
    ours = middle(runs)
    yield f"{LARGE / (1 << 30):.2f} GiB, {RATE / 1e6:.0f} MB/s a connection, {DELAY} ms", f"{ours.seconds:.1f} s", (
        f"one curl {curl.seconds:.1f} s{beside(rclone)}"
    ), f"{curl.seconds / ours.seconds:.1f} x as fast", ">= 6 x", ours


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
            usage = middle(results)
            yield f"{phase}, {number:,} entries: peak memory", f"{usage.peak / 1e6:.1f} MB", (
                f"{usage.seconds:.1f} s"
            ), "", "< 100 MB", usage


def idle(bench):
    bench.fill("/idle", files=1000)
    written, costs = [], []
    daemon = bench.daemon("/idle", 'interval = "5s"\nlongpoll = false')
    for run in range(RUNS):
        before, passes = (bytes_written(daemon.pid), bench.usage(daemon)), polls(bench)
        while polls(bench) == passes:
            time.sleep(0.5)
        time.sleep(2)
        written.append(bytes_written(daemon.pid) - before[0])
        costs.append(bench.since(before[1], daemon))
        tell(f"run {run + 1}: {costs[-1]}, {written[-1]:,} bytes written")
    stop(daemon)
    usage = middle(costs)
    yield "pass without changes", f"{usage.requests:.0f} request", "", (
        f"CPU {usage.cpu * 1e3:.0f} ms, {statistics.median(written):,.0f} bytes written"
    ), "1 request", usage


def polls(bench):
    return bench.counters()["endpoints"].get("files/list_folder/continue", 0)


def stop(daemon):
    daemon.terminate()
    daemon.wait()


def rest(bench, daemon):
    """What the daemon of a large account costs that has nothing to do, longpoll and interval as by default."""
    before = bench.usage(daemon)
    time.sleep(IDLE)
    usage = bench.since(before, daemon)
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text().split("VmRSS:")[1]
    folders = sum(path.is_dir() for path in (bench.work / "mirror").rglob("*"))
    return f"idle for {IDLE} s, {ENTRIES:,} entries, {folders:,} folders watched", f"{usage.cpu / usage.seconds:.3%} of a processor", (
        f"{int(status.split()[0]) * 1024 / 1e6:.1f} MB"
    ), "", "< 0.05 %, < 40 MB", usage


def changes(bench):
    """Changes of all kinds in a large account that is in step, from the first one to the last in the mirror."""
    bench.fill("/changes", files=ENTRIES - ENTRIES // 10, min_size=1, max_size=100, files_per_folder=9)
    daemon = bench.daemon("/changes", "")
    mirror, costs = bench.work / "mirror", []
    names = iter([path for path, entry in bench.account.tree("/changes").items() if entry[".tag"] == "file"])
    time.sleep(10)  # the first mirror's last writes
    yield rest(bench, daemon)
    for run in range(RUNS):
        edited, moved, deleted = ([next(names) for _ in range(CHANGES // 4)] for _ in range(3))
        time.sleep(2)
        before = bench.usage(daemon)
        for number in range(CHANGES // 4):
            bench.account.change("put", path=f"/changes/new {run}/{number}.bin", size=1_000, seed=number)
            bench.account.change("put", path="/changes" + edited[number], size=777, seed=number)
            source, target = "/changes" + moved[number], f"/changes/moved {run}/{number}.bin"
            bench.account.change("move", **{"from": source, "to": target})
            bench.account.change("delete", path="/changes" + deleted[number])
        there = [mirror / f"{kind} {run}/{number}.bin" for kind in ("new", "moved") for number in range(CHANGES // 4)]
        gone = [mirror / path[1:] for path in deleted + moved]
        changed = [mirror / path[1:] for path in edited]
        while not (
            all(path.exists() for path in there)
            and all(path.stat().st_size == 777 for path in changed)
            and not any(path.exists() for path in gone)
        ):
            time.sleep(0.005)
        costs.append(bench.since(before, daemon))
        tell(f"run {run + 1}: {costs[-1]}")
    stop(daemon)
    bench.compare("/changes")
    usage = middle(costs)
    yield f"{CHANGES} changes in {ENTRIES:,} entries", f"{usage.seconds:.2f} s", "", (
        "from the first change to the last one in the mirror"
    ), "", usage


def rename(bench):
    """A folder gets another name: nothing is downloaded."""
    bench.fill("/rename/folder", files=RENAMED)
    daemon = bench.daemon("/rename", 'interval = "1h"')
    mirror, costs, name = bench.work / "mirror", [], "folder"
    for run in range(RUNS):
        time.sleep(2)
        downloads = bench.counters()["endpoints"]["files/download"]
        before, new = bench.usage(daemon), f"folder {run}"
        bench.account.change("move", **{"from": f"/rename/{name}", "to": f"/rename/{new}"})
        while (mirror / name).exists() or not (mirror / new).exists() or not in_step(bench):
            time.sleep(0.01)
        costs.append(bench.since(before, daemon))
        tell(f"run {run + 1}: {costs[-1]}")
        if bench.counters()["endpoints"]["files/download"] != downloads:
            sys.exit("a renamed folder was downloaded again")
        name = new
    stop(daemon)
    bench.compare("/rename")
    usage = middle(costs)
    yield f"rename of a folder of {RENAMED:,} files", f"{usage.seconds:.2f} s", "", "0 bytes of files", (
        "0 bytes"
    ), usage


def watch(bench):
    """A first mirror that the daemon watches, and how soon it puts right what others do there."""
    bench.fill("/watch", files=FILES, min_size=1, max_size=100)
    bench.fresh("/watch", "")
    config = bench.work / "dbxsync.conf"
    config.write_text(config.read_text().replace('level = "warning"', 'level = "debug"'))
    with open(bench.work / "log", "w+") as log:
        daemon = subprocess.Popen(bench.command("run"), stdout=log, stderr=log)
        while not in_step(bench):
            time.sleep(0.2)
        time.sleep(10)
        log.seek(0)
        drift = sum("event=drift" in line or "changed locally" in line for line in log)
        times, before = [], bench.usage(daemon)
        files = [path for path in (bench.work / "mirror").rglob("*") if path.is_file() and ".dbxsync" not in path.parts]
        for number in range(20):
            path = files[number * 7 % len(files)]
            right = path.read_bytes()
            begin = time.monotonic()
            if number % 2:
                path.unlink()
            else:
                path.write_bytes(b"somebody's")
            while not holds(path, right):
                time.sleep(0.005)
            times.append(time.monotonic() - begin)
        usage = bench.since(before, daemon)
        stop(daemon)
    yield f"first mirror of {FILES:,} files: changes by others that were none", f"{drift}", "", "", "0", usage
    yield "removed or edited in the mirror, until it is right again", f"{statistics.median(times):.1f} s", "", (
        f"slowest of {len(times)}: {max(times):.1f} s"
    ), "< 5 s", usage._replace(seconds=statistics.median(times))


def holds(path, content):
    try:
        return path.read_bytes() == content
    except FileNotFoundError:
        return False


def sync_beside(bench, name, command, before=lambda: None):
    """What a command and a pass cost, in turn, as medians; before() is not measured."""
    others, ours = [], []
    for run in range(RUNS):
        before()
        others.append(bench.measure(command))
        ours.append(bench.measure(bench.command("sync")))
        tell(f"run {run + 1}: {name} {others[-1]}, dbxsync {ours[-1]}")
    return middle(others), middle(ours)


def sweep(bench):
    """A pass over a mirror in which nothing has happened, beside find looking at the same."""
    bench.fill("/sweep", files=SWEEP - SWEEP // 40, min_size=1, max_size=100)
    tell(f"first mirror: {bench.mirror('/sweep')}")
    find, usage = sync_beside(bench, "find", ["find", bench.work / "mirror", "-printf", "%s %T@ %i\\n"])
    yield f"a sweep of {SWEEP:,} entries", f"{usage.seconds:.1f} s, {usage.peak / 1e6:.0f} MB", (
        f"find {find.seconds:.1f} s"
    ), f"{usage.cpu:.1f} s of a processor", "< 15 s, < 100 MB", usage


def listing(bench):
    """The first listing of a large account, while no download gets anywhere; then with a delay before each answer."""
    root = f"/listing {LISTING}"
    bench.fill(root, files=LISTING - LISTING // 40, min_size=1, max_size=100)
    bench.account.set_faults([{"endpoint": "files/download*", "times": 0, "kind": "delay", "seconds": 86_400}])
    runs = [first_listing(bench, root) for _ in range(RUNS)]
    usage, late, size = sorted(runs)[len(runs) // 2]
    yield f"first listing of {LISTING:,} entries", f"{LISTING / usage.seconds:,.0f} entries/s", (
        f"{late:,.0f} entries/s in the last quarter"
    ), f"{size / LISTING:.0f} bytes of state for each", ">= 25,000 entries/s, < 100 MB", usage
    bench.account.change("settings", delay=PAGE_DELAY)
    usage, _, _ = first_listing(bench, root)
    bench.near()
    bench.account.set_faults([])
    chain = LISTING / PAGE * PAGE_DELAY / 1000
    yield f"the same, {PAGE_DELAY} ms before each answer", f"{usage.seconds:.1f} s", (
        f"page after page, the waiting alone {chain:.0f} s"
    ), f"{chain / usage.seconds:.1f} x as fast", ">= 6 x", usage


def first_listing(bench, root):
    """What a daemon costs until the account is listed, entries per second of the last quarter, and the state's size."""
    bench.fresh(root)
    begin, before = time.monotonic(), bench.counters()
    daemon = subprocess.Popen(bench.command("run"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    late = None
    while not is_listed(bench):
        if daemon.poll() is not None:
            sys.exit(f"the daemon ended with {daemon.returncode}")
        time.sleep(0.1)
        if late is None and (pages(bench.counters()) - pages(before)) * PAGE > LISTING * 3 // 4:
            late = time.monotonic()
    end = time.monotonic()
    usage = bench.usage(daemon)
    size = state_size(bench)
    stop(daemon)
    usage = usage._replace(seconds=end - begin, requests=usage.requests - before["requests"], bytes=usage.bytes - before["bytes"])
    tell(f"listed: {usage}")
    return usage, LISTING / 4 / (end - late) if late else 0, size


def state_size(bench):
    return sum(path.stat().st_size for path in (bench.work / "state").glob("state.db*"))


def pages(counters):
    return counters["endpoints"].get("files/list_folder", 0) + counters["endpoints"].get("files/list_folder/continue", 0)


def state(bench, query):
    """One value of the state file; None while there is none."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{bench.work}/state/state.db?mode=ro", uri=True)) as database:
            return database.execute(query).fetchone()[0]
    except sqlite3.OperationalError:
        return None


def is_listed(bench):
    return state(bench, "SELECT listing = 0 FROM state") == 1


def account(bench):
    """An account that is far larger than its mirror: listed, changed, listed again, and a tenth of it removed."""
    root = f"/account {LISTING}"
    bench.fill(root, files=LISTING - LISTING // 40, min_size=1, max_size=100)
    bench.account.change("fill", into=f"{root}/a tenth", journal=False, files=LISTING // 10, min_size=1, max_size=100)
    bench.fresh(root)
    config = bench.work / "dbxsync.conf"
    kept = config.read_text().replace("[mirror]\n", '[mirror]\nexclude = ["*"]\n', 1)
    config.write_text(kept)
    usage = bench.measure(bench.command("sync"))
    yield f"{LISTING * 11 // 10:,} entries, none of them mirrored: first listing", f"{usage.seconds:.1f} s", (
        f"{LISTING * 1.1 / usage.seconds:,.0f} entries/s"
    ), f"{state_size(bench) / LISTING / 1.1:.0f} bytes of state for each", "< 200 MB", usage
    config.write_text(kept.replace('interval = "1h"', 'relist = "1s"', 1))
    time.sleep(2)
    usage = bench.measure(bench.command("sync"))
    yield "listed again without changes", f"{usage.seconds:.1f} s", "", "", "< 200 MB", usage
    config.write_text(kept)
    daemon = subprocess.Popen(bench.command("run"), stdout=subprocess.DEVNULL)
    for index in range(CHANGES):
        bench.account.change("put", path=f"{root}/changes/{index}", size=10, seed=index)
    count = "SELECT count(*) FROM want WHERE key >= '/changes/' AND key < '/changes0'"
    until(bench, daemon, lambda: state(bench, count) == CHANGES)  # a start reads all of the state
    for index in range(CHANGES):
        bench.account.change("put", path=f"{root}/changes/more {index}", size=10, seed=index)
    usage = until(bench, daemon, lambda: state(bench, count) == 2 * CHANGES)
    yield f"{CHANGES} changes", f"{usage.seconds:.2f} s", "", "", "< 1 s, < 200 MB", usage
    bench.account.change("delete", path=f"{root}/a tenth")
    gone = "SELECT NOT EXISTS (SELECT 1 FROM want WHERE key >= '/a tenth' AND key < '/a tenth0')"
    usage = until(bench, daemon, lambda: state(bench, gone))
    yield f"a folder of {LISTING // 10:,} removed", f"{usage.seconds:.1f} s", "", "", "< 200 MB", usage
    stop(daemon)


def until(bench, daemon, condition):
    """What a daemon costs from now until something is so."""
    before = bench.usage(daemon)
    while not condition():
        if daemon.poll() is not None:
            sys.exit(f"the daemon ended with {daemon.returncode}")
        time.sleep(0.05)
    return bench.since(before, daemon)
def adopt(bench):
    """A pass after the state was lost, over a mirror that holds everything, beside sha256sum reading the same."""
    bench.fill("/adopt", files=ADOPT, min_size=1024, max_size=4096)
    tell(f"first mirror: {bench.mirror('/adopt')}")
    hash_all = 'find "$1" -path "$1/.dbxsync" -prune -o -type f -print0 | xargs -0 sha256sum'

    def lose_state():
        shutil.rmtree(bench.work / "state")
        os.sync()

    command = ["sh", "-c", hash_all, "sh", bench.work / "mirror"]
    beside, usage = sync_beside(bench, "sha256sum", command, before=lose_state)
    yield f"{ADOPT:,} files of 1-4 KiB that stand already, after the state was lost", f"{usage.seconds:.1f} s", (
        f"find and sha256sum {beside.seconds:.1f} s"
    ), f"{usage.cpu:.1f} s of a processor", "<= 8 s", usage


def in_step(bench):
    return subprocess.run(bench.command("status"), stdout=subprocess.DEVNULL, check=False).returncode == 0


def bandwidth(bench):
    """How near to the limit all transfers together come, over half a minute."""
    total = BANDWIDTH * 30
    bench.fill("/bandwidth one", files=0, large_files=1, large_size=total)
    bench.fill("/bandwidth many", files=total // 200_000, min_size=200_000, max_size=200_000)
    for root, what in (("/bandwidth one", "one file"), ("/bandwidth many", f"{total // 200_000:,} files")):
        usage = middle([bench.mirror(root, f'bandwidth = "{BANDWIDTH}B/s"') for _ in range(RUNS)])
        rate = usage.bytes / usage.seconds
        yield f"bandwidth = \"{BANDWIDTH / 1e6:.0f}MB/s\", {what}", f"{rate / 1e6:.2f} MB/s", "", (
            f"{rate / BANDWIDTH - 1:+.1%}"
        ), "within 5 %", usage


def noise(path, size):
    """Writes a file of that size in which no two blocks are alike; its content hash."""
    block = bytearray(random.Random(size).randbytes(4 << 20))
    whole = hashlib.sha256()
    with open(path, "wb") as file:
        for start in range(0, size, len(block)):
            block[:8] = start.to_bytes(8, "little")
            piece = memoryview(block)[: min(len(block), size - start)]
            whole.update(hashlib.sha256(piece).digest())
            file.write(piece)
    return whole.hexdigest()


def put(bench):
    """One large file goes up far away, over connections that are slow each; curl has one, and a file that fits in it."""
    bench.far_away(RATE)
    yield upload(bench, PUT, "put")
    bench.near()


def upload(bench, size, what):
    """The row of one file that goes up over connections that are slow each."""
    bench.fresh("")
    local, sample = bench.work / "up", min(size, 128 << 20)
    noise(local, sample)
    command = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--data-binary", f"@{local}"]
    for header in (
        f"Authorization: Bearer {sandbox.TOKEN}", "Content-Type: application/octet-stream",
        'Dropbox-API-Arg: {"path":"/curl"}', "Expect:",
    ):
        command += ["--header", header]
    curl = bench.measure([*command, *bench.curl_options, f"{bench.url}/2/files/upload"])
    single = sample / curl.seconds
    tell(f"curl {single / 1e6:.1f} MB/s")
    digest, runs = noise(local, size), []
    for run in range(RUNS):
        target = f"/{what} {size} {bool(bench.front)} {run}"
        runs.append(bench.measure(bench.command("put", local, target)))
        bench.arrived(target, digest)
        tell(f"run {run + 1}: dbxsync {runs[-1]}")
    ours = middle(runs)
    rate = size / ours.seconds
    return f"{what} of {size / (1 << 30):.2f} GiB, {RATE / 1e6:.0f} MB/s a connection, {DELAY} ms", (
        f"{rate / 1e6:.0f} MB/s"
    ), f"one connection {single / 1e6:.1f} MB/s, {RATE / 1e6:.0f} at best", (
        f"{rate / max(single, RATE):.1f} x"
    ), ">= 3 x" if size < 1 << 30 else ">= 5 x", ours


HTTP1 = ["--http1.1"]


def http2(bench):
    """What the service speaks: TLS and HTTP/2, by nghttpx in front of the sandbox; curl has its better protocol."""
    if not tls.Front.is_possible():
        tell("nghttpx (Debian: nghttp2-proxy) is not installed here: HTTP/2 is not measured")
        return
    bench.fill("/http2 small", files=FILES)
    bench.fill("/http2 large", files=0, large_files=1, large_size=LARGE)
    for rows in (http2_near, http2_far):
        yield from rows(bench)


def http2_near(bench):
    with tls.Front(bench.account.url, bench.work) as bench.front:
        curls = {}
        for protocol, options in (("HTTP/2", []), ("HTTP/1.1", HTTP1)):
            bench.curl_options = [*bench.front.curl_options, *options]
            curls[protocol] = middle([bench.curl("/http2 small")[0] for _ in range(RUNS)])
            tell(f"curl, {protocol}: {curls[protocol]}")
        best = min(curls.values())
        beside_it = ", ".join(f"curl {protocol} {usage.seconds:.2f} s" for protocol, usage in curls.items())
        for way, transfer, aim in (("zips", "bulk = true", 0.8), ("file by file", "bulk = false", 1.1)):
            ours = middle([bench.mirror("/http2 small", transfer) for _ in range(RUNS)])
            tell(f"{way}: {ours}")
            yield f"HTTP/2: first mirror, {FILES:,} files of 1-16 KiB, {way}", f"{ours.seconds:.2f} s", beside_it, (
                f"{ours.seconds / best.seconds:.2f} x"
            ), f"<= {aim} x", ours
        bench.compare("/http2 small")
        bench.curl_options = bench.front.curl_options
        usage, curled, _ = bench.beside_curl("/http2 large")
        yield f"HTTP/2: one file of {LARGE / (1 << 30):.2f} GiB", f"{usage.seconds:.1f} s", (
            f"curl {curled.seconds:.1f} s"
        ), f"{usage.seconds / curled.seconds:.2f} x", "<= 1.0 x", usage
    bench.front, bench.curl_options = None, []


def http2_far(bench):
    """A delay before each answer, and a cap for each connection."""
    bench.far_away()
    with tls.Front(bench.account.url, bench.work, RATE) as bench.front:
        bench.curl_options = bench.front.curl_options
        curl = bench.curl("/http2 large")[0]
        tell(f"curl {curl}")
        runs = [bench.mirror("/http2 large") for _ in range(RUNS)]
        for run, usage in enumerate(runs):
            tell(f"run {run + 1}: dbxsync {usage}")
        bench.compare("/http2 large")
        ours = middle(runs)
        yield f"HTTP/2: {LARGE / (1 << 30):.2f} GiB, {RATE / 1e6:.0f} MB/s a connection, {DELAY} ms", (
            f"{ours.seconds:.1f} s"
        ), f"one curl {curl.seconds:.1f} s", f"{curl.seconds / ours.seconds:.1f} x as fast", "<= 11 s", ours
        # nghttpx does not hold back what it reads: the sandbox does, connection by connection.
        bench.account.change("settings", delay=DELAY, rate=0, upload_rate=RATE)
        for size in sorted({min(400_000_000, PUT), PUT}):
            yield upload(bench, size, "HTTP/2: put")
    bench.near()
    bench.front, bench.curl_options = None, []


def cut(bench):
    """One file that is put again and again, by processes that are killed and over connections that break."""
    bench.fresh("")
    local, dice = bench.work / "up", random.Random()
    digest = noise(local, CUT)
    before, begin = bench.counters(), time.monotonic()
    for index, end in enumerate(sorted(dice.randrange(CUT) for _ in range(CUTS))):
        process = subprocess.Popen(bench.command("put", local, "/cut"), stdout=subprocess.DEVNULL)
        while bench.counters()["received"] - before["received"] < end and process.poll() is None:
            time.sleep(0.002)
        if index % 4 == 3:
            # A connection breaks in the middle of a request, and the process goes on for a moment.
            bench.account.change(
                "faults", kind="cut_request", endpoint="files/upload_session/append_v2", reset=True,
                after=dice.randrange(4 << 20),
            )
            time.sleep(0.05)
        process.kill()
        process.wait()
    last = bench.measure(bench.command("put", local, "/cut"))
    bench.arrived("/cut", digest)
    after = bench.counters()
    sent = after["received"] - before["received"]
    tell(f"{sent:,} bytes sent of a file of {CUT:,}")
    yield f"put of {CUT / (1 << 30):.2f} GiB, cut {CUTS} times", f"{sent / CUT - 1:.2%} sent twice", "", (
        "the same bytes arrived"
    ), "< 3 %", last._replace(
        seconds=time.monotonic() - begin, requests=after["requests"] - before["requests"], bytes=0)


def bytes_written(pid):
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def latency(bench):
    bench.fill("/latency", files=1000)
    daemon = bench.daemon("/latency", 'interval = "1h"')
    times, before = [], bench.usage(daemon)
    for number in range(RUNS * 10):
        time.sleep(0.2)
        path = bench.work / "mirror" / f"new {number}.txt"
        begin = time.monotonic()
        bench.account.change("put", path=f"/latency/{path.name}", text="new")
        while not path.exists():
            time.sleep(0.001)
        times.append(time.monotonic() - begin)
    usage = bench.since(before, daemon)
    stop(daemon)
    yield "from a change to the file in the mirror", f"{statistics.median(times) * 1e3:.0f} ms", "", (
        f"slowest of {len(times)}: {max(times) * 1e3:.0f} ms"
    ), "", usage._replace(seconds=statistics.median(times))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rows = [("measured", "dbxsync", "beside it", "", "aim", "dbxsync: wall, CPU, peak RSS, requests, bytes")]
    with tempfile.TemporaryDirectory(prefix="dbxsync-bench.") as work:
        bench = Bench(sys.argv[1], work)
        try:
            for name in [*ALL.split(), "account"]:
                if name in ONLY:
                    print(name, file=sys.stderr)
                    rows += [(*texts, str(usage)) for *texts, usage in globals()[name](bench)]
        finally:
            bench.sandbox.kill()
            bench.sandbox.wait()
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(" | ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip(" |"))
    print(f"medians of {RUNS} runs, {os.cpu_count()} cores, sandbox and curl on the same machine; rclone ran once")
    if not shutil.which("rclone"):
        print("rclone is not installed here")


if __name__ == "__main__":
    main()
