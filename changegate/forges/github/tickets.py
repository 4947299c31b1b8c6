"""The tickets of a change: issues that it closes, is linked to, or names in its description. Pure but for further pages.

What a description names is read as GitHub reads it: nothing in comments or code. A full address and `owner/name#7` are always references;
a bare `#7` is one where the repository has such a number ("our #1 goal" is no ticket).
"""

import re
from collections.abc import Mapping
from typing import Final

from changegate.facts import Assurance, Ticket, TicketKind
from changegate.forges.caps import MAX_REFERENCES, cut_line
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.faults import permission_remedy
from changegate.forges.github.pages import Ask, read_all
from changegate.forges.github.people import read_actor
from changegate.forges.github.queries import CLOSES, LINKED, Reference

_NOT_TEXT: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)", re.DOTALL | re.MULTILINE
)
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+"
_NUMBERED: Final = re.compile(rf"(?<![\w/#&.-])({_NAME})?#([1-9]\d{{0,8}})(?![\w-])")

References = Mapping[Reference, str]
"""What a description names, and how: `address`, `qualified-number`, `number`."""


def find_references(description: str, repository: str, host: str) -> References:
    """The issues that a description names, in its order; of more than `MAX_REFERENCES` one more than that."""
    text = _NOT_TEXT.sub(" ", description)
    address = re.compile(rf"https?://{re.escape(host)}/({_NAME})/(?:issues|pull)/([1-9]\d{{0,8}})(?![\w-])", re.IGNORECASE)
    found: dict[Reference, str] = {}
    for match in address.finditer(text):
        if len(found) > MAX_REFERENCES:
            break
        found.setdefault(Reference(match[1].lower(), int(match[2])), "address")
    for match in _NUMBERED.finditer(address.sub(" ", text)):
        if len(found) > MAX_REFERENCES:
            break
        named = match[1]
        found.setdefault(Reference((named or repository).lower(), int(match[2])), "qualified-number" if named else "number")
    return found


def read_tickets(ask: Ask, pull: Answer, named: References, resolved: Mapping[Reference, Ticket | None]) -> tuple[Ticket, ...]:
    """Every ticket of a pull request, once each. Raises `UnreadableError` where one can't be seen.

    `resolved` holds what stands behind the references that could be looked up, None for those that don't exist.
    """
    found: dict[str, Ticket] = {}
    if len(named) > MAX_REFERENCES:
        raise UnreadableError(f"the description names more than {MAX_REFERENCES} issues", remedy="Name the ticket, and few others.")
    for issue in read_all(ask, pull, LINKED):
        ticket = read_issue(issue, TicketKind.ISSUE, "linked")
        found[ticket.key] = ticket
    for issue in read_all(ask, pull, CLOSES):
        ticket = read_issue(issue, TicketKind.ISSUE, "closing-keyword")
        found.setdefault(ticket.key, ticket)
    for reference, source in named.items():
        if reference not in resolved:
            raise UnreadableError(
                f"the token can't see {reference}, which the description names",
                remedy="Link an issue that the token may see, or take the name out. " + permission_remedy("issues: read, or that repository"),
            )
        behind = resolved[reference]
        if behind is not None:
            found.setdefault(behind.key, behind.model_copy(update={"source": source}))
    return tuple(found.values())


def read_issue(issue: Answer, kind: TicketKind, source: str) -> Ticket:
    """An issue, or a pull request where one names it."""
    return Ticket(
        key=f"{issue.at('repository').text('nameWithOwner')}#{issue.number('number')}",
        kind=kind,
        assurance=Assurance.FORGE,
        source=source,
        title=cut_line(issue.text("title")),
        url=issue.text("url"),
        state=issue.text("state" if kind is TicketKind.ISSUE else "standing").lower(),
        created_at=issue.time("createdAt"),
        requested_by=read_actor(issue, "author"),
    )


def read_referenced(answer: Answer, references: list[Reference]) -> Mapping[Reference, Ticket | None]:
    """What stands behind the references of `queries.referenced`; one whose repository can't be seen, or that is refused, is left out."""
    found: dict[Reference, Ticket | None] = {}
    for index, reference in enumerate(references):
        alias = f"r{index}"
        if answer.refusal(alias) is not None:
            continue
        repository = answer.get(alias)
        if repository is None:
            continue
        refusal = repository.refusal("it")
        if refusal is not None:
            if refusal.kind == "NOT_FOUND":  # in a repository that can be seen: there is no such number
                found[reference] = None
            continue
        behind = repository.get("it")
        if behind is not None:
            kind = TicketKind.ISSUE if behind.text("__typename") == "Issue" else TicketKind.CHANGE
            found[reference] = read_issue(behind, kind, "number")
    return found
