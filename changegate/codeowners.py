r"""CODEOWNERS: which line of the file speaks for a path. Text in, values out.

The grammar is that of "About code owners" on docs.github.com. It resembles gitignore's and differs from it:

- the last line that matches a path speaks alone, and one without owners says that the path has none;
- a pattern whose last step is `*` matches files there, none deeper; `!`, `[ ]` and `\#` are not known;
- a line that can't be read is skipped, as GitHub skips it: `CodeOwners.skipped` has its number, for the report.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from changegate.errors import FormatError

MAX_BYTES: Final = 3 * 1024 * 1024
"""GitHub does not load a file of this size or more."""

_USER: Final = re.compile(r"@[A-Za-z0-9_-]+")
_TEAM: Final = re.compile(r"@[A-Za-z0-9_-]+/[A-Za-z0-9._-]+")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_BLANK: Final = frozenset(" \t")

T = TypeVar("T")
P = TypeVar("P")


class Owner(str):
    """An owner as the file writes it: `@login`, `@org/team`, or an e-mail address. Case makes no difference on GitHub; it is kept here."""

    __slots__ = ()

    @property
    def team(self) -> str:
        """`org/team`, lower-case, or empty."""
        return self[1:].lower() if _TEAM.fullmatch(self) else ""

    @property
    def login(self) -> str:
        """The user's login, lower-case, or empty."""
        return self[1:].lower() if _USER.fullmatch(self) else ""


class Char(NamedTuple):
    """One character of a pattern; `literal` where a backslash stood before it."""

    text: str
    literal: bool = False


@lru_cache(maxsize=1000)
def _char(text: str, *, literal: bool) -> Char:
    """The same for each of the same, so that a long file takes little memory."""
    return Char(text, literal)


class Rule(NamedTuple):
    """One line: whoever it names owns the paths that it matches."""

    line: int
    steps: tuple[tuple[Char, ...], ...]
    """The pattern between its slashes, from the repository's root."""
    owners: tuple[Owner, ...]

    def matches(self, path: str) -> bool:
        """Whether the path (from the root, without a leading slash) is one of those meant."""
        return _match(self.steps, path.split("/"), is_star=_any_depth, fits=_step_fits)


def read_pattern(text: str) -> Rule:
    """A pattern by itself, owned by nobody. Raises `FormatError` for what is none."""
    rule = _parse_line(0, text.strip()) if text.strip() else None
    if rule is None or rule.owners:
        raise FormatError(f"{text[:100]!r} is no pattern of paths", remedy="Write it as in CODEOWNERS, without owners.")
    return rule


class Demand(NamedTuple):
    """Approvals that a path asks for: of so many of these owners."""

    owners: tuple[Owner, ...]
    needed: int = 1
    section: str = ""
    """On GitLab, the section that asks for it."""


class CodeOwners(NamedTuple):
    """A file, read."""

    rules: tuple[Rule, ...]
    skipped: tuple[int, ...]
    """The numbers of the lines that can't be read, from 1."""

    def rule_for(self, path: str) -> Rule | None:
        """The line that speaks for a path: the last that matches."""
        return next((rule for rule in reversed(self.rules) if rule.matches(path)), None)

    def owners_of(self, path: str) -> tuple[Owner, ...]:
        """The owners of a path; none where no line matches, or where the last that does names none."""
        rule = self.rule_for(path)
        return rule.owners if rule else ()

    def demands_of(self, path: str) -> tuple[Demand, ...]:
        """What approvals a path asks for: one of its owners', where it has any."""
        owners = self.owners_of(path)
        return (Demand(owners),) if owners else ()


def parse(text: str) -> CodeOwners:
    """Read a file. Raises `FormatError` where it is larger than GitHub would load; lines that can't be read are `skipped`."""
    if len(text.encode("utf-8", "replace")) >= MAX_BYTES:
        raise FormatError("CODEOWNERS is 3 MB or larger, which GitHub does not load", remedy="Make it shorter, with wider patterns.")
    rules: list[Rule] = []
    skipped: list[int] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        content = line.strip(" \t\r")
        if not content or content.startswith("#"):
            continue
        rule = _parse_line(number, content)
        if rule is None:
            skipped.append(number)
        else:
            rules.append(rule)
    return CodeOwners(tuple(rules), tuple(skipped))


