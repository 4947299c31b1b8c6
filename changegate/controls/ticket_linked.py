"""ticket-linked: this change may deploy if it names a ticket."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Final

from changegate.controls.relanding import land_again
from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Assurance, Change, ChangeKind, Commit, Facts, Lookup, Missing, Ticket, TicketKind, Unavailable
from changegate.policy import EffectivePolicy, TicketLinked
from changegate.tickets import Reference, ReferenceKind, find_references, project_of
from changegate.tracker_rules import TrackerRules

ID: Final = "ticket-linked"
MENTION: Final = "number"
"""The source of a ticket that a text names by its bare number, `#7`: that may be said of any issue."""


class Reason(StrEnum):
    """Why; each is explained in docs/controls/ticket-linked.md."""

    LINKED = "linked"
    NO_TICKET = "no-ticket"
    NOT_A_TICKET = "not-a-ticket"
    ONLY_MENTIONED = "only-mentioned"
    OTHER_PROJECT = "other-project"
    CREATED_LATE = "created-late"
    NOT_LOOKED_UP = "not-looked-up"
    TICKET_UNKNOWN = "ticket-unknown"
    SHARED = "shared"
    NO_SUCH_TICKET = "no-such-ticket"
    WRONG_TYPE = "wrong-type"
    WRONG_STATUS = "wrong-status"
    NOT_APPROVED = "not-approved"
    OUTSIDE_WINDOW = "outside-window"
    TRACKER_FORBIDS = "tracker-forbids"
    TRACKER_CREDENTIALS = "tracker-credentials"
    TRACKER_DOWN = "tracker-down"


_FORGES_WORDS: Final = {"opened": "open"}
"""GitLab's."""
_UNASKED: Final = {
    Lookup.FORBIDDEN: (Reason.TRACKER_FORBIDS, "let the tracker's account see the project (docs/trackers.md says what it needs)"),
    Lookup.CREDENTIALS: (Reason.TRACKER_CREDENTIALS, "give the job the tracker's credentials, or new ones (docs/trackers.md names the variables)"),
    Lookup.DOWN: (Reason.TRACKER_DOWN, "run the gate again once the tracker answers"),
    Lookup.UNREADABLE: (Reason.TICKET_UNKNOWN, "let the tracker's account read the ticket with all its fields, and run the gate again"),
}
"""What a lookup that came to nothing means: none of it is the author's."""
_FAILED: Final = (
    *(Reason.CREATED_LATE, Reason.OUTSIDE_WINDOW, Reason.NOT_APPROVED, Reason.WRONG_STATUS, Reason.WRONG_TYPE, Reason.NO_SUCH_TICKET),
    *(Reason.NOT_LOOKED_UP, Reason.ONLY_MENTIONED, Reason.OTHER_PROJECT, Reason.NOT_A_TICKET),
)
"""The nearest miss first."""


def evaluate(change: Change, facts: Facts, policy: EffectivePolicy) -> Finding:
    """Judge one change. One good ticket is enough; where none is good, the nearest miss is named."""
    rules = policy.ticket_rules
    misses: dict[Reason, str] = {}
    for ticket in find_tickets(change, policy):
        reason, observed = _judge(ticket, change, facts, policy)
        if reason is Reason.LINKED:
            return _linked(ticket, change, facts, policy, observed)
        misses.setdefault(reason, observed)
    if isinstance(change.tickets, Unavailable):
        misses.setdefault(Reason.TICKET_UNKNOWN, f"its tickets can't be read: {change.tickets.why}")
    unknown = next((each for each in (Reason.TICKET_UNKNOWN, *(reason for reason, _ in _UNASKED.values())) if each in misses), None)
    if unknown is not None:
        step = next((step for reason, step in _UNASKED.values() if reason is unknown), "")
        if unknown is Reason.TICKET_UNKNOWN and not policy.trackers:
            step = "give the token read access to issues, and run the gate again"
        if isinstance(change.tickets, Unavailable) and change.tickets.remedy:
            step = change.tickets.remedy
        remedy = Remedy(who="whoever runs the pipeline", step=step, link=change.url)
        return _finding(change, rules, Outcome.UNKNOWN, unknown, misses[unknown], remedy)
    failed = next((each for each in _FAILED if each in misses), None)
    if failed is not None:
        return _finding(change, rules, Outcome.FAIL, failed, misses[failed], _remedy(change, rules, failed))
    return _finding(change, rules, Outcome.FAIL, Reason.NO_TICKET, "names no ticket", _remedy(change, rules, Reason.NO_TICKET))


