"""The policy and the description templates, as they stand at a commit. Contents and absences are proven by git's own object ids.

GitHub takes a template from the root, `docs/` or `.github/`, named `pull_request_template` with or without an ending, in any case, or from a
folder of that name in one of them. One request brings the policy, the usual spellings and the listings; only what these show besides
costs more. Source: "Creating a pull request template for your repository" on docs.github.com.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from changegate.errors import ForgeError, InputError
from changegate.facts import MISSING, Missing, Unavailable, Version
from changegate.forges import TrustedFiles
from changegate.forges.github.answer import Answer, UnreadableError, known
from changegate.forges.github.client import Client
from changegate.forges.github.commits import read_sha
from changegate.forges.github.queries import blobs
from changegate.forges.github.range import Repository

_PLACES: Final = ("", "docs/", ".github/")
_NAME: Final = "pull_request_template"
_USUAL: Final = tuple(f"{place}{name}.md" for place in _PLACES for name in (_NAME, _NAME.upper()))
_USUAL_FOLDERS: Final = tuple(f"{place}{_NAME.upper()}/" for place in _PLACES)
_MOST: Final = 50
_BESIDES: Final = "besides"
_FILE_MODES: Final = frozenset({0o100644, 0o100755})


class Entry(NamedTuple):
    """One entry of a folder."""

    kind: str
    oid: str
    mode: int

    @property
    def is_file(self) -> bool:
        """Whether it is a file with contents of its own: no folder, submodule or link."""
        return self.kind == "blob" and self.mode in _FILE_MODES


Listings: TypeAlias = dict[str, dict[str, Entry]]
"""Folders (empty, or ending in a slash) and what they hold; one that isn't there is not among them."""


