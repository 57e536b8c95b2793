#!/usr/bin/env python3
"""make page: the status page of a real daemon in a real browser, light and dark, on a phone and on a desk.

page.py DIRECTORY_OF_THE_PROGRAMS DIRECTORY_FOR_SCREENSHOTS

Looks at what no test of texts sees: that the browser takes the style sheet, runs nothing, loads nothing, shows hostile
names as text, needs no scrolling sideways, and tells a screen reader what there is. A line for each view; whatever is
wrong ends with 1.
"""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import browser
import sandbox

HOSTILE = [
    "/<script>alert(1)</script>.txt", "/שלום עולם\u202egpj.exe", "/" + "x" * 251 + ".txt", "/a\nb\x1b[31m.txt",
    "/&lt;b&gt;\"'.txt", "/Ünïcödé 日記 🎈.txt",
]
VIEWS = [("light", 1280, False), ("dark", 1280, True), ("phone", 375, False), ("phone-dark", 375, True), ("narrow", 320, False)]
CONFIG = """
[account]
app_key = "sandboxappkey00"
endpoint = "{url}"
credentials = "{work}/credentials.json"
[mirror]
directory = "{work}/mirror"
min_free_space = "0"
[guard]
removals = 20
[state]
directory = "{work}/state"
[outbox]
directory = "{work}/outbox"
remote_folder = "/From here"
"""


class Stand:
    """A sandbox, a daemon and its page, for as long as it is entered."""

    def __init__(self, programs):
        self.programs = pathlib.Path(programs)

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.work = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        for folder in ("mirror", "state", "outbox"):
            (self.work / folder).mkdir()
        port = self.work / "port"
        self.start("dbxsync-sandbox", "--seed", "300", "--port-file", port)
        self.until("the sandbox", port.exists)
        self.account = sandbox.Account(f"http://127.0.0.1:{port.read_text().strip()}")
        self.configuration = self.work / "dbxsync.conf"
        self.configuration.write_text(CONFIG.format(url=self.account.url, work=self.work))
        self.configuration.chmod(0o600)
        (self.work / "credentials.json").write_text(json.dumps({"access_token": sandbox.TOKEN}))
        (self.work / "credentials.json").chmod(0o600)
        self.start("dbxsync", "run", "--config", self.configuration)
        server, log = self.start("dbxsync", "web", "--listen", "127.0.0.1:0", "--config", self.configuration)
        self.until("the page", lambda: "http://" in log.read_text())
        self.url = re.search(r"http://\S+", log.read_text())[0]
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self, name, *arguments):
        log = self.work / f"{name}-{arguments[0]}.log"
        process = subprocess.Popen([self.programs / name, *arguments], stderr=log.open("w"), stdout=subprocess.DEVNULL)
        self.stack.callback(lambda: (process.kill(), process.wait()))
        return process, log

    def until(self, what, holds, seconds=90):
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                logs = "\n".join(log.read_text()[-2000:] for log in self.work.glob("*.log"))
                sys.exit(f"waited in vain for {what}\n{logs}")
            time.sleep(0.1)

    def get(self, path):
        try:
            with sandbox.opener.open(self.url + path) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def put(self, path, size=3000):
        self.account.change("put", path=path, size=size, seed=time.monotonic_ns() % 2**31)

    def in_step(self):
        self.until("a mirror in step", lambda: self.get("healthz")[0] == 200)

    def trouble(self):
        """Names that wish us ill, paths that fail, and more removals than the guard lets through."""
        for path in HOSTILE:
            self.put(path)
        self.put("/to go.txt")
        self.until("the hostile names", lambda: "to go.txt" in self.get("?path=%2Fto+go.txt")[1])
        self.account.change("delete", path="/to go.txt")
        self.account.set_faults([{"endpoint": "files/download", "kind": "error", "tags": ["path", "restricted_content"], "times": 2}])
        self.put("/parked 'one'.txt")
        self.until("a parked path", lambda: json.loads(self.get("status.json")[1])["parked"] > 0)
        self.account.set_faults([])
        (self.work / "mirror/stranger <i>.txt").write_text("not from Dropbox")
        for top in {path.split("/")[1] for path in self.account.tree() if path.count("/") > 1}:
            self.account.change("delete", path="/" + top)
        self.until("held removals", lambda: json.loads(self.get("status.json")[1])["held"])
        self.until("the stranger", lambda: json.loads(self.get("status.json")[1])["strangers"] > 0)


