"""Verify a run of commits by themselves: what one worker does, and what it hands back. Nothing here depends on how many workers there are.

A run is cut into *stretches* of commits that follow one another. What lies between two stretches (commits that are missing or damaged, the tile that
the end of one and the beginning of the next make together) is `changegate.evidence.verify`'s, which gets the stretches in order.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, log_policy, merkle, tiles
from changegate.evidence.card import Card, format_time
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.commit import Commit, digest_of, parse_commit
from changegate.evidence.findings import EDITED, LOST, STOPPED, Report
from changegate.evidence.history import Head
from changegate.evidence.index_object import format_index_object
from changegate.evidence.named import Named
from changegate.evidence.read_ahead import ReadAhead
from changegate.evidence.revocations import Revocations
from changegate.evidence.tiles import Tile
from changegate.evidence.verify_records import RecordVerifier
from changegate.evidence.waiting import MAX_SKEW
from changegate.stores import Store
from changegate.trust import Trust

_FORKED: Final = (
    "Two histories were signed, or a commit was put in another's place. Keep both; compare with a copy of the store or an earlier checkpoint."
)
_ENTRIES_AT_ONCE: Final = 32
"""Of so many entries, or one commit's if it has more, the cards are held at a time."""
_AHEAD: Final = "A writer's clock was wrong, or this one is; or the time was made up, so that honest writers count as late and are refused."


@dataclass(frozen=True)
class Share:
    """Which records are looked at: each with the same chance, by a hash of the seed and its index, so that anybody can repeat it."""

    part: float
    """From 0 to 1."""
    seed: str

    def takes(self, index: int) -> bool:
        """Whether this entry's record is in it."""
        drawn = hashlib.sha256(f"{self.seed}:{index}".encode()).digest()[:8]
        return int.from_bytes(drawn, "big") < self.part * 2**64


@dataclass(frozen=True)
class Task:
    """What all workers know."""

    trust: Trust
    origin: str | None
    """The log's name; None where `log.json` gives no trusted one."""
    published: int
    """The published checkpoint's size."""
    unpublished: int
    """From this entry on, what follows from the commits may not be there yet."""
    now: datetime | None
    share: Share | None
    revocations: Revocations


@dataclass
class Stretch:
    """What is known of commits that follow one another, in the order in which it was found."""

    report: Report = field(default_factory=Report)
    first: Commit | None = None
    """None where a damaged commit ended the run before any good one."""
    last: Head | None = None
    begin: tuple[bytes, ...] = ()
    """The entries up to the first tile's end; more than these make no whole tile."""
    roots: list[bytes] = field(default_factory=list)
    """The whole tiles after them."""
    end: tuple[bytes, ...] = ()
    """The entries after the last whole tile."""
    named: Named = field(default_factory=Named)
    committed: Checkpoint | None = None
    """The signed checkpoint of the published size."""


