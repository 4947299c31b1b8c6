"""Which records a log that is written with this trust takes from others: the rule that its writer asks before it signs them in."""

from datetime import datetime
from functools import cache

from changegate.errors import VerificationError
from changegate.evidence import idempotency, layout, revocations, statement
from changegate.evidence.card import Card
from changegate.evidence.index_object import parse_index_object
from changegate.evidence.log_policy import LogPolicy
from changegate.evidence.reader import LogReader, read_log
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import verify_record
from changegate.evidence.waiting import Vouch
from changegate.stores import Store
from changegate.trust import Trust


def vouch(trust: Trust, *, origin: str, store: Store, policy: LogPolicy | None) -> Vouch:
    """The rule of one log. A record must be signed, its card must say the same, and stand under the key that follows from what was signed:
    else an old record could be entered a second time, as a new one.

    With a `policy`, no key counts that the log revoked before the record's entry; a record without an entry would get one after it.
    """

    @cache
    def revoked() -> tuple[LogReader | None, Revocations]:
        reader = read_log(store, policy.unwitnessed()) if policy is not None else None
        return reader, revocations.find(reader, store, trust, origin=origin)

    def check(card: Card, envelope: bytes, at: datetime) -> None:
        signed = verify_record(card, envelope, trust, committed=at)
        if not idempotency.is_own(card, statement.parse(signed.payload), origin=origin, by=signed.key_id):
            raise VerificationError(
                f"record {card.envelope[:16]} stands under an idempotency key that isn't its own",
                remedy="Somebody entered a record anew that was made for another log, or is in this one already. `changegate verify` says more.",
            )
        reader, found = revoked()
        if found.of(signed.key_id) is not None:
            found.check(_place(card, store, reader), signed.key_id)

    return check


def _place(card: Card, store: Store, reader: LogReader | None) -> int:
    """The index of a card's entry; of one that isn't in, the next. Raises `VerificationError` where the store names another's entry."""
    index = store.read(layout.index_key(card.key))
    size = reader.size if reader else 0
    place = parse_index_object(index) if index is not None else size
    if reader is None or place >= size:
        return size
    if reader.card(place) != card:
        raise VerificationError(f"{layout.index_key(card.key)} names entry {place}, which is another's", remedy="`changegate verify` says more.")
    return place
