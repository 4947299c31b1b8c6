"""The files that decide whether the gate runs: workflows, policy, templates, code owners, at one commit.

Trees and blobs are read by REST and checked against git's own object ids. Sources: REST "Get a tree", "Get a blob" (Contents: read); "About code
owners" for the places of CODEOWNERS, in their order.
"""

import base64
import binascii
import hashlib
from functools import partial
from typing import Final

from changegate.facts import MISSING, Known, Maybe, Unavailable
from changegate.forges.github.answer import UnreadableError
from changegate.forges.github.client import Client
from changegate.forges.github.range import Repository, resolve_revision
from changegate.forges.github.settings.look import look
from changegate.forges.github.trusted import read_trusted
from changegate.settings import File, Files

_PERMISSION: Final = "contents: read"
_OWNERS: Final = (".github", "", "docs")
_MOST: Final = 200
_NOT_WHOLE: Final = "Run it again; if it stays, ask GitHub's support."


class Tree:
    """One commit's folders, each asked for once."""

    def __init__(self, client: Client, repository: Repository, commit: str) -> None:
        self._client = client
        self._root = f"/repos/{repository.owner}/{repository.name}/git"
        self._folders: dict[str, dict[str, tuple[str, str]]] = {}
        self._commit = commit

    def list(self, folder: str) -> dict[str, tuple[str, str]]:
        """Name to kind and object id; empty where there is no such folder. Raises `ForgeError`."""
        if folder not in self._folders:
            above, _, name = folder.rpartition("/")
            kind, oid = ("tree", self._commit) if not folder else self.list(above).get(name, ("", ""))
            self._folders[folder] = self._ask(oid) if kind == "tree" else {}
        return self._folders[folder]

    def _ask(self, oid: str) -> dict[str, tuple[str, str]]:
        answer = self._client.get(f"{self._root}/trees/{oid}", {})
        if answer.flag("truncated"):
            raise UnreadableError("GitHub cuts a folder's list off", remedy="Keep fewer files in one folder.")
        return {entry.text("path"): (entry.text("type"), entry.text("sha")) for entry in answer.items("tree")}

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None where there is no such file. Raises `ForgeError`."""
        folder, _, name = path.rpartition("/")
        kind, oid = self.list(folder).get(name, ("", ""))
        if kind != "blob":
            return None
        answer = self._client.get(f"{self._root}/blobs/{oid}", {})
        if answer.text("encoding") != "base64":
            raise UnreadableError(f"GitHub doesn't give {path}", remedy="Keep the file small.")
        try:
            content = base64.b64decode("".join(answer.text("content").split()), validate=True)
        except (binascii.Error, ValueError):
            raise UnreadableError(f"GitHub's text of {path} is no base64", remedy=_NOT_WHOLE) from None
        digest = hashlib.sha256 if len(oid) == 64 else hashlib.sha1
        if digest(b"blob %d\x00%s" % (len(content), content), usedforsecurity=False).hexdigest() != oid:
            raise UnreadableError(f"GitHub's text of {path} is not the file's bytes", remedy=_NOT_WHOLE)
        return content

    def read_listed(self, path: str) -> bytes:
        """The bytes of a file that its folder lists. Raises `ForgeError`."""
        content = self.read(path)
        if content is None:
            raise UnreadableError(f"GitHub lists {path} and doesn't give it", remedy=_NOT_WHOLE)
        return content


def read_files(client: Client, repository: Repository, branch: str, policy_path: str) -> Known[Files]:
    """What `branch` holds; `Unavailable` where not even its head can be seen."""
    commit = look(lambda: resolve_revision(client, repository, f"refs/heads/{branch}"), _PERMISSION)
    if isinstance(commit, Unavailable):
        return commit
    head = commit
    trusted = look(lambda: read_trusted(client, repository, head, policy_path), _PERMISSION)
    tree = Tree(client, repository, head)
    return Files(
        commit=head,
        workflows=look(lambda: _workflows(tree), _PERMISSION),
        policy=trusted if isinstance(trusted, Unavailable) else trusted.policy,
        templates=trusted if isinstance(trusted, Unavailable) else trusted.templates,
        owners=look(lambda: _owners(tree), _PERMISSION),
    )


def _workflows(tree: Tree) -> tuple[File, ...]:
    folder = ".github/workflows"
    paths = [f"{folder}/{name}" for name, (kind, _) in tree.list(folder).items() if kind == "blob" and name.endswith((".yml", ".yaml"))]
    if len(paths) > _MOST:
        raise UnreadableError(f"there are {len(paths)} workflows, more than {_MOST}", remedy="Keep fewer workflows.")
    return tuple(File(path, look(partial(tree.read_listed, path), _PERMISSION)) for path in sorted(paths))


def _owners(tree: Tree) -> Maybe[File]:
    for folder in _OWNERS:
        path = f"{folder}/CODEOWNERS".lstrip("/")
        content = tree.read(path)
        if content is not None:
            return File(path, content)
    return MISSING
