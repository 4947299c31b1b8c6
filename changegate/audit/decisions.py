"""The gate's decisions of a time, read from a log with how their deploys ended: the records' side of a reconciliation.

Every entry under the signed checkpoint is looked at; those of the time, and what was said of them later, are read and their signatures verified.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from changegate import canonical, outcome, record
from changegate.audit.pairing import RecordedDeploy
from changegate.audit.population import went
from changegate.evidence import tiles
from changegate.evidence.card import Card, parse_card, parse_time
from changegate.evidence.reader import LogReader
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import verify_record
from changegate.evidence.statement import KEY_REVOCATION, KEY_ROTATION
from changegate.trust import Trust

_TIME: Final = b'"time":"'
_DAY: Final = len("2026-01-01")


class Read(NamedTuple):
    """A verified record, and where it stands."""

    place: int
    card: Card
    predicate: Mapping[str, Any]
    key_id: str
    """Who signed it."""


class Ended(NamedTuple):
    """A decision, and the record of how its deploy ended, where there is one."""

    decision: Read
    ending: Read | None


class Time(NamedTuple):
    """What a log has of a time."""

    decisions: tuple[Ended, ...]
    key_entries: tuple[Read, ...]
    """Rotations and revocations."""


def read_deploys(reader: LogReader, trust: Trust, revoked: Revocations, begin: datetime, end: datetime) -> tuple[RecordedDeploy, ...]:
    """The decisions of a time as deploys to be reconciled. Raises as `read_time` does."""
    return tuple(_recorded(each) for each in read_time(reader, trust, revoked, begin, end).decisions)


def read_time(reader: LogReader, trust: Trust, revoked: Revocations, begin: datetime, end: datetime) -> Time:
    """The decisions from `begin` until before `end`, each with its outcome, whenever that was recorded; and what was said of keys.

    Raises `VerificationError` or `FormatError` where an entry, or a record, isn't what was signed; `StoreError`.
    """
    decisions: list[tuple[int, Card]] = []
    of_keys: list[tuple[int, Card]] = []
    endings: dict[str, tuple[int, Card]] = {}
    for index, card in cards_since(reader, begin):
        if card.predicate_type == outcome.PREDICATE_TYPE and card.about is not None:
            endings[card.about] = (index, card)  # the latest one stands
        elif card.predicate_type == record.PREDICATE_TYPE and begin <= card.at < end:
            decisions.append((index, card))
        elif card.predicate_type in {KEY_ROTATION, KEY_REVOCATION} and begin <= card.at < end:
            of_keys.append((index, card))
    found = []
    for index, card in decisions:
        ending = endings.get(card.envelope)
        found.append(Ended(read(reader, trust, revoked, index, card), read(reader, trust, revoked, *ending) if ending else None))
    return Time(tuple(found), tuple(read(reader, trust, revoked, index, card) for index, card in of_keys))


def cards_since(reader: LogReader, begin: datetime) -> Iterator[tuple[int, Card]]:
    """Every entry that is dated on the day of `begin` or later, in the log's order. All are looked at; only these are parsed.

    The time is the last field of a card, and in UTC: what stands after the last name of the field is its day. Raises as `LogReader.cards`.
    """
    day = begin.strftime("%Y-%m-%d").encode("ascii")
    for index, entry in entries(reader):
        at = entry.rfind(_TIME) + len(_TIME)
        if at < len(_TIME) or entry[at : at + _DAY] >= day:
            yield index, parse_card(entry)


def entries(reader: LogReader) -> Iterator[tuple[int, bytes]]:
    """Every entry, each bundle read once. Raises as `LogReader.entries`."""
    for bundle in range(-(-reader.size // tiles.WIDTH)):
        yield from enumerate(reader.entries(bundle), bundle * tiles.WIDTH)


def read(reader: LogReader, trust: Trust, revoked: Revocations, index: int, card: Card) -> Read:
    """An entry's record. Raises `VerificationError`, `FormatError`, `StoreError`."""
    signed = verify_record(card, reader.envelope(card), trust)
    revoked.check(index, signed.key_id)
    return Read(index, card, canonical.loads(signed.payload, what="statement")["predicate"], signed.key_id)


def _recorded(found: Ended) -> RecordedDeploy:
    decision, ending = found
    run = decision.predicate["deployment"]["run"]
    started = ending.predicate["time"].get("started") if ending is not None else None
    return RecordedDeploy(
        record=decision.card.envelope,
        log_index=decision.place,
        repository=decision.card.repository,
        environment=decision.card.environment,
        commit=decision.card.commit,
        decided=decision.card.at,
        verdict=decision.card.decision,
        went=went(decision.predicate),
        run=run["id"],
        run_url=run["url"],
        outcome=ending.card.decision if ending is not None else "",
        outcome_record=ending.card.envelope if ending is not None else "",
        started=parse_time(started) if started else None,
    )
