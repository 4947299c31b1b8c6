"""Deploys as a platform lists them: what GitHub's and GitLab's own records of deployments say, in one form. Pure.

The other side of a reconciliation: nobody who runs the gate wrote these.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """How far a deploy came, by the platform."""

    NOT_STARTED = "not-started"
    """It never began: waiting, refused before it began, skipped."""
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    """It succeeded, whatever came after."""
    FAILED = "failed"
    """It began, and never succeeded. Parts of it may be live."""
    UNKNOWN = "unknown"
    """The platform doesn't say. It may have been deployed."""


@dataclass(frozen=True)
class PlatformDeploy:
    """One deployment. Texts are data from outside."""

    id: str
    repository: str
    environment: str
    commit: str
    created: datetime
    state: State
    said: str = ""
    """The platform's own words for it, the oldest first."""
    last: State = State.UNKNOWN
    """As what it stands now: succeeded and then said to have failed is `FAILED`."""
    started: datetime | None = None
    finished: datetime | None = None
    """When it first succeeded or failed."""
    ref: str = ""
    runs: tuple[str, ...] = ()
    """The pipeline runs or jobs that the platform says made it, as records name theirs."""
    url: str = ""
    number: int | None = None
    """Its place in a sequence without holes, where the platform counts (GitLab's `iid`)."""
