"""A container with a systemd of its own, for as long as a test takes."""

import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "TZ": "UTC",
    "HOME": "/root",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_COLORS": "0",
    "SYSTEMD_PAGER": "",
}


class CannotBoot(Exception):
    """Why there is no container on this machine."""


def children(pid):
    """The processes that a process has started, as far as they live."""
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class Machine:
    """Booted when it is entered, gone when it is left."""

    def __enter__(self):
        needed = ("systemd-nspawn", "nsenter", "unshare", "setpriv")
        if os.geteuid() != 0:
            raise CannotBoot("only root can")
        if missing := [name for name in needed if not shutil.which(name)]:
            raise CannotBoot(f"{', '.join(missing)} is not installed")
        self.folder = tempfile.mkdtemp(prefix="dbxsync-machine.")
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private"]
            + [HERE / "boot", self.folder],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()
        os.rmdir(self.folder)

    def _wait(self):
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            if self.leader and self.run("systemctl", "is-system-running").out in ("running", "degraded"):
                return
            time.sleep(0.1)
        self.log.seek(0)
        raise CannotBoot("systemd did not come up:\n" + self.log.read().decode(errors="replace")[-4000:])

    @property
    def leader(self):
        """The process that is number 1 inside, or None."""
        for nspawn in children(self.process.pid):
            for pid in children(nspawn):
                if os.path.exists(f"/proc/{pid}/root/run/systemd/private"):
                    return pid
        return None

    def path(self, inside):
        """A file inside, as this side can open it."""
        return pathlib.Path(f"/proc/{self.leader}/root{inside}")

    def run(self, *command, given="", seconds=120):
        """Runs a command inside, as root."""
        done = subprocess.run(
            ["nsenter", "--target", str(self.leader), *NAMESPACES]
            + ["sh", "-c", "cd / && exec \"$@\"", "sh", *command],
            input=given, capture_output=True, text=True, timeout=seconds, env=ENVIRONMENT, errors="replace")
        return Ending(command, done.returncode, done.stdout.strip(), done.stderr.strip())


class Terminal:
    """A command inside, on a terminal of its own, at which somebody types."""

    def __init__(self, machine, *command):
        self.master, slave = pty.openpty()
        self.shown = b""
        self.process = subprocess.Popen(
            ["nsenter", "--target", str(machine.leader), *NAMESPACES, "sh", "-c", "cd / && exec \"$@\"", "sh", *command],
            stdin=slave, stdout=slave, stderr=slave, env=ENVIRONMENT, start_new_session=True)
        os.close(slave)

    @property
    def screen(self):
        """All that was shown so far."""
        while select.select([self.master], [], [], 0)[0]:
            try:
                part = os.read(self.master, 65536)
            except OSError:  # nobody has it open any more
                break
            if not part:
                break
            self.shown += part
        return self.shown.decode(errors="replace").replace("\r\n", "\n")

    def asks(self, question):
        """Whether the question is the last thing that is shown."""
        last = self.screen.rpartition("\n")[2]
        return question in last and last.endswith((": ", "] "))

    def type(self, text):
        os.write(self.master, text.encode())

    @property
    def code(self):
        """The exit code; None while it runs."""
        return self.process.poll()


class Ending:
    """How a command ended, and what it said."""

    def __init__(self, command, code, out, errors):
        self.command, self.code, self.out, self.errors = command, code, out, errors

    def __str__(self):
        return f"{' '.join(map(str, self.command))}: exit {self.code}\n{self.out}\n{self.errors}".strip()
