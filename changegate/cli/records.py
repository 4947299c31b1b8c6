"""One record of a log, found by what a person has at hand, and verified."""

from typing import Any, Final, NamedTuple

from changegate.errors import InputError
from changegate.evidence import revocations
from changegate.evidence.card import Card
from changegate.evidence.proof import Receipt
from changegate.evidence.reader import LogReader
from changegate.evidence.signed_record import verify_record
from changegate.stores import Store
from changegate.trust import Trust

_SHORTEST: Final = 4
_LISTED: Final = 20


class Record(NamedTuple):
    """A record whose signature and place in the log were verified."""

    card: Card
    receipt: Receipt
    key_id: str
    envelope: bytes
    statement: Any


def find_record(reader: LogReader, store: Store, trust: Trust, wanted: str) -> Record:
    """The record whose id, or whose deployed commit, begins with `wanted`. Of several records of one commit it is the newest gate decision.

    Raises `InputError` where there is none or more than one, `VerificationError` or `FormatError` where it isn't what was signed, or its key was
    revoked before.
    """
    if len(wanted) < _SHORTEST:
        raise InputError(f"{wanted!r} is too short", remedy=f"Give at least {_SHORTEST} digits of the record's id or of the commit.")
    found: list[tuple[int, Card]] = []
    for index, card in reader.find(wanted.lower()):
        found.append((index, card))
        if len(found) == _LISTED:
            break
    if not found:
        raise InputError(
            f"the log has no record {wanted}, and none of a commit {wanted}", remedy="The gate's report names a record's id and its commit."
        )
    if len({card.commit for _, card in found}) > 1:
        several = ", ".join(f"{card.envelope[:16]} (commit {card.commit[:10]})" for _, card in found)
        raise InputError(f"{wanted} is not enough to tell apart: {several}", remedy="Give more digits.")
    index, card = next((each for each in found if each[1].about is None or each[1].envelope.startswith(wanted.lower())), found[0])
    envelope = reader.envelope(card)
    signed = verify_record(card, envelope, trust)
    revocations.read(reader, store, trust).check(index, signed.key_id)
    return Record(card, reader.prove(index), signed.key_id, envelope, signed.statement)
