"""The content of a commit that the repository at hand doesn't have: its tree's id, computed from what GitLab lists.

A tree's id is the digest of its entries (gitformat-pack, "tree"; git-mktree), so a list that isn't whole gives an id that nothing equals.
"""

import hashlib
from collections.abc import Sequence

from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.client import Answer, Client


def read_tree(client: Client, project: str, commit: str) -> str:
    """The id of a commit's tree. Raises `UnreadableError`, `ForgeError`."""
    return tree_id(client.list_all(f"/projects/{project}/repository/tree", by="path", ref=commit), len(commit))


def tree_id(entries: Sequence[Answer], digits: int) -> str:
    """The id of the tree with these entries, in the repository's object format: 40 digits are SHA-1, 64 are SHA-256. Raises `UnreadableError`."""
    content = b"".join(line for _, line in sorted(_entry(each) for each in entries))
    digest = hashlib.sha1 if digits == 40 else hashlib.sha256
    return digest(b"tree %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _entry(entry: Answer) -> tuple[bytes, bytes]:
    """An entry with the key by which git sorts it: a folder's name counts as if it ended in a slash."""
    try:
        name = entry.text("name").encode("utf-8", "surrogateescape")
        line = entry.text("mode").lstrip("0").encode("ascii") + b" " + name + b"\0" + bytes.fromhex(entry.text("id"))
    except ValueError as error:
        raise UnreadableError(f"GitLab's answer holds no entry of a tree at {entry.where}", remedy="Run the job again.") from error
    return name + (b"/" if entry.text("type") == "tree" else b""), line
