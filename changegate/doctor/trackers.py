"""The trackers that the policy names: whether the credentials are good, and the account sees each project. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from changegate.doctor.check import Check, State, good
from changegate.facts import Lookup, Ticket
from changegate.tickets import KeyForm
from changegate.tracker_rules import TrackerRules

_AREA: Final = "policy"
_WHY: Final = "a ticket that can't be looked up stops the deploy, and is not the author's to mend"
_REMEDY: Final = {
    Lookup.CREDENTIALS: "Give the job good ones: CHANGEGATE_{0}_TOKEN, and CHANGEGATE_{0}_USER where a user belongs to it (docs/trackers.md).",
    Lookup.FORBIDDEN: "Let the account see it (docs/trackers.md says what it needs), or take the project out of the policy.",
    Lookup.DOWN: "Run the doctor again once the tracker answers; look at the address in the policy.",
    Lookup.UNREADABLE: "Look at the address in the policy: is it the tracker's own, and of this kind?",
}


class TrackerState(NamedTuple):
    """What a tracker answered, project by project, when it was asked for `key_of_none`."""

    rules: TrackerRules
    answers: Mapping[str, Ticket] | None
    """None where there are no credentials to ask with."""


def key_of_none(rules: TrackerRules, project: str) -> str:
    """A ticket that no project has: "there is none" is the answer of a tracker that lets the account in and shows it the project."""
    return f"{project}9999999" if rules.key_form is KeyForm.NUMBER else f"{project}-999999999"


def judge_trackers(found: Iterable[TrackerState]) -> Iterator[Check]:
    """One check for each tracker."""
    for tracker in found:
        id_, link = f"tracker-{tracker.rules.kind}", tracker.rules.url
        if tracker.answers is None:
            observed = f"CHANGEGATE_{tracker.rules.credentials}_TOKEN isn't set here: nobody asked"
            remedy = "Run `changegate doctor` in the pipeline, where the credentials are, to have them tried."
            yield Check(id_, _AREA, State.UNKNOWN, observed, _WHY, remedy, link, important=False)
            continue
        refused = {project: ticket for project, ticket in tracker.answers.items() if ticket.lookup not in {Lookup.FOUND, Lookup.MISSING}}
        if not refused:
            yield good(id_, _AREA, f"the account sees {', '.join(tracker.answers)}", _WHY)
            continue
        worst = min(refused.values(), key=lambda ticket: list(_REMEDY).index(ticket.lookup or Lookup.UNREADABLE))
        lookup = worst.lookup or Lookup.UNREADABLE
        state = State.BAD if lookup in {Lookup.CREDENTIALS, Lookup.FORBIDDEN} else State.UNKNOWN
        remedy = _REMEDY[lookup].format(tracker.rules.credentials)
        yield Check(id_, _AREA, state, f"{', '.join(refused)}: {worst.why}", _WHY, remedy, link)
