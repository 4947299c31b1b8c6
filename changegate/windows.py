"""Stretches of time by a wall clock: which hours of which days, in which zone, become which moments. Values in, values out. Pure.

A wall clock's time is there twice, or not at all, where its zone changes to or from summer time. Then a freeze is taken as long as it may be, and
a window in which deploys are allowed as short: in doubt nothing goes.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from changegate import recurrence
from changegate.errors import FormatError
from changegate.recurrence import Recurrence

LONGEST: Final = timedelta(days=366)
"""How long one window may last, and how far ahead one is looked for."""
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = "(?:" + "|".join(DAYS) + ")"
_CLOCK: Final = "(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
_HOURS: Final = re.compile(rf"(?P<first>{_DAY})(?:-(?P<last>{_DAY}))?(?: (?P<begins>{_CLOCK})-(?P<ends>{_CLOCK}))?", re.ASCII)
_THROUGH: Final = re.compile(rf"(?P<first>{_DAY}) (?P<begins>{_CLOCK}) - (?P<last>{_DAY}) (?P<ends>{_CLOCK})", re.ASCII)
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}", re.ASCII)
_LOCAL: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}", re.ASCII)


class Span(NamedTuple):
    """From a moment to another, which is no part of it. In UTC."""

    begins: datetime
    ends: datetime

    def holds(self, at: datetime) -> bool:
        """Whether the moment is one of it."""
        return self.begins <= at < self.ends


class Hours(NamedTuple):
    """Hours that come again every week."""

    days: tuple[int, ...]
    """The days on which they begin, Monday is 0."""
    begins: timedelta
    """After that day's midnight, by the wall clock; and so is the end."""
    ends: timedelta


@lru_cache(maxsize=64)
def find_zone(name: str) -> ZoneInfo:
    """A time zone of the IANA database: the machine's, else that of the package tzdata. Raises `FormatError` for what is none."""
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # KeyError: none of that name; the others: a folder, or a file that holds no zone
        pass
    raise FormatError(f"{name[:60]!r} is no time zone that this machine knows", remedy="Name one of the IANA database, such as Europe/Berlin.")


def read_hours(text: str) -> Hours:
    """`mon-fri 09:00-17:00`, `sat-sun`, `fri 16:00 - mon 08:00`. Hours that end before they begin run into the next day. Raises `FormatError`."""
    match = _HOURS.fullmatch(text)
    through = _THROUGH.fullmatch(text) if match is None else None
    if through is not None:
        first, last = DAYS.index(through["first"]), DAYS.index(through["last"])
        begins, ends = _clock(through["begins"]), _clock(through["ends"]) + timedelta(days=(last - first) % 7)
        return Hours((first,), begins, ends if ends > begins else ends + timedelta(days=7))
    if match is None:
        raise FormatError(f"{text[:60]!r} names no hours of a week", remedy="Write mon-fri 09:00-17:00, sat-sun, or fri 16:00 - mon 08:00.")
    first = DAYS.index(match["first"])
    many = (DAYS.index(match["last"] or match["first"]) - first) % 7 + 1
    begins, ends = _clock(match["begins"] or "00:00"), _clock(match["ends"] or "24:00")
    return Hours(tuple((first + at) % 7 for at in range(many)), begins, ends if ends > begins else ends + timedelta(days=1))


def _clock(text: str) -> timedelta:
    return timedelta(hours=int(text[:2]), minutes=int(text[3:]))


def read_local(text: str) -> datetime:
    """`2026-12-24 17:00`, by a wall clock of which it doesn't say where it hangs. Raises `FormatError`."""
    try:
        if _LOCAL.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise FormatError(f"{text[:60]!r} is no day and time", remedy="Write 2026-12-24 17:00.")


def to_utc(local: datetime, zone: ZoneInfo, *, late: bool) -> datetime:
    """The moment that a wall clock's time means; where it may mean two, the later or the earlier one."""
    meant = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return max(meant) if late else min(meant)


def make_span(begins: datetime, ends: datetime, zone: ZoneInfo, *, wide: bool) -> Span:
    """From one time of a wall clock to another; `wide`: as long as it may be, else as short."""
    return Span(to_utc(begins, zone, late=not wide), to_utc(ends, zone, late=wide))


def find_weekly(hours: Iterable[Hours], zone: ZoneInfo, low: datetime, high: datetime, *, wide: bool) -> Iterator[Span]:
    """The spans of these hours that begin in the days from `low` to `high`."""
    day, last = low.astimezone(zone).date(), high.astimezone(zone).date()
    each_week = [(at, each) for each in hours for at in each.days]
    while day <= last:
        midnight = datetime.combine(day, time())
        for at, each in each_week:
            if at == day.weekday():
                yield make_span(midnight + each.begins, midnight + each.ends, zone, wide=wide)
        day += timedelta(days=1)


def find_recurring(
    first: datetime, length: timedelta, rule: Recurrence | None, zone: ZoneInfo, low: datetime, high: datetime, *, wide: bool
) -> Iterator[tuple[datetime, Span]]:
    """The spans that begin in the days from `low` to `high`, each with its beginning by the wall clock; without a rule the one, whenever it is."""
    if rule is None:
        yield first, make_span(first, first + length, zone, wide=wide)
        return
    until = rule.until
    last = until.astimezone(zone).replace(tzinfo=None) if until is not None and until.tzinfo is not None else until
    for day in recurrence.find_days(rule, first, _day(low, zone), _day(high, zone), last=last):
        begins = datetime.combine(day, first.time())
        yield begins, make_span(begins, begins + length, zone, wide=wide)


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def find_end(spans: Iterable[Span], at: datetime) -> datetime:
    """When none of the spans holds any more, from `at` on; `at` itself where none does. Spans that meet are one."""
    end = at
    for span in sorted(spans):
        if span.begins > end:
            break
        end = max(end, span.ends)
    return end


def in_words(at: datetime, zone: ZoneInfo) -> str:
    """The moment by the zone's own clock, and in UTC."""
    local = at.astimezone(zone)
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return utc if zone.key == "UTC" else f"{local:%Y-%m-%d %H:%M} {local.tzname()} in {zone.key} ({utc})"


def find_opening(freezes: Iterable[Span], allowed: Iterable[Span] | None, at: datetime) -> datetime | None:
    """The first moment from `at` on that no freeze holds and, unless `allowed` is None, one of those does. None where these have no such moment."""
    frozen, opened = sorted(freezes), None if allowed is None else sorted(allowed)
    while True:
        end = find_end(frozen, at)
        if opened is None or any(each.holds(end) for each in opened):
            return end
        following = next((each.begins for each in opened if each.begins > end), None)
        if following is None:
            return None
        at = following
