#!/usr/bin/env python3
"""A second client of the sandbox: reads its account by the API, and changes it as somebody with a browser would.

sandbox.py URL code AUTHORIZE_URL   allow an app the access; prints the code to paste
sandbox.py URL files|folders        all paths, sorted
sandbox.py URL put PATH SIZE        write a file of SIZE made-up bytes
sandbox.py URL move FROM TO
sandbox.py URL delete PATH
sandbox.py URL rate BYTES           bytes per second of one connection
sandbox.py URL curl DIRECTORY       a list for "curl --config" that fetches every file into DIRECTORY
"""

import json
import random
import sys
import urllib.error
import urllib.parse
import urllib.request

# The sandbox takes this token at all times; no proxy stands between it and us.
TOKEN = "sandbox-access-token"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(SystemExit):
    """What the server refuses ends a program with the reason, unless it knows better."""


class Account:
    """The account of the sandbox at a URL."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def _request(self, route, body, headers, method="POST"):
        headers["Authorization"] = f"Bearer {TOKEN}"
        request = urllib.request.Request(f"{self.url}/{route}", data=body, headers=headers, method=method)
        try:
            with opener.open(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(f"{route}: {error.code} {error.read().decode(errors='replace')}") from None

    def call(self, route, **argument):
        """One call of the API."""
        return self._request(f"2/{route}", json.dumps(argument).encode(), {"Content-Type": "application/json"})

    def entries(self, root=""):
        """All entries below a folder, the account's root itself not included."""
        page = self.call("files/list_folder", path=root, recursive=True, limit=2000)
        yield from page["entries"]
        while page["has_more"]:
            page = self.call("files/list_folder/continue", cursor=page["cursor"])
            yield from page["entries"]

    def tree(self, root=""):
        """Path below a folder, in the true case of every component, to metadata.

        Only the last component of path_display is reliable, so paths are joined from each folder's own name.
        """
        found = {entry["path_lower"]: entry for entry in self.entries(root)}
        found.pop(root.lower(), None)
        paths = {root.lower(): ""}

        def path(lower):
            if lower not in paths:
                paths[lower] = f"{path(lower.rpartition('/')[0])}/{found[lower]['name']}"
            return paths[lower]

        return {path(lower): entry for lower, entry in found.items()}

    def change(self, command, **argument):
        """One command of the control interface; GET /sandbox lists them."""
        return self._request(f"sandbox/{command}", json.dumps(argument).encode(), {})

    def set_faults(self, faults):
        """These faults from now on, and no others."""
        self._request("sandbox/faults", None, {}, "DELETE")
        return self._request("sandbox/faults", json.dumps(faults).encode(), {})

    def look(self, command):
        """What the control interface says without changing anything."""
        return self._request(f"sandbox/{command}", None, {}, "GET")


def authorization_code(url):
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    with opener.open(request) as answer:
        return json.load(answer)["code"]


def curl_list(account, directory, root="", file=sys.stdout, url=None):
    """One entry for each file: the argument goes into the URL, so that all entries share their headers.

    Another server that the files come from may stand in front of the sandbox, at url.
    """
    files = [entry for entry in account.entries(root) if entry[".tag"] == "file"]
    for number, entry in enumerate(files):
        argument = urllib.parse.quote(json.dumps({"path": f"rev:{entry['rev']}"}))
        print(f'url = "{url or account.url}/2/files/download?arg={argument}"', file=file)
        print(f'output = "{directory}/{number // 1000}/{number}"', file=file)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    account, verb, rest = Account(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if verb == "code":
        print(authorization_code(*rest))
    elif verb in ("files", "folders"):
        print(*sorted(path for path, entry in account.tree().items() if entry[".tag"] + "s" == verb), sep="\n")
    elif verb == "put":
        account.change("put", path=rest[0], size=int(rest[1]), seed=random.getrandbits(62))
    elif verb == "move":
        account.change("move", **{"from": rest[0], "to": rest[1]})
    elif verb == "delete":
        account.change("delete", path=rest[0])
    elif verb == "rate":
        account.change("settings", rate=int(rest[0]))
    elif verb == "curl":
        curl_list(account, *rest)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
