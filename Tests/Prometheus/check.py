#!/usr/bin/env python3
"""check.py DIRECTORY: a daemon, node_exporter and Prometheus, as they run beside each other on a server."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = os.path.join(HERE, "../../config")
PATIENCE = 120
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fail(text):
    raise SystemExit(f"Tests/Prometheus: {text}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url):
    with opener.open(url, timeout=10) as answer:
        return answer.read().decode()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)


def eventually(what, look, evidence=()):
    """Looks until something is there, and returns it."""
    end = time.monotonic() + PATIENCE
    last = None
    while time.monotonic() < end:
        try:
            found = look()
            if found:
                return found
        except (OSError, ValueError, KeyError, IndexError) as error:
            last = error
        time.sleep(0.2)
    return fail(f"waited in vain for {what}: {last or list(evidence)[-1:]}")


class Stand:
    """What runs, in a folder of its own."""

    def __init__(self, programs, folder):
        self.programs, self.folder, self.running = programs, folder, []
        for name in ["mirror", "state", "outbox", "prom", "data"]:
            os.mkdir(self.path(name))
        self.textfile = self.path("prom/dbxsync.prom")

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, *command):
        with open(self.path(name + ".log"), "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        self.running.append(process)
        return process

    def stop_all(self):
        for process in reversed(self.running):
            process.kill()
        for process in self.running:
            process.wait()

    def logs(self):
        names = [name for name in sorted(os.listdir(self.folder)) if name.endswith(".log")]
        return "".join(f"--- {name}\n{read(self.path(name))[-3000:]}" for name in names)

    def dbxsync(self, *arguments):
        command = [os.path.join(self.programs, "dbxsync"), *arguments, "--config", self.path("dbxsync.conf")]
        return subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True).stdout

    def status(self):
        return json.loads(self.dbxsync("status", "--json"))

    # What runs.

    def start_sandbox(self):
        port = self.path("port")
        self.start("sandbox", os.path.join(self.programs, "dbxsync-sandbox"), "--port-file", port, "--seed", "300")
        self.url = "http://127.0.0.1:" + eventually("the sandbox", lambda: os.path.exists(port) and read(port).strip())
        write(self.path("state/credentials.json"), '{"access_token": "sandbox-access-token"}')
        write(self.path("dbxsync.conf"), f"""
[account]
app_key = "sandboxappkey00"
endpoint = "{self.url}"
credentials = "{self.path('state/credentials.json')}"
[mirror]
directory = "{self.path('mirror')}"
min_free_space = "1MB"
[state]
directory = "{self.path('state')}"
[outbox]
directory = "{self.path('outbox')}"
remote_folder = "/Inbox"
[metrics]
textfile = "{self.textfile}"
""")

    def start_daemon(self):
        return self.start("daemon", os.path.join(self.programs, "dbxsync"), "run", "--config", self.path("dbxsync.conf"))

    def start_node_exporter(self):
        self.node = f"127.0.0.1:{free_port()}"
        self.start(
            "node_exporter", "prometheus-node-exporter", f"--web.listen-address={self.node}",
            "--collector.disable-defaults", "--collector.textfile",
            f"--collector.textfile.directory={self.path('prom')}")

    def start_prometheus(self):
        # The same alerts, of which none waits.
        rules = re.sub(r"\n +for: .*", "", read(os.path.join(CONFIG, "prometheus/dbxsync.rules.yml")))
        write(self.path("rules.yml"), rules)
        write(self.path("prometheus.yml"), f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["{self.node}"]}}]
""")
        self.prometheus = f"127.0.0.1:{free_port()}"
        self.start(
            "prometheus", "prometheus", f"--config.file={self.path('prometheus.yml')}",
            f"--storage.tsdb.path={self.path('data')}", f"--web.listen-address={self.prometheus}")

    # What is asked.

    def query(self, text):
        url = f"http://{self.prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        result = json.loads(get(url))["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def alerts(self):
        answer = json.loads(get(f"http://{self.prometheus}/api/v1/alerts"))
        return {alert["labels"]["alertname"] for alert in answer["data"]["alerts"] if alert["state"] == "firing"}

    def expect_alerts(self, *names):
        """Waits until exactly these alerts fire."""
        seen = []
        eventually(f"the alerts {names}", lambda: seen.append(self.alerts()) or seen[-1] == set(names), seen)


def samples(text):
    return {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in text.splitlines() if line[:1] not in ("#", "")}


def check_with_promtool(text):
    result = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    if result.returncode or result.stdout or result.stderr:
        fail(f"promtool check metrics: {result.stdout}{result.stderr}")


def check_several(stand):
    """Of several mirrors, one of them with a wrong configuration, one document; not that of the daemon's own names."""
    os.makedirs(stand.path("dbxsync"))
    os.symlink(stand.path("dbxsync.conf"), stand.path("dbxsync/work.conf"))
    write(stand.path("dbxsync/broken.conf"), "nonsense")
    for form in ("prometheus", "openmetrics"):
        result = subprocess.run(
            [os.path.join(stand.programs, "dbxsync"), "metrics", "--all", "--format", form, "--config-dir", stand.folder],
            capture_output=True, text=True, check=False)
        known = samples(result.stdout)
        found = [known.get(f'dbxsync_in_step{{mirror="{name}"}}') for name in ("dbxsync", "work", "broken")]
        if result.returncode != 78 or found != ["1", "1", "0"]:
            fail(f"metrics --all: exit {result.returncode}, {found}\n{result.stdout}{result.stderr}")
        if form == "prometheus":
            check_with_promtool(result.stdout)


