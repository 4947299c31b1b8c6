"""The only writer of a log: many pipelines append, no server coordinates them.

It rests on one primitive of the store, *create a key unless it exists*. The protocol:

1. The record's envelope and facts, by their digests; then `pending/<idempotency key>`: the card.
2. The head *k*: the highest commit. Is the card in already → its receipt.
3. Everything pending, at most 256 entries, this one first; the tree's frontier grown by them; the checkpoint signed; **`create commit/<k+1>`**.
4. The race is lost → read back: it may be our own commit whose reply was lost (its nonce tells), or our card may be in it. Else from 2.
5. The winner writes tiles, bundles and indices, publishes the checkpoint, removes pending. Never before winning; all are functions of the commits.

A crash after 1 leaves a pending card, which the next writer appends. A crash after 3 leaves a commit without tiles: whoever appends next, writes them
first, by the same function. So for all commits below the head, tiles and indices exist; what isn't in an index nor in the head isn't committed.
"""

import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from changegate import canonical
from changegate.errors import FormatError, InputError, StoreError, VerificationError
from changegate.evidence import layout, log_policy, merkle, note, tiles
from changegate.evidence.card import Card, format_card, format_time, parse_card
from changegate.evidence.commit import MAX_ENTRIES, NO_COMMIT, Commit, digest_of, format_commit, grow, parse_commit
from changegate.evidence.edge import Edge
from changegate.evidence.proof import Receipt
from changegate.evidence.reader import LogReader, decompress, signed_size
from changegate.evidence.tree import TreeReader
from changegate.signing import Signer
from changegate.stores import Batch, Store

MAX_ATTEMPTS: Final = 1000
MAX_SKEW: Final = timedelta(minutes=5)
_HINT_EVERY: Final = 16
_ROLLED_BACK: Final = "Keep what you have as proof. Restore the store from a copy, and find out who changed it; `changegate verify` says more."


class AlreadyRecordedError(StoreError):
    """The idempotency key has an entry, and it is another record's: an earlier run of the same attempt got that far.

    Nothing is lost: the earlier record is in the log, under `receipt`.
    """

    def __init__(self, card: Card, receipt: Receipt) -> None:
        super().__init__(
            f"this run attempt is recorded already, as entry {receipt.index} ({card.decision} at {card.time})",
            remedy="Use that record; or start a new attempt of the run, which gets a record of its own.",
        )
        self.card = card
        self.receipt = receipt


@dataclass(frozen=True)
class Environment:
    """What a log needs from outside, so that it can be tested without waiting or chance."""

    clock: Callable[[], datetime]
    """Now, with a time zone."""
    pause: Callable[[int], None]
    """Wait, with jitter, before attempt *n* (1, 2, …) after a lost race."""
    nonce: Callable[[], str]
    """32 random hex digits."""
    reference: Callable[[], datetime | None] = lambda: None
    """A clock that isn't this machine's (a forge's `Date` header), where there is one."""


@dataclass(frozen=True)
class _Head:
    commit: Commit | None
    digest: str

    @property
    def number(self) -> int:
        return self.commit.number if self.commit else 0

    @property
    def frontier(self) -> merkle.Frontier:
        return self.commit.after if self.commit else merkle.Frontier()


