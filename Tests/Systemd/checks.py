#!/usr/bin/env python3
"""The package, installed on a machine with a real systemd and used as an administrator would.

checks.py PACKAGE.deb DBXSYNC_SANDBOX

A line for each check. The machine is a container that forgets everything; Dropbox is the sandbox, on 127.0.0.1.
"""

import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

from machine import CannotBoot, Machine, Terminal
from service import ROOT, Failed, Sandbox, Service, eventually, require, sandbox

STATE = "/var/lib/dbxsync"

# Keeps the body of the first POST.
RECEIVER = """
import http.server, os, pathlib

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        pathlib.Path("/run/notice.part").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        os.rename("/run/notice.part", "/run/notice")
        self.send_response(200)
        self.end_headers()

server = http.server.HTTPServer(("127.0.0.1", 8190), Receiver)
pathlib.Path("/run/receiver").touch()
server.serve_forever()
"""


class Checks:
    """The steps, in the order in which an administrator takes them: each begins where the one before it has ended."""

    def __init__(self, package, machine, account):
        self.package, self.machine, self.account = package, machine, account
        self.service = Service(machine)
        self.one, self.two = self.instance("one"), self.instance("two")

    def instance(self, name):
        return Service(
            self.machine, f"dbxsync@{name}", f"/etc/dbxsync/{name}.conf", f"/srv/{name}", f"/{name.capitalize()}")

    # Tools

    def run(self, *command, given="", code=0):
        ending = self.machine.run(*command, given=given)
        require(ending.code == code, ending)
        return ending.out

    def shell(self, text):
        return self.run("sh", "-ec", text)

    def exists(self, path):
        return self.machine.run("test", "-e", path).code == 0

    def write(self, path, text):
        self.machine.path(path).write_text(text)

    def dpkg(self, *arguments):
        return self.run("dpkg", *arguments)

    def install(self):
        shutil.copy(self.package, self.machine.path("/root/dbxsync.deb"))
        self.dpkg("--install", "/root/dbxsync.deb")

    def configure(self, service, more=()):
        """The shipped configuration with what has to be set, and `more`: pairs of key and value."""
        text = (ROOT / "config/dbxsync.conf").read_text()
        values = [
            ("app_key", '"sandboxappkey00"'), ("endpoint", f'"{self.account.url}"'), ("min_free_space", '"0"'),
            ("interval", '"1h"'), ("remote_root", f'"{service.root}"'), *more]
        text = re.sub(r'(?m)^#(directory = )"/srv/dropbox".*', rf'\g<1>"{service.mirror}"', text)
        for key, value in values:
            text, count = re.subn(rf"(?m)^#{key} = .*", lambda _: f"{key} = {value}", text, count=1)
            require(count == 1, f"no {key} in the configuration")
        if service.file != "/etc/dbxsync.conf":
            state = f"{STATE}/{service.unit.partition('@')[2]}"
            text = re.sub(r'(?m)^#(directory|credentials)( = ")/var/lib/dbxsync', rf"\1\2{state}", text)
        self.write(service.file, text)

    def drop_in(self, unit, name, text):
        self.run("mkdir", "-p", f"/etc/systemd/system/{unit}.service.d")
        self.write(f"/etc/systemd/system/{unit}.service.d/{name}.conf", text)
        self.run("systemctl", "daemon-reload")

    # The package

    def installs(self):
        """the package installs; it neither enables nor starts a service that nobody has configured"""
        self.install()
        require(self.machine.run("systemctl", "is-enabled", "dbxsync").out == "disabled")
        require(self.service.show("ActiveState") == "inactive", self.service.evidence())

    def owners(self):
        """user, configuration and state directory are the service's own"""
        require(self.shell("stat -c '%a %U %G' /etc/dbxsync.conf") == "640 root dbxsync")
        require(self.shell("stat -c '%a %U %G' /etc/dbxsync") == "750 root dbxsync")
        require(self.shell(f"stat -c '%a %U %G' {STATE}") == "750 dbxsync dbxsync")
        require(self.shell("getent passwd dbxsync").endswith(f":{STATE}:/usr/sbin/nologin"))
        require("/etc/dbxsync.conf" in self.run("dpkg-query", "--show", "--showformat=${Conffiles}", "dbxsync"))

    def program(self):
        """the program needs nothing of Swift's, and says the package's version"""
        require("swift" not in self.run("ldd", "/usr/bin/dbxsync").lower())
        version = self.run("dpkg-query", "--show", "--showformat=${Version}", "dbxsync")
        require(version.rpartition("-")[0] == self.run("dbxsync", "--version"), version)

    def documents(self):
        """manual pages, completions and changelog are there, and can be read"""
        share = "/usr/share"
        self.shell(f"gzip -t {share}/man/man1/dbxsync.1.gz {share}/man/man5/dbxsync.conf.5.gz")
        self.shell(f"gzip -t {share}/doc/dbxsync/changelog.Debian.gz; test -s {share}/doc/dbxsync/copyright")
        bash = f"{share}/bash-completion/completions/dbxsync"
        require("_dbxsync" in self.run("bash", "-c", f". {bash}; complete -p dbxsync"))
        for file in (f"{share}/zsh/vendor-completions/_dbxsync", f"{share}/fish/vendor_completions.d/dbxsync.fish"):
            require("check-config" in self.run("cat", file))

    def units(self):
        """systemd finds no fault with the units, and rates their exposure at 1.5 or less"""
        for unit in ("dbxsync.service", "dbxsync@one.service"):
            ending = self.machine.run("systemd-analyze", "verify", unit)
            require(ending.code == 0 and not ending.errors, ending)
            self.run("systemd-analyze", "security", "--threshold=15", "--no-pager", unit)
        for unit in ("dbxsync-on-change@index.service", "dbxsync-web.socket", "dbxsync-web@1.service"):
            ending = self.machine.run("systemd-analyze", "verify", unit)
            require(ending.code == 0 and not ending.errors, ending)
        self.run("systemd-analyze", "security", "--threshold=15", "--no-pager", "dbxsync-web@1.service")

    # Configuration and sign-in

    def unconfigured(self):
        """without a configuration it ends with 78, once, and the status line says what is missing"""
        require(self.service.systemctl("start").code != 0, "it started")
        self.service.ended(78)
        require(self.service.show("NRestarts") == "0")
        require("account.app_key" in self.service.evidence(), self.service.evidence())

    def signed_out(self):
        """with a configuration and no sign-in it ends with 77, once, and the status line says what to run"""
        self.configure(self.service)
        self.run("install", "-d", "-o", "dbxsync", "-g", "dbxsync", "-m", "750", "/srv/dropbox")
        ending = self.service.dbxsync("check-config")
        require(ending.code == 0, ending)
        require(self.service.systemctl("start").code != 0, "it started")
        self.service.ended(77)
        require("dbxsync auth" in self.service.show("StatusText"), self.service.evidence())

    def notifies(self):
        """with the drop-in that tells of failures, and an address, what status and journal say is sent there"""
        self.write("/root/receiver.py", RECEIVER)
        self.run("systemd-run", "--unit=receiver", "/usr/bin/python3", "-I", "/root/receiver.py")
        self.drop_in("dbxsync-failed@", "address", "[Service]\nEnvironment=POST_TO=http://127.0.0.1:8190/alerts\n")
        self.drop_in("dbxsync", "failed", self.run("cat", "/usr/share/dbxsync/systemd/failed.conf") + "\n")
        try:
            eventually("the receiver", lambda: self.exists("/run/receiver"))
            require(self.service.systemctl("start").code != 0, "it started")
            self.service.ended(77)
            journal = lambda: self.run("journalctl", "--no-pager", "--lines=40", "--unit", "dbxsync-failed@*")
            eventually("the notice", lambda: self.exists("/run/notice"), journal)
            notice = self.run("cat", "/run/notice")
            for text in ("dbxsync.service on", "has failed.", "not in step", "dbxsync auth", "Active: failed"):
                require(text in notice, notice)
        finally:
            self.machine.run("systemctl", "stop", "receiver")
            self.shell("rm -r /etc/systemd/system/dbxsync-failed@.service.d /etc/systemd/system/dbxsync.service.d; "
                       "systemctl daemon-reload")

    def signs_in(self):
        """root signs in, and the sign-in is the service's"""
        self.service.sign_in(self.account)
        require(self.shell(f"stat -c '%a %U' {STATE}/credentials.json") == "600 dbxsync")

    # Start

    def ready(self):
        """start returns when the service is ready: not when it cannot be, and before the first pass is done"""
        self.shell("mv /srv/dropbox /srv/elsewhere; ln -s /proc /srv/dropbox")
        try:
            ending = self.service.systemctl("start")
            require(ending.code != 0 and self.service.show("ExecMainStatus") == "73", self.service.evidence())
            require(self.service.show("ActiveState") == "activating", "a mirror that cannot be used is tried again")
        finally:
            self.service.systemctl("stop")
            self.shell("rm /srv/dropbox; mv /srv/elsewhere /srv/dropbox")
        self.account.settings(delay=2000)
        self.service.done("start")
        report = self.service.dbxsync("status", "--json").out
        self.account.settings(delay=0)
        require(f'"pid" : {self.service.pid()}' in report, report)
        require('"in_step" : false' in report, report)
        self.service.equal(self.account)

    def status_line(self):
        """systemctl status says since when the mirror is in step"""
        eventually(
            "the status line", lambda: 'Status: "in step as of 20' in self.service.evidence(), self.service.evidence)

    def page(self, path, host="127.0.0.1:8089"):
        """Status and body of an answer of the status page."""
        text = self.run("curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60", "--header", f"Host: {host}",
                        "--write-out", "\n%{http_code}", f"http://127.0.0.1:8089{path}")
        body, _, code = text.rpartition("\n")
        return int(code), body

    def web(self):
        """the status page: not served before somebody says so; then for each connection, by a user of its own"""
        require(self.machine.run("systemctl", "is-enabled", "dbxsync-web.socket").out == "disabled")
        self.run("systemctl", "enable", "--now", "dbxsync-web.socket")
        journal = lambda: self.run("journalctl", "--no-pager", "--lines=60", "--unit", "dbxsync-web@*")
        eventually("in step on the page", lambda: self.page("/healthz")[0] == 200, lambda: f"{self.page('/healthz')}\n{journal()}")
        code, body = self.page("/")
        require(code == 200 and ">In step</h2>" in body and f"running (PID {self.service.pid()})" in body, f"{body}\n{journal()}")
        require(f'"pid" : {self.service.pid()}' in self.page("/status.json")[1])
        require(self.page("/", host="attacker.example")[0] == 421)
        for _ in range(50):
            require(self.page("/healthz")[0] == 200, journal())
        # So many at once are turned away, and end nothing.
        for _ in range(400):
            with socket.socket() as connection:
                connection.settimeout(5)
                connection.connect_ex(("127.0.0.1", 8089))
        answers = lambda: self.machine.run("curl", "--silent", "--fail", "--noproxy", "*", "--max-time", "60", "http://127.0.0.1:8089/healthz").code == 0
        eventually("the page after a burst", answers, lambda: self.machine.run("systemctl", "status", "--no-pager", "dbxsync-web.socket"))
        left = self.run("systemctl", "list-units", "--all", "--no-legend", "dbxsync-web@*")
        eventually("nothing left of it", lambda: not self.run("systemctl", "list-units", "--all", "--no-legend", "dbxsync-web@*"), lambda: left)
        require(self.shell("getent passwd dbxsync-web || :") == "", "its user is still there")
        # Who is not there when the daemon ends is told so.
        self.service.done("stop")
        require("dbxsync is not running" in self.page("/")[1])
        self.service.done("start")

    # While it runs

    def arrives(self):
        """what changes in the account changes in the mirror, as the service's own"""
        self.account.put("/New folder/Größe.bin", 3000)
        self.account.put("/removed soon", 10)
        self.service.equal(self.account)
        self.account.account.change("move", **{"from": "/New folder", "to": "/Renamed folder"})
        self.account.account.change("delete", path="/removed soon")
        self.service.equal(self.account)
        require(self.shell("stat -c '%a %U' '/srv/dropbox/Renamed folder/Größe.bin'") == "640 dbxsync")

    def examined(self):
        """doctor finds no problem with a service that runs, asks as its user, and leaves nothing"""
        found = self.shell("find /srv/dropbox /var/lib/dbxsync /etc/systemd/system | sort")
        ending = self.service.dbxsync("doctor", "--json")
        report = json.loads(ending.out)
        require(ending.code == 0 and report["ok"] and report["user"] == "dbxsync", ending)
        results = {check["name"]: check for check in report["checks"]}
        for name in ("service", "sandbox", "journal", "lock", "mirror", "file system", "host notify", "scopes"):
            require(name in results and results[name]["result"] != "skipped", f"{name}: {ending.out}")
        require(results["sandbox"]["result"] == "ok", ending)
        require(self.shell("find /srv/dropbox /var/lib/dbxsync /etc/systemd/system | sort") == found)

    def reloads(self):
        """reload takes over what it can, in the same process"""
        pid = self.service.pid()
        self.configure(self.service, [("parallel", "3")])
        self.service.done("reload")
        eventually("the reload", lambda: self.service.told("transfer.parallel"), self.service.evidence)
        eventually("the end of it", lambda: self.service.show("ActiveState") == "active", self.service.evidence)
        require(self.service.pid() == pid)

    def reloads_not(self):
        """reload with a broken configuration changes nothing, and the journal says what is wrong with it"""
        pid, mark = self.service.pid(), self.service.mark()
        self.configure(self.service, [("parallel", "0"), ("bandwidth", "7")])
        self.service.done("reload")
        for key in ("transfer.parallel", "transfer.bandwidth", "was not reloaded"):
            eventually(key, lambda: self.service.told(key, mark), self.service.evidence)
        require(self.service.pid() == pid)
        self.account.put("/after the broken reload", 5000)
        self.service.equal(self.account)
        self.configure(self.service)

    def killed(self):
        """killed with -9 in the middle of work it is started again, and the mirror is exact"""
        pid = self.service.pid()
        self.account.settings(rate=20_000)
        for number in range(60):
            self.account.put(f"/many/{number}", 20_000)
        many = self.machine.path("/srv/dropbox/many")
        eventually("some of the files", lambda: many.exists() and any(many.iterdir()), self.service.evidence)
        self.run("kill", "-KILL", str(pid))
        eventually("another process", lambda: self.service.pid() not in (0, pid), self.service.evidence)
        require(int(self.service.show("NRestarts")) >= 1)
        self.account.settings(rate=0)
        self.service.equal(self.account)

    def interrupted(self):
        """stopped in the middle of a large download it ends in time, leaves no half file, and goes on afterwards"""
        self.account.settings(rate=4_000_000)
        self.account.put("/large.bin", 60_000_000)
        staging = self.machine.path("/srv/dropbox/.dbxsync/staging")
        eventually(
            "a part of it", lambda: any(f.stat().st_size > 4_000_000 for f in staging.rglob("*") if f.is_file()),
            self.service.evidence)
        self.service.done("stop")
        require(self.service.show("Result") == "success", self.service.evidence())
        require(self.service.show("ExecMainStatus") == "0", self.service.evidence())
        require(not self.exists("/srv/dropbox/large.bin"))
        self.account.settings(rate=0)
        self.account.get("log", "DELETE")
        self.service.done("start")
        self.service.equal(self.account)
        ranges = [record["range"] for record in self.account.get("log") if record["endpoint"] == "files/download"]
        require(ranges and all(range and range != "bytes=0-" for range in ranges), ranges)

    def revoked(self):
        """a revoked sign-in ends it with 77, without a loop, and the status line says what to run"""
        restarts = self.service.show("NRestarts")
        self.account.revoke()
        self.account.put("/after the end", 100)
        self.service.ended(77)
        require(self.service.show("NRestarts") == restarts)
        require("dbxsync auth" in self.service.show("StatusText"), self.service.evidence())
        self.service.sign_in(self.account)
        self.service.done("start")
        self.service.equal(self.account)

    def stalls(self):
        """a stalled process (while the next checks run) ..."""
        self.drop_in("dbxsync", "test", "[Service]\nWatchdogSec=40s\n# The signal would leave a core on the host.\nLimitCORE=1\n")
        self.service.done("restart")
        self.service.equal(self.account)
        self.stalled, self.stalled_mark = self.service.pid(), self.service.mark()
        self.run("kill", "-STOP", str(self.stalled))
        self.account.put("/while stalled", 100)

    def watchdog(self):
        """... is killed by the watchdog, which says so first, and started again"""
        eventually(
            "another process", lambda: self.service.pid() not in (0, self.stalled), self.service.evidence, 240)
        for text in ("Watchdog timeout", "Failed with result 'watchdog'"):
            require(self.service.told(text, self.stalled_mark), self.service.evidence())
        self.service.equal(self.account)
        self.run("rm", "-r", "/etc/systemd/system/dbxsync.service.d")
        self.run("systemctl", "daemon-reload")

    # Hardening

    def probed(self, name, settings):
        """What the probe finds in a unit with these settings."""
        unit = "[Service]\n" + "\n".join([*settings, "Type=oneshot", "ExecStart=/usr/bin/python3 -I /usr/lib/probe.py"])
        self.write(f"/run/systemd/system/{name}.service", f"{unit}\nStandardOutput=file:/run/{name}\n")
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "start", name)
        return dict(line.rsplit("=", 1) for line in self.run("cat", f"/run/{name}").splitlines())

    def hardened(self):
        """the hardening is in force: what the user may do otherwise fails in the service"""
        shutil.copy(ROOT / "Tests/Systemd/probe.py", self.machine.path("/usr/lib/probe.py"))
        self.shell("chmod 644 /usr/lib/probe.py; install -d -m 1777 /opt/open; mkdir -p /home/somebody; "
                   "echo secret >/tmp/of-others")
        file = self.run("systemctl", "show", "--property=FragmentPath", "--value", "dbxsync")
        service = self.run("cat", file).partition("[Service]")[2].partition("[Install]")[0].splitlines()
        about = ("Exec", "Type=", "Notify", "Watchdog", "Restart", "Timeout", "LoadCredential")
        settings = [line for line in service if line and not line.startswith(("#", *about))]
        with_, without = self.probed("with", settings), self.probed("without", ["User=dbxsync", "Group=dbxsync"])
        # A filter of system calls refuses with EPERM, the kernel itself (Linux 6.3, systemd 254) with EACCES.
        mapping = with_.get("map memory to write and execute")
        expected = {
            f"write {STATE}": "done", "write /srv/dropbox": "done", "write /opt/open": "EROFS", "see /home": "EACCES",
            "see a file of others in /tmp": "ENOENT", "see process 1": "ENOENT", "see the rest of /proc": "ENOENT",
            "open a raw socket": "EAFNOSUPPORT", "open a network socket": "done",
            "make a user namespace": "EPERM",
            "map memory to write and execute": "EACCES" if mapping == "EACCES" else "EPERM", "take another personality": "EPERM",
            "change the scheduling": "EPERM", "users there are": "2", "NoNewPrivs": "1",
            "CapBnd": "0000000000000000", "CapEff": "0000000000000000", "Seccomp": "2"}
        require(with_ == expected, {key: with_.get(key) for key in expected if with_.get(key) != expected[key]})
        same = {key for key in expected if with_[key] == without[key]}
        # What is meant to be the same; and what a kernel or the container may deny in any case.
        allowed = {f"write {STATE}", "write /srv/dropbox", "open a network socket"}
        denied = {"CapEff", "Seccomp", "make a user namespace"}
        require(same <= allowed | denied, f"nothing is proved by {same - allowed - denied}: {without}")

    def elsewhere(self):
        """a mirror elsewhere is refused until the drop-in of check-config grants it, whatever its name"""
        odd = Service(self.machine, "dbxsync@odd", "/etc/dbxsync/odd.conf", "/home/somebody/100% \"odd\" mirror", "/One")
        self.configure(odd, [])
        text = self.machine.path(odd.file).read_text()
        quoted = odd.mirror.replace('"', '\\"')
        self.write(odd.file, text.replace(f'directory = "{odd.mirror}"', f'directory = "{quoted}"'))
        self.run("install", "-d", "-o", "dbxsync", odd.mirror)
        self.run("install", "-d", "-o", "dbxsync", "-m", "700", f"{STATE}/odd")
        self.account.put("/One/first", 100)
        odd.sign_in(self.account)
        require(odd.systemctl("start").code != 0 and odd.show("ExecMainStatus") == "73", odd.evidence())
        odd.done("stop")
        doctor = odd.dbxsync("doctor")
        require(doctor.code == 1 and "problem  sandbox: the service cannot see /home/somebody" in doctor.out, doctor)
        self.drop_in("dbxsync@odd", "directories", odd.dbxsync("check-config", "--drop-in").out)
        ending = self.machine.run("systemd-analyze", "verify", "dbxsync@odd.service")
        require(ending.code == 0 and not ending.errors, ending)
        odd.done("start")
        odd.equal(self.account)
        doctor = odd.dbxsync("doctor")
        require(doctor.code == 0 and "ok       sandbox" in doctor.out, doctor)
        odd.done("stop")
        self.shell("rm -r /etc/systemd/system/dbxsync@odd.service.d; systemctl daemon-reload")

    # Journal

    def fields(self):
        """the journal has the fields that scripts rely on"""
        entries = self.service.journal()
        events = {event: [e for e in entries if e.get("DBXSYNC_EVENT") == event]
                  for event in ("file_placed", "file_removed", "folder_made", "moved", "pass_done", "started")}
        require(all(events.values()), {event: len(found) for event, found in events.items()})
        for entry in events["file_placed"]:
            require(entry["PRIORITY"] == "6" and entry["MESSAGE"], entry)
            require(entry["DBXSYNC_PATH"].startswith("/") and entry["DBXSYNC_PATH"] in entry["MESSAGE"], entry)
            require(int(entry["DBXSYNC_BYTES"]) >= 0 and entry["DBXSYNC_REV"], entry)
            require(entry["DBXSYNC_PASS"].isdigit(), entry)
        require(all(int(entry["DBXSYNC_BYTES"]) >= 0 for entry in events["pass_done"]), events["pass_done"][-1])
        for entry in events["pass_done"]:
            require(float(entry["DBXSYNC_SECONDS_TOTAL"]) >= float(entry["DBXSYNC_SECONDS_NETWORK"]) >= 0, entry)
            require(int(entry["DBXSYNC_BYTES_PER_SECOND"]) >= 0 and "seconds" not in entry["MESSAGE"], entry)
        require(len({entry["MESSAGE_ID"] for entry in events["pass_done"]}) == 1)
        require({entry["SYSLOG_IDENTIFIER"] for entry in entries if "DBXSYNC_EVENT" in entry} == {"dbxsync"})

    def failures(self):
        """a path that fails is found by journalctl DBXSYNC_EVENT=failed, explained by the catalog, and heals"""
        self.account.account.change(
            "faults", kind="corrupt", endpoint="files/download", path="/spoilt.bin", at=[0], times=0)
        self.account.put("/spoilt.bin", 4000)
        found = eventually("the entry", lambda: self.service.journal("DBXSYNC_EVENT=failed"), self.service.evidence)
        require(found[-1]["DBXSYNC_PATH"] == "/spoilt.bin" and found[-1]["PRIORITY"] == "4", found[-1])
        explained = self.run("journalctl", "--no-pager", "--catalog", "DBXSYNC_EVENT=failed")
        require("Subject: Path /spoilt.bin is not up to date" in explained, explained)
        status = self.service.dbxsync("status")
        require(status.code == 1 and "/spoilt.bin" in status.out, status)
        self.account.get("faults", "DELETE")
        self.service.done("restart")
        self.service.equal(self.account)

    def catalog(self):
        """the catalog knows every message identifier"""
        text = (ROOT / "systemd/dbxsync.catalog").read_text()
        for identifier in re.findall(r"(?m)^-- ([0-9a-f]{32})$", text):
            require("dbxsync" in self.run("journalctl", "--no-pager", "--dump-catalog", identifier), identifier)

    # Instances

    def instances(self):
        """two instances mirror side by side, one signed in by a plain credential, one by an encrypted one"""
        tokens = self.account.account.change("token")
        sign_in = f'{{"app_key": "sandboxappkey00", "refresh_token": "{tokens["refresh_token"]}"}}'
        for service in (self.one, self.two):
            self.configure(service)
            self.account.put(f"{service.root}/file of its own", 4000)
            self.run("install", "-d", "-o", "dbxsync", service.mirror)
        self.run("install", "-d", "-m", "700", "/etc/credstore", "/etc/credstore.encrypted")
        self.write("/etc/credstore/dbxsync-credentials.one", sign_in)
        self.run("systemd-creds", "encrypt", "--name=dbxsync-credentials", "-",
                 "/etc/credstore.encrypted/dbxsync-credentials.two", given=sign_in)
        self.drop_in("dbxsync@two", "sign-in",
                     "[Service]\nLoadCredentialEncrypted=dbxsync-credentials:dbxsync-credentials.two\n")
        for service in (self.one, self.two):
            service.done("start")
            service.equal(self.account)
            status = service.dbxsync("status")
            require(f"running (PID {service.pid()})" in status.out, status)
            require(self.shell(f"stat -c '%a %U' {STATE}/{service.unit[8:]}/state.db").endswith(" dbxsync"))
        require(not self.exists(f"{STATE}/one/credentials.json"))

    def together(self):
        """all mirrors at once: on the command line and, read-only and without a network, on the page"""
        self.shell("rm -f /etc/dbxsync/odd.conf")
        names = ("dbxsync", "one", "two")
        all_well = lambda: self.machine.run("dbxsync", "status", "--all").code == 0
        eventually("all in step", all_well, lambda: self.machine.run("dbxsync", "status", "--all"))
        lines = self.run("dbxsync", "status", "--all").splitlines()
        require([line.split()[0] for line in lines] == list(names), lines)
        metrics = self.run("dbxsync", "metrics", "--all")
        require(all(f'dbxsync_up{{mirror="{name}"}} 1' in metrics for name in names), metrics)
        page = self.page("/")[1]
        require(all(f'href="{name}/"' in page for name in names) and "All mirrors are in step" in page, page)
        require(self.page("/healthz") == (200, "in step: 3 mirrors\n"), self.page("/healthz"))
        require("dbxsync two on" in self.page("/two/")[1])
        self.write("/etc/dbxsync/broken.conf", "nonsense")
        broken = self.machine.run("dbxsync", "status", "--all")
        require(broken.code == 78 and broken.out.startswith("broken"), broken)
        require("1 of 4 mirrors need a look" in self.page("/")[1])
        self.shell("rm /etc/dbxsync/broken.conf")

    def pauses(self):
        """what one daemon is asked to wait for, those of the same account in other units wait for, too"""
        services = (self.service, self.one, self.two)
        waits = lambda service: "asked for a pause" in service.dbxsync("status").out
        self.account.account.change(
            "faults", kind="rate_limit", retry_after=200, endpoint="files/list_folder/continue")
        self.account.put(f"{self.one.root}/news", 100)
        eventually("one that waits", lambda: any(map(waits, services)), self.one.evidence)

        def all_wait():
            # What is new there makes each of them ask, and hear of it before it does.
            for service in services:
                self.account.put(f"{service.root}/more news", 100)
            return all(map(waits, services))

        eventually("all of them to wait", all_wait, lambda: [service.evidence() for service in services])
        self.account.account.set_faults([])
        units = [service.unit for service in services]
        self.run("systemctl", "stop", *units)
        self.run("systemctl", "start", *units)
        for service in services:
            service.equal(self.account)

    # Upgrade and removal

    def newer(self):
        """Brings a package of a later version, with another configuration, made from the one that is tested."""
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder, "tree")
            subprocess.run(["dpkg-deb", "--raw-extract", self.package, tree], check=True)
            control = tree / "DEBIAN/control"
            control.write_text(re.sub(r"(?m)^Version: .*", "Version: 99.0-1", control.read_text()))
            configuration = tree / "etc/dbxsync.conf"
            configuration.write_text(configuration.read_text() + "\n# A key of later days.\n")
            target = pathlib.Path(folder, "newer.deb")
            subprocess.run(
                ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, target], check=True,
                stdout=subprocess.DEVNULL)
            shutil.copy(target, self.machine.path("/root/newer.deb"))

    def upgrades(self):
        """an upgrade keeps the changed configuration beside the new one, and what runs goes on with the new program"""
        before = self.run("cat", "/etc/dbxsync.conf")
        pids = {service: service.pid() for service in (self.service, self.one, self.two)}
        self.service.done("enable")
        self.newer()
        self.dpkg("--force-confdef", "--force-confold", "--install", "/root/newer.deb")
        require(self.run("cat", "/etc/dbxsync.conf") == before)
        require("later days" in self.run("cat", "/etc/dbxsync.conf.dpkg-dist"))
        require(self.shell("stat -c '%a %U %G' /etc/dbxsync.conf") == "640 root dbxsync")
        for service, pid in pids.items():
            require(service.pid() not in (0, pid), service.evidence())
            self.account.put(f"{service.root}/after the upgrade", 100)
            service.equal(self.account)

    def removes(self):
        """removal stops the service; configuration, sign-in, state and mirror stay"""
        self.dpkg("--remove", "dbxsync")
        require(not self.exists("/usr/bin/dbxsync") and not self.exists("/lib/systemd/system/dbxsync.service"))
        require(self.machine.run("pgrep", "-x", "dbxsync").code == 1, "something still runs")
        for path in ("/etc/dbxsync.conf", f"{STATE}/credentials.json", f"{STATE}/state.db"):
            require(self.exists(path), path)
        require(not self.service.differences(self.account))

    def purges(self):
        """purge removes configuration, sign-in and state, and not one file of the mirrors"""
        self.shell(f"mkdir -p {STATE}/mirror/.dbxsync; touch {STATE}/mirror/state.db {STATE}/mirror/lock")
        self.dpkg("--purge", "dbxsync")
        require(self.shell(f"cd {STATE}; find . -type f | sort") == "./mirror/lock\n./mirror/state.db")
        self.run("rm", "-r", STATE)
        left = self.shell("ls -d /etc/dbxsync* /etc/systemd/system/*/dbxsync* 2>/dev/null || :").splitlines()
        require(left == [] or left == ["/etc/dbxsync.conf.dpkg-dist"], left)
        require(not self.service.differences(self.account))

    def again(self):
        """installed again it takes over the mirror that stands there, without a download"""
        self.install()
        require(self.machine.run("systemctl", "is-enabled", "dbxsync").out == "disabled")
        self.configure(self.service)
        self.service.sign_in(self.account)
        self.account.get("log", "DELETE")
        self.service.done("start")
        eventually(
            "a mirror in step", lambda: self.service.dbxsync("status").code == 0, self.service.evidence)
        self.service.equal(self.account)
        require("files/download" not in self.account.get("counters")["endpoints"])

    # Setup

    def sets_up(self):
        """setup makes an instance from options alone, elsewhere and for a group, and the mirror is in step"""
        three = Service(self.machine, "dbxsync@three", "/etc/dbxsync/three.conf", "/opt/three/mirror", "/One")
        self.run("groupadd", "--force", "readers")
        token = self.account.account.change("token")
        self.write("/root/sign-in.json",
                   f'{{"app_key": "sandboxappkey00", "refresh_token": "{token["refresh_token"]}"}}')
        self.run("chmod", "600", "/root/sign-in.json")
        self.write(three.file, '# mine\n[mirror]\nmin_free_space = "0"\n')
        self.run("chmod", "640", three.file)
        command = ["dbxsync", "setup", "--yes", "--instance", "three", "--endpoint", self.account.url, "--app-key",
                   "sandboxappkey00", "--directory", three.mirror, "--folder", three.root, "--group", "readers",
                   "--credentials", "/root/sign-in.json"]
        ending = self.machine.run(*command)
        require(ending.code == 0, f"{ending}\n{three.evidence()}")
        three.equal(self.account)
        require(three.systemctl("is-enabled").out == "enabled")
        require("# mine" in self.run("cat", three.file))
        require(self.exists("/etc/systemd/system/dbxsync@three.service.d/directories.conf"))
        owners = self.shell(f"stat -c '%a %U %G' {three.mirror} {STATE}/three/credentials.json {three.file}")
        require(owners.splitlines() == ["750 dbxsync readers", "600 dbxsync dbxsync", "640 root dbxsync"], owners)
        doctor = three.dbxsync("doctor")
        require(doctor.code == 0, doctor)
        pid, text = three.pid(), self.run("cat", three.file)
        again = self.machine.run("dbxsync", "setup", "--yes", "--instance", "three")
        require(again.code == 0 and "signed in already" in again.errors, again)
        require(three.pid() == pid and self.run("cat", three.file) == text, again)
        three.done("stop")
        three.done("disable")

    def asks(self):
        """from the package to a mirror in step on a terminal, without reading anything else"""
        self.service.done("stop")
        self.dpkg("--purge", "dbxsync")
        self.shell(f"rm -rf {STATE} /srv/dropbox /etc/dbxsync /etc/systemd/system/dbxsync*")
        self.install()
        terminal = Terminal(self.machine, "dbxsync", "setup", "--endpoint", self.account.url)

        def answer(question, text):
            eventually(question, lambda: terminal.asks(question), lambda: terminal.screen)
            terminal.type(f"{text}\n")
            eventually("the answer", lambda: not terminal.asks(question) or terminal.code is not None)

        answer("App key", "sandboxappkey00")
        answer("Directory [/srv/dropbox]", "")
        eventually("the address", lambda: terminal.asks("Code"), lambda: terminal.screen)
        page = next(line for line in terminal.screen.splitlines() if "/oauth2/authorize?" in line)
        answer("Code", sandbox.authorization_code(page))
        answer("Number or path [/]", "")
        answer("Group [-]", "")
        answer("Do it?", "")
        eventually("the end", lambda: terminal.code is not None, lambda: terminal.screen, 240)
        require(terminal.code == 0, f"{terminal.screen}\n{self.service.evidence()}")
        self.service.equal(self.account)
        require(self.machine.run("systemctl", "is-enabled", "dbxsync").out == "enabled")
        require(self.shell("stat -c '%a %U %G' /etc/dbxsync.conf /srv/dropbox").splitlines()
                == ["640 root dbxsync", "750 dbxsync dbxsync"])
        require(not self.exists("/etc/dbxsync.conf.before-setup"), "nobody had written the old one")
        for text in ("files", "journalctl -u dbxsync -f", "dbxsync status"):
            require(text in terminal.screen, terminal.screen)

    STEPS = (
        installs, owners, program, documents, units, catalog, unconfigured, signed_out, notifies, signs_in, ready, status_line, web,
        arrives, examined, reloads, reloads_not, killed, interrupted, fields, failures, revoked, stalls, hardened, elsewhere,
        instances, watchdog, together, pauses, upgrades, removes, purges, again, sets_up, asks)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    package, program = sys.argv[1:]
    passed = failed = 0
    # Whoever ends it early finds nothing left running.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with Machine() as machine, Sandbox(program) as account:
            checks = Checks(package, machine, account)
            for step in Checks.STEPS:
                try:
                    step(checks)
                    passed += 1
                    print(f"passed  {step.__doc__}", flush=True)
                except (Exception, SystemExit) as error:  # what comes next is worth knowing, too
                    failed += 1
                    evidence = str(error) if isinstance(error, Failed) else traceback.format_exc()
                    print(f"FAILED  {step.__doc__}", *evidence.splitlines(), sep="\n        ", flush=True)
    except CannotBoot as reason:
        print(f"skipped: this machine cannot boot a container with systemd: {reason}")
        return 0
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
