"""ticket-linked: this change may deploy if it names a ticket."""

import re
from enum import StrEnum
from typing import Final

from changegate.controls.relanding import land_again
from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Assurance, Change, ChangeKind, Facts, Missing, Ticket, TicketKind, Unavailable
from changegate.policy import TicketLinked
from changegate.tickets import ReferenceKind, find_references

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


def evaluate(change: Change, facts: Facts, rules: TicketLinked, assurance: Assurance) -> Finding:
    """Judge one change. One good ticket is enough; where none is good, the nearest miss is named."""
    del facts  # the same signature for every control
    misses: dict[Reason, str] = {}
    for ticket in find_tickets(change, rules):
        reason, observed = _judge(ticket, change, rules, assurance)
        if reason is Reason.LINKED:
            return _finding(change, rules, Outcome.PASS, reason, observed)
        misses.setdefault(reason, observed)
    if isinstance(change.tickets, Unavailable):
        misses.setdefault(Reason.TICKET_UNKNOWN, f"its tickets can't be read: {change.tickets.why}")
    if Reason.TICKET_UNKNOWN in misses:
        step = "give the token read access to issues, and run the gate again"
        if isinstance(change.tickets, Unavailable) and change.tickets.remedy:
            step = change.tickets.remedy
        remedy = Remedy(who="whoever runs the pipeline", step=step, link=change.url)
        return _finding(change, rules, Outcome.UNKNOWN, Reason.TICKET_UNKNOWN, misses[Reason.TICKET_UNKNOWN], remedy)
    for reason in (Reason.CREATED_LATE, Reason.NOT_LOOKED_UP, Reason.ONLY_MENTIONED, Reason.OTHER_PROJECT, Reason.NOT_A_TICKET):
        if reason in misses:
            return _finding(change, rules, Outcome.FAIL, reason, misses[reason], _remedy(change, rules, reason))
    return _finding(change, rules, Outcome.FAIL, Reason.NO_TICKET, "names no ticket", _remedy(change, rules, Reason.NO_TICKET))


def find_tickets(change: Change, rules: TicketLinked) -> tuple[Ticket, ...]:
    """The tickets that the forge knows or the trailers name, then the keys of the policy's projects wherever the change's texts hold them."""
    known = () if isinstance(change.tickets, Unavailable) else change.tickets
    if not rules.projects:
        return known
    commits = () if isinstance(change.commits, Unavailable) else change.commits
    # In a branch's name words hang together by hyphens: feature/SHOP-12-round-up.
    branch = re.sub(r"(?<=[0-9])-(?=[A-Za-z])", " ", change.head_ref)
    texts = {
        "title": change.title,
        "description": change.description,
        "branch": branch,
        "commits": "\n".join(each.subject for each in commits),
    }
    seen = {ticket.key for ticket in known}
    named: list[Ticket] = []
    for source, text in texts.items():
        for reference in find_references(text, rules.projects):
            if reference.kind is ReferenceKind.KEY and reference.key not in seen:
                seen.add(reference.key)
                named.append(Ticket(key=reference.key, kind=TicketKind.ASSERTED, assurance=Assurance.ASSERTED, source=source, url=reference.url))
    return (*known, *named)


def _judge(ticket: Ticket, change: Change, rules: TicketLinked, assurance: Assurance) -> tuple[Reason, str]:
    if ticket.kind is TicketKind.CHANGE:
        return Reason.NOT_A_TICKET, f"{ticket.key} is a change, not a ticket"
    if ticket.source == MENTION:
        return (
            Reason.ONLY_MENTIONED,
            f"{ticket.key} is only mentioned; a closing keyword, a link or its full name says that it is this change's ticket",
        )
    if rules.projects and ticket.key.rpartition("-")[0] not in rules.projects:
        return Reason.OTHER_PROJECT, f"{ticket.key} is in no project that the policy names"
    if not ticket.assurance.meets(assurance):
        return Reason.NOT_LOOKED_UP, f"{ticket.key} is only named ({ticket.source}); nobody looked whether it exists"
    if isinstance(ticket.created_at, Unavailable):
        return Reason.TICKET_UNKNOWN, f"{ticket.key}: {ticket.created_at.why}"
    if isinstance(change.merged_at, Unavailable):
        return Reason.TICKET_UNKNOWN, f"{ticket.key}: whether it was opened before the merge can't be told: {change.merged_at.why}"
    if not isinstance(ticket.created_at, Missing) and not isinstance(change.merged_at, Missing) and ticket.created_at > change.merged_at:
        return Reason.CREATED_LATE, f"{ticket.key} was opened only after the merge"
    vouched = "" if ticket.kind is TicketKind.ISSUE else f", named in its {ticket.source}, not looked up"
    return Reason.LINKED, f"{ticket.key}{vouched}"


def _finding(change: Change, rules: TicketLinked, outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = f"a ticket of {' or '.join(rules.projects)}" if rules.projects else "a ticket, opened before the merge"
    return Finding(control=ID, change=change.id, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)


def _remedy(change: Change, rules: TicketLinked, reason: Reason) -> Remedy:
    key = f"{rules.projects[0]}-123" if rules.projects else "SHOP-123"
    if reason is Reason.NOT_LOOKED_UP and rules.projects:
        # Issues of the forge are in none of these projects, and no key of theirs is ever looked up.
        step = "the policy asks for `assurance: forge` and for keys of a tracker (`projects`), which nobody looks up: take one of the two out of it"
        return Remedy(who="whoever owns the policy", step=step)
    if change.assurance is Assurance.ASSERTED:
        step = land_again(change, f"its ticket in a trailer of its message, such as 'Ticket: {key}'")
    elif change.kind is ChangeKind.DIRECT_PUSH:
        step = land_again(change, "a ticket")
    elif reason is Reason.CREATED_LATE:
        step = f"link the issue that was opened before the merge. If there is none, {land_again(change, 'its ticket')}"
    elif rules.projects:
        step = f"put the ticket's key ({key}) into the change's title or description"
    else:
        step = "link the issue to the change: 'Closes #123' in its description, or by hand under Development"
    return Remedy(who="the author", step=step, link=change.url)
