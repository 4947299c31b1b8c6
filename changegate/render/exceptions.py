"""What a report says of exceptions: emergency, standard changes, waivers that were used or don't count. Plain words; the formats escape them."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from changegate.controls import standard_change
from changegate.decision import Decision, Finding, Lifted
from changegate.facts import Waiver

_LISTED: Final = 5


class Line(NamedTuple):
    """A label, and what there is to say."""

    label: str
    words: str


def lines(decision: Decision) -> Iterator[Line]:
    """The emergency first."""
    emergency = decision.emergency
    if emergency is not None:
        yield Line("reason", emergency.reason)
        yield Line("incident", emergency.incident)
        yield Line("declared", f"by {emergency.declared_by.login} ({emergency.declared_by.key}), who may {emergency.permission}")
        yield Line("agreed", ", ".join(f"{each.person.login} ({each.via})" for each in emergency.agreed_by))
        yield Line("lifted", _lifted(emergency.lifted))
        yield Line("review", f"due by {emergency.review_due:%Y-%m-%d %H:%M} UTC; from then on the policy's `overdue` holds (`changegate followup`)")
    yield from _standard(decision)
    for used in decision.waivers:
        each = used.waiver
        who = f"requested by {each.requested_by}, approved by {each.approved_by}"
        yield Line("waiver", f"{each.envelope[:16]} for {scope(each)} until {each.until}, {who}: {each.reason}. Lifted: {_lifted(used.lifted)}")
    for refused in decision.refused:
        yield Line("no waiver", f"{refused.waiver.envelope[:16]} for {scope(refused.waiver)} doesn't count: {refused.why}")


def _standard(decision: Decision) -> Iterator[Line]:
    """Each kind of standard change, with what its changes needn't pass."""
    by_change: dict[str, list[Finding]] = {}
    for finding in decision.findings:
        if finding.reason == standard_change.REASON:
            by_change.setdefault(finding.change or "", []).append(finding)
    alike: dict[tuple[str, ...], list[str]] = {}
    for change, findings in by_change.items():
        alike.setdefault((findings[0].observed.partition(":")[0], *(each.control for each in findings)), []).append(change)
    for (kind, *controls), changes in alike.items():
        more = f" and {len(changes) - _LISTED} more" if len(changes) > _LISTED else ""
        yield Line("standard", f"{kind}: {', '.join(changes[:_LISTED])}{more} not held to {', '.join(controls)}")


def scope(waiver: Waiver) -> str:
    """What it holds for."""
    parts = (f"change {waiver.change}" if waiver.change else "", waiver.environment)
    return f"{waiver.control} on {' in '.join(filter(None, parts)) or 'nothing'}"


def _lifted(lifted: Iterable[Lifted]) -> str:
    return ", ".join(f"{each.control}/{each.reason} on {each.change}" for each in lifted)


def shape(decision: Decision) -> dict[str, Any]:
    """For machines: `emergency` (or null), `waivers`, `refusedWaivers`."""
    emergency = decision.emergency
    return {
        "emergency": None
        if emergency is None
        else {
            "reason": emergency.reason,
            "incident": emergency.incident,
            "declaredBy": emergency.declared_by.login,
            "agreedBy": [{"by": each.person.login, "via": each.via} for each in emergency.agreed_by],
            "lifted": [each.model_dump() for each in emergency.lifted],
            "reviewDue": emergency.review_due.isoformat(),
        },
        "waivers": [_waiver(each.waiver) | {"lifted": [one.model_dump() for one in each.lifted]} for each in decision.waivers],
        "refusedWaivers": [_waiver(each.waiver) | {"why": each.why} for each in decision.refused],
    }


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {
        "record": waiver.envelope,
        "control": waiver.control,
        "change": waiver.change,
        "head": waiver.head,
        "environment": waiver.environment,
        "until": waiver.until.isoformat(),
        "requestedBy": waiver.requested_by,
        "approvedBy": waiver.approved_by,
        "reason": waiver.reason,
    }
