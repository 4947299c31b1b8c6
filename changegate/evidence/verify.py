"""Verify a whole store, or one receipt, against a trust file that came out of band. Reads only.

1. `log.json` names a log that the trust file lists.
2. The commits, from the first: each is well-formed, follows the one before by digest, tree and time, and bears a signed checkpoint of its very tree.
3. For each entry its record (`changegate.evidence.verify_records`): digest, signature, key's time, statement, facts, index.
4. Full tiles and bundles, and the partial ones of the head, are what the commits make.
5. The published checkpoint is one of the commits', and none is newer. An earlier kept checkpoint is one that this log extends.
6. Nothing lies in the store that no commit accounts for; where it keeps versions, nothing was ever hidden or replaced.

What a stopped writer leaves (waiting cards, tiles of the last commit, a stale checkpoint) is a note. What no one can see here: a log that was
rewritten from the start by a holder of its keys, where no earlier checkpoint is at hand; and records that were never appended.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, log_policy, merkle, tiles
from changegate.evidence.card import KEY, format_time, parse_card
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.commit import NO_COMMIT, Commit, digest_of, parse_commit
from changegate.evidence.edge import Edge
from changegate.evidence.findings import Report
from changegate.evidence.history import Head
from changegate.evidence.log import MAX_SKEW
from changegate.evidence.log_object import parse_log_object
from changegate.evidence.proof import parse_receipt
from changegate.evidence.publisher import format_index_object
from changegate.evidence.reader import LogReader
from changegate.evidence.signed_record import verify_record
from changegate.evidence.tree import TreeReader
from changegate.evidence.verify_history import check_history
from changegate.evidence.verify_records import RecordVerifier
from changegate.stores import Store
from changegate.trust import Trust

_EDITED: Final = "It was changed after it was written: by hand, by a failing disk or by tampering. Restore it from a copy of the store and compare."
_LOST: Final = "It was deleted, or the store wasn't copied whole. Restore it from a copy."
_STOPPED: Final = "A writer was stopped; the next append puts it right."
_PLANTED: Final = "It is damaged, or somebody without a key put it there. No writer takes it into the log; keep a copy, find out who did, remove it."
_ROLLED_BACK: Final = "The newest commits were deleted, or the store is an older copy. Records are missing."


def verify_store(
    store: Store, trust: Trust, *, since: bytes | None = None, now: datetime | None = None, progress: Callable[[int], None] = lambda _entries: None
) -> Report:
    """Everything in the store, against this trust. `since` is a checkpoint kept from earlier; `progress` is told how many entries are done.
    `now` is the verifier's own clock, where it can be relied on: no commit may be ahead of it.

    Raises `FormatError` for a trust file or a `since` that can't be used, `VerificationError` for a `since` that no trusted log signed,
    `StoreError` where the store can't be read. All else is in the report.
    """
    policy = log_policy.of(trust)
    earlier = policy.verify(since) if since is not None else None
    return _StoreVerifier(store, trust, policy, now, progress).run(earlier, since)


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
    def __init__(self, store: Store, trust: Trust, policy: log_policy.LogPolicy, now: datetime | None, progress: Callable[[int], None]) -> None:
        self._store, self._trust, self._policy, self._progress = store, trust, policy, progress
        self._now = now
        self._report = Report()
        self._records = RecordVerifier(store, trust, self._report)
        self._edge: Edge | None = Edge()
        self._origin: str | None = None
        """The log's name; None where `log.json` gives no trusted one."""
        self._published: Checkpoint | None = None
        self._committed: Checkpoint | None = None
        """The commits' own checkpoint of the published size."""
        # Eight bytes of each digest and key: enough to tell what is accounted for, at a million records in 24 MB.
        self._known = {prefix: array("Q") for prefix in (layout.ENVELOPES, layout.FACTS, layout.INDEX)}

    def run(self, earlier: Checkpoint | None, since: bytes | None) -> Report:
        self._check_log()
        self._read_published()
        head = self._check_commits(self._numbers())
        self._check_published(head)
        self._check_earlier(head, earlier, since)
        self._check_hint(head)
        self._check_objects(head)
        check_history(self._store, self._report)
        self._report.entries = head.frontier.size
        return self._report

    def _check_log(self) -> None:
        data = self._store.read(layout.LOG)
        if data is None:
            self._report.problem("the log's own object is missing", layout.LOG, expected="format version and origin", found="nothing", meaning=_LOST)
            return
        try:
            origin = parse_log_object(data)
        except FormatError as error:
            self._report.error("the log's own object is damaged", layout.LOG, error, expected="format version and origin")
            return
        names = {key.name for key in self._policy.logs}
        if origin not in names:
            meaning = "This is another log, or its name was changed. Take the trust file that belongs to it."
            self._report.problem("the log is none that is trusted", layout.LOG, expected=" or ".join(sorted(names)), found=origin, meaning=meaning)
            return
        self._origin = origin

    def _read_published(self) -> None:
        data = self._store.read(layout.CHECKPOINT)
        if data is None:
            return
        try:
            self._published = self._policy.verify(data, origin=self._origin)
        except (FormatError, VerificationError) as error:
            self._report.error("the published checkpoint can't be trusted", layout.CHECKPOINT, error, expected="signed as the trust file demands")

    def _numbers(self) -> "array[int]":
        numbers = array("Q")
        for key in self._store.list(layout.COMMITS):
            try:
                numbers.append(tiles.parse_index(key.removeprefix(layout.COMMITS)))
            except FormatError as error:
                self._report.error("no commit has such a name", key, error, expected="commit/<number>")
        return array("Q", sorted(numbers))

    def _check_commits(self, numbers: "array[int]") -> Head:
        head, expected = Head(None, NO_COMMIT), 1
        last = numbers[-1] if numbers else 0
        for number in numbers:
            for missing in range(expected, min(number, expected + 100)):
                self._report.problem(
                    "a commit is missing", layout.commit_key(missing), expected=f"commits 1 to {last}", found="nothing", meaning=_LOST
                )
            expected = number + 1
            key = layout.commit_key(number)
            data = self._store.read(key) or b""
            try:
                commit = parse_commit(data)
                if commit.number != number:
                    raise VerificationError(f"it is commit {commit.number}", remedy=_EDITED)
            except (FormatError, VerificationError) as error:
                self._report.error("a commit is damaged", key, error, expected=f"commit {number}")
                continue
            self._check_commit(commit, key, head, is_last=number == last)
            head = Head(commit, digest_of(data))
            self._progress(commit.size)
        return head

    def _check_commit(self, commit: Commit, key: str, head: Head, *, is_last: bool) -> None:
        try:
            signed = commit.verify(self._policy, origin=self._origin)
            self._report.checkpoint = signed
            if self._published and self._published.size == commit.size:
                self._committed = signed
        except (FormatError, VerificationError) as error:
            self._report.error("a commit's checkpoint can't be trusted", key, error, expected="signed, and of the tree that its entries make")
        if self._now is not None and commit.at > self._now + MAX_SKEW:
            self._report.problem(
                "a commit is dated ahead of now", key, expected=f"at most {format_time(self._now)}", found=commit.time,
                meaning="A writer's clock was wrong, or this one is; or the time was made up, so that honest writers count as late and are refused.",
            )  # fmt: skip
        follows = head.commit is not None and head.number == commit.number - 1
        try:
            if follows and head.commit is not None:
                commit.verify_follows(head.commit, head.digest)
            elif commit.number == 1 and (commit.previous != NO_COMMIT or commit.before != merkle.Frontier()):
                raise VerificationError("the first commit doesn't begin an empty log", remedy=_EDITED)
        except VerificationError as error:
            self._report.error(
                "a commit doesn't follow the one before", key, error, expected=f"the digest and the tree of commit {commit.number - 1}"
            )
        if not follows and commit.number > 1:
            self._check_gap(head.frontier.size, commit)
        # Only the last commit may be unpublished: every writer publishes it before the next one.
        unpublished = is_last and (self._published is None or self._published.size < commit.size)
        for index, entry in enumerate(commit.entries, commit.before.size):
            self._check_entry(index, entry, commit, unpublished=unpublished)
        self._check_tiles(commit, is_last=is_last, unpublished=unpublished)

    def _check_gap(self, begin: int, commit: Commit) -> None:
        """Entries whose commit is missing or damaged are still in the tree that the next one signed."""
        tree = TreeReader(self._store, commit.before.size, commit.before.root())
        for index in range(begin, commit.before.size):
            try:
                entry = tree.entries(index // tiles.WIDTH)[index % tiles.WIDTH]
            except (FormatError, VerificationError) as error:
                self._report.error("an entry can't be read", f"entry {index}", error, expected="an entry under the signed root")
                return
            self._check_entry(index, entry, None, unpublished=False)
        try:
            self._edge = tree.edge()
        except (FormatError, VerificationError):
            self._edge = None

    def _check_entry(self, index: int, entry: bytes, commit: Commit | None, *, unpublished: bool) -> None:
        card = self._records.verify(index, entry, commit)
        if card is None:
            return
        for prefix, digest in ((layout.ENVELOPES, card.envelope), (layout.FACTS, card.facts), (layout.INDEX, card.key)):
            if digest is not None:
                self._known[prefix].append(int(digest[:16], 16))
        self._compare(layout.index_key(card.key), format_index_object(index), unpublished=unpublished)

    def _check_tiles(self, commit: Commit, *, is_last: bool, unpublished: bool) -> None:
        if self._edge is None or self._edge.frontier() != commit.before:
            self._edge = None
            return
        self._edge, objects = self._edge.grow(commit.entries, commit.leaf_hashes)
        for path, data in {**objects, **(self._edge.objects() if is_last else {})}.items():
            if is_last or ".p/" not in path:
                self._compare(path, data, unpublished=unpublished)

    def _compare(self, key: str, expected: bytes, *, unpublished: bool) -> None:
        found = self._store.read(key)
        if found == expected:
            return
        if found is not None:
            self._report.problem("an object isn't what the commits make", key, expected=_short(expected), found=_short(found), meaning=_EDITED)
        elif unpublished:
            self._report.note("the last commit isn't published yet", key, expected=_short(expected), found="nothing", meaning=_STOPPED)
        elif not (".p/" in key and self._store.read(key.split(".p/")[0]) is not None):
            self._report.problem("an object is missing", key, expected=_short(expected), found="nothing", meaning=_LOST)

    def _check_published(self, head: Head) -> None:
        if self._published is None:
            if self._store.read(layout.CHECKPOINT) is None and head.commit:
                self._unpublished(head, "nothing")
            return
        size, root = self._published.size, self._published.root
        if size > head.frontier.size:
            found = f"{head.frontier.size} entries in {head.number} commits"
            self._report.problem(
                "the checkpoint is newer than the commits", layout.CHECKPOINT, expected=f"{size} entries", found=found, meaning=_ROLLED_BACK
            )
        elif self._committed is None:
            found = f"a tree of {size} entries"
            self._report.problem("the checkpoint is no commit's", layout.CHECKPOINT, expected="one commit's checkpoint", found=found, meaning=_EDITED)
        elif self._committed.root != root:
            expected, meaning = self._committed.root.hex(), "Two histories were signed: the log's key was used to fork it. Keep both."
            self._report.problem("the checkpoint is of another tree", layout.CHECKPOINT, expected=expected, found=root.hex(), meaning=meaning)
        elif size < head.frontier.size:
            self._unpublished(head, f"{size} entries")

    def _unpublished(self, head: Head, found: str) -> None:
        # The last writer was stopped, or a slow one put an older checkpoint over a newer one: either way nothing is lost.
        self._report.note(
            "the published checkpoint is stale", layout.CHECKPOINT, expected=f"{head.frontier.size} entries", found=found, meaning=_STOPPED
        )

    def _check_earlier(self, head: Head, earlier: Checkpoint | None, since: bytes | None) -> None:
        if earlier is None or since is None:
            return
        where = f"the earlier checkpoint, {earlier.size} entries"
        try:
            if head.commit is None:
                raise VerificationError("the log is empty now", remedy=_ROLLED_BACK)
            LogReader(self._store, self._policy, head.commit.checkpoint).verify_extends(earlier)
        except (FormatError, VerificationError) as error:
            self._report.error("the log doesn't continue the earlier checkpoint", where, error, expected="a tree that begins with that one")

    def _check_hint(self, head: Head) -> None:
        hint = self._store.read(layout.HINT)
        if hint is not None and not (hint.isdigit() and len(hint) < 16 and int(hint) <= head.number):
            self._report.problem(
                "the hint names a commit that isn't there", layout.HINT, expected=f"at most {head.number}", found=_short(hint), meaning=_ROLLED_BACK
            )

    def _check_objects(self, head: Head) -> None:
        """Step 6: everything in the store is accounted for."""
        for known in self._known.values():
            ordered = array("Q", sorted(known))
            known[:] = ordered
        self._check_repeated(self._known[layout.ENVELOPES])
        tree = TreeReader(self._store, head.frontier.size, head.frontier.root())
        for key in self._store.list(""):
            if key in {layout.LOG, layout.CHECKPOINT, layout.HINT} or key.startswith(layout.COMMITS):
                continue
            if key.startswith(layout.TILES):
                self._check_tile(key, tree)
            elif key.startswith(layout.PENDING):
                self._check_waiting(key)
            elif not self._accounted(key):
                self._check_extra(key)

    def _check_repeated(self, envelopes: "array[int]") -> None:
        """A record stands in the log once: entered again, an old one would look like the newest."""
        for one, other in pairwise(envelopes):
            if one == other:
                self._report.problem(
                    "a record is entered twice", f"{layout.ENVELOPES}{one >> 56:02x}/{one:016x}…", expected="one entry", found="another one",
                    meaning="An old record was entered anew, under another key, to look like a new one.",
                )  # fmt: skip

    def _check_waiting(self, key: str) -> None:
        """Whoever may write to the store can put anything there. No writer commits it, so the log is none the worse: a note, whatever it is."""
        name = key.removeprefix(layout.PENDING)
        try:
            card = parse_card((self._store.read(key) if KEY.fullmatch(name) else None) or b"")
            if card.key != name:
                raise VerificationError(f"the card's own key is {card.key}", remedy=_PLANTED)
            verify_record(card, self._store.read(layout.envelope_key(card.envelope)) or b"", self._trust)
        except (FormatError, VerificationError) as error:
            self._report.note("a waiting card stands for no signed record", key, expected="a signed record", found=error.message, meaning=_PLANTED)
            return
        self._report.note("a record waits for its commit", key, expected="an entry", found="a waiting card", meaning=_STOPPED)

    def _accounted(self, key: str) -> bool:
        for prefix, of in ((layout.ENVELOPES, layout.envelope_key), (layout.FACTS, layout.facts_key), (layout.INDEX, layout.index_key)):
            name = key.rpartition("/")[2].partition(".")[0]
            if key.startswith(prefix) and key == of(name) and len(name) == 64 and all(each in "0123456789abcdef" for each in name):
                number, known = int(name[:16], 16), self._known[prefix]
                at = bisect_left(known, number)
                return at < len(known) and known[at] == number
        return False

    def _check_extra(self, key: str) -> None:
        if key.startswith((layout.ENVELOPES, layout.FACTS)):
            meaning = "A writer was stopped before its card waited, or a second run wrote another record; or an entry's commit is gone."
            self._report.note("an object belongs to no entry", key, expected="an entry that names it", found="none", meaning=meaning)
        else:
            meaning = "Somebody put it there, or the commit that it came from was deleted."
            self._report.problem("an object belongs to no commit", key, expected="nothing", found="an object", meaning=meaning)

    def _check_tile(self, key: str, tree: TreeReader) -> None:
        """A tile or bundle beyond the tree is one too many; a partial one must be the beginning of the tree's."""
        try:
            tile = tiles.parse_path(key)
        except FormatError as error:
            self._report.error("no tile has such a name", key, error, expected="a tile's path")
            return
        now = tiles.tile_at(tile.level, tile.index, tree.size)
        if tile.level > tiles.MAX_LEVEL or now.width < tile.width:
            meaning = "Commits were deleted, or somebody put it there."
            self._report.problem(
                "a tile lies beyond the tree", key, expected=f"at most {now.width} wide", found=f"{tile.width} wide", meaning=meaning
            )
        elif tile.width < tiles.WIDTH or self._edge is None:
            data = self._store.read(key)
            try:
                whole = tree.entries(tile.index) if tile.bundle else tree.tile(now)
            except (FormatError, VerificationError) as error:
                if self._edge is None:  # else it was held against the commits, and reported there
                    self._report.error("a tile isn't what the signed root demands", key, error, expected="the tree's hashes")
                return
            expected = tiles.format_bundle(whole[: tile.width]) if tile.bundle else tiles.format_tile(whole[: tile.width])
            if data != expected:
                self._report.problem("a tile isn't what the commits make", key, expected=_short(expected), found=_short(data or b""), meaning=_EDITED)


def _short(data: bytes) -> str:
    return f"{len(data)} bytes, SHA-256 {digest_of(data)[:16]}…"
