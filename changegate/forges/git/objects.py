"""Git's objects and their ids. Pure.

Git believes that what lies under an id has that id, and doesn't compute it when it reads. A runner that reuses a workspace keeps what an earlier job
wrote there; so whatever decides is hashed here, on the way from the commit to it: the commit, each tree, the file.
"""

import hashlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from changegate.errors import ForgeError


class Entry(NamedTuple):
    """A file in a commit's tree."""

    path: str
    mode: str
    """`100644`, `100755`, `120000` (a symbolic link), `160000` (a submodule), `040000` (a directory)."""
    object: str


def check_id(name: str, kind: str, content: bytes) -> None:
    """That the object has this id, in git's format of as many digits: 40 are SHA-1, 64 are SHA-256. Raises `ForgeError`."""
    if _id(kind, content, len(name)) != name:
        raise damaged(name, kind, "its content doesn't have that id")


def empty_tree(like: str) -> str:
    """The id of the tree without files, in the format of another id."""
    return _id("tree", b"", len(like))


def _id(kind: str, content: bytes, digits: int) -> str:
    digest = hashlib.sha1 if digits == 40 else hashlib.sha256
    return digest(f"{kind} {len(content)}\0".encode("ascii") + content, usedforsecurity=False).hexdigest()


def parse_tree(name: str, content: bytes) -> Iterator[Entry]:
    """The entries of a tree (gitformat-pack: mode, space, name, NUL, id as bytes). Raises `ForgeError` where it isn't one, or has another id."""
    check_id(name, "tree", content)
    at, length = 0, len(name) // 2
    while at < len(content):
        space, end = content.find(b" ", at), content.find(b"\0", at)
        after = end + 1 + length
        if not at < space < end or after > len(content):
            raise damaged(name, "tree", "it ends within an entry")
        yield Entry(os.fsdecode(content[space + 1 : end]), content[at:space].decode("ascii", "replace").rjust(6, "0"), content[end + 1 : after].hex())
        at = after


def damaged(name: str, kind: str, why: str) -> ForgeError:
    """Somebody changed it, or it was badly stored: nobody can judge by it."""
    return ForgeError(
        f"the {kind} {name} is damaged: {why}",
        remedy="Clone the repository anew, in a job not on top of an older clone (GitLab: `GIT_STRATEGY: clone`); `git fsck` lists what is damaged.",
    )
