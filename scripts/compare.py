#!/usr/bin/env python3
"""Compares a mirror with the account of a sandbox: names, case, sizes, times and content.

compare.py MIRROR URL [SECONDS]

Shares nothing with dbxsync. With SECONDS it looks again for so long while they differ. Exits with 0 if they are equal,
else with 1, after the differences.
"""

import datetime
import hashlib
import os
import stat
import sys
import time

import sandbox

BLOCK = 4 << 20


def content_hash(path):
    """Dropbox's content hash: SHA-256 over the SHA-256 of each block of 4 MiB."""
    blocks = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            blocks.update(hashlib.sha256(block).digest())
    return blocks.hexdigest()


def seconds(text):
    return int(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp())


def account_tree(url, root):
    """Path to what should stand there."""
    tree = {}
    for path, entry in sandbox.Account(url).tree(root).items():
        if entry[".tag"] == "folder":
            tree[path] = ("folder",)
        elif entry.get("is_downloadable", True) and "symlink_info" not in entry and "content_hash" in entry:
            tree[path] = ("file", entry["size"], seconds(entry["client_modified"]), entry["content_hash"])
    return tree


def mirror_tree(mirror, expected):
    """Path to what stands there; content is hashed only where size and time are right."""
    tree = {}
    for folder, folders, files in os.walk(mirror):
        if folder == mirror and ".dbxsync" in folders:
            folders.remove(".dbxsync")
        for name in folders + files:
            full = os.path.join(folder, name)
            path = full[len(mirror.rstrip("/")) :]
            status = os.lstat(full)
            if stat.S_ISDIR(status.st_mode):
                tree[path] = ("folder",)
            elif stat.S_ISREG(status.st_mode):
                facts = ("file", status.st_size, int(status.st_mtime))
                tree[path] = facts + (content_hash(full) if facts == expected.get(path, ())[:3] else "not read",)
            else:
                tree[path] = ("something else",)
    return tree


def differences(mirror, url, root=""):
    """What should stand in the mirror, and a line for each path that differs."""
    expected = account_tree(url, root)
    try:
        standing = mirror_tree(mirror, expected)
    except FileNotFoundError as error:  # the daemon is at work there
        return expected, [f"{error.filename}: went away while it was looked at"]
    texts = []
    for path in sorted(expected.keys() | standing.keys()):
        should, is_ = expected.get(path), standing.get(path)
        if should != is_:
            texts.append(f"{path}: mirror {is_ or 'nothing'}, account {should or 'nothing'}")
    return expected, texts


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    mirror, url = sys.argv[1:3]
    end = time.monotonic() + float(sys.argv[3] if len(sys.argv) > 3 else 0)
    while True:
        expected, texts = differences(mirror, url)
        if not texts or time.monotonic() >= end:
            break
        time.sleep(0.2)
    if texts:
        print(*texts[:20], sep="\n")
        sys.exit(f"{len(texts)} differences between {mirror} and the account")
    files = [facts for facts in expected.values() if facts[0] == "file"]
    size = sum(facts[1] for facts in files)
    print(
        f"equal: {len(files):,} files and {len(expected) - len(files):,} folders, {size / 1e6:,.1f} MB; "
        "names, case, sizes, times and content hashes compared"
    )


if __name__ == "__main__":
    main()