def _linked(ticket: Ticket, change: Change, facts: Facts, policy: EffectivePolicy, observed: str) -> Finding:
    """One ticket for many changes may be right; whoever reads the report sees it."""
    rules = policy.ticket_rules
    others = sum(any(each.key == ticket.key for each in find_tickets(other, policy)) for other in facts.changes)
    if others <= rules.changes_per_ticket:
        return _finding(change, rules, Outcome.PASS, Reason.LINKED, observed)
    return _finding(change, rules, Outcome.PASS, Reason.SHARED, f"{observed}, as {others} changes of this deploy")


def find_keys(text: str, policy: EffectivePolicy) -> tuple[Reference, ...]:
    """The keys of the policy's projects in a text; where it names none, whatever looks like a key."""
    found = find_references(text, policy.ticket_rules.projects, policy.key_forms)
    issues = bool(policy.ticket_rules.projects)  # else every number is one
    return tuple(each for each in found if each.kind is ReferenceKind.KEY or (issues and each.kind is ReferenceKind.QUALIFIED_NUMBER))


def find_keys_of_branch(name: str, policy: EffectivePolicy) -> tuple[Reference, ...]:
    """As `find_keys`. In a branch's name words hang together by hyphens (feature/SHOP-12-round-up), and Linear proposes lower case."""
    words = re.sub(r"(?<=[0-9])-(?=[A-Za-z])", " ", name)
    lower = {project for tracker in policy.trackers if tracker.lowers_keys for project in tracker.projects}
    return (*find_keys(words, policy), *(find_references(words.upper(), lower) if lower else ()))


def words_of_commit(commit: Commit) -> str:
    """What of a commit may name tickets."""
    return "\n".join((commit.subject, *(each.value for each in commit.trailers)))


def find_tickets(change: Change, policy: EffectivePolicy) -> tuple[Ticket, ...]:
    """The tickets that the forge knows or the trailers name, then the keys of the policy's projects wherever the change's texts hold them."""
    known = () if isinstance(change.tickets, Unavailable) else change.tickets
    if not policy.ticket_rules.projects:
        return known
    commits = () if isinstance(change.commits, Unavailable) else change.commits
    sources = {
        "title": find_keys(change.title, policy),
        "description": find_keys(change.description, policy),
        "branch": find_keys_of_branch(change.head_ref, policy),
        "commits": find_keys("\n".join(map(words_of_commit, commits)), policy),
    }
    seen = {ticket.key for ticket in known}
    named: list[Ticket] = []
    for source, references in sources.items():
        for reference in references:
            if reference.key not in seen:
                seen.add(reference.key)
                named.append(Ticket(key=reference.key, kind=TicketKind.ASSERTED, assurance=Assurance.ASSERTED, source=source, url=reference.url))
    return (*known, *named)


def _judge(ticket: Ticket, change: Change, facts: Facts, policy: EffectivePolicy) -> tuple[Reason, str]:
    rules = policy.ticket_rules
    if ticket.kind is TicketKind.CHANGE:
        return Reason.NOT_A_TICKET, f"{ticket.key} is a change, not a ticket"
    if ticket.source == MENTION:
        return (
            Reason.ONLY_MENTIONED,
            f"{ticket.key} is only mentioned; a closing keyword, a link or its full name says that it is this change's ticket",
        )
    issue = ticket.lookup is None and ticket.kind is TicketKind.ISSUE
    if rules.projects and not _counts(project_of(ticket.moved or ticket.key), policy) and not (rules.forge_issues and issue):
        where = f" (it is {ticket.moved} by now)" if ticket.moved else ""
        return Reason.OTHER_PROJECT, f"{ticket.key} is in no project that the policy names{where}"
    if ticket.lookup is Lookup.MISSING:
        return Reason.NO_SUCH_TICKET, f"there is no {ticket.key}: {ticket.why}"
    if ticket.lookup in _UNASKED:
        return _UNASKED[ticket.lookup][0], f"{ticket.key}: {ticket.why}"
    if not ticket.assurance.meets(policy.assurance) or (ticket.lookup is None and _tracker_of(ticket, policy) is not None):
        return Reason.NOT_LOOKED_UP, f"{ticket.key} is only named ({ticket.source}); nobody looked whether it exists"
    if issue and rules.issue_states and _FORGES_WORDS.get(ticket.state, ticket.state) not in rules.issue_states:
        return Reason.WRONG_STATUS, f"{ticket.key} is {ticket.state or 'in no state'}, not {' or '.join(rules.issue_states)}"
    return _judge_times(ticket, change) or _judge_standing(ticket, facts, policy) or (Reason.LINKED, _words(ticket))


