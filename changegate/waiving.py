"""Which waivers count, and what they lift. Facts in, values out; reading them is `changegate.waivers_in_force`'s part.

A waiver is somebody's signed word in the log that one control is waived, for one change or environment, until a day. It counts here if

1. its record is what was signed, by whom the trust file lets sign it (else the fact says why not);
2. control and scope are those of a finding that stops the deploy and that may be lifted at all;
3. one for a change was given for the head that the change has: what was pushed since, nobody waived;
4. its last day isn't over, and it wasn't made in the future, by the time at which the facts were fetched;
5. whoever approved it is neither who requested it nor a contributor of the change, by any name. Where the names are of another sort than the people's
   (a mail address and accounts, or a login and addresses), that can't be told, and it doesn't count.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from changegate.approvals import contributors
from changegate.decision import Finding, Lifted, RefusedWaiver, UsedWaiver
from changegate.facts import Change, Facts, Identity, Unavailable, Waiver
from changegate.liftable import lift, may_lift, name
from changegate.policy import PeerApproved

MAX_SKEW: Final = timedelta(minutes=5)
"""How far two clocks may be apart: the log's own bound."""


def number_of(change: str) -> str:
    """A change's number as a waiver has it: without the forge's sign (`#12`, `!12`). A commit's id stands for itself."""
    return change.lstrip("#!")


def apply(
    findings: Sequence[Finding], facts: Facts, rules: PeerApproved
) -> tuple[tuple[Finding, ...], tuple[UsedWaiver, ...], tuple[RefusedWaiver, ...]]:
    """The findings with those lifted for which a waiver counts, the waivers that were used, and those that don't count with the reason why."""
    changes = {change.id: change for change in facts.changes}
    lifted: dict[str, list[Lifted]] = {}
    refused: dict[str, str] = {}
    result = []
    for finding in findings:
        used = None
        for waiver in facts.waivers if may_lift(finding) and finding.change in changes else ():
            if used is None and is_about(waiver, finding.control, finding.change or "", facts.deployment.environment):
                why = _objection(waiver, changes[finding.change or ""], facts, rules)
                if why:
                    refused[waiver.envelope] = why
                else:
                    used = waiver
        if used is not None:
            lifted.setdefault(used.envelope, []).append(name(finding))
            by = f"waiver {used.envelope[:16]} until {used.until}, approved by {used.approved_by}"
        result.append(finding if used is None else lift(finding, by))
    return (
        tuple(result),
        tuple(UsedWaiver(waiver=each, lifted=tuple(lifted[each.envelope])) for each in facts.waivers if each.envelope in lifted),
        tuple(RefusedWaiver(waiver=each, why=refused[each.envelope]) for each in facts.waivers if each.envelope in refused),
    )


def is_about(waiver: Waiver, control: str, change: str, environment: str) -> bool:
    """Whether the waiver is for this control, change and environment. One for no change and no environment is for none."""
    if waiver.control != control or not (waiver.change or waiver.environment):
        return False
    return waiver.change in ("", number_of(change)) and waiver.environment in ("", environment)


def _objection(waiver: Waiver, change: Change, facts: Facts, rules: PeerApproved) -> str:
    """Why the waiver doesn't count for this change; empty where it does."""
    if waiver.defect:
        return waiver.defect
    if facts.fetched_at.date() > waiver.until:
        return f"it ended with {waiver.until}"
    if waiver.decided > facts.fetched_at + MAX_SKEW:
        return "by this machine's clock it was made in the future"
    if waiver.change and isinstance(change.head, Unavailable):
        return f"which commit is at the head of {change.id} can't be told: {change.head.why}"
    if waiver.change and waiver.head != change.head:
        return f"it was given for {waiver.head[:12]}, and {change.id} is at {change.head}"
    return _same_person(waiver, change, rules)


def _same_person(waiver: Waiver, change: Change, rules: PeerApproved) -> str:
    """Why the approver may be the requester, or have made a part of the change; empty where they are shown to be somebody else."""
    approver = waiver.approved_by.casefold()
    if approver == waiver.requested_by.casefold():
        return f"{waiver.approved_by} requested and approved it"
    if is_address(approver) != is_address(waiver.requested_by):
        return f"it can't be told whether {waiver.approved_by}, who approved it, is {waiver.requested_by}, who requested it"
    makers = contributors(change, rules)
    if any(approver in _names(person) for person in makers.known):
        return f"{waiver.approved_by} approved it, who made {change.id} or a part of it"
    other = next((person for person in makers.known if is_address(person.key) != is_address(approver)), None)
    if other is not None:
        how = "mail address" if is_address(other.key) else "login"
        return f"it can't be told whether {waiver.approved_by}, who approved it, is {other.login}, who made {change.id}: name the approver by {how}"
    if makers.unresolved:
        return f"it can't be told whether {waiver.approved_by}, who approved it, made any of {change.id}: {makers.unresolved[0].why}"
    return ""


def is_address(name: str) -> bool:
    """Whether a name, or a key of somebody, is a mail address and no account's."""
    return "@" in name


def _names(person: Identity) -> frozenset[str]:
    """Every name somebody could be given: login, keys, and what a key is of (an account's number, a mail address)."""
    return frozenset(each.casefold() for key in person.keys for each in (person.login, key, key.partition(":")[2]))
