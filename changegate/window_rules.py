"""The policy's rules for `deploy-window`: in which hours, on which days, by which calendars deploys go or don't. Models only."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from changegate import recurrence
from changegate.errors import FormatError
from changegate.policy_defects import FILE
from changegate.recurrence import Recurrence
from changegate.rules import Name, Rules
from changegate.windows import LONGEST, find_zone, read_hours, read_local


def _readable(kind: str, read: Callable[[str], Any]) -> Callable[[str], str]:
    """Holds a text to its parser; `kind` is the mistake's name in `changegate.policy_defects.WORDS`."""

    def check(text: str) -> str:
        try:
            read(text)
        except FormatError as error:
            raise PydanticCustomError(kind, "{why}", {"why": error.message}) from error
        return text

    return check


def _read_rule(text: str) -> Recurrence | None:
    return recurrence.parse(text) if text else None


TimeZone = Annotated[str, AfterValidator(_readable("time_zone", find_zone))]
HoursText = Annotated[str, AfterValidator(_readable("hours", read_hours))]
LocalTime = Annotated[str, AfterValidator(_readable("local_time", read_local))]
RuleText = Annotated[str, AfterValidator(_readable("recurrence", _read_rule))]


class Window(Rules):
    """What every window has."""

    kind: Literal["allow", "freeze"] = Field(
        description="`allow`: where there are such, deploys go in them alone. `freeze`: no deploy goes in it, whatever else allows it."
    )
    name: Name = Field(description="What reports call it.")
    reason: Annotated[str, Field(min_length=3, max_length=300)] = Field(description="Why, for whoever is stopped by it.")
    environments: tuple[Name, ...] = Field(
        (), strict=False, max_length=50, description="Where it holds, by the environment's name, in any case. Empty: wherever this section does."
    )
    time_zone: TimeZone | None = Field(default=None, description="Its own time zone, where it isn't the section's.")

    def concerns(self, environment: str) -> bool:
        """Whether it holds for deploys there."""
        return not self.environments or environment.casefold() in {each.casefold() for each in self.environments}


class WeeklyWindow(Window):
    """Hours that come again every week."""

    hours: tuple[HoursText, ...] = Field(
        strict=False, min_length=1, max_length=50, description="Such as [mon-thu 09:00-17:00, fri 09:00-12:00], [sat-sun], [fri 16:00 - mon 08:00]."
    )


class DatedWindow(Window):
    """From a day and time to another, once or again by a rule."""

    begins: LocalTime = Field(alias="from", description="Such as 2026-12-18 17:00, by the clock of its time zone.")
    ends: LocalTime = Field(alias="to", description="When it is over, at most 366 days later.")
    repeats: RuleText = Field("", max_length=recurrence.MAX_LENGTH, description="A recurrence rule of iCalendar, such as FREQ=YEARLY. Empty: once.")

    @model_validator(mode="after")
    def _is_one(self) -> "DatedWindow":
        begins, ends = read_local(self.begins), read_local(self.ends)
        if not begins < ends <= begins + LONGEST:
            raise PydanticCustomError("window", "{that}", {"that": f"that ends after it begins, and at most {LONGEST.days} days later"})
        rule = _read_rule(self.repeats)
        if rule is not None and not recurrence.begins_with(rule, begins):
            raise PydanticCustomError("window", "{that}", {"that": "whose first day is one of those that `repeats` gives"})
        return self


class CalendarWindow(Window):
    """The events of an iCalendar file of the repository, as it stands where the policy stands."""

    path: Annotated[str, Field(pattern=FILE)] = Field(description="From the repository's root, such as ops/freezes.ics.")


class DeployWindow(Rules):
    """The change is deployed at a time at which deploys go."""

    enabled: bool = Field(default=True, description="Judged only where there is a window for the environment.")
    time_zone: TimeZone = Field("UTC", description="Whose clock the windows go by, by its IANA name: Europe/Berlin.")
    weekly: tuple[WeeklyWindow, ...] = Field((), strict=False, max_length=50, description="Hours that come again every week.")
    dates: tuple[DatedWindow, ...] = Field((), strict=False, max_length=50, description="Stretches from a day and time to another.")
    calendars: tuple[CalendarWindow, ...] = Field((), strict=False, max_length=10, description="iCalendar files of the repository.")

    def windows(self, environment: str) -> tuple[Window, ...]:
        """The windows that hold for deploys there; none where the control is off."""
        found = (*self.weekly, *self.dates, *self.calendars) if self.enabled else ()
        return tuple(each for each in found if each.concerns(environment))

    def zone_of(self, window: Window) -> str:
        """The name of the zone whose clock a window goes by."""
        return window.time_zone or self.time_zone
