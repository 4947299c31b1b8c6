"""Reading a log: nothing is returned that the signed checkpoint doesn't vouch for.

A reader stands on one checkpoint, which its policy verified. Entries are checked as `changegate.evidence.tree` says, envelopes and facts against the
digests in their entry.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import checkpoint, layout, merkle, tiles
from changegate.evidence.card import Card, parse_card
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.commit import digest_of
from changegate.evidence.index_object import parse_index_object
from changegate.evidence.log_object import parse_log_object
from changegate.evidence.log_policy import LogPolicy
from changegate.evidence.proof import Receipt
from changegate.evidence.tree import REMEDY, TreeReader
from changegate.stores import Store

MAX_FACTS_BYTES: Final = 256 * 1024 * 1024


class LogReader(TreeReader):
    """The log as it is at one verified checkpoint."""

    def __init__(self, store: Store, policy: LogPolicy, signed: bytes) -> None:
        """Raises `FormatError` or `VerificationError` unless the checkpoint is signed as the policy demands."""
        self.signed = signed
        self.checkpoint: Checkpoint = policy.verify(signed)
        super().__init__(store, self.checkpoint.size, self.checkpoint.root)

    def cards(self, *, newest_first: bool = True) -> Iterator[tuple[int, Card]]:
        """Every entry with its index, each verified before it is given. Raises as `card` does."""
        last = (self.size - 1) // tiles.WIDTH
        for bundle in range(last, -1, -1) if newest_first else range(last + 1):
            entries = list(enumerate(self.entries(bundle), bundle * tiles.WIDTH))
            for index, entry in reversed(entries) if newest_first else entries:
                yield index, parse_card(entry)

    def card(self, index: int) -> Card:
        """One entry. Raises `VerificationError` where it isn't what was signed or isn't there, `FormatError`, `StoreError`."""
        return parse_card(self.entry(index))

    def entry(self, index: int) -> bytes:
        """One entry's bytes. Raises as `card` does."""
        if not 0 <= index < self.size:
            raise VerificationError(f"the log has no entry {index}: it has {self.size}", remedy="Count from 0.")
        return self.entries(index // tiles.WIDTH)[index % tiles.WIDTH]

    def find(self, wanted: str) -> Iterator[tuple[int, Card]]:
        """Entries whose record digest or commit begins with this text, the newest first. Raises as `card` does."""
        needle = wanted.encode("utf-8", "replace")
        last = (self.size - 1) // tiles.WIDTH
        for bundle in range(last, -1, -1):
            entries = self.entries(bundle)
            for at in range(len(entries) - 1, -1, -1):
                if needle in entries[at]:  # cheaper than reading every card
                    found = parse_card(entries[at])
                    if wanted and (found.envelope.startswith(wanted) or found.commit.startswith(wanted)):
                        yield bundle * tiles.WIDTH + at, found

    def find_key(self, key: str) -> tuple[int, Card] | None:
        """The entry under an idempotency key, at the cost of one look however long the log is; None where there is none.

        Raises `VerificationError` where the store's index names another's entry, else as `card` does.
        """
        named = self._store.read(layout.index_key(key))
        if named is None or (index := parse_index_object(named)) >= self.size:
            return None
        card = self.card(index)
        if card.key != key:
            raise VerificationError(f"{layout.index_key(key)} names entry {index}, which is another's", remedy="`changegate verify` says more.")
        return index, card

    def envelope(self, card: Card) -> bytes:
        """The signed record, by its digest; its own signature isn't verified here. Raises `VerificationError` where it is missing or another."""
        key = layout.envelope_key(card.envelope)
        data = self._read(key)
        if digest_of(data) != card.envelope:
            raise VerificationError(f"{key} is not the record that the log holds: its digest is {digest_of(data)[:16]}…", remedy=REMEDY)
        return data

    def facts(self, card: Card) -> bytes | None:
        """The facts' canonical JSON, or None for a record without. Raises `VerificationError`, `FormatError`."""
        if card.facts is None:
            return None
        key = layout.facts_key(card.facts)
        data = decompress(self._read(key))
        if digest_of(data) != card.facts:
            raise VerificationError(f"{key} holds other facts than the log says: their digest is {digest_of(data)[:16]}…", remedy=REMEDY)
        return data

    def prove(self, index: int) -> Receipt:
        """A receipt for one entry against this checkpoint. Raises as `card` does."""
        entry = self.entry(index)
        path = merkle.inclusion_proof(index, self.size, self.hashes)
        merkle.verify_inclusion(merkle.leaf_hash(entry), index, self.size, path, self.root)
        return Receipt(index, path, self.signed, entry)

    def verify_extends(self, earlier: Checkpoint) -> None:
        """Raise `VerificationError` unless this log continues the one that an earlier, verified checkpoint is of."""
        if earlier.origin != self.checkpoint.origin:
            raise VerificationError(
                f"the earlier checkpoint is of another log: {earlier.origin!r}, not {self.checkpoint.origin!r}", remedy="Compare with this log's own."
            )
        if earlier.size > self.size:
            raise VerificationError(
                f"the log was rolled back: an earlier checkpoint has {earlier.size} entries, this one {self.size}",
                remedy="Keep the earlier checkpoint, it is the proof. Restore the store from a copy, and find out who changed it.",
            )
        if earlier.size:
            path = merkle.consistency_proof(earlier.size, self.size, self.hashes)
            merkle.verify_consistency(earlier.size, earlier.root, self.size, self.checkpoint.root, path)


def read_log(store: Store, policy: LogPolicy) -> LogReader | None:
    """The log at its published checkpoint; None where nothing was appended yet. Raises `VerificationError`, `FormatError`, `StoreError`."""
    signed = store.read(layout.CHECKPOINT)
    if signed is None:
        return None
    begun = store.read(layout.LOG)
    if begun is None:
        raise VerificationError(f"{layout.LOG} is missing from {store.url}", remedy=REMEDY)
    policy.verify(signed, origin=parse_log_object(begun))
    return LogReader(store, policy, signed)


def decompress(data: bytes) -> bytes:
    """One gzip member, whole, of at most `MAX_FACTS_BYTES`. Raises `FormatError`."""
    machine = zlib.decompressobj(wbits=31)
    try:
        plain = machine.decompress(data, MAX_FACTS_BYTES)
    except zlib.error as error:
        raise FormatError(f"facts: not gzip ({error})", remedy=REMEDY) from error
    if not machine.eof or machine.unused_data:
        raise FormatError("facts: not one whole gzip member, or larger than 256 MiB", remedy=REMEDY)
    return plain


def signed_size(data: bytes | None) -> int:
    """The size that a published checkpoint claims, unverified: 0 for none, or for one that can't be read."""
    if data is None:
        return 0
    try:
        return checkpoint.parse(data).size
    except FormatError:
        return 0
