"""Tables that CI goes through whole (`.ci/checks/exhaustive`), and of which `make test` takes every so-manieth row: each sort, not each place."""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

EXHAUSTIVE: Final = os.environ.get("EXHAUSTIVE") == "1"

T = TypeVar("T")


def thin(rows: Sequence[T], *, every: int) -> Sequence[T]:
    """All rows, or every so-manieth."""
    return rows if EXHAUSTIVE else rows[::every]
