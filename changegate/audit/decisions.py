"""The gate's decisions of a time, read from a log with how their deploys ended: the records' side of a reconciliation.

Every entry under the signed checkpoint is looked at; those of the time, and what was said of them later, are read and their signatures verified.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from changegate import outcome, record
from changegate.audit.pairing import RecordedDeploy
from changegate.audit.population import went
from changegate.audit.scan import scan
from changegate.evidence import revocations
from changegate.evidence.card import Card, parse_time
from changegate.evidence.reader import LogReader
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import verify_record
from changegate.evidence.statement import KEY_REVOCATION, KEY_ROTATION
from changegate.stores import Store
from changegate.trust import Trust


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


def read_deploys(reader: LogReader, trust: Trust, store: Store, begin: datetime, end: datetime) -> tuple[RecordedDeploy, ...]:
    """The decisions of a time as deploys to be reconciled. Raises as `read_time` does."""
    return tuple(_recorded(each) for each in read_time(reader, trust, store, begin, end).decisions)


def read_time(reader: LogReader, trust: Trust, store: Store, begin: datetime, end: datetime) -> Time:
    """The decisions from `begin` until before `end`, each with its outcome, whenever that was recorded; and what was said of keys.

    Raises `VerificationError` or `FormatError` where an entry, or a record, isn't what was signed; `StoreError`.
    """
    found = scan(reader, begin, end)
    revoked = revocations.collect(found.revocations, store, trust)
    endings = {card.about: (index, card) for index, card in found.about if card.predicate_type == outcome.PREDICATE_TYPE}  # the latest one stands
    decisions, of_keys = [], []
    for index, card in found.dated:
        if card.predicate_type == record.PREDICATE_TYPE:
            ended = endings.get(card.envelope)
            decisions.append(Ended(_read(reader, trust, revoked, index, card), _read(reader, trust, revoked, *ended) if ended else None))
        elif card.predicate_type in {KEY_ROTATION, KEY_REVOCATION}:
            of_keys.append(_read(reader, trust, revoked, index, card))
    return Time(tuple(decisions), tuple(of_keys))


def _read(reader: LogReader, trust: Trust, revoked: Revocations, index: int, card: Card) -> Read:
    """An entry's record. Raises `VerificationError`, `FormatError`, `StoreError`."""
    signed = verify_record(card, reader.envelope(card), trust)
    revoked.check(index, signed.key_id)
    return Read(index, card, signed.statement["predicate"], signed.key_id)


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
