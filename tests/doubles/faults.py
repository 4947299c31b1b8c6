"""Faults that a forge, or what stands before it, is known to make. Each turns a right answer into a faulty one."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

Faulty: TypeAlias = tuple[int, Any, Mapping[str, str]]
Fault: TypeAlias = Callable[[int, Any, Mapping[str, str]], Faulty]

CUT = 0
"""The status of an answer that never comes: the connection is closed."""


class Ordered(NamedTuple):
    """A fault and the requests that it hits."""

    fault: Fault
    first: int
    times: int


def fixed(status: int, body: Any, **headers: str) -> Fault:
    """The same answer to every request."""
    return lambda _status, _body, _headers: (status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def changed(change: Callable[[Any], Any]) -> Fault:
    """The right answer, changed; answers that are no success stay."""

    def fault(status: int, body: Any, headers: Mapping[str, str]) -> Faulty:
        return status, change(copy.deepcopy(body)) if status == 200 else body, headers

    return fault


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a JSON value."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(item)


def nulls(*keys: str) -> Fault:
    """Null under every such key."""

    def change(body: Any) -> Any:
        for found in list(walk(body)):
            found.update({key: None for key in keys if key in found})
        return body

    return changed(change)