def check_names(text):
    """Every metric that alerts and dashboard name exists, and every panel has what it needs."""
    known = {sample.partition("{")[0] for sample in samples(text)}
    dashboard = json.loads(read(os.path.join(CONFIG, "grafana/dbxsync.json")))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries = [variable["definition"] for variable in dashboard["templating"]["list"] if "definition" in variable]
    rules = re.findall(r"expr: (.*)", read(os.path.join(CONFIG, "prometheus/dbxsync.rules.yml")))
    if len(expressions) < 30 or len(rules) < 10:
        fail("the dashboard or the rules were not read")
    for expression in expressions + queries + rules:
        names = re.findall(r"\b(dbxsync_[a-z_]+)\b", expression)
        for name in names:
            if name not in known:
                fail(f"{name} does not exist: {expression}")
    # What Grafana fills in is filled in here, and Prometheus has to understand what comes out.
    for expression in expressions:
        filled = expression.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$mirror", ".*")
        yield filled


def check_alerts_are_tested():
    alerts = re.findall(r"- alert: (\w+)", read(os.path.join(CONFIG, "prometheus/dbxsync.rules.yml")))
    tests = read(os.path.join(HERE, "dbxsync.rules.test.yml"))
    for alert in alerts:
        fires = re.search(rf"alertname: {alert}\n +exp_alerts:", tests)
        quiet = len(re.findall(rf"alertname: {alert}}}", tests))
        if not fires or quiet < 3:
            fail(f"dbxsync.rules.test.yml does not show that {alert} fires, resolves, and is quiet when all is well")


def main(programs, folder):
    stand = Stand(programs, folder)
    try:
        check(stand)
    except BaseException:
        print(stand.logs(), file=sys.stderr)
        raise
    finally:
        stand.stop_all()


def check(stand):
    check_alerts_are_tested()
    stand.start_sandbox()
    daemon = stand.start_daemon()
    eventually("a file that says that it is in step", lambda: 'dbxsync_in_step{mirror="dbxsync"} 1' in read(stand.textfile))
    text = read(stand.textfile)
    check_with_promtool(text)
    check_with_promtool(stand.dbxsync("metrics", "--format", "prometheus"))
    # The two formats are one: promtool reads only the older one.
    if not stand.dbxsync("metrics").endswith("# EOF\n"):
        fail("OpenMetrics without an end")
    check_several(stand)
    retried = 'dbxsync_retries_total{mirror="dbxsync",endpoint="files/download"} 0\n'  # there is none before the first
    expressions = list(check_names(text + retried))

    stand.start_node_exporter()
    stand.start_prometheus()
    eventually("Prometheus", lambda: stand.query("dbxsync_up") == 1)
    for expression in expressions:
        stand.query(expression)
    if stand.query("node_textfile_scrape_error") != 0:
        fail("node_exporter does not like the file")

    def agrees():
        status = stand.status()
        pairs = [
            ("dbxsync_in_step", 1 if status["in_step"] else 0),
            ('dbxsync_entries{kind="file"}', status["mirror"]["files"]),
            ("dbxsync_entries_bytes", status["mirror"]["bytes"]),
            ("dbxsync_backlog_files", status["backlog"]["files"]),
            ('dbxsync_paths{state="failing"}', status["failing"]),
            ('dbxsync_paths{state="held"}', (status["held"] or {}).get("paths", 0)),
            ("dbxsync_outbox_backlog_files", status["outbox"]["waiting"]),
            ('dbxsync_in_step_timestamp_seconds{side="account"}', seconds(status["in_step_as_of"])),
        ]
        return status["in_step"] and all(stand.query(query) == value for query, value in pairs) and status

    eventually("Prometheus to say what status says", agrees)
    stand.expect_alerts()

    # Mass removal: held, told by status and Prometheus alike, and an alert.
    for name in sorted(os.listdir(stand.path("mirror"))):
        if not name.startswith("."):
            subprocess.run(
                [sys.executable, "-B", os.path.join(HERE, "../../scripts/sandbox.py"), stand.url, "delete", "/" + name],
                check=True, stdout=subprocess.DEVNULL)
    stand.expect_alerts("DbxsyncHeld")
    eventually(
        "the same count of held paths",
        lambda: stand.query('dbxsync_paths{state="held"}') == stand.status()["held"]["paths"])
    stand.dbxsync("held", "--approve", "--all")
    stand.expect_alerts()

    # The daemon stops, and comes back.
    daemon.send_signal(signal.SIGTERM)
    daemon.wait()
    stand.expect_alerts("DbxsyncDown")
    check_with_promtool(read(stand.textfile))
    stand.start_daemon()
    stand.expect_alerts()
    eventually("in step", lambda: stand.query("dbxsync_in_step") == 1)
    print("Prometheus says what dbxsync status says; alerts fire and resolve.")


def seconds(text):
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


if __name__ == "__main__":
    for program in ["promtool", "prometheus", "prometheus-node-exporter"]:
        if not shutil.which(program):
            fail(f"{program} is missing; scripts/dependencies.sh prometheus installs it")
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["TZ"] = "UTC"
        time.tzset()
        main(sys.argv[1], temporary)
