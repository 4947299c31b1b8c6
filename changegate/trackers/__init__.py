"""Trackers behind one protocol: which tickets there are, and what each says of itself. One file for each kind of tracker.

A tracker never lets a fault escape: a ticket that couldn't be looked up is a ticket with a `lookup` that says why, so that each change is judged
on its own, and the report says whose it is to mend.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from changegate.controls.ticket_linked import MENTION, find_tickets
from changegate.facts import Assurance, Change, Known, Lookup, Ticket, TicketKind, Unavailable
from changegate.policy import EffectivePolicy
from changegate.tickets import project_of
from changegate.tracker_rules import TrackerRules

MAX_KEYS: Final = 1000
"""Of one deploy. Who names more has a range that should be deployed in parts."""
MAX_OF_A_CHANGE: Final = 25


class Tracker(Protocol):
    """Looks tickets up."""

    def fetch(self, keys: Sequence[str]) -> Mapping[str, Ticket]:
        """What stands behind each key, as the tracker says now. Keys that it doesn't answer are missing from the mapping. Raises nothing."""


OpenTracker = Callable[[TrackerRules], Tracker]
"""Opens a tracker of the policy."""


def look_up(changes: tuple[Change, ...], policy: EffectivePolicy, open_tracker: OpenTracker) -> tuple[Change, ...]:
    """The changes, with what the policy's trackers say of the tickets that they name. Each key is asked for once."""
    if not policy.trackers or not _matters(policy):
        return changes
    named = {
        change.id: [
            each
            for each in find_tickets(change, policy)
            if each.lookup is None and each.source != MENTION and policy.tracker_of(project_of(each.key))
        ]
        for change in changes
    }
    wanted = dict.fromkeys(each.key for found in named.values() for each in found[:MAX_OF_A_CHANGE])
    found: dict[str, Ticket] = {}
    for tracker in policy.trackers:
        keys = [key for key in wanted if policy.tracker_of(project_of(key)) is tracker][:MAX_KEYS]
        found |= open_tracker(tracker).fetch(keys) if keys else {}
    return tuple(_with_tickets(change, named[change.id], found, policy) for change in changes)


def _matters(policy: EffectivePolicy) -> bool:
    """Whether anything depends on what the trackers say."""
    planned = policy.controls.rollback_plan.enabled and any(each.plan_field for each in policy.trackers)
    return policy.controls.ticket_linked.enabled or planned or bool(policy.emergency and policy.emergency.ticket_types)


def _with_tickets(change: Change, named: list[Ticket], found: Mapping[str, Ticket], policy: EffectivePolicy) -> Change:
    if not named:
        return change
    keys = {each.key for each in named}
    known = () if isinstance(change.tickets, Unavailable) else tuple(each for each in change.tickets if each.key not in keys)
    return change.model_copy(update={"tickets": (*known, *_answers(named, found, policy))})


def _answers(named: Iterable[Ticket], found: Mapping[str, Ticket], policy: EffectivePolicy) -> Iterator[Ticket]:
    for each in named:
        answer = found.get(each.key)
        if answer is None:
            why = f"of the tickets that one change names, {MAX_OF_A_CHANGE} are looked up, and {MAX_KEYS} of one deploy"
            answer = not_found(each.key, Lookup.UNREADABLE, why)
        rules = policy.tracker_of(project_of(each.key))
        hidden = rules is not None and rules.plan_field and answer.lookup not in {Lookup.FOUND, Lookup.MISSING}
        plan: Known[str] = Unavailable(why=f"{answer.key}: {answer.why}") if hidden else answer.plan
        yield answer.model_copy(update={"source": each.source, "plan": plan, "requested_by": each.requested_by})


def not_found(key: str, lookup: Lookup, why: str) -> Ticket:
    """A ticket that the tracker doesn't show, and why."""
    return Ticket(key=key, kind=TicketKind.ASSERTED, assurance=Assurance.ASSERTED, source="", lookup=lookup, why=why)
