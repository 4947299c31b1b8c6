"""One thing that was looked at, and what came of it."""

from enum import StrEnum
from typing import Final, NamedTuple


class State(StrEnum):
    """How a thing is set up. In this order in a report: worst first."""

    BAD = "bad"
    UNKNOWN = "unknown"
    WEAK = "weak"
    GOOD = "good"


class Check(NamedTuple):
    """A check's permanent id, its area, and the judgement with its reason and its remedy."""

    id: str
    area: str
    state: State
    observed: str
    why: str
    """Why it matters."""
    remedy: str = ""
    """The exact setting to change, or YAML to paste; empty where all is good."""
    link: str = ""
    important: bool = True
    """Whether not knowing it leaves the question open that the doctor is asked. Only of an unknown."""


AREAS: Final = ("access", "branch", "evidence", "environment", "workflows", "policy", "key")
"""The areas of a report."""


def good(id_: str, area: str, observed: str, why: str) -> Check:
    """A check that needs nothing done."""
    return Check(id_, area, State.GOOD, observed, why)
