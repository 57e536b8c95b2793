#!/usr/bin/env python3
"""The Containerfile without an engine: its steps in a chroot, and what docs/containers.md says of the container.

check.py PACKAGE.deb DBXSYNC_SANDBOX, in a mount namespace of its own, as root. A line for each check.

The root is read-only, only the volumes and /tmp are not; the process is number 1 of a namespace of its own, has the
image's user, no capabilities, and no way to get any. Dropbox is the sandbox, on 127.0.0.1.
"""

import glob
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from containerfile import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 120


class Failed(Exception):
    """What is not as it should be."""


def require(holds, evidence=""):
    if not holds:
        raise Failed(evidence)


def eventually(what, look, evidence=lambda: ""):
    end = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > end:
            raise Failed(f"waited in vain for {what}\n{evidence()}")
        time.sleep(0.1)


def call(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    require(done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def mirror_of_debian(release):
    """Where apt gets its packages from here."""
    lines = call("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages").split("\n")
    for line in lines:
        site, _, found = line.partition(" ")
        if found == release:
            return site
    raise Failed(f"apt knows no {release} here: build the package on the release that the Containerfile begins with")


class Container:
    """The image's root, and what was started in it."""

    def __init__(self, folder, image, package):
        self.image, self.package = image, package
        self.built, self.root, self.volumes = f"{folder}/built", f"{folder}/root", f"{folder}/volumes"
        self.log = open(f"{folder}/log", "w+b")
        self.process = None

    # Building it

    def build(self):
        os.mkdir(self.built)
        release = self.image.release
        call("debootstrap", "--variant=minbase", release, self.built, mirror_of_debian(release))
        for name in ("sources.list", "sources.list.d", "apt.conf.d"):
            source, target = f"/etc/apt/{name}", f"{self.built}/etc/apt/{name}"
            if os.path.isdir(source):
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif os.path.exists(source):
                shutil.copy(source, target)
        shutil.copy("/etc/resolv.conf", f"{self.built}/etc/resolv.conf")
        shutil.copytree("/usr/share/keyrings", f"{self.built}/usr/share/keyrings", dirs_exist_ok=True)
        call("mount", "-t", "proc", "proc", f"{self.built}/proc")
        for kind, what in self.image.steps:
            getattr(self, "step_" + kind)(what)
        call("umount", f"{self.built}/proc")

    def step_run(self, script):
        given = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        call(
            "chroot", self.built, "/bin/sh", "-c", script,
            env={"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive", **given})

    def step_copy(self, what):
        source, target = what
        # The package that was named, wherever it is.
        require(glob.fnmatch.fnmatch(f".build/deb/{os.path.basename(self.package)}", source), source)
        shutil.copy(self.package, self.built + target)

    # Running it

    def mount(self):
        """The root for reading, with the volumes; as "podman run --read-only --volume ..." makes it."""
        os.mkdir(self.root)
        call("mount", "--bind", self.built, self.root)
        call("mount", "-o", "remount,bind,ro", self.root)
        for volume in self.image.volumes:
            name = self.volumes + volume
            os.makedirs(name)
            # An engine fills an empty volume with what the image has there, owner and mode included.
            known = os.stat(self.built + volume)
            os.chown(name, known.st_uid, known.st_gid)
            os.chmod(name, known.st_mode & 0o7777)
            call("mount", "--bind", name, self.root + volume)
        for name in ("/tmp", "/run"):
            call("mount", "-t", "tmpfs", "-o", "mode=1777" if name == "/tmp" else "mode=0755", "tmpfs", self.root + name)
        # Programs read there how they were called.
        call("mount", "-t", "proc", "proc", f"{self.root}/proc")
        for name in ("null", "urandom", "random", "zero"):
            pathlib.Path(f"{self.built}/dev/{name}").touch()
            call("mount", "--bind", f"/dev/{name}", f"{self.root}/dev/{name}")

    def configure(self, text):
        """A configuration from outside, for reading."""
        file = f"{self.volumes}/dbxsync.conf"
        pathlib.Path(file).write_text(text)
        uid = self.uid
        os.chown(file, 0, uid)
        os.chmod(file, 0o640)
        call("mount", "--bind", file, f"{self.root}/etc/dbxsync.conf")
        call("mount", "-o", "remount,bind,ro", f"{self.root}/etc/dbxsync.conf")

    @property
    def uid(self):
        return int(call("chroot", self.built, "id", "-u", self.image.user))

    def command(self, *command, user=None):
        """A command in the container's root, as its user, without capabilities."""
        user = user or self.image.user
        environment = [f"{name}={value}" for name, value in {"PATH": PATH, **self.image.environment}.items()]
        return [
            "chroot", self.root, "setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs",
            "--bounding-set=-all", "--inh-caps=-all", "env", "-i", *environment, *command]

    def start(self):
        inside = f"mount -t proc proc {self.root}/proc && exec \"$@\""
        command = self.command(*self.image.entry, *self.image.command)
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "sh", "-c", inside, "sh", *command],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        eventually("process 1", lambda: self.leaders, self.said)

    @property
    def leaders(self):
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    @property
    def leader(self):
        """The process that is number 1 inside, as it is seen from here."""
        require(self.leaders, self.said())
        return self.leaders[0]

    def stop(self):
        os.kill(self.leader, getattr(signal, self.image.signal))
        return self.process.wait(timeout=PATIENCE)

    def run(self, *command, user=None):
        """A command beside the daemon, as "podman exec", or alone, as "podman run"."""
        beside = ["nsenter", "--target", str(self.leader), "--mount", "--pid", "--ipc"] if self.process else []
        return subprocess.run(
            [*beside, *self.command(*command, user=user)], stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def healthy(self):
        return self.run(*self.image.health).returncode == 0

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-3000:]


class Sandbox:
    """The stand-in for Dropbox."""

    def __init__(self, program, folder):
        port = f"{folder}/port"
        self.process = subprocess.Popen(
            [program, "--port-file", port, "--seed", "40"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually("the sandbox", lambda: os.path.exists(port) and pathlib.Path(port).read_text().strip())
        self.url = "http://127.0.0.1:" + pathlib.Path(port).read_text().strip()


class Checks:
    """In the order in which they build on each other."""

    def __init__(self, container, sandbox):
        self.container, self.sandbox = container, sandbox

    def builds(self):
        """the steps of the Containerfile make an image, from the package alone"""
        self.container.build()
        self.container.mount()

    def belongs(self):
        """the program runs as the image's user, who can write to the volumes and to nothing else"""
        container = self.container
        version = container.run("dbxsync", "--version")
        require(version.returncode == 0 and version.stdout[:1].isdigit(), version)
        for name in ("/x", "/etc/x", "/usr/x", "/var/x", "/etc/dbxsync/x"):
            require(container.run("touch", name).returncode != 0, name)
            refused = container.run("touch", name, user="root")
            require("Read-only" in refused.stderr, refused)
        for name in container.image.volumes:
            require(container.run("touch", f"{name}/x").returncode == 0, name)
            require(container.run("rm", f"{name}/x").returncode == 0, name)

    def refuses(self):
        """without a configuration it ends with 78, without a sign-in with 77"""
        container = self.container
        ending = container.run(*container.image.entry, "run")
        require(ending.returncode == 78, ending)
        container.configure(f"""
[account]
app_key = "sandboxappkey00"
endpoint = "{self.sandbox.url}"
[mirror]
directory = "/mirror"
min_free_space = "0"
""")
        ending = container.run(*container.image.entry, "run")
        require(ending.returncode == 77, ending)
        require(not container.healthy(), "no pass was made yet")

    def works(self):
        """it mirrors, as process 1 without capabilities, and the health check says so"""
        container = self.container
        credentials = f"{container.volumes}/var/lib/dbxsync/credentials.json"
        pathlib.Path(credentials).write_text('{"access_token": "sandbox-access-token"}')
        os.chown(credentials, container.uid, container.uid)
        os.chmod(credentials, 0o600)
        container.start()
        eventually("a mirror in step", container.healthy, container.said)
        files = [name for name in glob.glob(f"{container.volumes}/mirror/**", recursive=True) if os.path.isfile(name)]
        require(len(files) == 40, f"{len(files)} files")
        require({os.stat(name).st_uid for name in files} == {container.uid})
        status = container.run("cat", "/proc/1/status").stdout
        require("Name:\tdbxsync\n" in status and f"Uid:\t{container.uid}\t" in status, status)
        require("CapPrm:\t0000000000000000" in status and "NoNewPrivs:\t1" in status, status)
        word = container.run("ls", "/tmp/dbxsync")
        require("status-" in word.stdout, word)

    def stops(self):
        """the stop signal ends it with 0, and a new container goes on where it stood"""
        container = self.container
        for _ in range(2):
            code = container.stop()
            require(code == 0, f"exit code {code}\n{container.said()}")
            container.start()
            eventually("a mirror in step again", container.healthy, container.said)
        require(container.stop() == 0)

    @property
    def all(self):
        return [self.builds, self.belongs, self.refuses, self.works, self.stops]


def main():
    package, sandbox_program = map(os.path.abspath, sys.argv[1:])
    image = Image((ROOT / "Containerfile").read_text())
    folder = tempfile.mkdtemp(prefix="dbxsync-container.")
    failed, sandbox, container = 0, None, None
    try:
        # In memory nothing is left of it, whatever happens.
        call("mount", "-t", "tmpfs", "-o", "mode=0755,dev,exec", "container", folder)
        sandbox = Sandbox(sandbox_program, folder)
        container = Container(folder, image, package)
        for check in Checks(container, sandbox).all:
            try:
                check()
                print(f"ok: {check.__doc__}", flush=True)
            except (Failed, OSError, subprocess.SubprocessError) as error:
                failed += 1
                print(f"FAILED: {check.__doc__}\n{error}", flush=True)
                break
    finally:
        for process in [container and container.process, sandbox and sandbox.process]:
            if process:
                process.kill()
                process.wait()
        subprocess.run(["umount", "--lazy", folder], check=False)
        os.rmdir(folder)
    raise SystemExit(1 if failed else 0)


main()
