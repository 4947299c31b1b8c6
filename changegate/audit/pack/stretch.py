"""The stretch of the log that a period lies in: from one signed checkpoint to another, every entry between, and the way to the newest one.

The tree at `begin`, grown by `entries`, is the tree at `end`: whoever does that sum needs no proof that no entry was left out between them. Nor is
one left out around them: the log begins or ends there, or an entry is dated so long before or after the period that none of it lies beyond that one.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from changegate import canonical
from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, merkle, tiles
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.commit import Commit, parse_commit
from changegate.evidence.history import History
from changegate.evidence.log_policy import LogPolicy
from changegate.evidence.reader import LogReader
from changegate.stores import Store

ENTRIES: Final = "log/entries.jsonl"
RANGE: Final = "log/range.json"
BEGIN: Final = "checkpoints/begin"
END: Final = "checkpoints/end"
NEWEST: Final = "checkpoints/newest"
_REMEDY: Final = "The pack was changed, or made of another log. Ask for it again; `changegate verify STORE` says whether the log is whole."


@dataclass(frozen=True)
class Stretch:
    """Signed notes, the frontier of the tree before, the entries, and the consistency proof from `end` to `newest`."""

    begin: bytes
    """Empty where the stretch begins with the log."""
    end: bytes
    newest: bytes
    frontier: merkle.Frontier
    entries: tuple[bytes, ...]
    consistency: tuple[bytes, ...]

    @property
    def last(self) -> int:
        """The log's size at `end`."""
        return self.frontier.size + len(self.entries)

    def verify(self, policy: LogPolicy) -> Checkpoint:
        """The newest checkpoint, verified as the policy demands, and with it that these are all of the log's entries between begin and end.

        1. The newest checkpoint is signed and witnessed. It has no time of its own: whether its key had ended is the caller's to ask.
        2. The log's own key signed those at begin and end.
        3. The frontier's root is the one at begin; with the entries it is the one at end.
        4. The newest tree continues the one at end.

        Raises `VerificationError`, `FormatError`.
        """
        newest = policy.verify(self.newest)
        own = policy.unwitnessed()
        if self.frontier.size:
            _same(own.verify(self.begin, origin=newest.origin), self.frontier, "before the period")
        after = self.frontier.extend(merkle.leaf_hash(entry) for entry in self.entries)
        end = own.verify(self.end, origin=newest.origin)
        _same(end, after, "with the entries in the pack")
        if end.size > newest.size:
            raise VerificationError("the pack's newest checkpoint is older than the period's end", remedy=_REMEDY)
        if end.size:
            merkle.verify_consistency(end.size, end.root, newest.size, newest.root, self.consistency)
        return newest


def _same(signed: Checkpoint, tree: merkle.Frontier, where: str) -> None:
    if (signed.size, signed.root) != (tree.size, tree.root()):
        raise VerificationError(f"the log {where} isn't the one that was signed, at {signed.size} entries", remedy=_REMEDY)


def cut(reader: LogReader, store: Store, policy: LogPolicy, first: int, last: int, *, now: datetime) -> Stretch:
    """The shortest stretch with the entries from `first` to before `last`.

    Raises `VerificationError`, `FormatError`, `StoreError`.
    """
    head = History(store, policy, lambda: now).find_head()
    before = _last_commit(store, head.number, lambda commit: commit.size <= first)
    after = _next(store, head.number, last)
    size = before.size if before else 0
    end, signed = (after.size, after.checkpoint) if after is not None and after.size < reader.size else (reader.size, reader.signed)
    bundles = range(size // tiles.WIDTH, -(-end // tiles.WIDTH))
    entries = tuple(
        entry for bundle in bundles for at, entry in enumerate(reader.entries(bundle), bundle * tiles.WIDTH) if size <= at < end
    )  # fmt: skip
    proof = merkle.consistency_proof(end, reader.size, reader.hashes) if 0 < end < reader.size else ()
    found = Stretch(before.checkpoint if before else b"", signed, reader.signed, _frontier(reader, size), entries, proof)
    found.verify(policy)
    return found


def _next(store: Store, head: int, high: int) -> Commit | None:
    """The first commit with at least `high` entries."""
    before = _last_commit(store, head, lambda commit: commit.size < high)
    return _read(store, before.number + 1 if before else 1)


def _last_commit(store: Store, head: int, holds: Callable[[Commit], bool]) -> Commit | None:
    """The last commit of which something holds that holds of all before it."""
    low, high, found = 0, head, None
    while low < high:
        middle = (low + high + 1) // 2
        commit = _read(store, middle)
        if commit is None:
            raise VerificationError(f"{layout.commit_key(middle)} is missing", remedy="`changegate verify STORE` says what else is.")
        if holds(commit):
            low, found = middle, commit
        else:
            high = middle - 1
    return found


def _read(store: Store, number: int) -> Commit | None:
    data = store.read(layout.commit_key(number))
    return parse_commit(data) if data is not None else None


def _frontier(reader: LogReader, size: int) -> merkle.Frontier:
    hashes, begin = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            hashes.append(reader.hashes(level, begin >> level))
            begin += 1 << level
    return merkle.Frontier(size, tuple(hashes))


def format_range(stretch: Stretch, newest: int) -> bytes:
    """The numbers and hashes, as JSON."""
    said: dict[str, Any] = {
        "begin": stretch.frontier.size,
        "end": stretch.last,
        "newest": newest,
        "frontier": [each.hex() for each in stretch.frontier.hashes],
        "consistency": [each.hex() for each in stretch.consistency],
    }
    return (json.dumps(said, indent=1) + "\n").encode("ascii")


def format_entries(stretch: Stretch) -> bytes:
    """One entry a line: a card's canonical JSON has no line break in it."""
    return b"".join(entry + b"\n" for entry in stretch.entries)


def parse(begin: bytes, end: bytes, newest: bytes, numbers: bytes, entries: bytes) -> Stretch:
    """Read what the two functions above wrote; nothing is verified yet. Raises `FormatError`."""
    match canonical.loads(numbers, what=RANGE):
        case {"begin": int(first), "end": int(last), "newest": int(size), "frontier": [*frontier], "consistency": [*consistency]}:
            lines = entries.split(b"\n")
            found = Stretch(begin, end, newest, merkle.Frontier(first, _hashes(frontier)), tuple(lines[:-1]), _hashes(consistency))
            sound = first >= 0 and len(frontier) == first.bit_count() and found.last == last and bool(begin) == bool(first)
            if sound and not lines[-1] and format_range(found, size) == numbers:
                return found
    raise FormatError("the pack's stretch of the log isn't whole", remedy=_REMEDY)


def _hashes(texts: list[Any]) -> tuple[bytes, ...]:
    try:
        found = tuple(bytes.fromhex(each) for each in texts)
    except (TypeError, ValueError) as error:
        raise FormatError("the pack's stretch of the log: not hashes in hexadecimal", remedy=_REMEDY) from error
    if any(len(each) != merkle.HASH_BYTES for each in found):
        raise FormatError("the pack's stretch of the log: not SHA-256 hashes", remedy=_REMEDY)
    return found
