"""Text from outside, made fit to be shown: nothing in it is invisible, and nothing in it acts."""

import re
import string
import unicodedata
from collections.abc import Sequence
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

MAX_URL: Final = 2000
_MAX_MARKS: Final = 3
"""Combining marks on one letter. Scripts need two or three; stacks of them run out of the cell that they are in."""
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters by category that show as nothing: a login made of them looks like no login."""
_HEX: Final = frozenset(string.hexdigits)
T = TypeVar("T")


def visible(text: str, limit: int = 500) -> str:
    r"""The text on one line, cut after `limit` characters, with all that can't be seen written out: ESC as `\x1b`, U+202E as `\u202e`.

    Control characters, line breaks, bidirectional overrides, zero-width characters and stacks of combining marks are written out; the many
    kinds of space become a plain one. What is left is printable in the sense of `str.isprintable`.
    """
    shown: list[str] = []
    marks = 0
    for character in text[:limit]:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category == "Zs":
            shown.append(" ")
        elif marks > _MAX_MARKS or not character.isprintable() or character in _BLANK_LETTERS:
            shown.append(_written_out(character))
        else:
            shown.append(character)
    return "".join(shown) + ("…" if len(text) > limit else "")


def _written_out(character: str) -> str:
    named = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(character)
    point = ord(character)
    return named or (f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}")


def inert(log: str) -> str:
    """A finished text for a pipeline's log, in which no line is a command to the runner.

    GitHub's runner obeys `::name …::` at the start of a line, whatever spaces stand before it, and the older `##[name …]` anywhere in it
    (actions/runner, `ActionCommand.cs`); Azure Pipelines and TeamCity obey `##vso[` and `##teamcity[`. A wrapped title can put either there.
    """
    log = re.sub(r"(?m)^([^\S\n]*):(?=:)", r"\1\\x3a", log)
    return re.sub(r"#(?=#[\w.-]*\[)", r"\\x23", log)


def short(name: str) -> str:
    """A commit's id in ten digits; anything else as it is."""
    return name[:10] if len(name) in (40, 64) and _HEX.issuperset(name) else name


def web_link(url: str) -> str:
    """An http(s) address, percent-encoded to plain ASCII; empty where it is none, is too long, or hides its host behind a user name."""
    if len(url) > MAX_URL or not url.isprintable() or " " in url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return ""
    encoded = quote(url, safe=":/?#@!$&+,;=%-._~")
    return encoded if len(encoded) <= MAX_URL else ""


def bounded(items: Sequence[T], limit: int) -> tuple[Sequence[T], int]:
    """The first `limit` items, and how many are left. Never leaves just one: its line would be as long as the line that says so."""
    return (items, 0) if len(items) <= limit + 1 else (items[:limit], len(items) - limit)


def count(number: int, noun: str) -> str:
    """`1 change`, `2 changes`, `3 things to do`."""
    head, _, tail = noun.partition(" ")
    many = f"{head[:-1]}ies" if head.endswith("ry") else f"{head}s"
    return f"{number} {head if number == 1 else many}{' ' if tail else ''}{tail}"
