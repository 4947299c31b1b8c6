"""Salted commitments to names and texts, and what opens them again. Pure.

A signed record that hides a name has a token in its place: HMAC-SHA-256 (RFC 2104) over the kind and the value, by a salt of 32 random bytes that
belongs to this one value in this one record, cut to 128 bits. Without the salt a token says nothing, not even to whoever tries every login that there
is. Salt and value together open it, which anybody can check. An opening that is deleted opens nothing any more, and no other opening misses it.

Openings are kept in a file of JSON lines, one opening a line, that is never in the log and belongs to whoever answers for these people.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from changegate import canonical
from changegate.errors import FormatError, VerificationError

SALT_BYTES: Final = 32
MAX_BYTES: Final = 1024 * 1024 * 1024
_DIGITS: Final = 32
TOKEN: Final = re.compile(rf"(?<![0-9A-Za-z])(?:p-|person:|sealed-)[0-9a-f]{{{_DIGITS}}}(?![0-9A-Za-z])", re.ASCII)
"""A token wherever it stands in a text."""
_REMEDY: Final = "Give the file as `changegate gate --names` wrote it, whole lines of it."


class Kind(StrEnum):
    """What is hidden; the value begins its tokens."""

    NAME = "p-"
    """A login, a name, an address."""
    KEY = "person:"
    """What the source tells people apart by."""
    TEXT = "sealed-"
    """A text that somebody wrote: a title, a message, a plan."""


class Opening(NamedTuple):
    """What one token stands for."""

    token: str
    salt: bytes
    value: str


def commit(kind: Kind, value: str, salt: bytes) -> Opening:
    """The token of a value under a salt, as its opening."""
    digest = hmac.digest(salt, f"{kind.value}\0{value}".encode(), hashlib.sha256).hex()
    return Opening(f"{kind.value}{digest[:_DIGITS]}", salt, value)


def format_openings(openings: Iterable[Opening]) -> bytes:
    """One JSON object a line, in the order given."""
    return b"".join(canonical.dumps({"is": each.value, "salt": each.salt.hex(), "token": each.token}) + b"\n" for each in openings)


def parse_openings(data: bytes) -> tuple[Opening, ...]:
    """Every opening of a file, each held against its token. Raises `FormatError` for another file, `VerificationError` for one that opens nothing."""
    return tuple(_parse(line, number) for number, line in enumerate(data.splitlines(), 1) if line.strip())


def _parse(line: bytes, number: int) -> Opening:
    what = f"line {number} of the names"
    match canonical.loads(line, what=what):
        case {"is": str(value), "salt": str(salt), "token": str(token), **more} if not more:
            if not re.fullmatch(f"[0-9a-f]{{{2 * SALT_BYTES}}}", salt, re.ASCII) or not TOKEN.fullmatch(token):
                raise FormatError(f"{what}: no token, or no salt of {SALT_BYTES} bytes", remedy=_REMEDY)
            if _is_torn(value):
                raise FormatError(f"{what}: half of a character", remedy=_REMEDY)
            kind = next(each for each in Kind if token.startswith(each.value))
            if commit(kind, value, bytes.fromhex(salt)).token != token:
                raise VerificationError(
                    f"{what}: {token} doesn't stand for that", remedy="The names were edited. Ask for the file as it was written."
                )
            return Opening(token, bytes.fromhex(salt), value)
    raise FormatError(f"{what}: no opening", remedy=_REMEDY)


def _is_torn(text: str) -> bool:
    """Whether it holds a lone surrogate, which no text of the log can."""
    return any(0xD800 <= ord(each) <= 0xDFFF for each in text)


def find_tokens(text: str) -> frozenset[str]:
    """Every token in a text."""
    return frozenset(TOKEN.findall(text))


def choose(openings: Iterable[Opening], tokens: frozenset[str]) -> tuple[Opening, ...]:
    """Those that open one of these tokens, each once, by token."""
    return tuple(sorted({each for each in openings if each.token in tokens}))


def hides_people(predicate: Any) -> bool:
    """Whether tokens in a decision's predicate, and in its facts, stand for names. Else what looks like one is what somebody is called."""
    match predicate:
        case {"policy": {"effective": {"privacy": {"pseudonymise-people": True}}}}:
            return True
    return False


def open_value(value: Any, openings: Mapping[str, Opening]) -> Any:
    """A JSON value with every token that can be opened replaced by what it stands for."""
    if isinstance(value, str):
        return TOKEN.sub(lambda match: openings[match[0]].value if match[0] in openings else match[0], value)
    if isinstance(value, list | tuple):
        return [open_value(each, openings) for each in value]
    if isinstance(value, Mapping):
        return {key: open_value(each, openings) for key, each in value.items()}
    return value


def open_json(data: bytes, openings: Mapping[str, Opening]) -> bytes:
    """The same of a JSON text."""
    return json.dumps(open_value(json.loads(data), openings), ensure_ascii=False).encode("utf-8", "replace")
