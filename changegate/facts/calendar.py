"""What is known of a calendar by which deploys go or don't: of its file no more than which one it was, and what it says around the deploy."""

from typing import Literal

from changegate.facts.values import Fact, Known, Text, Time


class CalendarTime(Fact):
    """One event's time, from a moment to another, which is no part of it."""

    begins: Time
    ends: Time
    title: Text = ""


class Calendar(Fact):
    """An iCalendar file, as it stands where the policy stands, read for one kind of window."""

    path: Text
    commit: str
    sha256: str = ""
    """Of the file's bytes; empty where there is no file, or where it couldn't be read."""
    time_zone: str
    """Whose clock its whole days go by, and its times without a zone."""
    kind: Literal["allow", "freeze"]
    times: Known[tuple[CalendarTime, ...]] = ()
    """Those that hold when the facts were fetched, and the next ones within a year."""
    defect: Text = ""
    """Why it is no calendar that can be gone by. Then it has no times."""
