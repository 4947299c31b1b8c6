"""What a preview reads without a clone: revisions, policy, description templates, tags.

Sources: "Commits API", "Repository files API", "Repositories API", "Tags API".
"""

import base64
import binascii
import hashlib
from urllib.parse import quote

from changegate.errors import InputError
from changegate.facts import MISSING, Known, Missing, Text, Version
from changegate.forges import TrustedFiles
from changegate.forges.answer import UnreadableError, known
from changegate.forges.gitlab.client import Client
from changegate.forges.gitlab.faults import NotFoundError

_TEMPLATES = ".gitlab/merge_request_templates"


def resolve(client: Client, project: str, revision: str) -> str:
    """The full id of the commit that a revision names. Raises `InputError` where GitLab has no such commit, `ForgeError`."""
    try:
        return client.get(f"/projects/{project}/repository/commits/{quote(revision, safe='')}").text("id")
    except NotFoundError as error:
        raise InputError(f"{revision!r} names no commit that GitLab shows", remedy=f"Push it first. {error.remedy}") from None


def read_trusted(client: Client, project: str, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
    """The protocol's `read_trusted`. A file that isn't there is missing only where its folder's list, which is, doesn't hold it."""
    policy = find_file(client, project, commit, policy_path)
    next_policy = known(lambda: find_file(client, project, next_at, policy_path)) if next_at else MISSING
    return TrustedFiles(policy, _read_templates(client, project, commit), _read_tags(client, project), next_policy)


def find_file(client: Client, project: str, commit: str, path: str) -> bytes | Missing:
    """A file's content, or that it isn't in its folder: a 404 alone could mean that the token may not see it."""
    if _name(path) not in _names(client, project, commit, path.rpartition("/")[0]):
        return Missing(why=f"there is no {path} at {commit}")
    return read_file(client, project, commit, path)


def _read_tags(client: Client, project: str) -> tuple[Version, ...]:
    """The hundred newest tags, by commit."""
    page, _ = next(client.pages(f"/projects/{project}/repository/tags", order_by="updated", sort="desc"))
    names: dict[str, tuple[str, ...]] = {}
    for tag in page:
        commit = tag.at("commit").text("id")
        names[commit] = (*names.get(commit, ()), tag.text("name"))
    return tuple(Version(commit=commit, names=named) for commit, named in names.items())


def _read_templates(client: Client, project: str, commit: str) -> Known[tuple[Text, ...]]:
    def read() -> tuple[str, ...]:
        if ".gitlab" not in _names(client, project, commit, "") or _name(_TEMPLATES) not in _names(client, project, commit, ".gitlab"):
            return ()
        names = sorted(name for name in _names(client, project, commit, _TEMPLATES) if name.endswith(".md"))
        return tuple(client.gather(lambda name: read_file(client, project, commit, f"{_TEMPLATES}/{name}").decode("utf-8", "replace"), names))

    return known(read)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _names(client: Client, project: str, commit: str, folder: str) -> set[str]:
    where = f"/projects/{project}/repository/tree"
    try:
        return {entry.text("name") for entry in client.list_all(where, by="path", ref=commit, **({"path": folder} if folder else {}))}
    except NotFoundError:
        if not folder or _name(folder) in _names(client, project, commit, folder.rpartition("/")[0]):
            raise
        return set()


def read_file(client: Client, project: str, commit: str, path: str) -> bytes:
    """A file's content, checked against the object id that GitLab gives with it. Raises `UnreadableError`, `ForgeError`."""
    answer = client.get(f"/projects/{project}/repository/files/{quote(path, safe='')}", ref=commit)
    try:
        content = base64.b64decode(answer.text("content"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableError(f"GitLab's answer holds no content of {path}", remedy="Run the job again.") from error
    digest = hashlib.sha1 if len(commit) == 40 else hashlib.sha256  # git's two object formats
    if digest(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() != answer.text("blob_id"):
        raise UnreadableError(f"GitLab's answer doesn't hold all of {path}", remedy="Run the job again.")
    return content
