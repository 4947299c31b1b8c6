"""The protected job's part: append what other jobs, which haven't the log's key, left waiting (`Log.submit`)."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout
from changegate.evidence.card import KEY, Card, parse_card
from changegate.evidence.commit import digest_of
from changegate.evidence.index_object import parse_index_object
from changegate.evidence.log import AlreadyRecordedError, Log
from changegate.evidence.reader import decompress
from changegate.evidence.waiting import MAX_SKEW, Vouch
from changegate.stores import Store

_PLANTED: Final = "Somebody put it there, or it was damaged. `changegate verify` names it, too."


class Taken(NamedTuple):
    """A record that waited and is in the log now, as this entry."""

    entry: int
    card: Card


class Refused(NamedTuple):
    """A waiting card that stays where it is, and why."""

    key: str
    why: str


class Integrated(NamedTuple):
    """What became of everything that waited."""

    taken: tuple[Taken, ...]
    refused: tuple[Refused, ...]


def integrate(store: Store, log: Log, vouch: Vouch, *, now: Callable[[], datetime]) -> Integrated:
    """Append every waiting record that is vouched for, whole and not dated ahead. Those that aren't stay, and are named.

    `append` takes others' waiting cards along, so that a commit holds up to 256 of them.
    Raises `StoreError` and `VerificationError` for the log itself.
    """
    taken, refused = list[Taken](), list[Refused]()
    for key, data in [(key, store.read(key) or b"") for key in store.list(layout.PENDING)]:
        place = store.read(layout.index_key(key.removeprefix(layout.PENDING))) if KEY.fullmatch(key.removeprefix(layout.PENDING)) else None
        if place is not None and store.read(key) is None:
            taken.append(Taken(parse_index_object(place), parse_card(data)))  # with an earlier one of these
            continue
        try:
            card, envelope, facts = _read(store, key, data)
            if card.at > now() + MAX_SKEW:
                raise VerificationError(f"it is dated {card.time}, ahead of this clock", remedy="Set the clock of whichever machine is wrong.")
            vouch(card, envelope, now())
        except (FormatError, VerificationError) as error:
            refused.append(Refused(key.removeprefix(layout.PENDING), error.message))
            continue
        try:
            taken.append(Taken(log.append(card, envelope=envelope, facts=facts).index, card))
        except AlreadyRecordedError as error:
            refused.append(Refused(card.key, error.message))
    return Integrated(tuple(taken), tuple(refused))


def _read(store: Store, key: str, data: bytes) -> tuple[Card, bytes, bytes | None]:
    """A waiting card with its record and its facts. Raises `FormatError`, `VerificationError` where they aren't what it names."""
    name = key.removeprefix(layout.PENDING)
    card = parse_card(data if KEY.fullmatch(name) else b"")
    if card.key != name:
        raise VerificationError(f"the card's own key is {card.key}", remedy=_PLANTED)
    envelope = store.read(layout.envelope_key(card.envelope)) or b""
    if digest_of(envelope) != card.envelope:
        raise VerificationError("its record is missing, or another one", remedy=_PLANTED)
    if card.facts is None:
        return card, envelope, None
    facts = decompress(store.read(layout.facts_key(card.facts)) or b"")
    if digest_of(facts) != card.facts:
        raise VerificationError("its facts are others than it names", remedy=_PLANTED)
    return card, envelope, facts
