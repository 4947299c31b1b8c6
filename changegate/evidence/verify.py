"""Verify a whole store, or one receipt, against a trust file that came out of band. Reads only.

1. `log.json` names a log that the trust file lists.
2. The commits, from the first (`changegate.evidence.verify_commits`): each is well-formed, follows the one before by digest, tree and time, and
   bears a signed checkpoint of its very tree.
3. For each entry its record (`changegate.evidence.verify_records`): digest, signature, key's time, statement, facts, index.
4. Full tiles and bundles, and the partial ones of the head, are what the commits make (`changegate.evidence.verify_tiles`).
5. The published checkpoint is one of the commits', and none is newer. An earlier kept checkpoint is one that this log extends.
6. Nothing lies in the store that no commit accounts for (`changegate.evidence.verify_objects`); where it keeps versions, nothing was ever hidden or
   replaced (`changegate.evidence.verify_history`).
7. Timestamps are trusted authorities', and near the times that the commits claim (`changegate.evidence.verify_timestamps`).

The log may grow meanwhile: the checkpoint is read first, then the objects are listed, then the commits, so that whatever was seen has its commit.

What a stopped writer leaves (waiting cards, tiles of the last commit, a stale checkpoint) is a note. What no one can see here: a log that was
rewritten from the start by a holder of its keys, where no earlier checkpoint is at hand; and records that were never appended.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, log_policy, merkle, tiles
from changegate.evidence.card import parse_card
from changegate.evidence.checkpoint import Checkpoint, TreeHead
from changegate.evidence.commit import NO_COMMIT, Commit, digest_of, parse_commit
from changegate.evidence.findings import EDITED, LOST, PLANTED, ROLLED_BACK, STOPPED, Report
from changegate.evidence.history import Head
from changegate.evidence.log_object import parse_log_object
from changegate.evidence.named import Buckets
from changegate.evidence.newest import is_fresh
from changegate.evidence.proof import parse_receipt
from changegate.evidence.reader import LogReader
from changegate.evidence.revocations import Revocations, collect
from changegate.evidence.signed_record import verify_record
from changegate.evidence.tree import TreeReader
from changegate.evidence.verify_commits import CommitVerifier, Share, Stretch, Task, short
from changegate.evidence.verify_history import check_history
from changegate.evidence.verify_objects import ObjectVerifier, check_repeated
from changegate.evidence.verify_revocations import list_revoking
from changegate.evidence.verify_tiles import TileVerifier
from changegate.evidence.verify_timestamps import verify_timestamps
from changegate.evidence.workers import Workers
from changegate.stores import Store
from changegate.trust import Trust

RUN: Final = 32
"""How many commits are verified at a time."""
ALONE: Final = 4096
"""Up to so many entries one process is faster than several."""
_MISSING_NAMED: Final = 100
_NEVER: Final = 2**63
_OTHER_LOG: Final = "This is another log, or its name was changed. Take the trust file that belongs to it; else restore log.json from a copy."
_FORKED: Final = "Two histories were signed: the log's key was used to fork it. Keep both, and find out who has the key."
_UNWITNESSED: Final = (
    "Nobody but the holder of the log's key says that these entries are the log's only ones. Have it cosigned (`changegate witness cosign`, or the "
    "next append) and verify again; where the witnesses refuse, they know another history: the log's key was used to fork it."
)
_BROKEN: Final = "The log was rolled back or rewritten since, or its tiles are damaged. Keep the earlier checkpoint, it is the proof; restore a copy."


@dataclass(frozen=True)
class Scope:
    """What is verified. By default: everything, in this process."""

    share: Share | None = None
    """Only these records; no object is looked for that nothing accounts for."""
    new_only: bool = False
    """Only what is newer than the earlier checkpoint, and that the tree has grown from it."""
    workers: Workers | None = None

    @property
    def lists(self) -> bool:
        """Whether every object of the store is held against the entries."""
        return self.share is None and not self.new_only


def verify_store(
    store: Store,
    trust: Trust,
    *,
    since: bytes | TreeHead | None = None,
    now: datetime | None = None,
    scope: Scope | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """Everything in the store, against this trust. `since` is a checkpoint kept from earlier, or what
    somebody copied of one; `progress` is told how many entries are done, and of
    how many. `now` is the verifier's own clock, where it can be relied on: no commit may be ahead of it.

    Raises `FormatError` for a trust file or a `since` that can't be used, `VerificationError` for a `since` that no trusted log signed,
    `StoreError` where the store can't be read or a worker died. All else is in the report.
    """
    policy = log_policy.of(trust)
    earlier = policy.unwitnessed().verify(since) if isinstance(since, bytes) else since
    return _StoreVerifier(store, trust, policy, now, scope or Scope(), progress).run(earlier)


def verify_receipt(receipt: bytes, record: bytes, trust: Trust) -> Checkpoint:
    """The verified checkpoint that holds this record. `record` is the envelope, or the entry itself.

    An envelope's own signature is verified too, and that the entry says what it says. Raises `FormatError`, `VerificationError`.
    """
    parsed = parse_receipt(receipt)
    entry = parsed.extra if parsed.extra is not None else record
    card = parse_card(entry)
    verified = parsed.verify(merkle.leaf_hash(entry), log_policy.of(trust))
    if record == entry:
        return verified
    verify_record(card, record, trust)
    return verified


class _StoreVerifier:
    def __init__(
        self, store: Store, trust: Trust, policy: log_policy.LogPolicy, now: datetime | None, scope: Scope, progress: Callable[[int, int], None]
    ) -> None:
        self._store, self._trust, self._policy, self._now = store, trust, policy, now
        self._scope, self._progress = scope, progress
        self._report = Report()
        self._published: Checkpoint | None = None
        self._committed: Checkpoint | None = None
        """The commits' own checkpoint of the published size."""
        self._head = Head(None, NO_COMMIT)

    def run(self, earlier: Checkpoint | TreeHead | None) -> Report:
        """Steps 1 to 7."""
        origin = self._check_log()
        self._read_published(origin)
        hint = self._store.read(layout.HINT)
        with Buckets() as listed, Buckets() as named:
            objects = ObjectVerifier(self._store, self._trust, self._report, named, listed)
            if self._scope.lists:
                objects.list(self._published.size if self._published else 0)
            spans = self._spans()
            self._commits, size = self._prepare(origin, spans)
            self._tiles = TileVerifier(self._store, self._commits, self._report)
            first = self._skip(earlier) if earlier is not None and self._scope.new_only else 1
            for stretch in self._stretches(spans, first, size):
                self._join(stretch, named)
            self._tiles.finish()
            check_repeated(named, self._report)
            self._check_published()
            self._check_earlier(earlier)
            self._check_hint(hint)
            if self._scope.lists:
                frontier = self._head.frontier
                objects.verify(TreeReader(self._store, frontier.size, frontier.root()), self._tiles)
                check_history(self._store, self._report)
        verify_timestamps(self._store, self._trust, self._head.number, self._report)
        self._report.entries = self._head.frontier.size
        return self._report

    def _check_log(self) -> str | None:
        data = self._store.read(layout.LOG)
        if data is None:
            self._report.problem("the log's own object is missing", layout.LOG, expected="format version and origin", found="nothing", meaning=LOST)
            return None
        try:
            origin = parse_log_object(data)
        except FormatError as error:
            self._report.error("the log's own object is damaged", layout.LOG, error, expected="format version and origin", meaning=EDITED)
            return None
        names = {key.name for key in self._policy.logs}
        if origin not in names:
            expected = " or ".join(sorted(names))
            self._report.problem("the log is none that is trusted", layout.LOG, expected=expected, found=origin, meaning=_OTHER_LOG)
            return None
        return origin

    def _read_published(self, origin: str | None) -> None:
        data = self._store.read(layout.CHECKPOINT)
        if data is None:
            return
        try:
            self._published = self._policy.verify(data, origin=origin)
        except (FormatError, VerificationError) as error:
            self._report.error("the published checkpoint can't be trusted", layout.CHECKPOINT, error, expected="signed as the trust file demands")

    def _spans(self) -> list[tuple[int, int]]:
        """The numbers of the commits that are there, as spans without a gap: in an honest log one."""
        spans: list[tuple[int, int]] = []
        for key in self._store.list(layout.COMMITS):
            try:
                number = tiles.parse_index(key.removeprefix(layout.COMMITS))
            except FormatError as error:
                self._report.error("no commit has such a name", key, error, expected="commit/<number>", meaning=PLANTED)
                continue
            if spans and spans[-1][1] == number - 1:
                spans[-1] = (spans[-1][0], number)
            else:
                spans.append((number, number))
        merged: list[tuple[int, int]] = []
        for begin, end in sorted(spans):  # by name x001/999 comes before x001/x000/000
            if merged and merged[-1][1] == begin - 1:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((begin, end))
        return merged

    def _prepare(self, origin: str | None, spans: list[tuple[int, int]]) -> tuple[CommitVerifier, int]:
        """The verifier of commits, and how many entries the last one says there are."""
        published = self._published.size if self._published else 0
        unpublished, size = _NEVER, published
        try:
            last = parse_commit(self._store.read(layout.commit_key(spans[-1][1])) or b"") if spans else None
        except FormatError:
            last = None
        if last is not None:
            size = last.size
            # Only the last commit may be unpublished: every writer publishes it before the next one.
            unpublished = last.before.size if published < size else _NEVER
        revoked = self._find_revocations(origin, last)
        return CommitVerifier(self._store, Task(self._trust, origin, published, unpublished, self._now, self._scope.share, revoked)), size

    def _read_tiles_of(self, head: Commit) -> LogReader | None:
        """The log as the tiles in the store must have it: at its head or, where a writer was stopped before it wrote the head's, one commit before.

        None where that is no commit. Raises `VerificationError`, `FormatError`.
        """
        if self._published is None or self._published.size < head.size:
            before = self._read_commit(head.number - 1) if head.number > 1 else None
            return LogReader(self._store, self._policy.unwitnessed(), before.checkpoint) if before is not None else None
        return LogReader(self._store, self._policy.unwitnessed(), head.checkpoint)

    def _find_revocations(self, origin: str | None, last: Commit | None) -> Revocations:
        """What the log revokes, wherever it says so: no index is relied on, which anybody could take away who may write to the store.

        What can't be read of the entries is found again, and named, where they are held against the commits; but where older commits aren't read.
        """
        unread = self._report if self._scope.new_only else Report()
        try:
            reader = self._read_tiles_of(last) if last is not None and origin is not None else None
            found = collect(list_revoking(reader, self._store, last, unread), self._store, self._trust)
        except (FormatError, VerificationError) as error:
            unread.error("revocations can't be looked for", "the tree's right edge", error, expected="the signed tree", meaning=LOST)
            return Revocations(self._trust)
        self._report.revoked = tuple(str(each) for each in found)
        return found

    def _skip(self, earlier: Checkpoint | TreeHead) -> int:
        """The first commit that goes beyond the earlier checkpoint; the head is then the one before it, as the tree has it."""
        low, high = 0, 1
        while (commit := self._read_commit(high)) is not None and commit.size <= earlier.size:
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            commit = self._read_commit(middle)
            low, high = (middle, high) if commit is not None and commit.size <= earlier.size else (low, middle)
        data = self._store.read(layout.commit_key(low)) if low else None
        if data is not None:
            commit = parse_commit(data)
            self._head = Head(commit, digest_of(data))
            self._commits.check_signed(commit, layout.commit_key(low), stretch := Stretch())
            self._take(stretch)
            self._jump(TreeReader(self._store, commit.size, commit.after.root()))
        return low + 1

    def _read_commit(self, number: int) -> Commit | None:
        try:
            return parse_commit(self._store.read(layout.commit_key(number)) or b"")
        except FormatError:
            return None

    def _stretches(self, spans: list[tuple[int, int]], first: int, size: int) -> Iterator[Stretch]:
        """All of them, in order; what is missing before each is reported before it."""
        workers = self._scope.workers
        if workers is None or workers.jobs < 2 or size - self._head.frontier.size <= ALONE:
            found: Iterable[list[Stretch]] = (self._commits.verify(*run) for run in _runs(spans, first))
        else:
            found = workers.verify(self._commits.task, _runs(spans, first))
        expected = first
        for (begin, end), stretches in zip(_runs(spans, first), found, strict=True):
            for missing in range(expected, min(begin, expected + _MISSING_NAMED)):
                key = layout.commit_key(missing)
                self._report.problem("a commit is missing", key, expected=f"commits 1 to {spans[-1][1]}", found="nothing", meaning=LOST)
            expected = end + 1
            yield from stretches
            self._progress(self._head.frontier.size, size)

    def _join(self, stretch: Stretch, named: Buckets) -> None:
        """Put the next stretch after what was verified before."""
        commit = stretch.first
        if commit is not None and stretch.last is not None:
            if commit.number == self._head.number + 1:
                self._commits.check_follows(commit, self._head, self._report)
            if commit.before != self._head.frontier:
                self._bridge(commit, named)
            self._tiles.add(stretch, commit, stretch.last.frontier.size)
            self._head = stretch.last
        self._take(stretch)
        named.add_named(stretch.named)

    def _take(self, stretch: Stretch) -> None:
        self._report.take(stretch.report)
        self._committed = stretch.committed or self._committed

    def _bridge(self, commit: Commit, named: Buckets) -> None:
        """Entries whose commit is missing or damaged are still in the tree that the next one signed."""
        tree, between = TreeReader(self._store, commit.before.size, commit.before.root()), Stretch()
        for index in range(self._head.frontier.size, commit.before.size):
            try:
                card = parse_card(tree.entries(index // tiles.WIDTH)[index % tiles.WIDTH])
            except (FormatError, VerificationError) as error:
                expected = "an index card under the signed root"
                self._report.error("an entry can't be read", f"entry {index}", error, expected=expected, meaning=LOST)
                break
            self._commits.check_entry(index, card, None, between)
        self._take(between)
        named.add_named(between.named)
        self._jump(tree)

    def _jump(self, tree: TreeReader) -> None:
        try:
            self._tiles.jump(tree)
        except (FormatError, VerificationError) as error:
            self._tiles.whole = False
            self._report.error("the tiles can't be read", f"the tree's first {tree.size} entries", error, expected="the signed tree", meaning=LOST)

    def _check_published(self) -> None:
        head = self._head
        if self._published is None:
            if self._store.read(layout.CHECKPOINT) is None and head.commit:
                self._unpublished("nothing")
            return
        size, root = self._published.size, self._published.root
        if size > head.frontier.size:
            what, found = "the checkpoint is newer than the commits", f"{head.frontier.size} entries in {head.number} commits"
            self._report.problem(what, layout.CHECKPOINT, expected=f"{size} entries", found=found, meaning=ROLLED_BACK)
            return
        if self._committed is None and not self._scope.new_only:
            found = f"a tree of {size} entries"
            self._report.problem("the checkpoint is no commit's", layout.CHECKPOINT, expected="one commit's checkpoint", found=found, meaning=EDITED)
        elif self._committed is not None and self._committed.root != root:
            expected = self._committed.root.hex()
            self._report.problem("the checkpoint is of another tree", layout.CHECKPOINT, expected=expected, found=root.hex(), meaning=_FORKED)
        elif size < head.frontier.size:
            self._unpublished(f"{size} entries")

    def _unpublished(self, found: str) -> None:
        expected = f"{self._head.frontier.size} entries"
        if self._policy.quorum != log_policy.NONE and not self._is_fresh(self._published.size if self._published else 0):
            what = "no quorum of witnesses stands behind the newest entries"
            self._report.problem(what, layout.CHECKPOINT, expected=f"{expected}, cosigned", found=f"{found}, cosigned", meaning=_UNWITNESSED)
            return
        # The last writer was stopped, or a slow one put an older checkpoint over a newer one: either way nothing is lost.
        self._report.note("the published checkpoint is stale", layout.CHECKPOINT, expected=expected, found=found, meaning=STOPPED)

    def _is_fresh(self, size: int) -> bool:
        return self._now is not None and is_fresh(self._head.commit, size, self._now, self._read_commit)

    def _check_earlier(self, earlier: Checkpoint | TreeHead | None) -> None:
        if earlier is None:
            return
        where = f"the earlier checkpoint, {earlier.size} entries"
        try:
            if self._head.commit is None:
                raise VerificationError("the log is empty now", remedy=ROLLED_BACK)
            self._check_extends(earlier, self._head.commit)
        except (FormatError, VerificationError) as error:
            what = "the log doesn't continue the earlier checkpoint"
            meaning = _BROKEN if isinstance(earlier, Checkpoint) else f"{_BROKEN} First look whether it was copied whole, and from this very log."
            self._report.error(what, where, error, expected="a tree that begins with that one", meaning=meaning)

    def _check_extends(self, earlier: Checkpoint | TreeHead, head: Commit) -> None:
        """Raise `VerificationError` unless the log at this commit, which follows the one before, continues the earlier checkpoint."""
        reader = self._read_tiles_of(head)
        if reader is None or reader.size < earlier.size:
            reader = LogReader(self._store, self._policy.unwitnessed(), head.checkpoint)  # of an equal size only the roots are compared
        reader.verify_extends(earlier if isinstance(earlier, Checkpoint) else Checkpoint(reader.checkpoint.origin, earlier.size, earlier.root))

    def _check_hint(self, hint: bytes | None) -> None:
        if hint is not None and not (hint.isdigit() and len(hint) < 16 and int(hint) <= self._head.number):
            expected = f"at most {self._head.number}"
            self._report.problem("the hint names a commit that isn't there", layout.HINT, expected=expected, found=short(hint), meaning=ROLLED_BACK)


def _runs(spans: list[tuple[int, int]], first: int) -> Iterator[tuple[int, int]]:
    """The commits from `first` on, some at a time."""
    for begin, end in spans:
        for at in range(max(begin, first), end + 1, RUN):
            yield at, min(at + RUN - 1, end)
