"""The waivers that a log has for what stands in the way, found by name: at the cost of what is asked about, however long the log is. Reads only.

A waiver stands under a key that follows from its scope and number. So for each finding three scopes are looked up, number by number until one is
missing. Hiding one in the store makes the gate stricter, never laxer. What isn't what was signed is a fact, too: a report says why it doesn't count.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from changegate import canonical
from changegate.decision import Finding
from changegate.errors import FormatError, VerificationError
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.reader import LogReader
from changegate.evidence.signed_record import verify_envelope
from changegate.evidence.statement import WAIVER
from changegate.facts import Deployment, Waiver
from changegate.liftable import may_lift
from changegate.trust import Trust
from changegate.waiver import MAX_NUMBER
from changegate.waiving import number_of

Scope = tuple[str, str, str]
"""Control, change, environment."""


def find_waivers(
    reader: LogReader | None, deployment: Deployment, findings: Iterable[Finding], trust: Trust, verify: Callable[[Card], None]
) -> tuple[Waiver, ...]:
    """Every waiver of the log for one of these findings, whether it counts or not, in the log's order.

    `verify` raises unless the record of an entry is what was signed, by somebody who may. Raises `StoreError`, and `VerificationError` where the
    log itself isn't whole.
    """
    if reader is None:
        return ()
    scopes = dict.fromkeys(scope for finding in findings if may_lift(finding) for scope in _scopes(finding, deployment.environment))
    found = (waiver for scope in scopes for waiver in _find(reader, deployment.repository, scope, trust, verify))
    return tuple(sorted(found, key=lambda each: each.index))


def _scopes(finding: Finding, environment: str) -> Iterator[Scope]:
    change = number_of(finding.change or "")
    yield from ((finding.control, change, ""), (finding.control, "", environment), (finding.control, change, environment))


def _find(reader: LogReader, repository: str, scope: Scope, trust: Trust, verify: Callable[[Card], None]) -> Iterator[Waiver]:
    for number in range(MAX_NUMBER):
        entry = reader.find_key(idempotency.of_waiver(reader.checkpoint.origin, repository, *scope, number))
        if entry is None:
            return
        index, card = entry
        try:
            yield _read(reader, index, card, trust, verify)
        except (FormatError, VerificationError) as error:
            yield _unbelieved(index, card, scope, error.message)


def _read(reader: LogReader, index: int, card: Card, trust: Trust, verify: Callable[[Card], None]) -> Waiver:
    if card.predicate_type != WAIVER:
        raise VerificationError("the entry under its key is no waiver", remedy="`changegate verify` says more.")
    verify(card)
    signed = verify_envelope(reader.envelope(card), trust)
    predicate: dict[str, Any] = canonical.loads(signed.payload, what="statement")["predicate"]
    scope = predicate["scope"]
    return Waiver(
        envelope=card.envelope,
        index=index,
        control=scope["control"],
        change=scope["change"],
        head=scope["head"],
        environment=scope["environment"],
        until=predicate["until"],
        reason=predicate["reason"],
        requested_by=predicate["requestedBy"],
        approved_by=predicate["approvedBy"],
        decided=predicate["time"]["decided"],
        defect="" if trust.may_waive(signed.key_id) else "the trust file has keys with `use: waivers`, and another signed it",
    )


def _unbelieved(index: int, card: Card, scope: Scope, why: str) -> Waiver:
    control, change, environment = scope
    return Waiver(
        envelope=card.envelope,
        index=index,
        control=control,
        change=change,
        environment=environment,
        until=card.at.date(),
        reason="",
        requested_by="",
        approved_by="",
        decided=card.at,
        defect=why,
    )