class Eye:
    """Looks at a page, and remembers what is wrong."""

    def __init__(self, tab, target):
        self.tab, self.target, self.wrong = tab, pathlib.Path(target), []

    def check(self, name, holds, evidence=""):
        if not holds:
            self.wrong.append(f"{name}: {evidence}")

    def look(self, name, url, width, dark, needed=()):
        tab = self.tab
        tab.look(width, dark=dark)
        tab.open(url)
        tab.screenshot(self.target / f"{name}.png")
        sideways = tab.value("document.documentElement.scrollWidth - innerWidth")
        self.check(name, sideways <= 0, f"{sideways} pixels too wide")
        self.check(name, tab.value("getComputedStyle(document.querySelector('section')).borderRadius") == "10px", "no style")
        self.check(name, tab.value("document.scripts.length") == 0, "there is a script")
        colour = tab.value("getComputedStyle(document.body).backgroundColor")
        self.check(name, (sum(map(int, re.findall(r"\d+", colour)[:3])) < 200) == dark, f"background {colour}")
        self.check(name, *self.contrast())
        text = tab.value("document.body.innerText")
        for word in needed:
            self.check(name, word in text, f"{word!r} is not to be read")
        self.accessible(name)
        self.quiet(name, url)
        print(f"{name}: {len(text)} characters, {width} pixels wide", flush=True)

    def contrast(self):
        """The lowest contrast of text with what is behind it (WCAG 2.2, 1.4.3)."""
        low = self.tab.value("""(() => {
            const lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
                               return .2126 * r + .7152 * g + .0722 * b }
            const rgb = s => s.match(/[\\d.]+/g).map(Number)
            const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor)
                                  if (c.length < 4 || c[3] > 0) return c } return [255, 255, 255] }
            let low = [21, '']
            for (const e of document.querySelectorAll('body *')) {
                if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) || e.closest('svg') || !e.getClientRects().length)
                    continue
                const [a, b] = [lum(rgb(getComputedStyle(e).color).slice(0, 3)), lum(behind(e).slice(0, 3))]
                const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05)
                if (ratio < low[0]) low = [ratio, e.outerHTML.slice(0, 80)]
            }
            return low })()""")
        return low[0] >= 4.5, f"contrast {low[0]:.2f} at {low[1]}"

    def accessible(self, name):
        tree = self.tab.tree()
        (self.target / f"{name}.txt").write_text("\n".join("\t".join(node) for node in tree))
        roles = {role for role, _, _ in tree}
        for role in ("main", "heading", "banner", "contentinfo"):
            self.check(name, role in roles, f"a screen reader finds no {role}")
        for role, label, description in tree:
            if role in ("link", "button", "searchbox", "combobox", "progressbar", "image"):
                self.check(name, label, f"a {role} without a name")
            if role == "image":
                self.check(name, description, f"the image {label!r} is not described")

    def quiet(self, name, url):
        """Nothing ran, nothing was loaded, nothing was refused."""
        for event in self.tab.events:
            kind, values = event.get("method"), event.get("params", {})
            if values.get("entry", {}).get("url") == url and " 503 " in values["entry"]["text"]:
                continue  # the page itself, which says that nothing is known
            if kind in ("Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening"):
                self.check(name, False, json.dumps(values)[:300])
            if kind == "Network.requestWillBeSent":
                asked = values["request"]["url"]
                own = url.split("?")[0]
                self.check(name, asked.startswith((own, "data:")), f"{asked} was asked for")
        self.tab.events = []


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    target = pathlib.Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    with Stand(sys.argv[1]) as stand, browser.Browser() as tab:
        eye = Eye(tab, target)
        stand.in_step()
        for name, width, dark in VIEWS:
            eye.look(f"in-step-{name}", stand.url, width, dark, ["In step", "Overview", "History"])
        stand.trouble()
        shown = ["Not in step", "held", "1 parked", "stranger <i>.txt"]
        for name, width, dark in VIEWS:
            eye.look(f"trouble-{name}", stand.url, width, dark, shown)
        asked = ["x" * 251, "a\\nb\\u{1b}[31m", "<script>alert(1)</script>.txt", "שלום עולם\\u{202e}gpj.exe", "&lt;b&gt;"]
        for name, width, dark in VIEWS:
            eye.look(f"history-{name}", stand.url + "?path=&event=file_placed", width, dark, asked)
        (stand.work / "state/state.db").rename(stand.work / "state/gone")
        (stand.work / "state/state.db").write_text("no state")
        eye.look("unknown", stand.url, 1280, False, ["Nothing is known"])
    if eye.wrong:
        sys.exit("\n".join(eye.wrong))


if __name__ == "__main__":
    main()
