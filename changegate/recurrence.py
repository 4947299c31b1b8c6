"""Days that come again: the recurrence rules of iCalendar (RFC 5545, section 3.3.10), as far as windows need them. Text in, days out. Pure.

A general library walks from a rule's first day and looks for its next one, which for a rule that never comes (30 February) takes until the year 9999.
Here each day of a given stretch is asked whether it is one, so that no rule takes longer than its stretch has days. Whatever isn't known is refused.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from changegate.errors import FormatError

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MAX_LENGTH: Final = 500
_REMEDY: Final = "For example FREQ=YEARLY, or FREQ=MONTHLY;BYDAY=-1FR (RFC 5545, section 3.3.10)."
_MOMENT: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?", re.ASCII)
_DAY: Final = re.compile(r"(?P<nth>[+-]?[0-9]{1,2})?(?P<day>MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,4}", re.ASCII)


class Frequency(StrEnum):
    """How often. More often than daily is refused: a window lasts."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


class Weekday(NamedTuple):
    """A day of the week, Monday is 0; with `nth` that one of the month or year alone, from its end where it is negative."""

    day: int
    nth: int = 0


class Recurrence(NamedTuple):
    """A rule."""

    frequency: Frequency
    interval: int = 1
    times: int = 0
    """How many there are in all; 0: no such end."""
    until: datetime | None = None
    """The last moment at which one may begin: in UTC, or without a zone, as the rule writes it."""
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    weekdays: frozenset[Weekday] = frozenset()
    positions: frozenset[int] = frozenset()
    week_start: int = 0


def parse(text: str) -> Recurrence:
    """Read a rule. Raises `FormatError` for one that is none, or that says what isn't known here."""
    if len(text) > MAX_LENGTH:
        raise _refuse("longer than a rule is")
    parts: dict[str, str] = {}
    for part in text.upper().split(";"):
        key, equals, value = part.partition("=")
        if not equals or key in parts:
            raise _refuse(f"{part[:40]!r} is no part of a rule, or stands twice")
        parts[key] = value
    if "COUNT" in parts and "UNTIL" in parts:
        raise _refuse("it has both COUNT and UNTIL")
    found = Recurrence(_frequency(parts.pop("FREQ", "")))
    for key, value in parts.items():
        read = _PARTS.get(key)
        if read is None:
            raise _refuse(f"{key[:40]!r} isn't known here")
        found = read(found, value)
    _check(found)
    return found


def _check(rule: Recurrence) -> None:
    by_month = rule.frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    if not by_month and (rule.positions or any(each.nth for each in rule.weekdays)):
        raise _refuse(f"BYSETPOS and numbered days belong to months and years, not to FREQ={rule.frequency}")
    if rule.frequency is Frequency.WEEKLY and rule.month_days:
        raise _refuse("BYMONTHDAY doesn't go with FREQ=WEEKLY")


def _frequency(value: str) -> Frequency:
    if value not in list(Frequency):
        raise _refuse(f"FREQ must be one of {', '.join(Frequency)}")
    return Frequency(value)


def _refuse(why: str) -> FormatError:
    return FormatError(f"the recurrence rule: {why}", remedy=_REMEDY)


def _number(key: str, value: str, high: int, *, from_end: bool = False) -> int:
    """A whole number from 1 to `high`; `from_end`: below zero, it counts from the end."""
    if not _WHOLE.fullmatch(value) or not 1 <= abs(int(value)) <= high or (int(value) < 0 and not from_end):
        raise _refuse(f"{key} is out of its range: {value[:40]!r}")
    return int(value)


def _numbers(key: str, value: str, high: int, *, from_end: bool = True) -> frozenset[int]:
    return frozenset(_number(key, each, high, from_end=from_end) for each in value.split(","))


def _weekdays(value: str) -> frozenset[Weekday]:
    found = []
    for each in value.split(","):
        match = _DAY.fullmatch(each)
        if match is None or (match["nth"] and not 1 <= abs(int(match["nth"])) <= 53):
            raise _refuse(f"BYDAY has no day {each[:40]!r}")
        found.append(Weekday(WEEKDAYS.index(match["day"]), int(match["nth"] or 0)))
    return frozenset(found)


def _week_start(value: str) -> int:
    if value not in WEEKDAYS:
        raise _refuse(f"WKST has no day {value[:40]!r}")
    return WEEKDAYS.index(value)


def _until(value: str) -> datetime:
    moment, is_date = read_moment(value)
    return datetime.combine(moment.date(), time.max) if is_date else moment


def read_moment(value: str) -> tuple[datetime, bool]:
    """A date (midnight, and True) or a time, in UTC where it ends in Z, else without a zone. Raises `FormatError`."""
    match = _MOMENT.fullmatch(value)
    if match is None or not 1970 <= int(match[1]) < 2200:
        raise FormatError(
            f"{value[:40]!r} is no date or time from 1970 to 2199", remedy="Write 20261224 or 20261224T170000, with a Z at its end for UTC."
        )
    try:
        year, month, day, hour, minute, second = (int(each or 0) for each in match.groups()[:6])
        moment = datetime.combine(date(year, month, day), time(hour, minute, second))
    except ValueError as error:
        raise FormatError(f"{value[:40]!r} is in no calendar: {error}", remedy="Write a day and a time that there are.") from error
    return (moment.replace(tzinfo=UTC) if match[7] else moment), match[4] is None


