"""Which records a log that is written with this trust takes from others: the rule that its writer asks before it signs them in."""

from datetime import datetime
from typing import Any

from changegate import canonical, outcome, record
from changegate.errors import VerificationError
from changegate.evidence.card import Card
from changegate.evidence.log import Vouch
from changegate.evidence.signed_record import verify_record
from changegate.gate import MAX_REPEATS
from changegate.outcome import Ending
from changegate.trust import Trust


def vouch(trust: Trust, *, origin: str) -> Vouch:
    """The rule of one log. A record must be signed, its card must say the same, and stand under the key that follows from what was signed:
    else an old record could be entered a second time, as a new one.
    """

    def check(card: Card, envelope: bytes, at: datetime) -> None:
        payload = verify_record(card, envelope, trust, committed=at).payload
        if not _is_key(card, canonical.loads(payload, what="statement"), origin):
            raise VerificationError(
                f"record {card.envelope[:16]} stands under an idempotency key that isn't its own",
                remedy="Somebody entered a record anew that was made for another log, or is in this one already. `changegate verify` says more.",
            )

    return check


def _is_key(card: Card, statement: Any, origin: str) -> bool:
    try:
        if card.predicate_type == record.PREDICATE_TYPE:
            return any(card.key == record.idempotency_key(statement, origin=origin, repeat=repeat) for repeat in range(MAX_REPEATS))
        if card.predicate_type == outcome.PREDICATE_TYPE and card.about is not None:
            return card.key == outcome.idempotency_key(card.about, Ending(card.decision), origin=origin)
    except (KeyError, TypeError, ValueError):
        return False
    return False
