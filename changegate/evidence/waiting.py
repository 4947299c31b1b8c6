"""Cards that wait in `pending/`: put there, and taken along by whoever commits next."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeAlias

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout
from changegate.evidence.card import KEY, Card, format_card, parse_card
from changegate.evidence.commit import MAX_ENTRIES, digest_of
from changegate.evidence.history import ROLLED_BACK, Head
from changegate.evidence.reader import decompress
from changegate.stores import Batch, Store

MAX_SKEW: Final = timedelta(minutes=5)
MAX_LOOKED_AT: Final = 4 * MAX_ENTRIES
"""How many waiting cards one append looks at: whoever may write to the store could put any number there."""
_AT_ONCE: Final = 32
"""How many waiting cards' records are read at once."""

Vouch: TypeAlias = Callable[[Card, bytes, datetime], None]
"""Raises `VerificationError` or `FormatError` unless this envelope bears out the card, signed by a record key that may sign at this time."""


class Waiting:
    """What waits in a store, as far as `vouch` bears it out."""

    def __init__(self, store: Store, vouch: Vouch) -> None:
        self._store, self._vouch = store, vouch

    def put(self, card: Card, now: datetime) -> Card:
        """Step 4. The card that waits under this idempotency key: ours, or one that an earlier run of the same attempt left.

        A crash here leaves a pending card, or not, that the next writer appends.
        """
        key = layout.pending_key(card.key)
        if not self._store.apply(Batch(create={key: format_card(card)})):
            return card
        data = self._store.read(key)
        if data is None or data == format_card(card):
            return card  # None: it was there and is gone, so it is in the log now
        # What isn't a signed record's isn't from an earlier run: ours takes its place, and the commit removes it.
        return self._read([key], now).get(key, card)

    def collect(self, own: Card, head: Head, at: datetime) -> tuple[list[bytes], tuple[str, ...]]:
        """What to append: our own card, then those of others that wait, are vouched for and not dated ahead; and the keys of those that are in.

        An earlier run of the same attempt may have left another card under our own key: then that one is appended, and ours is refused afterwards.
        """
        names = [key.removeprefix(layout.PENDING) for key in islice(self._store.list(layout.PENDING), MAX_LOOKED_AT)]
        cards, stale = {own.key: own}, list[str]()
        if own.key in names or len(names) == MAX_LOOKED_AT:
            mine = layout.pending_key(own.key)
            if self._store.read(mine) != format_card(own):
                cards |= {card.key: card for card in self._read([mine], at).values()}
        committed = head.commit.places if head.commit else {}
        others = [name for name in names if name not in cards and KEY.fullmatch(name)]
        for first in range(0, len(others), _AT_ONCE):
            some = others[first : first + _AT_ONCE]
            indices = self._store.read_many([layout.index_key(name) for name in some if name not in committed])
            stale += (layout.pending_key(name) for name in some if name in committed or indices[layout.index_key(name)] is not None)
            waiting = [layout.pending_key(name) for name in some if name not in committed and indices[layout.index_key(name)] is None]
            cards |= {card.key: card for card in self._read(waiting, at).values()}
            if len(cards) >= MAX_ENTRIES:
                break
        return [format_card(card) for card in islice(cards.values(), MAX_ENTRIES)], tuple(stale)

    def _read(self, keys: Sequence[str], at: datetime) -> dict[str, Card]:
        """Those that may be committed at this time: the record is vouched for, the facts are there. Others stay; verification names them.

        Anybody who may write to the store can put a card there. What is committed is signed into the tree, so nothing is believed here.
        """
        cards: dict[str, Card] = {}
        for key, data in self._store.read_many(keys).items():
            with suppress(FormatError):
                card = parse_card(data or b"")
                if key == layout.pending_key(card.key) and card.at <= at + MAX_SKEW:
                    cards[key] = card
        names = {layout.envelope_key(card.envelope) for card in cards.values()}
        names |= {layout.facts_key(card.facts) for card in cards.values() if card.facts is not None}
        objects = self._store.read_many(sorted(names))
        whole: dict[str, Card] = {}
        for key, card in cards.items():
            with suppress(FormatError, VerificationError):
                self._verify_envelope(card, objects[layout.envelope_key(card.envelope)], at)
                facts = objects[layout.facts_key(card.facts)] if card.facts is not None else None
                if card.facts is None or (facts is not None and digest_of(decompress(facts)) == card.facts):
                    whole[key] = card
        return whole

    def verify_record(self, card: Card, at: datetime) -> None:
        """Raise `VerificationError` or `FormatError` unless the entry's record is there, and borne out as of this time."""
        self._verify_envelope(card, self._store.read(layout.envelope_key(card.envelope)), at)

    def _verify_envelope(self, card: Card, envelope: bytes | None, at: datetime) -> None:
        if envelope is None or digest_of(envelope) != card.envelope:
            raise VerificationError(f"the record {card.envelope[:16]} is missing, or it was changed", remedy=ROLLED_BACK)
        self._vouch(card, envelope, at)
