"""The only writer of a log: many pipelines append, no server coordinates them.

It rests on one primitive of the store, *create a key unless it exists*. The protocol:

1. The record's envelope and facts, by their digests.
2. The head *k*: the highest commit. Is the card in already → its receipt.
3. Where it is this writer's turn (`changegate.evidence.turns`): this card and what waits of others', at most 256 entries; the tree's frontier
   grown by them; the checkpoint signed; **`create commit/<k+1>`**. What 1 wrote, is durable before.
4. It is another's turn, or the race is lost → `pending/<idempotency key>`: the card, for whoever commits next. Read back: it may be our own commit
   whose reply was lost (its nonce tells), or our card may be in the new one. Else, after a pause, from 2.
5. The winner writes tiles, bundles and indices, publishes the checkpoint, removes pending. Never before winning; all are functions of the commits.

A crash before 3 leaves objects that no entry names, and no receipt was given: the pipeline's retry makes the record anew. A crash after 4 leaves a
pending card, which the next writer appends. A crash after 3 leaves a commit without tiles: whoever appends next, writes them first, by the same
function. So for all commits below the head, tiles and indices exist; what isn't in an index nor in the head isn't committed.
"""

import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changegate.errors import InputError, StoreError, VerificationError
from changegate.evidence import beginning, layout, log_policy, note
from changegate.evidence.card import Card, format_card, format_time, parse_card
from changegate.evidence.commit import digest_of, format_commit, grow
from changegate.evidence.history import ROLLED_BACK, Head, History
from changegate.evidence.index_object import parse_index_object
from changegate.evidence.log_object import format_log_object, parse_log_object
from changegate.evidence.proof import Receipt
from changegate.evidence.publisher import Publisher
from changegate.evidence.reader import MAX_FACTS_BYTES, LogReader, decompress
from changegate.evidence.signed_record import MAX_RECORD_BYTES
from changegate.evidence.turns import Turns
from changegate.evidence.waiting import MAX_SKEW, Vouch, Waiting
from changegate.signing import LogSigner
from changegate.stores import Batch, Store

MAX_ATTEMPTS: Final = 1000


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


class AlreadySubmittedError(StoreError):
    """Something else waits under the idempotency key: `waiting`, another record of the same attempt; None for what somebody put there."""

    def __init__(self, waiting: Card | None) -> None:
        what = "something that stands for no signed record" if waiting is None else f"another record of this run attempt ({waiting.decision})"
        remedy = "Have it removed: `changegate verify` names it." if waiting is None else "Let it be integrated; or start a new attempt of the run."
        super().__init__(f"{what} waits already", remedy=remedy)
        self.waiting = waiting


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


