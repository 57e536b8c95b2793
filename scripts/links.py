#!/usr/bin/env python3
"""make lint: what the documents refer to exists.

Looks at every Markdown file for links to files and sections of this repository, and for paths and names of the code in
backticks: `Sources/…`, `Type`, `Type.member`. Of a name it is checked that each of its words is one of the code. Links to
the web are not followed.
"""

import functools
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CODE = ["Sources", "Tests", "Fuzz"]
PATH = re.compile(r"(?:Sources|Tests|Fuzz|scripts|config|man|systemd|debian|docs)/[\w@.+/-]+")
NAME = re.compile(r"[A-Z][a-z]\w*(?:\.[a-z]\w*)*")
# Names of other libraries that the documents mention.
OTHERS = {"FilePath", "Containerfile"}
# Documents full of names that are not ours, but in paragraphs that begin so.
FOREIGN = {"docs/dropbox-api.md"}
OURS = ("**dbxsync:**", "**Sandbox:**")


def walk(folder, *suffixes):
    """The files below a folder that end so, by their paths from the root on."""
    for place, folders, files in os.walk(os.path.join(ROOT, folder)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(suffixes):
                yield os.path.relpath(os.path.join(place, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def without_blocks(text):
    """The text without code blocks, whose lines stay as empty ones."""
    lines, inside = [], False
    for line in text.split("\n"):
        fence = line.startswith("```")
        inside ^= fence
        indented = line.startswith("    ") and not re.match(r"\s*([*-]|\d+\.)\s", line) and (not lines or not lines[-1].strip())
        lines.append("" if fence or inside or indented else line)
    return "\n".join(lines)


@functools.cache
def anchors(path):
    """The anchors of a document's headings, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", without_blocks(read(path)), re.M):
        anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        number = 1
        while anchor in found:
            anchor, number = f"{anchor.rstrip('-0123456789')}-{number}", number + 1
        found.add(anchor)
    return found


@functools.cache
def words():
    """Every word of the code, and of the names of its files."""
    found = set()
    for folder in CODE:
        for path in walk(folder, ".swift", ".h", ".c", ".cpp"):
            found.update(re.findall(r"\w+", path))
            found.update(re.findall(r"\w+", read(path)))
    return found


def link_problem(document, target):
    """What is wrong with a link, if anything."""
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = target.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document
    if not os.path.exists(os.path.join(ROOT, path)):
        return f"there is no {path}"
    if anchor and (not path.endswith(".md") or anchor not in anchors(path)):
        return f"{path} has no section #{anchor}"
    return None


def mention_problem(document, text):
    """What is wrong with something in backticks, if anything."""
    if PATH.fullmatch(text):
        return None if os.path.exists(os.path.join(ROOT, text)) else f"there is no {text}"
    if NAME.fullmatch(text) and text not in OTHERS:
        missing = [word for word in text.split(".") if word not in words()]
        if missing:
            return f"the code knows no {missing[0]}"
    return None


def only_ours(document, text):
    """The text; of a foreign document the paragraphs that are about our code, and empty lines for the others."""
    if document not in FOREIGN:
        return text
    paragraphs = text.split("\n\n")
    return "\n\n".join(part if part.startswith(OURS) else "\n" * part.count("\n") for part in paragraphs)


def problems(document):
    whole = without_blocks(read(document))
    ours = only_ours(document, whole)
    checks = [(whole, r"\]\(([^)\s]+)\)", link_problem), (ours, r"`([^`\n]+)`", mention_problem)]
    for text, pattern, problem in checks:
        for match in re.finditer(pattern, text):
            found = problem(document, match[1])
            if found:
                yield f"{document}:{text.count(chr(10), 0, match.start()) + 1}: {found}"


def main():
    found = [line for document in walk(".", ".md") for line in problems(document)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
