"""A commit: one batch of entries, the tree that it grows and the checkpoint over the result. Pure.

Commits are numbered 1, 2, 3…; each is created once and names the digest of the one before. Tiles, bundles, indices and the published checkpoint
are functions of the commits, and so can be made again at any time by anybody.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from changegate import canonical
from changegate.errors import FormatError, VerificationError
from changegate.evidence import card, checkpoint, merkle
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.log_policy import LogPolicy
from changegate.evidence.proof import Receipt
from changegate.signing import LogSigner

MAX_ENTRIES: Final = 256
NO_COMMIT: Final = "0" * 64
_MAX_NUMBER: Final = 2**53 - 1
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NONCE: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DAMAGED: Final = "A commit of the log is damaged, or another was put in its place. Restore it from a copy of the store, and compare."


@dataclass(frozen=True)
class Commit:
    """Batch `number`: `entries`, appended to the tree whose frontier is `before`."""

    number: int
    previous: str
    """SHA-256 of the bytes of the commit before, lower-case hex; `NO_COMMIT` for the first."""
    time: str
    nonce: str
    """Chosen by the writer, so that one who lost the reply knows its own commit again: 32 hex digits."""
    before: merkle.Frontier
    entries: tuple[bytes, ...]
    checkpoint: bytes

    @property
    def size(self) -> int:
        """The tree's size with these entries."""
        return self.before.size + len(self.entries)

    @property
    def at(self) -> datetime:
        """When it was made, as its writer says; never before the commit before it."""
        return card.parse_time(self.time)

    @cached_property
    def leaf_hashes(self) -> tuple[bytes, ...]:
        """The entries' hashes."""
        return tuple(merkle.leaf_hash(entry) for entry in self.entries)

    @cached_property
    def after(self) -> merkle.Frontier:
        """The frontier with these entries."""
        return self.before.extend(self.leaf_hashes)

    @cached_property
    def cards(self) -> tuple[card.Card, ...]:
        """The entries, read. Raises `FormatError`."""
        return tuple(card.parse_card(entry) for entry in self.entries)

    @cached_property
    def places(self) -> dict[str, int]:
        """The index of each entry by its idempotency key."""
        return {each.key: self.before.size + i for i, each in enumerate(self.cards)}

    def receipt(self, index: int) -> Receipt:
        """The receipt for one of these entries, against this commit's checkpoint."""
        read = merkle.growth_reader(self.before, self.leaf_hashes)
        path = merkle.inclusion_proof(index, self.size, read)
        return Receipt(index, path, self.checkpoint, self.entries[index - self.before.size])

    def verify(self, policy: LogPolicy, *, origin: str | None = None) -> Checkpoint:
        """Raise `VerificationError` unless the checkpoint is signed by the log, by a key in its time, and of this very tree."""
        signed = policy.verify(self.checkpoint, at=self.at, origin=origin)
        if (signed.size, signed.root) != (self.size, self.after.root()):
            raise VerificationError(f"commit {self.number}: its signed checkpoint is of another tree than its entries make", remedy=_DAMAGED)
        return signed

    def verify_follows(self, previous: "Commit", digest: str) -> None:
        """Raise `VerificationError` unless it continues `previous`, whose bytes have this digest."""
        same_log = checkpoint.parse(self.checkpoint).origin == checkpoint.parse(previous.checkpoint).origin
        if self.previous != digest or self.before != previous.after or self.number != previous.number + 1 or self.at < previous.at or not same_log:
            raise VerificationError(f"commit {self.number} doesn't continue commit {previous.number}: the log is forked", remedy=_DAMAGED)


def grow(previous: Commit | None, digest: str, entries: Sequence[bytes], *, at: datetime, nonce: str, origin: str, signer: LogSigner) -> Commit:
    """The commit that appends these entries, signed. `digest` is that of the previous commit's bytes. Raises `SigningError`."""
    before = previous.after if previous else merkle.Frontier()
    after = before.extend(merkle.leaf_hash(entry) for entry in entries)
    signed = checkpoint.sign(Checkpoint(origin, after.size, after.root()), signer)
    number = previous.number + 1 if previous else 1
    return Commit(number, digest, card.format_time(at), nonce, before, tuple(entries), signed)


def digest_of(data: bytes) -> str:
    """SHA-256, lower-case hex: how commits, envelopes and facts are named."""
    return hashlib.sha256(data).hexdigest()


def format_commit(commit: Commit) -> bytes:
    """A commit's bytes: `parse_commit` gives the same commit back."""
    fields = {
        "before": {"frontier": [base64.b64encode(each).decode("ascii") for each in commit.before.hashes], "size": commit.before.size},
        "checkpoint": commit.checkpoint.decode("utf-8"),
        "entries": [entry.decode("utf-8") for entry in commit.entries],
        "nonce": commit.nonce,
        "number": commit.number,
        "previous": commit.previous,
        "time": commit.time,
        "version": 1,
    }
    # Sorted, ASCII-named fields, texts and small integers: here json's form is RFC 8785's, at a tenth of the time. A test holds the two together.
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def parse_commit(data: bytes) -> Commit:
    """Read a commit strictly, its cards and its checkpoint too; no signature is verified. Raises `FormatError`."""
    match canonical.loads(data, what="commit"):
        case {
            "version": 1,
            "number": int(number),
            "previous": str(previous),
            "time": str(time),
            "nonce": str(nonce),
            "before": {"size": int(size), "frontier": [*frontier]},
            "entries": [_, *_] as entries,
            "checkpoint": str(signed),
        } if len(entries) <= MAX_ENTRIES and all(isinstance(each, str) for each in entries):
            try:
                texts = tuple(each.encode("utf-8") for each in entries)
                commit = Commit(number, previous, time, nonce, _parse_frontier(size, frontier), texts, signed.encode("utf-8"))
            except UnicodeEncodeError as error:
                raise FormatError("commit: a lone surrogate", remedy=_DAMAGED) from error
            _check(commit)
            if format_commit(commit) == data:
                return commit
    raise FormatError("commit: not the canonical form of one", remedy=_DAMAGED)


def _parse_frontier(size: int, texts: list[Any]) -> merkle.Frontier:
    try:
        hashes = tuple(base64.b64decode(each.encode("ascii"), validate=True) for each in texts if isinstance(each, str))
    except (binascii.Error, ValueError) as error:
        raise FormatError("commit: a hash is not base64", remedy=_DAMAGED) from error
    if not 0 <= size <= checkpoint.MAX_SIZE or len(texts) != size.bit_count() or [len(each) for each in hashes] != [merkle.HASH_BYTES] * len(texts):
        raise FormatError("commit: its frontier is none of a tree of that size", remedy=_DAMAGED)
    return merkle.Frontier(size, hashes)


def _check(commit: Commit) -> None:
    card.parse_time(commit.time)
    checkpoint.parse(commit.checkpoint)
    if commit.number > _MAX_NUMBER or commit.before.size > _MAX_NUMBER:
        raise FormatError("commit: a number that JSON can't carry exactly", remedy=_DAMAGED)
    if not _HEX.fullmatch(commit.previous) or not _NONCE.fullmatch(commit.nonce) or commit.number < 1:
        raise FormatError("commit: number, previous digest or nonce is none", remedy=_DAMAGED)
    if len(commit.places) != len(commit.entries):
        raise FormatError("commit: an idempotency key stands twice", remedy=_DAMAGED)