def _judge_times(ticket: Ticket, change: Change) -> tuple[Reason, str] | None:
    if isinstance(ticket.created_at, Unavailable):
        return Reason.TICKET_UNKNOWN, f"{ticket.key}: {ticket.created_at.why}"
    if isinstance(change.merged_at, Unavailable):
        return Reason.TICKET_UNKNOWN, f"{ticket.key}: whether it was opened before the merge can't be told: {change.merged_at.why}"
    if not isinstance(ticket.created_at, Missing) and not isinstance(change.merged_at, Missing) and ticket.created_at > change.merged_at:
        return Reason.CREATED_LATE, f"{ticket.key} was opened only after the merge"
    return None


def _judge_standing(ticket: Ticket, facts: Facts, policy: EffectivePolicy) -> tuple[Reason, str] | None:
    """What the tracker's rules ask of a ticket that was found: its type and status, a change request's approval and time."""
    rules = _tracker_of(ticket, policy)
    if rules is None or ticket.lookup is not Lookup.FOUND:
        return None
    for reason, found, allowed, what in (
        (Reason.WRONG_TYPE, ticket.type, rules.types, "type"),
        (Reason.WRONG_STATUS, ticket.state, rules.statuses, "status"),
        (Reason.NOT_APPROVED, ticket.approval, rules.approvals, "approval"),
    ):
        if allowed and found.casefold() not in {each.casefold() for each in allowed}:
            return reason, f"{ticket.key} has the {what} {found or 'none'!r}, not {' or '.join(allowed)}"
    if rules.within_window and not (ticket.starts and ticket.ends and ticket.starts <= facts.fetched_at <= ticket.ends):
        planned = f"{_at(ticket.starts)} to {_at(ticket.ends)}" if ticket.starts and ticket.ends else "no time"
        return Reason.OUTSIDE_WINDOW, f"{ticket.key} is planned for {planned}, and it is {_at(facts.fetched_at)}"
    return None


def _tracker_of(ticket: Ticket, policy: EffectivePolicy) -> TrackerRules | None:
    return policy.tracker_of(project_of(ticket.key))


def _counts(project: str, policy: EffectivePolicy) -> bool:
    return project in policy.controls.ticket_linked.projects or policy.tracker_of(project) is not None


def _at(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _words(ticket: Ticket) -> str:
    if ticket.lookup is Lookup.FOUND:
        return f"{ticket.key}{f', {ticket.moved} by now' if ticket.moved else ''}: {ticket.state}"
    return f"{ticket.key}{'' if ticket.kind is TicketKind.ISSUE else f', named in its {ticket.source}, not looked up'}"


def _finding(change: Change, rules: TicketLinked, outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = f"a ticket of {' or '.join(rules.projects)}" if rules.projects else "a ticket, opened before the merge"
    return Finding(control=ID, change=change.id, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)


_OF_THE_TICKET: Final = {
    Reason.WRONG_STATUS: "bring the ticket to a status that the policy allows, and run the gate again",
    Reason.NOT_APPROVED: "have the change request approved, and run the gate again",
    Reason.OUTSIDE_WINDOW: "deploy within the planned time, or have another one approved",
}


def _remedy(change: Change, rules: TicketLinked, reason: Reason) -> Remedy:
    key = f"{rules.projects[0]}-123" if rules.projects else "SHOP-123"
    if reason is Reason.NOT_LOOKED_UP and rules.projects:
        # Issues of the forge are in none of these projects, and no key of theirs is ever looked up.
        step = "the policy asks for `assurance: forge` and for keys of a tracker (`projects`), which nobody looks up: take one of the two out of it"
        return Remedy(who="whoever owns the policy", step=step)
    if reason in _OF_THE_TICKET:
        return Remedy(who="whoever owns the ticket", step=_OF_THE_TICKET[reason], link=change.url)
    if change.assurance is Assurance.ASSERTED:
        step = land_again(change, f"its ticket in a trailer of its message, such as 'Ticket: {key}'")
    elif change.kind is ChangeKind.DIRECT_PUSH:
        step = land_again(change, "a ticket")
    elif reason is Reason.WRONG_TYPE:
        return Remedy(who="whoever owns the ticket", step="name a ticket of a type that the policy allows", link=change.url)
    elif reason is Reason.NO_SUCH_TICKET:
        step = "correct the key in the change's title or description, or open the ticket: it must be older than the merge"
    elif reason is Reason.CREATED_LATE:
        step = f"link the issue that was opened before the merge. If there is none, {land_again(change, 'its ticket')}"
    elif rules.projects:
        step = f"put the ticket's key ({key}) into the change's title or description"
    else:
        step = "link the issue to the change: 'Closes #123' in its description, or by hand under Development"
    return Remedy(who="the author", step=step, link=change.url)
