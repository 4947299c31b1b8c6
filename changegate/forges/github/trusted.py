"""The policy and the description templates, as they stand at a commit. The bytes are proven by git's own object id.

GitHub takes a template from the root, `docs/` or `.github/`, named `pull_request_template` with or without an ending, in any case, or from a
folder `PULL_REQUEST_TEMPLATE` in one of them. One request brings the policy, the usual spellings and the listings; only names that
these show besides cost a second one. Source: "Creating a pull request template for your repository" on docs.github.com.
"""

import hashlib
from typing import Final, NamedTuple

from changegate.errors import ForgeError
from changegate.facts import MISSING, Missing
from changegate.forges import TrustedFiles
from changegate.forges.github.answer import Answer, UnreadableError, known
from changegate.forges.github.client import Client
from changegate.forges.github.queries import blobs
from changegate.forges.github.range import Repository

_FOLDERS: Final = ("", "docs/", ".github/")
_USUAL: Final = ("pull_request_template.md", "PULL_REQUEST_TEMPLATE.md")
_NAME: Final = "pull_request_template"
_MOST: Final = 50


class _File(NamedTuple):
    path: str
    oid: str


def read_trusted(client: Client, repository: Repository, commit: str, policy_path: str) -> TrustedFiles:
    """The protocol's `read_trusted`. Raises `ForgeError` where the policy can't be read whole."""
    usual = {f"{folder}{name}": f"t{index}" for index, (folder, name) in enumerate((folder, name) for folder in _FOLDERS for name in _USUAL)}
    folders = {folder: f"l{index}" for index, folder in enumerate((*_FOLDERS, *(f"{folder}{_NAME.upper()}/" for folder in _FOLDERS)))}
    answer = client.query(
        blobs(
            [("policy", f"{commit}:{policy_path}"), *((alias, f"{commit}:{path}") for path, alias in usual.items())],
            [(alias, f"{commit}:{folder.rstrip('/')}") for folder, alias in folders.items()],
        ),
        repository.variables(),
    ).at("repository")
    return TrustedFiles(_read_policy(answer, policy_path), known(lambda: _read_templates(client, repository, commit, answer, usual, folders)))


def _read_policy(answer: Answer, path: str) -> bytes | Missing:
    blob = _present(answer, "policy")
    if blob is None:
        return MISSING
    if blob.text("__typename") != "Blob":
        raise ForgeError(f"The policy {path} is no file at the deployed commit", remedy="Pass the path of the policy file.")
    return _read_blob(blob, path)


def _read_templates(
    client: Client, repository: Repository, commit: str, answer: Answer, usual: dict[str, str], folders: dict[str, str]
) -> tuple[str, ...]:
    present, inner = _list_templates(answer, folders)
    found: dict[str, str] = {}
    for path, alias in usual.items():
        blob = _present(answer, alias)
        if blob is not None and blob.text("__typename") == "Blob":
            found[path] = _read_blob(blob, path).decode("utf-8")
    if missing := [path for path in found if path not in {file.path for file in present}]:
        raise UnreadableError(f"GitHub's listing lacks {missing[0]}, which is there", remedy="Run the job again.")
    if inner:
        listing = client.query(
            blobs([], [(f"l{index}", f"{commit}:{folder.rstrip('/')}") for index, folder in enumerate(inner)]), repository.variables()
        ).at("repository")
        for index, folder in enumerate(inner):
            present += [_File(f"{folder}{entry.text('name')}", entry.text("oid")) for entry in _entries(listing, f"l{index}") if _is_file(entry)]
    rest = [file for file in present if file.path not in found]
    if len(rest) > _MOST:
        raise UnreadableError(f"the repository has {len(rest)} description templates, more than {_MOST}", remedy="Keep fewer templates.")
    if rest:
        more = client.query(blobs([(f"t{index}", f"{commit}:{file.path}") for index, file in enumerate(rest)]), repository.variables()).at(
            "repository"
        )
        for index, file in enumerate(rest):
            found[file.path] = _read_blob(more.at(f"t{index}"), file.path, file.oid).decode("utf-8")
    return tuple(found[path] for path in sorted(found))


def _list_templates(answer: Answer, folders: dict[str, str]) -> tuple[list[_File], list[str]]:
    """The template files that the listings show, and the template folders whose spelling was not among those asked for."""
    files: list[_File] = []
    unread: list[str] = []
    for folder, alias in folders.items():
        for entry in _entries(answer, alias):
            name, path = entry.text("name"), f"{folder}{entry.text('name')}"
            if folder not in _FOLDERS:
                files += [_File(path, entry.text("oid"))] if _is_file(entry) else []
            elif name.lower().split(".")[0] == _NAME and _is_file(entry):
                files.append(_File(path, entry.text("oid")))
            elif name.lower() == _NAME and entry.text("type") == "tree" and f"{path}/" not in folders:
                unread.append(f"{path}/")
    return files, unread


def _entries(answer: Answer, alias: str) -> list[Answer]:
    tree = _present(answer, alias)
    return [] if tree is None or tree.text("__typename") != "Tree" else tree.items("entries")


def _is_file(entry: Answer) -> bool:
    return entry.text("type") == "blob"


def _present(answer: Answer, alias: str) -> Answer | None:
    refusal = answer.refusal(alias)
    return None if refusal is not None and refusal.kind == "NOT_FOUND" else answer.get(alias)


def _read_blob(blob: Answer, path: str, oid: str | None = None) -> bytes:
    """The bytes of a file. Raises `UnreadableError` unless they hash to the object id that git gave the file."""
    if blob.flag("isTruncated"):
        raise UnreadableError(f"GitHub cuts {path} off", remedy="Keep the file under GitHub's limit of 512 KB.")
    if blob.get("text") is None:
        raise UnreadableError(f"{path} is no text for GitHub", remedy="Save the file as UTF-8 text.")
    try:
        content = blob.text("text").encode("utf-8")
    except UnicodeEncodeError:
        raise UnreadableError(f"{path} is not UTF-8", remedy="Save the file as UTF-8 text.") from None
    named = blob.text("oid")
    digest = hashlib.sha256 if len(named) == 64 else hashlib.sha1
    # SHA-1 is git's own; it guards against a faulty answer here, not against a forger.
    if digest(b"blob %d\x00%s" % (len(content), content), usedforsecurity=False).hexdigest() != named or (oid is not None and oid != named):
        raise UnreadableError(
            f"GitHub's text of {path} is not the file's: it is no UTF-8, or the answer is faulty", remedy="Save the file as UTF-8 text; run again."
        )
    return content