class CommitVerifier:
    """Verifies runs of commits."""

    def __init__(self, store: Store, task: Task) -> None:
        self._store, self.task = store, task
        self._policy = log_policy.of(task.trust).unwitnessed()
        self._ahead = ReadAhead(store)
        self._records = RecordVerifier(self._ahead, task.trust, task.revocations, task.origin)

    def verify(self, first: int, last: int) -> list[Stretch]:
        """Commits `first` to `last`, all of which are in the store's listing.

        1. Each is well-formed, follows the one before by digest, tree and time, and bears a signed checkpoint of its very tree.
        2. For each entry its record (`RecordVerifier`), where the share takes it, and its index.
        3. The full tiles and bundles that lie wholly within a stretch are what the commits make.
        """
        stretches = [Stretch()]
        for number, data, commit in self._read_commits(first, last):
            stretch, key = stretches[-1], layout.commit_key(number)
            if not isinstance(commit, Commit):
                stretch.report.error("a commit is damaged", key, commit, expected=f"commit {number}", meaning=EDITED)
                if stretch.first is not None:
                    stretches.append(Stretch())
                continue
            before = stretch.last
            if before is None:
                stretch.first = commit
            elif before.frontier != commit.before:
                stretches.append(stretch := Stretch(first=commit))
            else:
                self.check_follows(commit, before, stretch.report)
            self._check_commit(commit, key, stretch)
            stretch.last = Head(commit, digest_of(data))
        return stretches

    def _read_commits(self, first: int, last: int) -> Iterator[tuple[int, bytes, Commit | FormatError | VerificationError]]:
        """Each with its bytes, or what is wrong with it. What the entries of a few commits, or of one large one, name is planned to be read."""
        found = self._store.read_many([layout.commit_key(number) for number in range(first, last + 1)])
        few, entries = list[tuple[int, bytes, Commit | FormatError | VerificationError]](), 0
        for number in range(first, last + 1):
            data = found[layout.commit_key(number)] or b""
            commit = _parse(data, number)
            few.append((number, data, commit))
            entries += len(commit.entries) if isinstance(commit, Commit) else 0
            if entries >= _ENTRIES_AT_ONCE or number == last:
                self._ahead.plan(key for _, _, each in few if isinstance(each, Commit) for key in self._named_by(each))
                yield from few
                few, entries = [], 0

    def _named_by(self, commit: Commit) -> Iterator[str]:
        """The objects of its entries that are verified."""
        for index, card in enumerate(commit.cards, commit.before.size):
            if self.task.share is None or self.task.share.takes(index):
                yield layout.envelope_key(card.envelope)
                if card.facts is not None:
                    yield layout.facts_key(card.facts)
                yield layout.index_key(card.key)

    def check_follows(self, commit: Commit, before: Head, report: Report) -> None:
        """Whether it continues the log at `before`, the commit before it."""
        try:
            if before.commit is not None:
                commit.verify_follows(before.commit, before.digest)
            elif commit.previous != before.digest or commit.before != merkle.Frontier():
                raise VerificationError("the first commit doesn't begin an empty log", remedy=EDITED)
        except VerificationError as error:
            expected = f"the digest and the tree of commit {commit.number - 1}"
            report.error("a commit doesn't follow the one before", layout.commit_key(commit.number), error, expected=expected, meaning=_FORKED)

    def check_entry(self, index: int, card: Card, commit: Commit | None, stretch: Stretch) -> None:
        """The record and the index of one entry."""
        stretch.named.add(card)
        if self.task.share is not None and not self.task.share.takes(index):
            stretch.named.add_statement(index, card.envelope)
            return
        stretch.report.records += 1
        signed = self._records.verify(index, card, commit, stretch.report)
        stretch.named.add_statement(index, signed or card.envelope)
        self.compare(layout.index_key(card.key), format_index_object(index), index, stretch.report)

    def compare(self, key: str, expected: bytes, index: int, report: Report) -> None:
        """Whether an object that follows from the commits up to the one with entry `index` is there and as they make it."""
        found = self._ahead.read(key)
        if found == expected:
            return
        if found is not None:
            report.problem("an object isn't what the commits make", key, expected=short(expected), found=short(found), meaning=EDITED)
        elif index >= self.task.unpublished:
            report.note("the last commit isn't published yet", key, expected=short(expected), found="nothing", meaning=STOPPED)
        elif not (".p/" in key and self._store.read(key.split(".p/")[0]) is not None):
            report.problem("an object is missing", key, expected=short(expected), found="nothing", meaning=LOST)

    def compare_tile(self, number: int, entries: Sequence[bytes], report: Report) -> bytes:
        """Whether a full bundle and its tile are these entries; the tile's root."""
        hashes = [merkle.leaf_hash(entry) for entry in entries]
        last = number * tiles.WIDTH + len(entries) - 1
        self.compare(Tile(0, number, len(entries), bundle=True).path, tiles.format_bundle(entries), last, report)
        self.compare(Tile(0, number, len(entries)).path, tiles.format_tile(hashes), last, report)
        return merkle.perfect_root(hashes) if len(entries) == tiles.WIDTH else b""

    def check_signed(self, commit: Commit, key: str, stretch: Stretch) -> None:
        """The commit's checkpoint and time."""
        report = stretch.report
        try:
            signed = commit.verify(self._policy, origin=self.task.origin)
            self.task.revocations.check_commit(commit, self._policy)
            report.checkpoint = signed
            if self.task.published == commit.size:
                stretch.committed = report.checkpoint
        except (FormatError, VerificationError) as error:
            report.error("a commit's checkpoint can't be trusted", key, error, expected="signed, and of the tree that its entries make")
        if self.task.now is not None and commit.at > self.task.now + MAX_SKEW:
            expected = f"at most {format_time(self.task.now)}"
            report.problem("a commit is dated ahead of now", key, expected=expected, found=commit.time, meaning=_AHEAD)

    def _check_commit(self, commit: Commit, key: str, stretch: Stretch) -> None:
        self.check_signed(commit, key, stretch)
        for index, card in enumerate(commit.cards, commit.before.size):
            self.check_entry(index, card, commit, stretch)
        self._gather(commit, stretch)

    def _gather(self, commit: Commit, stretch: Stretch) -> None:
        """Put its entries into tiles, and compare those that they fill."""
        entries = commit.entries
        if not stretch.roots and stretch.first is not None and (offset := stretch.first.before.size % tiles.WIDTH):
            missing = max(0, tiles.WIDTH - offset - len(stretch.begin))
            stretch.begin += entries[:missing]
            entries = entries[missing:]
        stretch.end += entries
        if len(stretch.end) >= tiles.WIDTH:
            number = (commit.size - len(stretch.end)) // tiles.WIDTH
            stretch.roots.append(self.compare_tile(number, stretch.end[: tiles.WIDTH], stretch.report))
            stretch.end = stretch.end[tiles.WIDTH :]


def _parse(data: bytes, number: int) -> Commit | FormatError | VerificationError:
    try:
        commit = parse_commit(data)
    except (FormatError, VerificationError) as error:
        return error
    return commit if commit.number == number else VerificationError(f"it is commit {commit.number}", remedy=EDITED)


def short(data: bytes) -> str:
    """An object in a few words."""
    return f"{len(data)} bytes, SHA-256 {digest_of(data)[:16]}…"
