"""Commit objects, and which of them came together as one change. Pure: bytes and values in, values out."""

import codecs
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from changegate.facts import Identity, Known, Time, Unavailable
from changegate.forges import trailers
from changegate.forges.caps import MAX_LINE, MAX_MESSAGE, cut_line
from changegate.forges.git.objects import check_id, damaged

_PERSON: Final = re.compile(rb"(?P<name>[^<]*)<(?P<address>[^>]*)>(?:.*> ?)? ?(?P<seconds>-?[0-9]{1,20})?(?: [+-][0-9]+)?\s*", re.DOTALL)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ENCODINGS: Final = re.compile(
    r"utf-?8|(us-)?ascii|iso-?8859-[0-9]{1,2}|latin-?1|(cp|windows-)125[0-8]|koi8-r|euc-jp|shift_jis|sjis|iso-2022-jp|euc-kr|gbk|gb2312|gb18030|big5"
)
"""The `encoding` headers that are believed; by any other, a commit could look otherwise here than to its reader."""


class Signature(NamedTuple):
    """An `author` or `committer` header: who, and when they say."""

    who: Known[Identity]
    at: Known[Time]


class CommitObject(NamedTuple):
    """One commit, read from its own bytes."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str

    @property
    def subject(self) -> str:
        """The message's first paragraph, on one line; only its beginning where it is very long."""
        return cut_line(" ".join(self.message.lstrip()[: 4 * MAX_LINE].partition("\n\n")[0].split()))

    @property
    def too_long(self) -> bool:
        """Whether the message is longer than is read."""
        return len(self.message) > MAX_MESSAGE

    @property
    def body(self) -> str:
        """The message after its first paragraph."""
        return self.message.strip().partition("\n\n")[2].strip()


def parse_commit(sha: str, content: bytes) -> CommitObject:
    """Read a commit object's bytes (gitformat-commit: headers, an empty line, the message). Raises `ForgeError`.

    The id is computed anew, so what is judged is what the id names, whatever lies in the object store.
    """
    check_id(sha, "commit", content)
    head, _, message = content.partition(b"\n\n")
    headers: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        headers.setdefault(key, []).append(value)  # the lines of a folded header (gpgsig) have the key b""
    encoding = _text(headers.get(b"encoding", [b"utf-8"])[0]).lower()
    if not _known(encoding):
        encoding = "utf-8"
    try:
        tree = headers[b"tree"][0].decode("ascii")
        parents = tuple(parent.decode("ascii") for parent in headers.get(b"parent", []))
        author, committer = headers[b"author"][0], headers[b"committer"][0]
    except (KeyError, UnicodeDecodeError) as error:
        raise damaged(sha, "commit", "a header is missing or unreadable") from error
    return CommitObject(sha, tree, parents, _parse_signature(author, encoding), _parse_signature(committer, encoding), _text(message, encoding))


def _known(encoding: str) -> bool:
    try:
        return _ENCODINGS.fullmatch(encoding) is not None and codecs.lookup(encoding) is not None
    except LookupError:  # iso-8859-12 was never made
        return False


def _text(content: bytes, encoding: str = "utf-8") -> str:
    return content.decode(encoding, "replace")


def _parse_signature(header: bytes, encoding: str) -> Signature:
    match = _PERSON.fullmatch(header)
    if match is None:
        why = "the commit's header names nobody readable"
        return Signature(Unavailable(why=why), Unavailable(why=why))
    who = trailers.identify(_text(match["name"], encoding), _text(match["address"], encoding))
    try:
        at: Known[Time] = _EPOCH + timedelta(seconds=int(match["seconds"] or b""))
    except (ValueError, OverflowError):
        at = Unavailable(why="the commit's date is no date")
    return Signature(who, at)


class Step(NamedTuple):
    """One first-parent step: the commit that landed, and all it brought (itself included, last), parents before children."""

    landing: str
    brought: tuple[str, ...]


def partition(head: str, commits: Mapping[str, tuple[str, ...]]) -> tuple[Step, ...]:
    """Divide a range into the steps of its head's first-parent chain, oldest first; every commit falls to exactly one.

    `commits` holds each commit of the range, parents before children, with its parents. The chain is followed for as long as it stays in
    the range: to the base, or, where the base was reached by another parent, to wherever the chain leaves what the base already has. Going
    from its oldest step, each takes all of the range that it reaches and no older step has taken. The head reaches the whole range.
    """
    chain: list[str] = []
    at: str | None = head
    while at is not None and at in commits:
        chain.append(at)
        at = next(iter(commits[at]), None)
    order = {sha: number for number, sha in enumerate(commits)}
    taken: set[str] = set()
    steps = []
    for landing in reversed(chain):
        brought = _reach(landing, commits, taken)
        steps.append(Step(landing, tuple(sorted(brought, key=order.__getitem__))))
    return tuple(steps)


def _reach(start: str, commits: Mapping[str, tuple[str, ...]], taken: set[str]) -> list[str]:
    """What `start` reaches within the range and nobody has taken yet; it is taken now."""
    taken.add(start)
    reached = [start]
    for sha in reached:  # grows while it is walked
        for parent in commits[sha]:
            if parent in commits and parent not in taken:
                taken.add(parent)
                reached.append(parent)
    return reached


def short_ids(shas: Iterable[str], among: Iterable[str]) -> dict[str, str]:
    """Each id's shortest prefix, of twelve digits or more, that no other id of `among` has. One length for all."""
    everything = set(among)
    length = 12
    while len({sha[:length] for sha in everything}) < len(everything):
        length += 1
    return {sha: sha[:length] for sha in shas}
