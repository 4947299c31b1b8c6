"""How an emergency is declared: by who starts the run, or by a label or a ticket of a change. It takes a forge; the words are read here."""

from collections.abc import Iterable
from typing import NamedTuple

from changegate.controls.emergency_declared import MAX_REASON, is_incident
from changegate.facts import Change, Declaration, Deployment, Lookup, Unavailable
from changegate.forges import Declaring
from changegate.plan import find_sections, visible
from changegate.policy import EmergencyRules

HEADING = "Emergency"
"""The title of the section of a change's description that says why, where a label declares the emergency."""


class Declared(NamedTuple):
    """What somebody says who declares an emergency: why, for which incident, and who agreed (by login)."""

    reason: str
    incident: str
    agreed_by: tuple[str, ...] = ()


def fetch_declaration(
    declared: Declared | None, deployment: Deployment, changes: Iterable[Change], rules: EmergencyRules | None, forge: Declaring
) -> Declaration | None:
    """The emergency that is declared for this deploy: by options of the run, else by a label, or a type of ticket, that the policy names.

    Raises `InputError` and `ForgeError` as the forge does.
    """
    if declared is not None:
        return Declaration(
            reason=declared.reason,
            incident=declared.incident,
            declared_by=forge.fetch_declarer(deployment.run),
            named=tuple(forge.fetch_actor(login) for login in declared.agreed_by),
        )
    if rules is None:
        return None
    found = (_by_label(change, rules, forge) or _by_ticket(change, rules, deployment, forge) for change in changes)
    return next(filter(None, found), None)


def _by_label(change: Change, rules: EmergencyRules, forge: Declaring) -> Declaration | None:
    labels = {label.casefold() for label in rules.labels}
    known = () if isinstance(change.labels, Unavailable) else change.labels
    label = next((each for each in known if each.casefold() in labels), None)
    if label is None:
        return None
    by = forge.fetch_labeler(change.id, label)
    return Declaration(reason=_reason(change), incident=_incident(change, rules), declared_by=by, label=label, change=change.id)


def _by_ticket(change: Change, rules: EmergencyRules, deployment: Deployment, forge: Declaring) -> Declaration | None:
    """A tracker's account is none of the forge's: who starts the run declares it, and the ticket says why."""
    types = {each.casefold() for each in rules.ticket_types}
    known = () if isinstance(change.tickets, Unavailable) else change.tickets
    ticket = next((each for each in known if each.lookup is Lookup.FOUND and each.type.casefold() in types), None)
    if ticket is None:
        return None
    incident = _incident(change, rules) or ticket.key
    return Declaration(reason=ticket.title[:MAX_REASON], incident=incident, declared_by=forge.fetch_declarer(deployment.run), change=change.id)


def _reason(change: Change) -> str:
    """The words under the heading, on one line."""
    section = next(find_sections(change.description, (HEADING,)), "")
    return " ".join(visible(section).split())[:MAX_REASON]


def _incident(change: Change, rules: EmergencyRules) -> str:
    """The first key of an incident that the change names, of the forms that the policy has; without forms, the first ticket's."""
    if not rules.incident:
        return change.tickets[0].key if isinstance(change.tickets, tuple) and change.tickets else ""
    words = f"{change.title} {visible(change.description)}".split()
    return next((key for word in words if is_incident(key := word.strip(".,;:!?()[]<>\"'`*_"), rules.incident)), "")