_PARTS: Final[dict[str, Callable[[Recurrence, str], Recurrence]]] = {
    "INTERVAL": lambda rule, value: rule._replace(interval=_number("INTERVAL", value, 1000)),
    "COUNT": lambda rule, value: rule._replace(times=_number("COUNT", value, 1000)),
    "UNTIL": lambda rule, value: rule._replace(until=_until(value)),
    "BYMONTH": lambda rule, value: rule._replace(months=_numbers("BYMONTH", value, 12, from_end=False)),
    "BYMONTHDAY": lambda rule, value: rule._replace(month_days=_numbers("BYMONTHDAY", value, 31)),
    "BYDAY": lambda rule, value: rule._replace(weekdays=_weekdays(value)),
    "BYSETPOS": lambda rule, value: rule._replace(positions=_numbers("BYSETPOS", value, 366)),
    "WKST": lambda rule, value: rule._replace(week_start=_week_start(value)),
}


def find_days(rule: Recurrence, first: datetime, low: date, high: date, *, last: datetime | None = None) -> Iterator[date]:
    """The days from `low` to `high` on which one begins. `first` is the beginning of the first one, without a zone; `last` the last moment, likewise.

    A rule with COUNT is counted from its first day, every other is looked at in the stretch alone.
    """
    begin = first.date()
    number = 0
    for days in _periods(rule, begin, begin if rule.times else max(low, begin), high):
        fitting = [day for day in days if _fits(day, rule, begin)]
        if rule.positions:
            chosen = {position - 1 if position > 0 else len(fitting) + position for position in rule.positions}
            fitting = [day for at, day in enumerate(fitting) if at in chosen]
        for day in fitting:
            if day < begin:
                continue
            number += 1
            beyond = day > high or (last is not None and datetime.combine(day, first.time()) > last)
            if beyond or (rule.times and number > rule.times):
                return
            if day >= low:
                yield day


def begins_with(rule: Recurrence, first: datetime) -> bool:
    """Whether the first day is one of the rule's own: what else would be meant, the standard leaves open."""
    return next(find_days(rule, first, first.date(), first.date()), None) == first.date()


def _periods(rule: Recurrence, begin: date, low: date, high: date) -> Iterator[list[date]]:
    """The days of each day, week, month or year of the rule, from the one that holds `low` or an earlier one, to the one that holds `high`."""
    match rule.frequency:
        case Frequency.DAILY:
            for at in _steps((low - begin).days, (high - begin).days, rule.interval):
                yield [begin + timedelta(at)]
        case Frequency.WEEKLY:
            week = begin - timedelta((begin.weekday() - rule.week_start) % 7)
            for at in _steps((low - week).days // 7, (high - week).days // 7, rule.interval):
                yield [week + timedelta(at * 7 + each) for each in range(7)]
        case Frequency.MONTHLY:
            month = begin.year * 12 + begin.month - 1
            for at in _steps(low.year * 12 + low.month - 1 - month, high.year * 12 + high.month - 1 - month, rule.interval):
                yield _days_of_month((month + at) // 12, (month + at) % 12 + 1)
        case Frequency.YEARLY:
            for at in _steps(low.year - begin.year, high.year - begin.year, rule.interval):
                yield [day for month in range(1, 13) for day in _days_of_month(begin.year + at, month)]


def _steps(low: int, high: int, interval: int) -> range:
    return range(max(0, low // interval * interval), high + 1, interval)


def _days_of_month(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def _fits(day: date, rule: Recurrence, begin: date) -> bool:
    """Whether the rule's parts all hold; what it leaves out is as on its first day."""
    length = calendar.monthrange(day.year, day.month)[1]
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days and day.day not in rule.month_days and day.day - length - 1 not in rule.month_days:
        return False
    if rule.weekdays:
        return any(_is_weekday(day, each, rule, length) for each in rule.weekdays)
    match rule.frequency:
        case Frequency.DAILY:
            return True
        case Frequency.WEEKLY:
            return day.weekday() == begin.weekday()
        case Frequency.MONTHLY:
            return bool(rule.month_days) or day.day == begin.day
        case Frequency.YEARLY:
            return bool(rule.month_days) or (day.day == begin.day and (bool(rule.months) or day.month == begin.month))


def _is_weekday(day: date, wanted: Weekday, rule: Recurrence, length: int) -> bool:
    if day.weekday() != wanted.day or not wanted.nth:
        return day.weekday() == wanted.day
    in_year = rule.frequency is Frequency.YEARLY and not rule.months
    at, of = (day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365) if in_year else (day.day, length)
    return wanted.nth in ((at - 1) // 7 + 1, -((of - at) // 7 + 1))
