"""Emergencies that nobody has reviewed afterwards: found in the log at a cost that doesn't grow with it.

Every gate decision carries those of its environment that were open when it was made (`decision.dueReviews`). So the newest one is read, and besides
it only what was appended since the entry that it was made after: an emergency that was recorded at the same time isn't lost. Those of which the log
has a follow-up, which stands under a key of its own (`idempotency.of_follow_up`), are reviewed.
"""

from collections.abc import Callable, Iterator
from typing import Any

from changegate import canonical
from changegate.decision import Verdict
from changegate.errors import VerificationError
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.reader import LogReader
from changegate.evidence.statement import FOLLOW_UP, GATE_DECISION
from changegate.facts import DueReview
from changegate.signing import dsse

Place = tuple[str, str]
"""Repository and environment."""


def find_due(reader: LogReader | None, place: Place, verify: Callable[[Card], None]) -> tuple[DueReview, ...]:
    """The emergencies of a place that are still to be reviewed, the oldest first.

    `verify` raises `VerificationError` unless the record of an entry is what was signed. Raises as it does, and `StoreError`.
    """
    if reader is None:
        return ()
    found: dict[str, DueReview] = {}
    for index, card, decision in _read_back(reader, place, verify):
        for each in decision.get("dueReviews", ()):
            found.setdefault(each["envelope"], DueReview(**each))
        emergency = decision.get("emergency")
        if emergency is not None:
            own = DueReview(envelope=card.envelope, index=index, incident=emergency["incident"], due=emergency["reviewDue"])
            found[card.envelope] = own
    return tuple(sorted((each for each in found.values() if not is_reviewed(reader, each.envelope, verify)), key=lambda each: each.index))


def _read_back(reader: LogReader, place: Place, verify: Callable[[Card], None]) -> Iterator[tuple[int, Card, dict[str, Any]]]:
    """The newest gate decision of the place, and every emergency that may have been recorded beside it."""
    known_until: int | None = None
    for index, card in reader.cards():
        if known_until is not None and index <= known_until:
            return
        if card.predicate_type != GATE_DECISION or (card.repository, card.environment) != place:
            continue
        if known_until is None or card.decision == Verdict.ALLOWED_AS_EMERGENCY:
            verify(card)
            predicate = canonical.loads(dsse.parse_envelope(reader.envelope(card)).payload, what="statement")["predicate"]
            yield index, card, predicate["decision"]
            previous = predicate["previous"]
            before = previous["index"] if previous else -1
            known_until = before if known_until is None else min(known_until, before)


def is_reviewed(reader: LogReader, emergency: str, verify: Callable[[Card], None]) -> bool:
    """Whether the log has a follow-up of this emergency, by its signed record. Raises as `find_due`."""
    entry = reader.find_key(idempotency.of_follow_up(emergency, origin=reader.checkpoint.origin))
    if entry is None:
        return False
    _, card = entry
    if card.predicate_type != FOLLOW_UP or card.about != emergency:
        raise VerificationError(
            f"entry {entry[0]} stands under the key of a follow-up that it isn't", remedy="`changegate verify` says more. Believe neither."
        )
    verify(card)
    return True
