"""A signed record as lines of labelled text, and its parts read as they come: what is not there, or of another shape, is empty."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from changegate.render.text import visible

_LABEL: Final = 12
_NARROWEST: Final = 40


@dataclass(frozen=True)
class LogPlace:
    """Where in the log the record lies, and what was verified."""

    digest: str
    """SHA-256 of the envelope, lower-case hex."""
    index: int
    size: int
    proof: str
    """What was verified, in words: `included, signed by key 3f2a91c0b1`."""


class Page:
    """Lines of labelled text, wrapped."""

    def __init__(self, width: int) -> None:
        self.width = max(width, _NARROWEST)
        self.lines: list[str] = []

    def write(self, label: str, text: str, *, indent: int = 0) -> None:
        """One labelled text; what follows its first line is indented under it."""
        start = f"{' ' * indent}{label:<{_LABEL}} "
        wrapped = textwrap.wrap(
            text or "not stated", self.width, initial_indent=start, subsequent_indent=" " * len(start), drop_whitespace=True, break_on_hyphens=False
        )
        self.lines += [line.rstrip() for line in wrapped]

    def heading(self, text: str) -> None:
        """A line of its own after an empty one."""
        self.lines += ["", textwrap.shorten(text, self.width, placeholder="…") if len(text) > self.width else text]


def at(value: Any, *keys: str) -> Any:
    """The value under these keys, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def text(value: Any, *keys: str) -> str:
    """The single value under these keys, in words."""
    return say(at(value, *keys))


def say(value: Any) -> str:
    """A single value in words; empty for what is not there or not single."""
    match value:
        case str():
            return visible(value)
        case bool():
            return "yes" if value else "no"
        case int():
            return visible(f"{value:d}") if value.bit_length() < 64 else "a number too large"
    return ""


def listed(value: Any, *keys: str) -> Sequence[Any]:
    """The list under these keys; empty where there is none."""
    found = at(value, *keys)
    return found if isinstance(found, list | tuple) else ()
