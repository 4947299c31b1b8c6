"""The tickets of a merge request: the issues that it closes, and those that its description names.

`#7` is an issue of the project, `group/project#7` another project's, and an address is one by itself; `!7` is a merge request and no ticket.
Nothing in comments or code counts. Sources: "Merge requests API" (issues that close on merge), "GitLab Flavored Markdown" (references).
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from changegate.errors import ForgeError
from changegate.facts import MISSING, Assurance, Ticket, TicketKind
from changegate.forges.answer import UnreadableError
from changegate.forges.caps import cut_line
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.faults import NEEDED, NotFoundError
from changegate.forges.gitlab.people import People

_LONGEST: Final = 2000
"""Characters of inline code: in a text full of unpaired marks each would else be held against all that follows it."""
_NOT_TEXT: Final = re.compile(
    rf"<!--.*?(?:-->|\Z)|^ {{0,3}}(`{{3,}}|~{{3,}}).*?(?:^ {{0,3}}\1[`~]*[ \t]*$|\Z)|(?<!`)(`+)(?!`).{{1,{_LONGEST}}}?(?<!`)\2(?!`)",
    re.DOTALL | re.MULTILINE,
)
_PATH: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+"
_NUMBERED: Final = re.compile(rf"(?<![\w/#&.!-])({_PATH})?#([1-9]\d{{0,8}})(?![\w-])")
_MOST: Final = 50
"""Each costs a request of its own."""


class Reference(NamedTuple):
    """An issue that a text names: the project's path (empty for its own), the number, and how it is named."""

    project: str
    number: int
    source: str


def find_references(text: str, server: str) -> tuple[Reference, ...]:
    """The issues that a description names, each once, in its order."""
    text = _NOT_TEXT.sub(" ", text)
    address = re.compile(rf"{re.escape(server)}/({_PATH}?)/(?:-/)?(?:issues|work_items)/([1-9]\d{{0,8}})(?![\w-])", re.IGNORECASE)
    found: dict[tuple[str, int], Reference] = {}
    for match in address.finditer(text):
        found.setdefault((match[1].lower(), int(match[2])), Reference(match[1], int(match[2]), "address"))
    for match in _NUMBERED.finditer(address.sub(" ", text)):
        project = match[1] or ""
        found.setdefault((project.lower(), int(match[2])), Reference(project, int(match[2]), "qualified-number" if project else "number"))
    return tuple(found.values())


def read_tickets(client: Client, project: str, path: str, description: str, people: People | None) -> tuple[Ticket, ...]:
    """Every ticket of a merge request, once each; who opened it, where `people` are given: each costs requests of its own.

    Raises `UnreadableError` where one can't be seen, `ForgeError`.
    """
    found: dict[str, Ticket] = {}
    for issue in client.list_all(f"{path}/closes_issues"):
        if "iid" in issue.value:  # an external tracker's issue has a key alone
            ticket = _read(issue, "closing-keyword", people)
            found[ticket.key] = ticket
    references = find_references(description, client.root)
    if len(references) > _MOST:
        raise UnreadableError(f"the description names more than {_MOST} issues", remedy="Name the ticket, and few others.")
    seen = {key.casefold() for key in found}
    left = tuple(each for each in references if f"{each.project or unquote(project)}#{each.number}".casefold() not in seen)
    for ticket in _look_up(client, project, left, people):
        found.setdefault(ticket.key, ticket)
    return tuple(found.values())


def _look_up(client: Client, project: str, references: tuple[Reference, ...], people: People | None) -> Iterator[Ticket]:
    for reference in references:
        where = quote(reference.project, safe="") or project
        try:
            yield _read(client.get(f"/projects/{where}/issues/{reference.number}"), reference.source, people)
        except NotFoundError:
            if reference.project:
                _check_visible(client, where, reference)
            # The project can be seen: there is no such number, or it is confidential; "our #1 goal" is no ticket.
        except ForgeError as error:
            raise UnreadableError(f"#{reference.number}, which the description names, can't be read: {error.message}", remedy=error.remedy) from error


def _check_visible(client: Client, project: str, reference: Reference) -> None:
    try:
        client.get(f"/projects/{project}")
    except NotFoundError:
        raise UnreadableError(
            f"the token can't see {reference.project}#{reference.number}, which the description names",
            remedy=f"Name an issue that the token may see, or take the name out. {NEEDED}",
        ) from None


def _read(issue: Answer, source: str, people: People | None) -> Ticket:
    return Ticket(
        key=issue.at("references").text("full"),
        kind=TicketKind.ISSUE,
        assurance=Assurance.FORGE,
        source=source,
        title=cut_line(issue.text("title")),
        url=issue.text("web_url"),
        state=issue.text("state"),
        created_at=issue.time("created_at"),
        requested_by=MISSING if people is None else people.identity(issue.get("author")),
    )
