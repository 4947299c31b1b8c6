"""Commit trailers: the `Key: value` block at the end of a message, and what its keys assert. Pure; bytes and values only.

`parse` follows git's own rules (git-interpret-trailers, "DESCRIPTION"; `find_trailer_start` in git's trailer.c is the finer print), so that
what counts here is what `git log --format='%(trailers)'` shows, whatever `trailer.*` a repository configures.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from changegate.facts import Assurance, Identity, IdentityKind, Known, Ticket, TicketKind, Trailer, Unavailable
from changegate.tickets import find_references

APPROVALS: Final = {"reviewed-by": "Reviewed-by", "approved-by": "Approved-by", "reviewers": "Reviewers"}
"""Trailers that assert an approval: lower-case key → the canonical spelling, which becomes `Review.via`."""

TICKETS: Final = {
    key.lower(): key
    for key in ("Ticket", "Tickets", "Issue", "Issues", "Jira", "Bug", "Ref", "Refs", "References", "Fixes", "Closes", "Resolves", "Implements")
}
"""Trailers whose value names tickets: lower-case key → canonical spelling."""

CO_AUTHOR: Final = "co-authored-by"
CHANGE_ID: Final = "change-id"

_LINE: Final = re.compile(r"(?P<key>[A-Za-z0-9-]+)[ \t]*:(?P<value>.*)", re.DOTALL)
_GENERATED: Final = ("Signed-off-by: ", "(cherry picked from commit ")
_CUT: Final = "# ------------------------ >8 ------------------------"
_SPACE: Final = " \t\r\n"
_CHANGE_ID: Final = re.compile(r"I[0-9a-f]{40}")
_COMMIT_ID: Final = re.compile(r"[0-9a-f]{7,64}(?![\w#/-])", re.ASCII)
_CO_AUTHOR_LINE: Final = re.compile(r"^[ \t]*co-authored-by[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
_ADDRESS: Final = re.compile(r"[^\s<>,;@]+@[^\s<>,;@]+")
_NOBODY: Final = frozenset({"", "-", "n/a", "na", "nobody", "none", "no", "tbd", "todo", "pending"})
_BOT_SUFFIX: Final = "[bot]"


def parse(message: str) -> tuple[Trailer, ...]:
    """The trailers of a commit message, in order, values unfolded to one line."""
    lines = _without_tail(_without_blank_start(message.split("\n")))
    trailers: list[list[str]] = []
    open_ = False  # whether a line that begins with space continues the last trailer
    for line in lines[_block_start(lines) :]:
        if open_ and line[:1] in _SPACE:
            trailers[-1][1] += "\n" + line
            continue
        match = None if line.startswith("#") else _LINE.fullmatch(line)
        open_ = match is not None
        if match:
            trailers.append([match["key"], match["value"]])
    return tuple(Trailer(key=key, value=_unfold(value)) for key, value in trailers)


def _unfold(value: str) -> str:
    return re.sub(r"\n[ \t\r\n]*", " ", value.strip(_SPACE))


def _is_blank(line: str) -> bool:
    return not line.strip(_SPACE + "\v\f")


def _without_blank_start(lines: list[str]) -> list[str]:
    """The message from its title on, whatever empty lines stand before it."""
    return lines[next((number for number, line in enumerate(lines) if not _is_blank(line)), len(lines)) :]


def _without_tail(lines: list[str]) -> list[str]:
    """The message up to the scissors, without the blank and comment lines at its end, nor an old `Conflicts:` list there."""
    if _CUT in lines:
        lines = [*lines[: lines.index(_CUT)], ""]
    last = len(lines) - 1  # what stands there isn't ended by a newline
    if lines and not lines[-1]:
        lines = lines[:-1]
    tail, conflicts = len(lines), False
    for number, line in enumerate(lines):
        if line == "" or line.startswith("#"):
            tail = min(tail, number)
        elif line == "Conflicts:" and number < last:
            conflicts = True
            tail = min(tail, number)
        elif not (conflicts and line.startswith("\t")):
            tail, conflicts = len(lines), False
    return lines[:tail]


def _block_start(lines: list[str]) -> int:
    """Where the last paragraph begins, if it is one of trailers; else the end.

    It is one where every line is a trailer, or where one of those that git itself writes is in it and a quarter of the lines are trailers.
    The title's paragraph never is.
    """
    title_end = next((number for number, line in enumerate(lines) if not line.startswith("#") and _is_blank(line)), len(lines))
    trailers = others = continued = 0
    generated = seen_text = False
    for number in range(len(lines) - 1, title_end - 1, -1):
        line = lines[number]
        if line.startswith("#"):
            others, continued = others + continued, 0
        elif _is_blank(line):
            if not seen_text:
                continue
            others += continued
            return number + 1 if (generated and trailers * 3 >= others) or (trailers and not others) else len(lines)
        else:
            seen_text = True
            if line.startswith(_GENERATED):
                generated, trailers, continued = True, trailers + 1, 0
            elif _LINE.fullmatch(line):
                trailers, continued = trailers + 1, 0
            elif line[0] in _SPACE:
                continued += 1
            else:
                others, continued = others + 1 + continued, 0
    return len(lines)


def identify(name: str, address: str) -> Known[Identity]:
    """Somebody named in a git history: their e-mail address, or without one their name.

    The other one is an alias, so that an author who reviews under a second address of the same name is still the same person.
    """
    # Characters that don't show (zero-width, bidirectional) tell nobody apart.
    name = "".join(character for character in name if unicodedata.category(character) != "Cf")
    name, address = " ".join(name.split()), address.strip().lower()
    if not name and not address:
        return Unavailable(why="the commit names nobody")
    folded = "name:" + " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    kind = IdentityKind.BOT if name.casefold().endswith(_BOT_SUFFIX) else IdentityKind.HUMAN
    if not address:
        return Identity(key=folded, login=name, kind=kind)
    return Identity(key=f"email:{address}", login=name or address, kind=kind, aliases=(folded,) if name else ())


def parse_people(value: str, *, commas: bool) -> tuple[Identity, ...]:
    """The people in a trailer's value: `Name <address>`, a bare address, `@login` or a name.

    A comma after an address always parts two people; other commas do where `commas` says that the trailer is a list.
    """
    people: dict[str, Identity] = {}
    for part in re.split(r"(?<=>)\s*[,;]|[,;]" if commas else r"(?<=>)\s*[,;]", value):
        person = _parse_person(part.strip())
        if person:
            people.setdefault(person.key, person)
    return tuple(people.values())


def _parse_person(text: str) -> Identity | None:
    name, bracket, rest = text.partition("<")
    address = rest.partition(">")[0] if bracket else ""
    if not bracket and _ADDRESS.fullmatch(text):
        name, address = "", text
    name = name.strip().strip('"').removeprefix("@").strip()
    if name.casefold() in _NOBODY and not address.strip():
        return None
    person = identify(name, address)
    return person if isinstance(person, Identity) else None


def find_reviewers(trailers: Iterable[Trailer]) -> Iterator[tuple[str, Identity]]:
    """Every approval that the trailers assert: the trailer's canonical key, and who.

    Only people with an address: `Reviewed-by: not yet` names nobody.
    """
    for trailer in trailers:
        via = APPROVALS.get(trailer.key.lower())
        if via:
            people = parse_people(trailer.value, commas=via == "Reviewers")
            yield from ((via, person) for person in people if person.key.startswith("email:"))


def co_author_lines(message: str) -> tuple[Trailer, ...]:
    """Every `Co-authored-by:` line, wherever it stands: whom git takes for no trailer made the change all the same."""
    return tuple(Trailer(key=CO_AUTHOR, value=match[1]) for match in _CO_AUTHOR_LINE.finditer(message))


def find_co_authors(trailers: Iterable[Trailer]) -> tuple[Known[Identity], ...]:
    """Everybody that a `Co-authored-by:` names; one that names nobody readable is `Unavailable`, since somebody wrote it."""
    found: list[Known[Identity]] = []
    for trailer in trailers:
        if trailer.key.lower() == CO_AUTHOR:
            found += parse_people(trailer.value, commas=False) or (Unavailable(why="a Co-authored-by: trailer names nobody"),)
    return tuple(found)


def find_tickets(trailers: Iterable[Trailer]) -> tuple[Ticket, ...]:
    """Every ticket that the trailers name, each once, not looked up. `Fixes: <commit>` (the kernel's form) names none."""
    found: dict[str, Ticket] = {}
    for trailer in trailers:
        key = TICKETS.get(trailer.key.lower())
        if key is None or _COMMIT_ID.match(trailer.value):
            continue
        for reference in find_references(trailer.value, any_address=True):
            ticket = Ticket(key=reference.key, kind=TicketKind.ASSERTED, assurance=Assurance.ASSERTED, source=f"trailer:{key}", url=reference.url)
            found.setdefault(ticket.key, ticket)
    return tuple(found.values())


def find_change_id(trailers: Iterable[Trailer]) -> str | None:
    """Gerrit's `Change-Id:`, the last one; anything but `I` and forty hex digits is none."""
    ids = [trailer.value for trailer in trailers if trailer.key.lower() == CHANGE_ID and _CHANGE_ID.fullmatch(trailer.value)]
    return ids[-1] if ids else None
