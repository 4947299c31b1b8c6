"""Tables that CI goes through whole (`.ci/checks/exhaustive`), and of which `make test` takes every so-manieth row: each sort, not each place."""

import os
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import pytest
from _pytest.mark import ParameterSet

EXHAUSTIVE: Final = os.environ.get("EXHAUSTIVE") == "1"

T = TypeVar("T")


def thin(rows: Sequence[T], *, every: int) -> Sequence[T]:
    """All rows, or every so-manieth."""
    return rows if EXHAUSTIVE else rows[::every]


def some(rows: Iterable[T], *, every: int) -> list[T | ParameterSet]:
    """The rows of a table for `parametrize`: but for every so-manieth, marked as exhaustive, so that CI alone goes through them."""
    return [row if number % every == 0 else pytest.param(*_values(row), marks=pytest.mark.exhaustive) for number, row in enumerate(rows)]


def _values(row: object) -> tuple[object, ...]:
    """A row of several arguments is a tuple."""
    return row if isinstance(row, tuple) else (row,)