class Log:
    """A log in a store, with the key that signs its checkpoints. Not for use by several threads at once."""

    def __init__(
        self,
        store: Store,
        signer: LogSigner,
        origin: str,
        environment: Environment,
        *,
        vouch: Vouch,
        also_trusted: Iterable[note.VerifierKey] = (),
        windows: log_policy.Windows | None = None,
        known: bytes | None = None,
    ) -> None:
        """`vouch` is asked before the log signs a card into its tree, or believes one. `also_trusted` are keys that signed earlier (rotation),
        `windows` the times of theirs that ended;
        `known` is a checkpoint kept from before: a log behind it was rolled back.

        Nothing is read or written yet. Raises `FormatError` for an origin that can't be a key's name.
        """
        self._store, self._signer, self._origin, self._environment = store, signer, origin, environment
        self._vouch = vouch
        self.verifier_key = note.verifier_key(origin, signer.public_key)
        earlier = (key for key in also_trusted if key.name == origin)  # the trust file may list other logs, too: they have no say here
        self._policy = log_policy.LogPolicy((self.verifier_key, *earlier), {}, {}, log_policy.NONE, windows or {})
        self._known = known
        self._history, self._publisher = History(store, self._policy, environment.clock), Publisher(store)
        self._waiting, self._turns = Waiting(store, vouch), Turns(store)
        self._opened = False

    def append(self, card: Card, *, envelope: bytes, facts: bytes | None = None) -> Receipt:
        """Append a record; the receipt once it is durable in the log. Appending the same again gives a receipt for the same entry.

        `facts` is the canonical JSON whose digest the card names. Raises `AlreadyRecordedError`, `StoreError`, `VerificationError`, `InputError`.
        """
        self._check_input(card, envelope, facts)
        self._check_clock(card)
        self._open()
        self._write_record(card, envelope, facts)
        own, waits, absent_below = card, False, 0
        for attempt in range(1, MAX_ATTEMPTS + 1):
            with self._turns.take(card.key, attempt) as ours:
                head = self._find_head()
                busy = not ours and head.commit is not None and not self._publisher.is_published(head.commit)
                receipt = None if busy else self._find_own(card.key, head, absent_below) or (self._commit(own, head) if ours else None)
            if receipt:
                return self._settle(card, receipt)
            absent_below = absent_below if busy else head.number + 1
            if not waits:
                own, waits = self._waiting.put(card, self._environment.clock()), True
                self._turns.crowded = True
            self._environment.pause(self._turns.delay(attempt))
        raise StoreError(f"lost the race for a commit {MAX_ATTEMPTS} times", remedy="Run again: the record waits in pending/ and isn't lost.")

    def submit(self, card: Card, *, envelope: bytes, facts: bytes | None = None) -> None:
        """Step 1 alone, for a job without the log's key: the record waits until one who has it appends it (`changegate.evidence.integration`).

        Raises `AlreadySubmittedError`, and as `append` does.
        """
        self._check_input(card, envelope, facts)
        self._check_clock(card)
        self._vouch(card, envelope, self._environment.clock())
        self._open()
        waiting = self._submit(card, envelope, facts)
        self._store.flush()
        receipt = self._find_own(card.key, self._find_head(), 0)
        if receipt is not None:
            self._store.apply(Batch(remove=(layout.pending_key(card.key),)))  # the one just put there: its place in the log is taken
            self._store.flush()
            self._settle(card, receipt)
        elif waiting != card or self._store.read(layout.pending_key(card.key)) != format_card(card):
            raise AlreadySubmittedError(waiting if waiting != card else None)

    def reader(self) -> LogReader | None:
        """The log for reading, as of its newest commit, after finishing what a crashed writer left; None while it is empty."""
        if self._store.read(layout.LOG) is None:
            return None
        self._open()
        head = self._find_head()
        self._publisher.roll_forward(head)
        return LogReader(self._store, self._policy, head.commit.checkpoint) if head.commit else None

    def verify_record(self, card: Card) -> None:
        """Raise `VerificationError` or `FormatError` unless the record of an entry is signed, in its key's time, and says what its card says."""
        self._waiting.verify_record(card, card.at)

    def _check_input(self, card: Card, envelope: bytes, facts: bytes | None) -> None:
        if digest_of(envelope) != card.envelope or (digest_of(facts) if facts is not None else None) != card.facts:
            raise InputError("the card doesn't name these very objects", remedy="Report this: it is a mistake in changegate.")
        for what, size, limit in (("record", len(envelope), MAX_RECORD_BYTES), ("facts", len(facts or b""), MAX_FACTS_BYTES)):
            if size > limit:
                raise StoreError(
                    f"the {what} would take {size} bytes; nobody reads more than {limit}, so it isn't written",
                    remedy="Deploy fewer changes at once, or look for one with an oversized message, description or list of files.",
                )

    def _check_clock(self, card: Card) -> None:
        now, reference = self._environment.clock(), self._environment.reference()
        if reference is not None and abs(now - reference) > MAX_SKEW:
            raise _clock_error(now, reference, "the forge's clock")
        if card.at > now + MAX_SKEW:
            raise _clock_error(now, card.at, "the record's own time")

    def _open(self) -> None:
        """Step 0: the log is ours, or begins now."""
        if self._opened:
            return
        data = self._store.read(layout.LOG)
        if data is None:
            data = beginning.begin(self._store, format_log_object(self._origin, self._environment.clock()))
        origin = parse_log_object(data)
        if origin != self._origin:
            raise StoreError(
                f"{self._store.url} holds the log {origin!r}, not {self._origin!r}",
                remedy="Correct the log's origin in the configuration, or name another store: two logs never share one.",
            )
        self._opened = True

    def _submit(self, card: Card, envelope: bytes, facts: bytes | None) -> Card:
        """Steps 1 and 4: the card that waits under this idempotency key."""
        self._write_record(card, envelope, facts)
        return self._waiting.put(card, self._environment.clock())

    def _write_record(self, card: Card, envelope: bytes, facts: bytes | None) -> None:
        """Step 1. A crash here leaves objects that no entry names: harmless."""
        objects = {layout.envelope_key(card.envelope): envelope}
        if facts is not None and card.facts is not None:
            objects[layout.facts_key(card.facts)] = gzip.compress(facts, mtime=0)
        for key in self._store.apply(Batch(create=objects)):
            data = self._store.read(key)
            if data is None:
                raise StoreError(
                    f"{self._store.url} refused to create {key}, as if it existed, though nothing is there",
                    remedy="Nothing was recorded. Run again; if it stays so, look at what stands before the store (a proxy), and who deletes.",
                )
            if (decompress(data) if key.startswith(layout.FACTS) else data) != (facts if key.startswith(layout.FACTS) else envelope):
                raise VerificationError(f"{key} exists and holds something else", remedy=ROLLED_BACK)

    def _find_own(self, key: str, head: Head, absent_below: int) -> Receipt | None:
        """Step 2. In the commits below number `absent_below` the card is known not to be."""
        if head.commit is None:
            return None
        if key in head.commit.places:
            if not self._publisher.is_published(head.commit):
                # Its writer may not have synced it yet, and a receipt is for ever. That writer, or the next one, publishes it.
                commit = {layout.commit_key(head.number): format_commit(head.commit)}
                self._store.apply(Batch(create=commit, remove=(layout.pending_key(key),)))
                self._store.flush()
            return head.commit.receipt(head.commit.places[key])
        if head.number <= absent_below:
            return None
        # Every commit below the head has its indices.
        index = self._store.read(layout.index_key(key))
        if index is None:
            return None
        place = parse_index_object(index)
        latest = self._find_head() if place >= head.commit.size else head  # committed since the head was found
        self._publisher.roll_forward(latest)
        self._store.apply(Batch(remove=(layout.pending_key(key),)))
        receipt = LogReader(self._store, self._policy, latest.commit.checkpoint if latest.commit else b"").prove(place)
        if parse_card(receipt.extra or b"").key != key:
            raise VerificationError(f"{layout.index_key(key)} names entry {place}, which is another's", remedy=ROLLED_BACK)
        return receipt

    def _commit(self, own: Card, head: Head) -> Receipt | None:
        """Steps 3 to 5. None where another writer was faster."""
        edge = self._publisher.roll_forward(head)
        now = self._check_not_behind(head)
        at = max(now, head.commit.at) if head.commit else now
        self._waiting.verify_record(own, at)
        entries, stale = self._waiting.collect(own, head, at)
        nonce = self._environment.nonce()
        commit = grow(head.commit, head.digest, entries, at=at, nonce=nonce, origin=self._origin, signer=self._signer)
        data, key = format_commit(commit), layout.commit_key(commit.number)
        grown, then = self._publisher.sequel(commit, edge)
        then = Batch(then.create, then.publish, then.remove + stale)
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
            self._publisher.write(then)
        self._history.advance(Head(commit, digest_of(data)))
        self._publisher.advance(grown)
        self._turns.crowded = len(entries) > 1
        return commit.receipt(commit.places[own.key])

    def _settle(self, card: Card, receipt: Receipt) -> Receipt:
        if receipt.extra == format_card(card):
            return receipt
        raise AlreadyRecordedError(parse_card(receipt.extra or b""), receipt)

    def _check_not_behind(self, head: Head) -> datetime:
        now = self._environment.clock()
        if head.commit and now < head.commit.at - MAX_SKEW:
            raise _clock_error(now, head.commit.at, "the log's last commit")
        return now

    def _find_head(self) -> Head:
        """The head; the first time it is held against the checkpoint that is known from before."""
        head = self._history.find_head()
        for commit in self._history.passed:
            self._publisher.follow(commit)
        self._history.passed.clear()
        if self._known is not None:
            earlier = self._policy.verify(self._known)
            if head.commit is None or earlier.size > head.frontier.size:
                raise VerificationError(f"the log was rolled back: it had {earlier.size} entries, now {head.frontier.size}", remedy=ROLLED_BACK)
            self._publisher.roll_forward(head)
            LogReader(self._store, self._policy, head.commit.checkpoint).verify_extends(earlier)
            self._known = None
        return head


def _clock_error(now: datetime, other: datetime, whose: str) -> StoreError:
    seconds = int((now - other).total_seconds())
    how = "ahead of" if seconds > 0 else "behind"
    return StoreError(
        f"this runner's clock ({format_time(now)}) is {abs(seconds)} s {how} {whose} ({format_time(other)}), more than {MAX_SKEW.seconds} s",
        remedy="Set the runner's clock (NTP) and run again. If the runner is right, the other clock was wrong: ask who owns it.",
    )
