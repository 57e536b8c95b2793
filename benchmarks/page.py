#!/usr/bin/env python3
"""What a request of the status page costs with a large account.

page.py DIRECTORY_OF_THE_PROGRAMS [ENTRIES [ROWS]]

The state is one that dbxsync has made, into which a million entries that stand and 100,000 rows of history are written; a
process of this program holds its lock, and says what a daemon has said. Each request is a process of its own, as systemd starts it:
medians of twenty, and the most memory.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scripts"))
import page  # noqa: E402

PATHS = ["/healthz", "/", "/?path=%2Ftop%2F7", "/?event=file_removed", "/status.json", "/metrics", "/nowhere"]


def fill(path, entries, rows, pending):
    """Writes entries that stand, or are to come, and rows of the history."""
    state = sqlite3.connect(path)
    state.create_function("hash", 1, lambda number: number.to_bytes(32, "big"))
    state.executescript("DELETE FROM want; DELETE FROM have; DELETE FROM pending;")
    name = "'a file with a name of usual length ' || n"
    numbers = f"WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < {entries - 1}) "
    folders = numbers.replace(str(entries - 1), "99")
    for table, more, values in (("want", "generation", "1"), ("have", "inode, mtime_ns", "n, n")):
        state.execute(
            f"{folders}INSERT INTO {table} (key, name, kind, {more}) SELECT '/top/' || n, '' || n, 0, {values} FROM c")
        state.execute(f"INSERT INTO {table} (key, name, kind, {more}) SELECT '/top', 'top', 0, {values} FROM (SELECT 1 n)")
        limit = entries - pending if table == "have" else entries
        state.execute(
            f"{numbers}INSERT INTO {table} (key, name, kind, rev, size, hash, modified, {more}) "
            f"SELECT '/top/' || (n % 100) || '/' || {name}, {name}, 1, 'r' || n, n, hash(n), n, {values} FROM c WHERE n < {limit}")
        files, size = state.execute(f"SELECT sum(kind = 1), sum(size) FROM {table}").fetchone()
        state.execute("UPDATE census SET files = ?, folders = 101, bytes = ? WHERE name = ?",
                      (files or 0, (size or 0).to_bytes(16, "little"), table))
    state.execute(f"{numbers}INSERT INTO pending (key) SELECT '/top/' || (n % 100) || '/' || {name} FROM c "
                  f"WHERE n >= {entries - pending}")
    now = int(time.time())
    state.execute(
        f"WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < {rows - 1}) "
        "INSERT INTO history (time, pass, event, path, size, key) "
        f"SELECT {now} - ({rows} - n) * 20, n / 50, CASE WHEN n % 1000 THEN 'file_placed' ELSE 'file_removed' END, "
        f"'/top/' || (n % 100) || '/' || {name}, n, '/top/' || (n % 100) || '/' || {name} FROM c")
    state.execute("INSERT OR REPLACE INTO activity SELECT time / 3600, count(*), 0, 0, sum(size) FROM history GROUP BY 1")
    state.commit()
    state.close()


def ask(program, configuration, path):
    """Seconds, memory in MB of its own and at its peak with the code that it shares with the daemon, and the answer."""
    ours, theirs = socket.socketpair()
    begin = time.perf_counter()
    process = subprocess.Popen([program, "web", "--config", configuration], stdin=theirs, stdout=theirs)
    theirs.close()
    ours.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = b""
    while part := ours.recv(1 << 20):
        answer += part
    seconds = time.perf_counter() - begin
    # It waits until this end is closed, too; what wait(2) would tell is this program's memory.
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    ours.close()
    process.wait()
    memory = [int(re.search(name + r":\s*(\d+)", status)[1]) / 1024 for name in ("RssAnon", "VmHWM")]
    return seconds, memory, answer


def words(programs, configuration, work):
    """What a daemon says of itself, as words of this process."""
    with subprocess.Popen([programs / "dbxsync", "run", "--config", configuration], stderr=subprocess.DEVNULL,
                          env=os.environ | {"RUNTIME_DIRECTORY": str(work / "run")}) as daemon:
        while len(found := [*(work / "run").glob("*.json")]) < 2:
            time.sleep(0.05)
        said = {path: json.loads(path.read_text()) for path in found}
        daemon.kill()
    for path, word in said.items():
        word |= {"pid": os.getpid()} | {name: int(time.monotonic()) for name in ("heartbeat", "time") if name in word}
        if "every" in word:
            word["every"] = 86400
        path.write_text(json.dumps(word))
    return next(path for path in said if path.name.startswith("status"))


def measure(programs, configuration, title):
    print(title)
    for path in PATHS:
        results = [ask(programs / "dbxsync", configuration, path) for _ in range(20)]
        status = results[-1][2].split(b" ", 2)[1].decode()
        print(f"  {path:24} {status}  {1000 * statistics.median(r[0] for r in results):6.1f} ms  "
              f"{max(r[1][0] for r in results):5.1f} MB of its own, {max(r[1][1] for r in results):5.1f} MB with shared code  "
              f"{len(results[-1][2]):7,} bytes", flush=True)


def main():
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    programs = pathlib.Path(sys.argv[1]).resolve()
    entries, rows = [int(text) for text in sys.argv[2:] + ["1000000", "100000"][len(sys.argv) - 2:]]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        work = pathlib.Path(folder)
        for name in ("mirror", "state", "outbox", "run"):
            (work / name).mkdir()
        configuration = work / "dbxsync.conf"
        configuration.touch(mode=0o600)
        (work / "credentials.json").touch(mode=0o600)
        (work / "credentials.json").write_text('{"access_token": "sandbox-access-token"}')
        server = stack.enter_context(subprocess.Popen(
            [programs / "dbxsync-sandbox", "--seed", "3", "--port-file", work / "port"], stdout=subprocess.DEVNULL))
        stack.callback(server.kill)
        while not (work / "port").exists():
            time.sleep(0.05)
        configuration.write_text(page.CONFIG.format(url=f"http://127.0.0.1:{(work / 'port').read_text().strip()}", work=work))
        sync = [programs / "dbxsync", "sync", "--config", configuration]
        subprocess.run(sync, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        word = words(programs, configuration, work)
        with (work / "state/lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write(f"{os.getpid()}\nword: {word}\nsince: 0\n")
            lock.flush()
            for pending in (0, entries):
                fill(work / "state/state.db", entries, rows if pending == 0 else 1, pending)
                measure(programs, configuration, f"{entries:,} entries, {pending:,} of them to come, {rows:,} rows of history")


if __name__ == "__main__":
    main()
