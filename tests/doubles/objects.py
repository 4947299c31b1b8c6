"""Git objects by git's own rules: ids of blobs, trees and commits are what git would give them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

Files: TypeAlias = Mapping[str, bytes]
"""The content of a tree: path to bytes."""


class Entry(NamedTuple):
    """One entry of a tree."""

    name: str
    kind: str
    mode: int
    oid: str


class Person(NamedTuple):
    """Whom a commit names: anything that somebody cared to write."""

    name: str
    email: str


@dataclass(frozen=True)
class GitCommit:
    """A commit and what GitHub knows of its signature: empty (none), `user`, `github` or `invalid`."""

    sha: str
    files: Files = field(repr=False)
    tree: str
    parents: tuple[str, ...]
    message: str
    author: Person
    committer: Person
    signed: str
    order: int
    """Commits made later have greater numbers."""
    at: datetime


def object_id(kind: str, content: bytes) -> str:
    """The id of a git object."""
    return hashlib.sha1(b"%s %d\x00%s" % (kind.encode(), len(content), content)).hexdigest()


def entries(files: Files) -> list[Entry]:
    """What a folder with these files holds, in git's order."""
    inside: dict[str, dict[str, bytes]] = {}
    found: list[Entry] = []
    for path, content in files.items():
        name, _, rest = path.partition("/")
        if rest:
            inside.setdefault(name, {})[rest] = content
        else:
            found.append(Entry(name, "blob", 0o100644, object_id("blob", content)))
    found += [Entry(name, "tree", 0o40000, tree_id(below)) for name, below in inside.items()]
    return sorted(found, key=lambda entry: (entry.name + "/" if entry.kind == "tree" else entry.name).encode())


def tree_id(files: Files) -> str:
    """The id of the tree that holds the files."""
    return object_id("tree", b"".join(b"%o %s\x00%s" % (entry.mode, entry.name.encode(), bytes.fromhex(entry.oid)) for entry in entries(files)))


def commit_content(tree: str, parents: tuple[str, ...], message: str, author: Person, committer: Person, at: datetime) -> bytes:
    """The bytes of a commit."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"{role} {name} <{email}> {int(at.timestamp())} +0000" for role, (name, email) in (("author", author), ("committer", committer))]
    return ("\n".join([*lines, "", message])).encode("utf-8", "surrogateescape")


def commit_id(tree: str, parents: tuple[str, ...], message: str, author: Person, committer: Person, at: datetime) -> str:
    """The id of a commit."""
    return object_id("commit", commit_content(tree, parents, message, author, committer, at))


def merge_files(base: Files, ours: Files, theirs: Files) -> dict[str, bytes]:
    """Three-way by whole file; theirs wins where both changed one."""
    merged = dict(ours)
    for path in {*base, *theirs}:
        if base.get(path) != theirs.get(path):
            if path in theirs:
                merged[path] = theirs[path]
            else:
                merged.pop(path, None)
    return merged
