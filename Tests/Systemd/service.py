"""dbxsync as a service on a machine, and the account that it mirrors."""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import compare  # noqa: E402
import sandbox  # noqa: E402


class Failed(Exception):
    """A check that did not hold, with the evidence."""


def require(condition, evidence=""):
    if not condition:
        raise Failed(str(evidence))


def eventually(what, condition, evidence=lambda: "", seconds=60):
    """Looks until the condition holds, and returns what it gave."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > end:
            raise Failed(f"waited in vain for {what}\n{evidence()}")
        time.sleep(0.1)
    return result


class Sandbox:
    """A stand-in for Dropbox on 127.0.0.1, for as long as it is entered."""

    def __init__(self, program):
        self.program = program

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        port = pathlib.Path(self.folder.name, "port")
        # More than two pages, so that the release build lists it in parts, too.
        self.process = subprocess.Popen(
            [self.program, "--seed", "2500", "--port-file", port], stdout=subprocess.DEVNULL, start_new_session=True)
        eventually("the sandbox", port.exists)
        self.url = f"http://127.0.0.1:{port.read_text().strip()}"
        self.account = sandbox.Account(self.url)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def put(self, path, size=2000):
        self.account.change("put", path=path, size=size, seed=time.monotonic_ns() % 2**31)

    def settings(self, **values):
        self.account.change("settings", **values)

    def revoke(self):
        """Ends every sign-in; the one for looking is made anew."""
        self.account.change("revoke")
        sandbox.TOKEN = self.account.change("token")["access_token"]

    def get(self, name, method="GET"):
        request = urllib.request.Request(f"{self.url}/sandbox/{name}", method=method)
        with sandbox.opener.open(request) as answer:
            return json.load(answer)


class Service:
    """One unit of dbxsync with its configuration and its mirror."""

    def __init__(self, machine, unit="dbxsync", file="/etc/dbxsync.conf", mirror="/srv/dropbox", root=""):
        self.machine, self.unit, self.file, self.mirror, self.root = machine, unit, file, mirror, root

    def systemctl(self, verb, *arguments):
        return self.machine.run("systemctl", verb, self.unit, *arguments)

    def show(self, name):
        return self.systemctl("show", "--property", name, "--value").out

    def done(self, verb):
        """A verb of systemctl that has to succeed."""
        ending = self.systemctl(verb)
        require(ending.code == 0, f"{ending}\n{self.evidence()}")

    def dbxsync(self, *arguments, given=""):
        return self.machine.run("dbxsync", *arguments, "--config", self.file, given=given)

    def evidence(self):
        state = self.machine.run("systemctl", "status", "--no-pager", self.unit).out
        return state + "\n" + self.machine.run("journalctl", "--no-pager", "--lines=40", "--unit", self.unit).out

    def pid(self):
        return int(self.show("MainPID"))

    def journal(self, *matches):
        """Entries of the unit as objects."""
        command = ["journalctl", "--no-pager", "--output=json", "--all", f"_SYSTEMD_UNIT={self.unit}.service", *matches]
        return [json.loads(line) for line in self.machine.run(*command).out.splitlines()]

    def told(self, text, after=0):
        """True when an entry of the unit, or of systemd about it, holds a text."""
        out = self.machine.run("journalctl", "--no-pager", "--output=cat", "--unit", self.unit).out
        return text in out[after:]

    def mark(self):
        """The length of the journal so far, for `told`."""
        return len(self.machine.run("journalctl", "--no-pager", "--output=cat", "--unit", self.unit).out)

    def sign_in(self, account):
        verifier = base64.urlsafe_b64encode(os.urandom(48)).decode()
        page = self.dbxsync("auth", "--verifier", verifier).out
        require(page.startswith(account.url), page)
        code = sandbox.authorization_code(page)
        ending = self.dbxsync("auth", "--code", code, "--verifier", verifier)
        require(ending.code == 0, ending)
        return ending

    def differences(self, account):
        path = str(self.machine.path(self.mirror))
        return compare.differences(path, account.url, self.root)[1]

    def equal(self, account, seconds=60):
        """Waits until the mirror is exactly the account."""
        eventually(
            f"{self.mirror} to equal the account", lambda: not self.differences(account),
            lambda: "\n".join(self.differences(account)[:5]) + "\n" + self.evidence(), seconds)

    def ended(self, code):
        """Waits until the service has ended with a code and stays so."""
        eventually(f"the end with {code}", lambda: self.show("ActiveState") == "failed", self.evidence)
        found = (self.show("ExecMainStatus"), self.show("SubState"), self.show("Result"))
        require(found == (str(code), "failed", "exit-code"), f"{found}\n{self.evidence()}")
