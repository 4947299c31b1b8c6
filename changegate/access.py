"""Who may do what to a repository and its deploys: a list to be reviewed, as a file that is kept, and how two of them differ. Pure.

A part that could not be read is `unknown` and named; it is never an empty list. What belongs to such a part is compared with nothing.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple, Protocol

from pydantic import Field, ValidationError

from changegate import __version__, canonical
from changegate.errors import FormatError, InputError
from changegate.facts import Fact, Text, Time

MEDIA_TYPE: Final = "application/vnd.changegate.access+json"
MAX_ENTRIES: Final = 100_000


class Right(StrEnum):
    """What somebody may do."""

    ADMINISTER = "administer"
    APPROVE = "approve"
    BYPASS = "bypass"
    """Need not obey the rules that hold for others."""
    DEPLOY = "deploy"
    MERGE = "merge"
    PUSH = "push"


class Holder(StrEnum):
    """Who it is."""

    USER = "user"
    GROUP = "group"
    """A team on GitHub."""
    ROLE = "role"
    """Everybody of a role."""
    APP = "app"
    DEPLOY_KEY = "deploy-key"
    TOKEN = "token"  # noqa: S105 - a word


class Entry(Fact):
    """Somebody may do something. `part` is the list that says so, `how` the terms: the role, since when, until when."""

    part: Text
    holder: Holder
    name: Text
    right: Right
    how: Text

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes it the same entry in another list."""
        return (self.part, self.holder, self.name, self.right)


class Unknown(Fact):
    """A part that could not be read, and why."""

    part: Text
    why: Text
    remedy: Text

    def covers(self, part: str) -> bool:
        """Whether it is this part, or this one is below it."""
        return part == self.part or part.startswith(f"{self.part}/")


class Access(Fact):
    """The list, as it was at a time."""

    format: Literal["changegate-access-1"] = "changegate-access-1"
    forge: Literal["github", "gitlab"]
    repository: Text
    fetched: Time
    entries: Annotated[tuple[Entry, ...], Field(max_length=MAX_ENTRIES)]
    unknown: tuple[Unknown, ...]
    tool: Text = f"changegate {__version__}"


class Found(NamedTuple):
    """What a forge showed, in any order."""

    entries: tuple[Entry, ...]
    unknown: tuple[Unknown, ...]


class AccessReader(Protocol):
    """A forge that can show who may do what."""

    def read_access(self, branches: Sequence[str] = ()) -> Found:
        """Look, and change nothing; `branches` beside the default one. Raises `ForgeError` where not even the repository can be seen."""


class Difference(NamedTuple):
    """From an earlier list to a later one. `changed`: as it was, as it is."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    changed: tuple[tuple[Entry, Entry], ...]
    uncompared: tuple[str, ...]
    """Parts that one of the two could not read."""


def compare(earlier: Access, later: Access) -> Difference:
    """What is new, gone and otherwise, in the parts that both could read."""
    gaps = (*earlier.unknown, *later.unknown)
    old, new = _known(earlier, gaps), _known(later, gaps)
    return Difference(
        added=tuple(entry for key, entry in new.items() if key not in old),
        removed=tuple(entry for key, entry in old.items() if key not in new),
        changed=tuple((old[key], entry) for key, entry in new.items() if key in old and old[key] != entry),
        uncompared=tuple(sorted({gap.part for gap in gaps})),
    )


def _known(access: Access, gaps: Iterable[Unknown]) -> dict[tuple[str, str, str, str], Entry]:
    return {entry.key: entry for entry in access.entries if not any(gap.covers(entry.part) for gap in gaps)}


def make(forge: Literal["github", "gitlab"], repository: str, fetched: Time, found: Found) -> Access:
    """The list in its one order, so that the same access gives the same bytes. Raises `InputError` where it holds an entry twice."""
    entries = tuple(sorted(found.entries, key=lambda entry: entry.key))
    if len({entry.key for entry in entries}) != len(entries):
        raise InputError("the forge's lists name somebody twice in one part", remedy="Run it again: a list changed while it was read.")
    unknown = tuple(sorted(found.unknown, key=lambda gap: gap.part))
    return Access(forge=forge, repository=repository, fetched=fetched, entries=entries, unknown=unknown)


def format_access(access: Access) -> bytes:
    """The file: canonical JSON. `parse_access` gives the same list back."""
    return canonical.dumps(access.model_dump(mode="json"))


def parse_access(data: bytes) -> Access:
    """Read the file strictly. Raises `FormatError`."""
    remedy = "Give what `changegate attest access-review --out FILE` wrote, unchanged."
    try:
        access = Access.model_validate(canonical.loads(data, what="access list"))
    except ValidationError as error:
        raise FormatError(f"access list: {error.errors()[0]['msg'][:200]}", remedy=remedy) from error
    if format_access(access) != data:
        raise FormatError("access list: not in its one form", remedy=remedy)
    return access
