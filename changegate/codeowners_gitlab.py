r"""CODEOWNERS as GitLab reads it: sections, of which each asks for approvals of its own. Text in, values out.

The grammar is that of "Code Owners syntax" on docs.gitlab.com; it differs from GitHub's:

- `[Section]`, `^[Optional]`, `[Section][2]` (two approvals), `[Section] @default`: a line without owners has the section's;
- in each section the last line that matches a path speaks, and `!pattern` takes paths out of it for good;
- a pattern that names a folder without a slash at its end means no file below it; `\#` is a hash, `\ ` a space;
- `@@maintainer` is everybody of a role, `@group/subgroup` a group, and `@name` a person or a group.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from changegate.codeowners import MAX_BYTES, Char, Demand, Owner, Rule
from changegate.errors import FormatError

_HEADER: Final = re.compile(r"(?P<optional>\^)?\[(?P<name>[^\]]+)\](?:\[(?P<count>[0-9]{0,4})\])?(?P<rest>(?:\s.*)?)")
_OWNER: Final = re.compile(r"@@[A-Za-z]+s?|@[A-Za-z0-9_][A-Za-z0-9_./-]*|[^@\s]+@[^@\s]+")
_STAR: Final = Char("*")


class Section(NamedTuple):
    """A section and its lines. Those of several headers with one name (whatever their case) are one."""

    name: str
    needed: int
    """How many approvals it asks for: 0 where it is optional."""
    rules: tuple[Rule, ...]
    excluded: tuple[Rule, ...]


class GitLabCodeOwners(NamedTuple):
    """A file, read."""

    sections: tuple[Section, ...]
    skipped: tuple[int, ...]
    """The numbers of the lines that name no owner whom GitLab would know, from 1."""

    def demands_of(self, path: str) -> tuple[Demand, ...]:
        """What approvals a path asks for: one demand for each section that has owners for it."""
        found = []
        for section in self.sections:
            if not section.needed or any(rule.matches(path) for rule in section.excluded):
                continue
            rule = next((rule for rule in reversed(section.rules) if rule.matches(path)), None)
            if rule is not None and rule.owners:
                found.append(Demand(rule.owners, section.needed, section.name))
        return tuple(found)


class _Open:
    """A section that is being read."""

    def __init__(self, name: str, needed: int, default: tuple[Owner, ...]) -> None:
        self.name, self.needed, self.default = name, needed, default
        self.rules: dict[str, Rule] = {}
        self.excluded: list[Rule] = []


def parse(text: str) -> GitLabCodeOwners:
    """Read a file. Raises `FormatError` where it is too large, or holds a pattern that can't be read: it would own nothing in silence."""
    if len(text.encode("utf-8", "replace")) >= MAX_BYTES:
        raise FormatError("CODEOWNERS is 3 MB or larger", remedy="Make it shorter, with wider patterns.")
    sections: dict[str, _Open] = {}
    skipped: list[int] = []
    at = sections.setdefault("", _Open("", 1, ()))
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        header = _HEADER.fullmatch(content)
        if header:
            at = _enter(sections, header)
        elif content.startswith("!"):
            without, _ = _split(content[1:])
            if without:  # one that names nothing takes nothing out
                at.excluded.append(Rule(number, _steps(number, without), ()))
        else:
            pattern, rest = _split(content)
            named = tuple(_owners(rest))
            if rest.split("#")[0].strip() and not named:
                skipped.append(number)
            # A pattern given twice keeps its first place, with the owners given last.
            at.rules[pattern] = Rule(number, _steps(number, pattern), named or at.default)
    made = tuple(Section(each.name, each.needed, tuple(each.rules.values()), tuple(each.excluded)) for each in sections.values())
    return GitLabCodeOwners(made, tuple(skipped))


def _enter(sections: dict[str, _Open], header: re.Match[str]) -> _Open:
    """The section of a header. Where one name comes twice and they differ, what asks for more holds."""
    count = 0 if header["optional"] else max(1, int(header["count"] or 1))
    default = tuple(_owners(header["rest"]))
    section = sections.setdefault(header["name"].strip().casefold(), _Open(header["name"].strip(), count, default))
    section.needed = max(section.needed, count)
    section.default = default or section.default
    return section


def _split(content: str) -> tuple[str, str]:
    """The pattern, up to the first blank that no backslash stands before, and what follows."""
    match = re.match(r"(?:\\.|[^\s\\])*\\?", content)
    end = match.end() if match else 0
    return content[:end], content[end:]


def _owners(rest: str) -> Iterator[Owner]:
    for word in rest.split():
        if word.startswith("#"):
            return
        if _OWNER.fullmatch(word):
            yield Owner(word)


def _steps(number: int, pattern: str) -> tuple[tuple[Char, ...], ...]:
    """The pattern's steps from the root, as Ruby's `File.fnmatch` takes them (FNM_PATHNAME, FNM_DOTMATCH)."""
    steps: list[list[Char]] = [[]]
    at = 0
    while at < len(pattern):
        escaped = pattern[at] == "\\" and at + 1 < len(pattern)
        at += escaped
        if pattern[at] in "[]" and not escaped:
            raise FormatError(
                f"line {number} of CODEOWNERS holds a set of characters in brackets, which isn't read here",
                remedy="Write the pattern with * or ? instead; a section's name and count stand alone at the start of a line.",
            )
        if pattern[at] == "/":
            steps.append([])
        else:
            steps[-1].append(Char(pattern[at], literal=escaped))
        at += 1
    deep = (_STAR, _STAR)
    found = [tuple(step) for step in steps]
    found = found[1:] if not found[0] else [deep, *found]
    if not found[-1]:
        found = [*found[:-1], deep, (_STAR,)]
    elif found[-1] == deep:
        found[-1] = (_STAR,)  # at the end it is a star like any other
    return tuple(found)
