#!/usr/bin/env python3
"""Power cuts: everything that is not on stable storage is lost, at random moments, while the account changes.

powercut.py PROGRAMS [ROUNDS [SEED]]     as root; ext4, or POWERCUT_FS=xfs

State and mirror stand on a file system of their own in an image, which is shut down without flushing its log
(EXT4_IOC_SHUTDOWN, as xfstests do it), unmounted and mounted again. Then one pass must make the mirror equal to the account,
contents compared: a file that the state believes in and the disk has lost would never be fetched again.
"""

import fcntl
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

import compare
import sandbox

FILE_SYSTEM = os.environ.get("POWERCUT_FS", "ext4")
SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), linux/fs.h
NO_LOG_FLUSH = 2

CONFIG = """
[account]
app_key = "sandboxappkey00"
endpoint = "{url}"
credentials = "{disk}/state/credentials.json"
[guard]
removals = "off"
share = "off"
[mirror]
directory = "{disk}/mirror"
min_free_space = "0"
[state]
directory = "{disk}/state"
[log]
level = "error"
"""


class Machine:
    """A disk that can lose what was not synced, and a dbxsync on it."""

    def __init__(self, programs, work):
        self.programs, self.work, self.disk = programs, work, f"{work}/disk"
        os.mkdir(self.disk)
        subprocess.run(["truncate", "--size=512M", f"{work}/image"], check=True)
        subprocess.run([f"mkfs.{FILE_SYSTEM}", "-q", f"{work}/image"], check=True)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-o", "loop", f"{self.work}/image", self.disk], check=True)

    def unmount(self):
        # Busy for a moment after a process that used it was killed.
        while subprocess.run(["umount", self.disk], stderr=subprocess.DEVNULL).returncode:
            time.sleep(0.05)

    def install(self, url):
        for name in ["state", "mirror"]:
            os.mkdir(f"{self.disk}/{name}")
        descriptor = os.open(f"{self.disk}/state/credentials.json", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, b'{"access_token": "%s"}' % sandbox.TOKEN.encode())
        os.close(descriptor)
        with open(f"{self.work}/conf", "w") as file:
            file.write(CONFIG.format(url=url, disk=self.disk))
        os.sync()

    def dbxsync(self, command, **options):
        return subprocess.Popen([f"{self.programs}/dbxsync", command, "--config", f"{self.work}/conf"], **options)

    def power_cut(self, daemon):
        descriptor = os.open(self.disk, os.O_RDONLY)
        fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(descriptor)
        daemon.kill()
        daemon.wait()
        self.unmount()
        self.mount()


def change(account, chance, number):
    """Something happens in the account."""
    kinds = {path: entry[".tag"] for path, entry in sorted(account.tree().items())}
    files = [path for path, kind in kinds.items() if kind == "file"]
    folders = [path for path, kind in kinds.items() if kind == "folder"]
    what = chance.randrange(6)
    if what == 0:
        account.change("fill", files=chance.randrange(300), into=f"/fill {number}", journal=True)
    elif what == 1 and files:
        for path in chance.sample(files, min(10, len(files))):
            account.change("put", path=path, size=chance.randrange(60_000), seed=chance.getrandbits(60))
    elif what == 2 and folders:
        account.change("move", **{"from": chance.choice(folders), "to": f"/moved {number}"})
    elif what == 3 and files:
        account.change("delete", path=chance.choice(files))
    elif what == 4:
        account.change("put", path=f"/large {number % 3}", size=chance.randrange(30_000_000), seed=number)
    else:
        account.change("expire-cursors")


def main():
    programs = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
    chance = random.Random(seed)
    print(f"{rounds} power cuts on {FILE_SYSTEM}, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="dbxsync-powercut.") as work:
        server = subprocess.Popen(
            [f"{programs}/dbxsync-sandbox", "--seed", "500", "--rate", "60000000", "--port-file", f"{work}/port"],
            stdout=subprocess.DEVNULL,
        )
        while not os.path.exists(f"{work}/port"):
            time.sleep(0.05)
        url = f"http://127.0.0.1:{open(f'{work}/port').read().strip()}"
        machine = Machine(programs, work)
        try:
            machine.install(url)
            for number in range(rounds):
                round_of(machine, sandbox.Account(url), chance, number)
        finally:
            machine.unmount()
            server.terminate()
            server.wait()
    print(f"{rounds} power cuts, {rounds} exact mirrors")


def round_of(machine, account, chance, number):
    daemon = machine.dbxsync("run", stderr=subprocess.DEVNULL)
    for step in range(chance.randrange(1, 4)):
        change(account, chance, number * 10 + step)
        time.sleep(chance.random() * 0.4)
    machine.power_cut(daemon)
    change(account, chance, number * 10 + 9)
    done = machine.dbxsync("sync", stdout=subprocess.PIPE, text=True)
    output, _ = done.communicate()
    _, differences = compare.differences(f"{machine.disk}/mirror", account.url)
    if done.returncode or differences:
        sys.exit(f"after power cut {number}: exit code {done.returncode}\n{output}\n" + "\n".join(differences[:20]))


if __name__ == "__main__":
    main()