class Log:
    """A log in a store, with the key that signs its checkpoints. Not for use by several threads at once."""

    def __init__(
        self,
        store: Store,
        signer: Signer,
        origin: str,
        environment: Environment,
        *,
        also_trusted: Iterable[note.VerifierKey] = (),
        known: bytes | None = None,
    ) -> None:
        """`also_trusted` are keys that signed earlier (rotation); `known` is a checkpoint kept from before: a log behind it was rolled back.

        Nothing is read or written yet. Raises `FormatError` for an origin that can't be a key's name.
        """
        self._store, self._signer, self._origin, self._environment = store, signer, origin, environment
        self.verifier_key = note.verifier_key(origin, signer.public_key)
        self._policy = log_policy.LogPolicy((self.verifier_key, *also_trusted), {}, {}, log_policy.NONE)
        self._known = known
        self._head: _Head | None = None
        self._edge: Edge | None = None

    def append(self, card: Card, *, envelope: bytes, facts: bytes | None = None) -> Receipt:
        """Append a record; the receipt once it is durable in the log. Appending the same again gives a receipt for the same entry.

        `facts` is the canonical JSON whose digest the card names. Raises `AlreadyRecordedError`, `StoreError`, `VerificationError`, `InputError`.
        """
        self._check_input(card, envelope, facts)
        self._check_clock(card)
        self._open()
        own = self._submit(card, envelope, facts)
        walked_from = 0
        for attempt in range(1, MAX_ATTEMPTS + 1):
            receipt = self._find_own(own.key, walked_from) or self._commit(own)
            if receipt:
                return self._settle(card, receipt)
            walked_from = self._head.number if self._head else 0
            self._environment.pause(attempt)
        raise StoreError(f"lost the race for a commit {MAX_ATTEMPTS} times", remedy="Run again: the record waits in pending/ and isn't lost.")

    def reader(self) -> LogReader | None:
        """The log for reading, as of its newest commit, after finishing what a crashed writer left; None while it is empty."""
        if self._store.read(layout.LOG) is None:
            return None
        self._open()
        head = self._find_head()
        self._roll_forward(head)
        return LogReader(self._store, self._policy, head.commit.checkpoint) if head.commit else None

    def _check_input(self, card: Card, envelope: bytes, facts: bytes | None) -> None:
        if digest_of(envelope) != card.envelope or (digest_of(facts) if facts is not None else None) != card.facts:
            raise InputError("the card doesn't name these very objects", remedy="Report this: it is a mistake in changegate.")

    def _check_clock(self, card: Card) -> None:
        now, reference = self._environment.clock(), self._environment.reference()
        if reference is not None and abs(now - reference) > MAX_SKEW:
            raise _clock_error(now, reference, "the forge's clock")
        if card.at > now + MAX_SKEW:
            raise _clock_error(now, card.at, "the record's own time")

    def _open(self) -> None:
        """Step 0: the log is ours, or begins now."""
        if self._head is not None:
            return
        data = self._store.read(layout.LOG)
        if data is None:
            begun = {"version": 1, "origin": self._origin, "created": format_time(self._environment.clock())}
            if self._store.create(layout.LOG, canonical.dumps(begun)):
                return
            data = self._store.read(layout.LOG) or b""
        origin = parse_log_object(data)
        if origin != self._origin:
            raise StoreError(
                f"{self._store.url} holds the log {origin!r}, not {self._origin!r}",
                remedy="Correct the log's origin in the configuration, or name another store: two logs never share one.",
            )

    def _submit(self, card: Card, envelope: bytes, facts: bytes | None) -> Card:
        """Step 1. The card that waits under this idempotency key: ours, or one that an earlier run of the same attempt left.

        A crash here leaves objects that no entry names (harmless), or a pending card that the next writer appends.
        """
        pending = layout.pending_key(card.key)
        objects = {layout.envelope_key(card.envelope): envelope}
        if facts is not None and card.facts is not None:
            objects[layout.facts_key(card.facts)] = gzip.compress(facts, mtime=0)
        objects[pending] = format_card(card)
        for key in self._store.apply(Batch(create=objects)) & objects.keys():
            data = self._store.read(key)
            if key == pending:
                if data is None or data == objects[key]:
                    continue  # None: it was there and is gone, so it is in the log now
                waiting = self._read_pending(key)
                if waiting is None or waiting.key != card.key:
                    raise StoreError(f"{key} is damaged, or its record is missing", remedy="Remove that object, it is in no commit; then run again.")
                return waiting
            if data is None or (decompress(data) if key.startswith(layout.FACTS) else data) != (facts if key.startswith(layout.FACTS) else envelope):
                raise VerificationError(f"{key} exists and holds something else", remedy=_ROLLED_BACK)
        return card

    def _find_own(self, key: str, walked_from: int) -> Receipt | None:
        """Step 2. `walked_from` is a commit up to which the card is known not to be in; 0 for none."""
        head = self._find_head()
        if head.commit is None:
            return None
        if key in head.commit.places:
            self._roll_forward(head)
            return head.commit.receipt(head.commit.places[key])
        if walked_from and head.number <= walked_from + 1:
            return None
        # Every commit below the head has its indices.
        index = self._store.read(layout.index_key(key))
        if index is None:
            return None
        self._roll_forward(head)
        self._store.apply(Batch(remove=(layout.pending_key(key),)))
        return LogReader(self._store, self._policy, head.commit.checkpoint).prove(parse_index_object(index))

    def _commit(self, own: Card) -> Receipt | None:
        """Steps 3 to 5. None where another writer was faster."""
        head = self._find_head()
        edge = self._roll_forward(head)
        now = self._check_not_behind(head)
        entries = self._collect(own, head, now)
        nonce = self._environment.nonce()
        at = max(now, head.commit.at) if head.commit else now
        commit = grow(head.commit, head.digest, entries, at=at, nonce=nonce, origin=self._origin, signer=self._signer)
        data, key = format_commit(commit), layout.commit_key(commit.number)
        grown, then = self._sequel(commit, edge)
        try:
            won = self._store.create(key, data, then)
        except StoreError:
            # Did it persist? If nothing did, nothing is lost: the card waits in pending.
            if self._store.read(key) is None:
                raise
            won = False
        if not won:
            # Where the reply was lost, it is our own: the nonce in it tells.
            if self._store.read(key) != data:
                return None
            self._write(then)
        self._head, self._edge = _Head(commit, digest_of(data)), grown
        return commit.receipt(commit.places[own.key])

    def _settle(self, card: Card, receipt: Receipt) -> Receipt:
        if receipt.extra == format_card(card):
            return receipt
        raise AlreadyRecordedError(parse_card(receipt.extra or b""), receipt)

    def _collect(self, own: Card, head: _Head, now: datetime) -> list[bytes]:
        """What to append: our own card, then those of others that wait, are whole, not yet in, and not dated ahead of us."""
        cards = {own.key: own}
        committed = head.commit.places if head.commit else {}
        for key in self._store.list(layout.PENDING):
            if len(cards) == MAX_ENTRIES:
                break
            name = key.removeprefix(layout.PENDING)
            if name in cards or name in committed:
                continue
            card = self._read_pending(key)
            if card and card.key == name and card.at <= now + MAX_SKEW and self._store.read(layout.index_key(name)) is None:
                cards[name] = card
        return [format_card(card) for card in cards.values()]

    def _read_pending(self, key: str) -> Card | None:
        """A waiting card whose envelope and facts are there. Others stay where they are; verification names them."""
        data = self._store.read(key)
        try:
            card = parse_card(data) if data else None
        except FormatError:
            return None
        if card is None or digest_of(self._store.read(layout.envelope_key(card.envelope)) or b"") != card.envelope:
            return None
        return card if card.facts is None or self._store.read(layout.facts_key(card.facts)) is not None else None

    def _check_not_behind(self, head: _Head) -> datetime:
        now = self._environment.clock()
        if head.commit and now < head.commit.at - MAX_SKEW:
            raise _clock_error(now, head.commit.at, "the log's last commit")
        return now

    def _find_head(self) -> _Head:
        """The highest commit, reached from one that is known, every step verified. Raises `VerificationError` for a rolled-back or forked log."""
        head = self._head
        if head is None:
            head = self._load_head()
            self._check_known(head)
        while (data := self._store.read(layout.commit_key(head.number + 1))) is not None:
            commit = parse_commit(data)
            commit.verify(self._policy)
            if head.commit:
                commit.verify_follows(head.commit, head.digest)
            head = _Head(commit, digest_of(data))
        self._head = head
        return head

    def _load_head(self) -> _Head:
        """The highest commit that a search from the hint finds."""
        hint = self._store.read(layout.HINT)
        low = int(hint) if hint and hint.isdigit() and len(hint) < 16 else 0
        if low and self._store.read(layout.commit_key(low)) is None:
            raise VerificationError(f"commit {low} is missing, but the log had it: it was rolled back", remedy=_ROLLED_BACK)
        step = 1
        while self._store.read(layout.commit_key(low + step)) is not None:
            low, step = low + step, step * 2
        while step > 1:
            step //= 2
            if self._store.read(layout.commit_key(low + step)) is not None:
                low += step
        data = self._store.read(layout.commit_key(low)) if low else None
        if data is None:
            return _Head(None, NO_COMMIT)
        commit = parse_commit(data)
        commit.verify(self._policy)
        return _Head(commit, digest_of(data))

    def _check_known(self, head: _Head) -> None:
        published = self._store.read(layout.CHECKPOINT)
        if signed_size(published) > head.frontier.size and self._store.read(layout.commit_key(head.number + 1)) is None:
            raise VerificationError(
                f"the published checkpoint has {signed_size(published)} entries, the commits only {head.frontier.size}: rolled back",
                remedy=_ROLLED_BACK,
            )
        if self._known is None:
            return
        earlier = self._policy.verify(self._known)
        if head.commit is None or earlier.size > head.frontier.size:
            raise VerificationError(f"the log was rolled back: it had {earlier.size} entries, now {head.frontier.size}", remedy=_ROLLED_BACK)
        self._roll_forward(head)
        LogReader(self._store, self._policy, head.commit.checkpoint).verify_extends(earlier)

    def _roll_forward(self, head: _Head) -> Edge:
        """Step 5 for the head, unless it was done; the tree's right edge. Also what a crashed writer left is finished here."""
        if self._edge is not None and self._edge.size == head.frontier.size:
            return self._edge
        if head.commit is None:
            return Edge()
        if self._store.read(layout.CHECKPOINT) == head.commit.checkpoint:
            # It is published after everything else, so everything else is there.
            self._edge = self._load_edge(head.commit.after)
        if self._edge is None or self._edge.size != head.commit.size:
            before = self._load_edge(head.commit.before)
            if before is None:
                self._edge = self._rebuild(head.commit)
            else:
                self._edge, then = self._sequel(head.commit, before)
                self._write(then)
        return self._edge

    def _load_edge(self, frontier: merkle.Frontier) -> Edge | None:
        """The right edge of the tree with this frontier; None where its tiles are missing or damaged."""
        try:
            return TreeReader(self._store, frontier.size, frontier.root()).edge()
        except (VerificationError, FormatError):
            return None

    def _rebuild(self, last: Commit) -> Edge:
        """Write every tile, bundle and index anew from the commits. Raises `VerificationError` where the store holds others."""
        edge = Edge()
        for number in range(1, last.number + 1):
            data = self._store.read(layout.commit_key(number))
            if data is None:
                raise VerificationError(f"commit {number} is missing, so that the log can't be continued", remedy=_ROLLED_BACK)
            edge, then = self._sequel(parse_commit(data), edge)
            final = number == last.number
            self._write(Batch({key: each for key, each in then.create.items() if final or ".p/" not in key}, then.publish if final else {}))
        if edge.frontier() != last.after:
            raise VerificationError("the commits don't make the tree that was signed", remedy=_ROLLED_BACK)
        return edge

    def _write(self, batch: Batch) -> None:
        for key in self._store.apply(Batch(create=batch.create)):
            if self._store.read(key) not in {batch.create[key], None}:
                raise VerificationError(f"{key} exists and holds something else than the commits say", remedy=_ROLLED_BACK)
        self._store.apply(Batch(publish=batch.publish, remove=batch.remove))
        self._store.flush()

    def _sequel(self, commit: Commit, before: Edge) -> tuple[Edge, Batch]:
        """What follows from a commit: a pure function of it and the edge before, but for the names of partial tiles to remove."""
        after, objects = before.grow(commit.entries, commit.leaf_hashes)
        indices = {layout.index_key(key): b"%d\n" % index for key, index in commit.places.items()}
        # A slow writer may publish an older checkpoint over a newer one: that is stale, never wrong, and the next append publishes anew.
        publish = {layout.CHECKPOINT: commit.checkpoint}
        if commit.number % _HINT_EVERY == 0:
            publish[layout.HINT] = b"%d" % commit.number
        remove = [layout.pending_key(key) for key in commit.places]
        for path in objects:
            tile = tiles.parse_path(path)
            if tile.width == tiles.WIDTH:
                remove += self._store.list(f"{path}.p/")
        return after, Batch({**objects, **indices}, publish, tuple(remove))


def parse_log_object(data: bytes) -> str:
    """The origin that `log.json` names. Raises `FormatError`."""
    match canonical.loads(data, what="log.json"):
        case {"version": 1, "origin": str(origin), "created": str(_)} as found if len(found) == 3:
            return origin
    raise FormatError("log.json: not of a version that this changegate knows", remedy="Use the changegate that wrote it, or a newer one.")


def parse_index_object(data: bytes) -> int:
    """The index that an object below `index/` holds. Raises `FormatError`."""
    text = data.removesuffix(b"\n")
    if not text.isdigit() or len(text) > 19 or b"%d\n" % int(text) != data:
        raise FormatError("index: not a number", remedy="`changegate verify` says which object is damaged.")
    return int(text)


def _clock_error(now: datetime, other: datetime, whose: str) -> StoreError:
    seconds = int((now - other).total_seconds())
    how = "ahead of" if seconds > 0 else "behind"
    return StoreError(
        f"this runner's clock ({format_time(now)}) is {abs(seconds)} s {how} {whose} ({format_time(other)}), more than {MAX_SKEW.seconds} s",
        remedy="Set the runner's clock (NTP) and run again. If the runner is right, the other clock was wrong: ask who owns it.",
    )
