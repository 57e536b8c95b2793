"""What a Containerfile says, as far as the one here goes; anything else is an error."""

import json
import re


class Image:
    """The steps that make it, and what it is started with."""

    def __init__(self, text):
        self.base, self.steps = "", []
        self.arguments, self.environment = {}, {}
        self.volumes, self.user, self.signal = [], "root", "SIGTERM"
        self.entry, self.command, self.health = [], [], []
        joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", text))
        for line in filter(None, map(str.strip, joined.split("\n"))):
            name, _, rest = line.partition(" ")
            getattr(self, "do_" + name.lower())(rest.strip())

    def expanded(self, text):
        """With the values of ARG and ENV in it."""
        values = {**self.arguments, **self.environment}
        return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text)

    def do_arg(self, rest):
        name, _, value = rest.partition("=")
        self.arguments[name] = value

    def do_from(self, rest):
        self.base = self.expanded(rest)

    def do_run(self, rest):
        self.steps.append(("run", self.expanded(rest)))

    def do_copy(self, rest):
        source, target = rest.split()
        self.steps.append(("copy", (source, target)))

    def do_env(self, rest):
        name, _, value = rest.partition("=")
        self.environment[name] = value

    def do_volume(self, rest):
        self.volumes += json.loads(rest)

    def do_user(self, rest):
        self.user = rest

    def do_stopsignal(self, rest):
        self.signal = rest

    def do_entrypoint(self, rest):
        self.entry = json.loads(rest)

    def do_cmd(self, rest):
        self.command = json.loads(rest)

    def do_healthcheck(self, rest):
        self.health = json.loads(rest.partition("CMD ")[2])

    @property
    def release(self):
        """The release of Debian that it is made from."""
        return re.fullmatch(r"docker\.io/library/debian:(\w+)-slim", self.base)[1]