def _parse_line(number: int, content: str) -> Rule | None:
    pattern, rest = _split_pattern(content)
    steps = _steps(pattern) if pattern else None
    owners = tuple(_owners(rest))
    if steps is None or not all(_TEAM.fullmatch(owner) or _USER.fullmatch(owner) or _EMAIL.fullmatch(owner) for owner in owners):
        return None
    return Rule(number, steps, owners)


def _split_pattern(content: str) -> tuple[list[Char] | None, str]:
    """The pattern, up to the first blank that no backslash stands before, and what follows. None where it is no pattern."""
    pattern: list[Char] = []
    at = 0
    while at < len(content) and content[at] not in _BLANK:
        escaped = content[at] == "\\"
        at += escaped
        if at == len(content) or (escaped and content[at] == "#" and not pattern):
            return None, ""
        pattern.append(_char(content[at], literal=escaped))
        at += 1
    unknown = pattern[0] == Char("!") or any(char.text in "[]" and not char.literal for char in pattern)
    return None if unknown else pattern, content[at:]


def _owners(rest: str) -> Iterator[Owner]:
    for word in rest.split():
        if word.startswith("#"):
            return
        yield Owner(word)


def _steps(pattern: list[Char]) -> tuple[tuple[Char, ...], ...] | None:
    """The pattern from the root, so that it matches files: what names a folder gets what stands for all below it."""
    parts: list[list[Char]] = [[]]
    for char in pattern:
        if char.text == "/":
            parts.append([])
        else:
            parts[-1].append(char)
    written = [tuple(part) for part in parts]
    folder = len(written) > 1 and not written[-1]
    named = written[:-1] if folder else written
    anchored = len(named) > 1
    if not named[0]:
        named = named[1:]
    if not named:
        return None  # a slash alone
    star, depths = (Char("*"),), (Char("*"), Char("*"))
    steps = named if anchored else [depths, *named]
    if folder or _any_depth(steps[-1]):
        return (*steps, depths, star)
    return tuple(steps) if steps[-1] == star else (*steps, depths)


def _any_depth(step: tuple[Char, ...]) -> bool:
    return step == (Char("*"), Char("*"))


def _step_fits(step: tuple[Char, ...], name: str) -> bool:
    """One step of a pattern against one name: `*` is any run of characters, `?` any one; a backslash makes them plain."""
    start, end, plain = _ends(step)
    if plain:
        return start == name
    return (
        name.startswith(start)
        and name.endswith(end)
        and _match(step, name, is_star=lambda char: char == Char("*"), fits=lambda char, one: char == Char("?") or char.text == one)
    )


@lru_cache(maxsize=100_000)
def _ends(step: tuple[Char, ...]) -> tuple[str, str, bool]:
    """What a name must begin and end with to fit, and whether that is all: it rules most names out at once."""
    wild = [at for at, char in enumerate(step) if not char.literal and char.text in "*?"]
    first, last = (wild[0], wild[-1] + 1) if wild else (len(step), 0)
    return "".join(char.text for char in step[:first]), "".join(char.text for char in step[last:]), not wild


def _match(pattern: Sequence[P], items: Sequence[T], *, is_star: Callable[[P], bool], fits: Callable[[P, T], bool]) -> bool:
    """Whether the pattern covers all items; a star covers any number. Only the last star is ever tried again, so the time is bounded by
    the product of both lengths, whatever the file says.
    """
    at = index = 0
    star = resume = -1
    while index < len(items):
        if at < len(pattern) and is_star(pattern[at]):
            star, resume = at, index
            at += 1
        elif at < len(pattern) and fits(pattern[at], items[index]):
            at += 1
            index += 1
        elif star >= 0:
            resume += 1
            at, index = star + 1, resume
        else:
            return False
    return all(is_star(each) for each in pattern[at:])
