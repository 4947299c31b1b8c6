"""Canonical JSON: one value, one sequence of bytes (RFC 8785), and the strict way back."""

import json
from typing import Any

import rfc8785

from changegate.errors import FormatError

MAX_DEPTH = 64


def dumps(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value.

    Raises `FormatError` where the value has no such form (a number that JSON can't carry exactly, a lone surrogate).
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise FormatError(f"no canonical JSON for this value: {error}", remedy="This value can't be recorded; report it.") from error


def loads(data: bytes, *, what: str) -> Any:
    """Parse UTF-8 JSON strictly: no duplicate keys, no NaN, no nesting past `MAX_DEPTH`. `what` names the document in the error.

    Raises `FormatError`.
    """
    remedy = f"The {what} is damaged or was not written by changegate; fetch it again from where it came."
    try:
        value = _STRICT.decode(data.decode("utf-8"))
        if data.count(b"{") + data.count(b"[") > MAX_DEPTH:  # else it can't be deeper
            _check_depth(value, MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what}: not strict JSON ({error})", remedy=remedy) from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def _check_depth(value: Any, left: int) -> None:
    if left <= 0:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, dict | list):
                _check_depth(item, left - 1)
