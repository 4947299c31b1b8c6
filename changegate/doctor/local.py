"""What the command line finds besides the forge. Pure."""

from datetime import datetime
from typing import NamedTuple

from changegate.doctor.evidence import KeyState, StoreState
from changegate.doctor.trackers import TrackerState
from changegate.facts import Maybe


class Local(NamedTuple):
    """What the command line found besides the forge, and when."""

    store: Maybe[StoreState]
    key: Maybe[KeyState]
    at: datetime
    trackers: tuple[TrackerState, ...] = ()
    """Those that the policy names."""
