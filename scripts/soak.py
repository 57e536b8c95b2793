#!/usr/bin/env python3
"""make soak: the daemon against a server that fails one request in five, in random ways, while the account changes.

soak.py DIRECTORY_OF_THE_PROGRAMS SECONDS

With SOAK_HTTP2=1 the daemon reaches the server by TLS and HTTP/2, through nghttpx.

Then the faults end, and the mirror has to become what the account is; memory and descriptors must not have grown. One
line tells how it went; whatever goes wrong ends with 1, after the last words of the daemon.
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import compare
import sandbox
import tls

# The part of all requests that fails.
FAILING = 0.2
# What may befall any request. Each is over after one answer: what lasts is the matter of other tests.
ANYWHERE = [
    {"kind": "rate_limit", "retry_after": 1},
    {"kind": "status", "status": 500, "body": "oops"},
    {"kind": "status", "status": 503, "retry_after": 1},
    {"kind": "status", "status": 502, "body": "<html>bad gateway</html>", "type": "text/html"},
    {"kind": "html"},
    {"kind": "cut"},
    {"kind": "cut", "after": 1, "reset": True},
    {"kind": "drop_before"},
    {"kind": "drop_after", "reset": True},
    {"kind": "truncate"},
    {"kind": "corrupt"},
    {"kind": "wrong_length", "by": 1},
    {"kind": "wrong_length", "by": -1},
    {"kind": "stall", "after": 1, "seconds": 2},
    {"kind": "delay", "seconds": 0.5},
]
# What only makes sense for one endpoint, and how often compared with the others.
SOMEWHERE = [
    (1, {"endpoint": "files/download", "kind": "expired_token"}),
    (1, {"endpoint": "files/list_folder*", "kind": "expired_token"}),
    (1, {"endpoint": "files/download", "kind": "ignore_range"}),
    (1, {"endpoint": "files/download", "kind": "error", "tags": ["path", "not_found"]}),
    (1, {"endpoint": "files/list_folder*", "kind": "invalid_text"}),
    (1, {"endpoint": "files/list_folder*", "kind": "malformed"}),
    (0.3, {"endpoint": "files/list_folder/continue", "kind": "reset_cursor"}),
    (0.3, {"endpoint": "files/list_folder/longpoll", "kind": "reset_cursor"}),
]
FOLDERS = ["Projects", "Größe", "日記 🎈", "a", "Projects/old", "Projects/old/ä b", "a/b/c", "a/B2"]
FILES_PER_FOLDER = 40
SEED = 1000
# Changes of the account in a second.
PACE = 10
# Failed files are tried again after a quarter of a minute, passes after up to five minutes.
PATIENCE = 600
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
min_free_space = "0"
[state]
directory = "{work}/state"
[schedule]
interval = "5s"
"""


class Failure(Exception):
    """Why the soak ends with 1."""


def faults():
    """All faults, each with such a chance that a request of the commonest kind fails one time in five."""
    keep = (1 - FAILING) ** (1 / (len(ANYWHERE) + 3))
    for fault in ANYWHERE:
        yield {**fault, "times": 0, "probability": 1 - keep}
    for weight, fault in SOMEWHERE:
        yield {**fault, "times": 0, "probability": weight * (1 - keep)}


