"""A running dbxsync-sandbox, and clients of the official SDK that find it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import dropbox
import pytest
import requests

sys.dont_write_bytecode = True

APP_KEY = "sandboxappkey00"
APP_SECRET = "sandboxappsecret"
TOKEN = "sandbox-access-token"
HOSTS = ["api.dropboxapi.com", "content.dropboxapi.com", "notify.dropboxapi.com", "www.dropbox.com"]


class Session(requests.Session):
    """Sends to the sandbox what the SDK, which insists on https, wants to send to Dropbox."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.answers = []

    def request(self, method, url, **options):
        for host in HOSTS:
            url = url.replace(f"https://{host}", self.base)
        assert url.startswith(self.base), f"a host that the sandbox does not play: {url}"
        answer = super().request(method, url, **options)
        self.answers.append(answer)
        return answer


class Sandbox:
    """The process, and its control interface."""

    def __init__(self, directory):
        port_file = Path(directory) / "port"
        self.process = subprocess.Popen(
            [os.environ["DBXSYNC_SANDBOX"], "--port", "0", "--port-file", str(port_file)],
            stdout=subprocess.PIPE, text=True)
        end = time.monotonic() + 30
        while not port_file.exists():
            assert self.process.poll() is None, "the sandbox has ended"
            assert time.monotonic() < end, "the sandbox does not listen"
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{port_file.read_text().strip()}"

    def command(self, name, /, method="POST", **argument):
        answer = requests.request(method, f"{self.url}/sandbox/{name}", json=argument or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, **fault):
        return self.command("faults", **fault)

    def tree(self):
        """What is in the account: path -> entry."""
        return {entry["path"]: entry for entry in self.command("tree", method="GET")}

    def client(self, token=TOKEN, **options):
        session = Session(self.url)
        options.setdefault("max_retries_on_error", 0)
        options.setdefault("max_retries_on_rate_limit", 0)
        return dropbox.Dropbox(token, session=session, timeout=60, **options)

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=10)


@pytest.fixture
def sandbox(tmp_path):
    running = Sandbox(tmp_path)
    yield running
    assert running.stop() == 0


@pytest.fixture
def dbx(sandbox):
    return sandbox.client()