def read_trusted(client: Client, repository: Repository, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
    """The protocol's `read_trusted`. Raises `ForgeError` where the policy, or its absence, can't be proven."""
    files = list(dict.fromkeys((_require_path(policy_path), *_USUAL)))
    folders = list(dict.fromkeys((*_PLACES, *_USUAL_FOLDERS, *_above(policy_path))))
    answer = _ask(client, repository, commit, files, folders, tags=True, besides=f"{next_at}:{policy_path}" if next_at else "")
    listings = _read_listings(answer, folders)
    policy = _read_file(answer, "f0", policy_path, _entry(listings, policy_path))
    templates = known(lambda: _read_templates(client, repository, commit, answer, files, listings))
    tags = known(lambda: _read_tags(answer))
    next_policy = known(lambda: _read_unproven(answer)) if next_at else MISSING
    return TrustedFiles(policy, templates, () if isinstance(tags, Unavailable) else tags, next_policy)


def read_first(client: Client, repository: Repository, commit: str, paths: Sequence[str]) -> tuple[str, bytes] | Missing:
    """The first of these files that is there, with its path. Raises `UnreadableError` where its contents, or the others' absence, can't be proven."""
    folders = list(dict.fromkeys(("", *(folder for path in paths for folder in _above(path)))))
    answer = _ask(client, repository, commit, list(paths), folders)
    listings = _read_listings(answer, folders)
    for index, path in enumerate(paths):
        entry = _entry(listings, path)
        if entry is None or entry.kind == "blob":
            content = _read_file(answer, f"f{index}", path, entry)
            if entry is not None and not entry.is_file:
                raise UnreadableError(f"{path} is a link", remedy="Commit it as a file of its own.")
            if not isinstance(content, Missing):
                return path, content
    return MISSING


def _read_tags(answer: Answer) -> tuple[Version, ...]:
    """Tagged commits. A tag that isn't read names nothing, so that a plan which rests on it doesn't count."""
    names: dict[str, list[str]] = {}
    for node in answer.at("refs").items("nodes"):
        target = node.at("target")
        if target.text("__typename") == "Tag":
            target = target.at("target")
        if target.text("__typename") == "Commit":
            names.setdefault(read_sha(target, "oid"), []).append(node.text("name"))
    return tuple(Version(commit=commit, names=tuple(found)) for commit, found in names.items())


def _require_path(path: str) -> str:
    if not path or path.startswith("/") or path.endswith("/") or not path.isprintable() or {"", ".", ".."} & set(path.split("/")):
        raise InputError(
            f"{path!r} is no path in a repository", remedy="Pass the policy's path from the repository's root, such as .github/changegate.yml."
        )
    return path


def _above(path: str) -> list[str]:
    """The folders that lead to a path, the root first."""
    steps = path.split("/")[:-1]
    return ["", *("/".join(steps[: depth + 1]) + "/" for depth in range(len(steps)))]


def _ask(
    client: Client, repository: Repository, commit: str, files: list[str], folders: list[str], *, tags: bool = False, besides: str = ""
) -> Answer:
    wanted = [(f"f{index}", f"{commit}:{path}") for index, path in enumerate(files)]
    wanted += [(_BESIDES, besides)] if besides else []
    listed = [(f"d{index}", f"{commit}:{folder.rstrip('/')}") for index, folder in enumerate(folders)]
    return client.query(blobs(wanted, listed, tags=tags), repository.variables()).at("repository")


def _read_templates(client: Client, repository: Repository, commit: str, answer: Answer, files: list[str], listings: Listings) -> tuple[str, ...]:
    odd = [f"{path}/" for path in _named(listings, "tree") if f"{path}/" not in _USUAL_FOLDERS]
    if odd:
        more = _ask(client, repository, commit, [], odd)
        listings = {**listings, **_read_listings(more, odd, listings)}
    inside = [f"{folder}{name}" for folder in (*_USUAL_FOLDERS, *odd) for name, entry in listings.get(folder, {}).items() if entry.kind == "blob"]
    paths = sorted({*_named(listings, "blob"), *inside})
    if len(paths) > _MOST:
        raise UnreadableError(f"the repository has {len(paths)} description templates, more than {_MOST}", remedy="Keep fewer templates.")
    asked = {path: (answer, f"f{index}") for index, path in enumerate(files)}
    rest = [path for path in paths if path not in asked]
    if rest:
        more = _ask(client, repository, commit, rest, [])
        asked |= {path: (more, f"f{index}") for index, path in enumerate(rest)}
    contents = [_read_file(*asked[path], path, _entry(listings, path)) for path in paths]
    return tuple(content.decode("utf-8") for content in contents if not isinstance(content, Missing))


def _named(listings: Listings, kind: str) -> list[str]:
    """What is named like a template in the places where GitHub looks."""
    return [
        f"{place}{name}"
        for place in _PLACES
        for name, entry in listings.get(place, {}).items()
        if entry.kind == kind and (name.lower() if kind == "tree" else name.lower().split(".")[0]) == _NAME
    ]


def _read_unproven(answer: Answer) -> bytes | Missing:
    """What nothing rests on but a warning: that it is absent needs no proof."""
    blob = _present(answer, _BESIDES)
    if blob is None:
        return MISSING
    if blob.text("__typename") != "Blob" or blob.get("isBinary") is None or blob.flag("isBinary") or blob.flag("isTruncated"):
        raise UnreadableError("it is no text file, or larger than GitHub shows", remedy="Save it as a file of UTF-8 text.")
    return blob.text("text").encode("utf-8", "replace")


def _read_listings(answer: Answer, folders: list[str], above: Listings | None = None) -> Listings:
    """The folders that are there. Raises `UnreadableError` where one is not what the folder above it says, present or absent."""
    found: Listings = {}
    for index, folder in sorted(enumerate(folders), key=lambda each: each[1].count("/")):
        tree = _present(answer, f"d{index}")
        entry = _entry({**(above or {}), **found}, folder.rstrip("/")) if folder else None
        there = tree is not None and tree.text("__typename") == "Tree"
        if folder and there != (entry is not None and entry.kind == "tree"):
            raise _unlike(folder)
        if tree is None or not there:
            if not folder:
                raise _unlike("the root folder")
            continue
        if entry is not None and tree.text("oid") != entry.oid:
            raise _unlike(folder)
        found[folder] = read_tree(tree, folder)
    return found


def read_tree(tree: Answer, folder: str) -> dict[str, Entry]:
    """What a folder holds: all of it, for the entries together hash to its object id. Raises `UnreadableError` where they don't."""
    content = b""
    found: dict[str, Entry] = {}
    for entry in tree.items("entries"):
        name, oid = entry.text("name"), entry.text("oid")
        try:
            content += b"%o %s\x00%s" % (entry.number("mode"), name.encode("utf-8"), bytes.fromhex(oid))
        except ValueError:
            raise _unlike(folder) from None
        found[name] = Entry(entry.text("type"), oid, entry.number("mode"))
    if _object_id("tree", content, tree.text("oid")) != tree.text("oid"):
        raise _unlike(folder or "the root folder")
    return found


def _entry(listings: Listings, path: str) -> Entry | None:
    folder, slash, name = path.rpartition("/")
    return listings.get(folder + slash, {}).get(name)


def _read_file(answer: Answer, alias: str, path: str, entry: Entry | None) -> bytes | Missing:
    """The bytes of a file, or `MISSING` where its folder doesn't list it. Raises `UnreadableError` unless both agree and the bytes hash right."""
    blob = _present(answer, alias)
    if entry is None and blob is None:
        return MISSING
    if entry is None or blob is None:
        raise _unlike(path)
    if blob.text("__typename") != "Blob":
        raise ForgeError(f"{path} is no file at the deployed commit", remedy="Pass the path of the policy file.")
    if blob.flag("isTruncated"):
        raise UnreadableError(f"GitHub cuts {path} off", remedy="Keep the file under GitHub's limit of 512 KB.")
    if blob.get("isBinary") is None or blob.flag("isBinary"):
        raise UnreadableError(f"{path} is no text for GitHub", remedy="Save the file as UTF-8 text.")
    try:
        content = blob.text("text").encode("utf-8")
    except UnicodeEncodeError:
        raise UnreadableError(f"{path} is not UTF-8", remedy="Save the file as UTF-8 text.") from None
    if blob.text("oid") != entry.oid or _object_id("blob", content, entry.oid) != entry.oid:
        raise UnreadableError(
            f"GitHub's text of {path} is not the file's bytes", remedy="Save the file as UTF-8 text without a byte order mark; run again."
        )
    return content


def _present(answer: Answer, alias: str) -> Answer | None:
    refusal = answer.refusal(alias)
    return None if refusal is not None and refusal.kind == "NOT_FOUND" else answer.get(alias)


def _object_id(kind: str, content: bytes, like: str) -> str:
    """Git's id of an object. SHA-1 is git's own: it guards against a faulty answer here, not against a forger."""
    digest = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return digest(b"%s %d\x00%s" % (kind.encode(), len(content), content), usedforsecurity=False).hexdigest()


def _unlike(what: str) -> UnreadableError:
    return UnreadableError(
        f"GitHub's answers about {what} don't agree with each other", remedy="Run the job again; if it stays, ask GitHub's support."
    )