class Life:
    """Somebody who works in the account; it stays about as large as it is."""

    def __init__(self, account, seed):
        self.account, self.random = account, random.Random(seed)
        self.changes = 0

    def path(self):
        return f"/{self.random.choice(FOLDERS)}/file {self.random.randrange(FILES_PER_FOLDER)}.bin"

    def change(self):
        """One change; what the account refuses (a name that is taken, a file that is not there) is none."""
        verb = self.random.choices(["put", "move", "delete", "move folder", "delete folder"], [60, 15, 20, 4, 1])[0]
        try:
            if verb == "put":
                size = self.random.choices([0, 2_000, 60_000, 9_000_000], [2, 60, 36, 2])[0]
                size = self.random.randint(size // 2, size)
                self.account.change("put", path=self.path(), size=size, seed=self.random.getrandbits(62))
            elif verb == "move":
                self.account.change("move", **{"from": self.path(), "to": self.path()})
            elif verb == "delete":
                self.account.change("delete", path=self.path())
            elif verb == "move folder":
                names = self.random.sample(FOLDERS, 2)
                self.account.change("move", **{"from": f"/{names[0]}", "to": f"/{names[1]}"})
            else:
                self.account.change("delete", path=f"/{self.random.choice(FOLDERS)}")
        except sandbox.Refused:
            return
        self.changes += 1


class Soak:
    def __init__(self, programs, work):
        self.programs, self.work = pathlib.Path(programs), pathlib.Path(work)
        self.samples = []
        (self.work / "mirror").mkdir()
        port = self.work / "port"
        # In sessions of their own: Ctrl-C is for this script, which ends what it has started.
        self.server = self.start("dbxsync-sandbox", "--seed", str(SEED), "--port-file", port, log="sandbox.log")
        self.daemon = None
        self.wait_for(port.exists, 30, "the sandbox to listen")
        self.account = sandbox.Account(f"http://127.0.0.1:{port.read_text().strip()}")

    def start(self, program, *arguments, log):
        with open(self.work / log, "w") as file:
            return subprocess.Popen(
                [self.programs / program, *arguments], stdout=file, stderr=file, start_new_session=True
            )

    def start_daemon(self, front):
        """Starts the daemon, which talks to the server, or to the one before it."""
        url, ca = (front.url, f'ca_file = "{front.certificate}"') if front else (self.account.url, "")
        credentials = self.work / "credentials.json"
        credentials.touch(0o600)
        credentials.write_text(json.dumps({**self.account.change("token", life=60), "app_key": "sandboxappkey00"}))
        self.account.change("settings", access_token_life=600)
        (self.work / "dbxsync.conf").write_text(CONFIG.format(url=url, work=self.work, ca=ca))
        self.daemon = self.start("dbxsync", "run", "--config", self.work / "dbxsync.conf", log="daemon.log")

    def wait_for(self, condition, limit, what):
        end = time.monotonic() + limit
        while not condition():
            self.check_alive()
            if time.monotonic() > end:
                raise Failure(f"waited {limit} s in vain for {what}")
            time.sleep(0.05)

    def check_alive(self):
        for process, name in ((self.server, "the sandbox"), (self.daemon, "the daemon")):
            if process and process.poll() is not None:
                raise Failure(f"{name} ended with {process.returncode}")

    def sample(self):
        """Memory in MB and the number of descriptors of the daemon."""
        process = pathlib.Path(f"/proc/{self.daemon.pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        memory = int(status["VmRSS"].split()[0]) / 1000
        self.samples.append((memory, len(os.listdir(process / "fd"))))

    def run(self, seconds):
        """Changes, faults and samples for so long."""
        life = Life(self.account, seed=seconds)
        begin = time.monotonic()
        due = begin
        while time.monotonic() < begin + seconds:
            self.check_alive()
            for _ in range(PACE):
                life.change()
            self.sample()
            due += 1
            time.sleep(max(0, due - time.monotonic()))
        return life.changes

    def settle(self):
        """Waits for equality; what differs at the end is told."""
        self.account.set_faults([])
        end = time.monotonic() + PATIENCE
        while True:
            self.check_alive()
            expected, texts = compare.differences(str(self.work / "mirror"), self.account.url)
            if not texts:
                return expected
            if time.monotonic() > end:
                raise Failure("\n".join([f"{len(texts)} differences after {PATIENCE} s without faults", *texts[:10]]))
            time.sleep(1)

    def growth(self):
        """Medians of the second and of the last quarter: memory and descriptors."""
        quarter = max(1, len(self.samples) // 4)
        second, last = self.samples[quarter : 2 * quarter], self.samples[-quarter:]
        return [tuple(statistics.median(column) for column in zip(*part)) for part in (second or last, last)]

    def words(self, number=20):
        log = self.work / "daemon.log"
        return log.read_text(errors="replace").splitlines()[-number:] if log.exists() else []

    def stop(self):
        """SIGTERM for the daemon, whose exit code it gives; nothing stays."""
        code = None
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                code = self.daemon.wait(30)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        self.server.kill()
        self.server.wait()
        return code


def soak(programs, seconds, work):
    it = Soak(programs, work)
    with contextlib.ExitStack() as stack:
        front = stack.enter_context(tls.Front(it.account.url, work)) if os.environ.get("SOAK_HTTP2") == "1" else None
        watch(it, seconds, front)


def watch(it, seconds, front):
    try:
        it.start_daemon(front)
        it.account.set_faults(list(faults()))
        changes = it.run(seconds)
        counters = it.account.look("counters")
        expected = it.settle()
        (early_memory, early_files), (memory, files) = it.growth()
        code = it.stop()
        share = counters["faults"] / max(1, counters["requests"])
        kinds = collections.Counter(facts[0] for facts in expected.values())
        print(
            f"soak: {seconds} s, {counters['requests']:,} requests, {share:.1%} of them failed, {changes:,} changes; "
            f"equal: {kinds['file']:,} files and {kinds['folder']:,} folders; "
            f"memory {early_memory:.1f}, then {memory:.1f} MB; descriptors {early_files:.0f}, then {files:.0f}"
        )
        if share < FAILING * 0.75:
            raise Failure(f"only {share:.1%} of the requests failed: that proves nothing")
        if memory > early_memory * 1.25 + 8:
            raise Failure("memory has grown")
        if files > early_files + 16:
            raise Failure("descriptors are left open")
        if code != 0:
            raise Failure(f"SIGTERM ended the daemon with {code}")
    except (Failure, OSError) as failure:
        print(*it.words(), sep="\n", file=sys.stderr)
        sys.exit(f"soak: {failure}")
    finally:
        it.stop()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="dbxsync-soak.") as work:
        soak(sys.argv[1], int(sys.argv[2]), work)


if __name__ == "__main__":
    main()
