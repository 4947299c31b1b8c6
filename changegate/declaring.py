"""How an emergency is declared: by whoever starts the run and says so, or by a label on a change. It takes a forge; the words are read here."""

from collections.abc import Iterable
from typing import NamedTuple

from changegate.controls.emergency_declared import MAX_REASON, is_incident
from changegate.facts import Change, Declaration, Deployment, Unavailable
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
    """The emergency that is declared for this deploy: by options of the run, else by a label that the policy names, on the first change that has it.

    Raises `InputError` and `ForgeError` as the forge does.
    """
    if declared is not None:
        return Declaration(
            reason=declared.reason,
            incident=declared.incident,
            declared_by=forge.fetch_declarer(deployment.run),
            named=tuple(forge.fetch_actor(login) for login in declared.agreed_by),
        )
    labels = {label.casefold() for label in rules.labels} if rules is not None else set[str]()
    for change in changes:
        known = () if isinstance(change.labels, Unavailable) else change.labels
        label = next((each for each in known if each.casefold() in labels), None)
        if rules is not None and label is not None:
            return Declaration(
                reason=_reason(change),
                incident=_incident(change, rules),
                declared_by=forge.fetch_labeler(change.id, label),
                label=label,
                change=change.id,
            )
    return None


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
