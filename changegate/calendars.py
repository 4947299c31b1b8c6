"""iCalendar files (RFC 5545): the events that a calendar has around a moment. Bytes in, spans out. Pure.

An event that isn't understood is no event that doesn't count: a general reader drops what it can't read, and a freeze with it. So here whatever
could move an event and isn't known refuses the file, with its line. What doesn't move one (alarms, attendees, descriptions) is passed over.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from changegate import recurrence, windows
from changegate.errors import FormatError
from changegate.recurrence import Recurrence
from changegate.windows import LONGEST, Span, find_recurring, find_zone

MAX_BYTES: Final = 256 * 1024
MAX_EVENTS: Final = 500
MAX_COUNTED: Final = 200_000
"""How many days may be gone through in all for rules with COUNT, which only their first day explains."""
MAX_TITLE: Final = 200
_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,60}", re.ASCII)
_PARAMETER: Final = re.compile(r';([A-Za-z0-9-]{1,60})=("[^"]*"|[^";:]*)', re.ASCII)
_DURATION: Final = re.compile(
    r"\+?P(?:([0-9]{1,4})W|(?:([0-9]{1,4})D)?(?:T(?=[0-9])(?:([0-9]{1,5})H)?(?:([0-9]{1,5})M)?(?:([0-9]{1,6})S)?)?)", re.ASCII
)
_ESCAPE: Final = re.compile(r"\\([\\;,nN])")
_ONCE: Final = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "UID", "STATUS", "SUMMARY"})
_MANY: Final = frozenset({"EXDATE", "RDATE"})
_REFUSED: Final = frozenset({"EXRULE"})


class Property(NamedTuple):
    """One line of a calendar, unfolded."""

    line: int
    name: str
    parameters: dict[str, str]
    value: str


class Moment(NamedTuple):
    """A time by a wall clock, and where that hangs."""

    local: datetime
    zone: ZoneInfo
    is_date: bool

    @property
    def utc(self) -> datetime:
        """When it is; the first time, where the clock shows it twice."""
        return windows.to_utc(self.local, self.zone, late=False)


class Event(NamedTuple):
    """An event: when it is for the first time, how long, and when it is again."""

    line: int
    uid: str
    title: str
    begins: Moment
    length: timedelta
    rule: Recurrence | None
    besides: tuple[Moment, ...]
    without: tuple[Moment, ...]
    replaces: Moment | None
    """Which one of a recurring event it stands for."""
    cancelled: bool


class Titled(NamedTuple):
    """One time of an event."""

    span: Span
    title: str


def parse(data: bytes, zone: ZoneInfo) -> tuple[Event, ...]:
    """The events of a file; `zone` is that of whole days and of times without one. Raises `FormatError`, which names the line."""
    if len(data) > MAX_BYTES:
        raise FormatError(f"the calendar is larger than {MAX_BYTES // 1024} KiB", remedy="Keep the windows alone in a calendar of their own.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("the calendar is not UTF-8", remedy="Save it as UTF-8 text.") from error
    events = [_event(properties, zone) for properties in _blocks(_unfold(text))]
    if len(events) > MAX_EVENTS:
        raise FormatError(f"the calendar has more than {MAX_EVENTS} events", remedy="Keep the windows alone in a calendar of their own.")
    return tuple(events)


def find_spans(events: Iterable[Event], at: datetime, *, wide: bool) -> tuple[Titled, ...]:
    """What holds at a moment or comes within a year after it, the earliest first. Raises `FormatError` for rules that take too long."""
    known = tuple(events)
    replaced = {(each.uid, _key(each.replaces)) for each in known if each.replaces is not None}
    low, high = at - LONGEST - timedelta(days=2), at + LONGEST
    counted = sum(max(0, (high.date() - each.begins.local.date()).days) for each in known if each.rule is not None and each.rule.times)
    if counted > MAX_COUNTED:
        raise FormatError("the calendar has too many rules with COUNT that began long ago", remedy="End them by UNTIL, or take away what is over.")
    found = {
        Titled(span, event.title)
        for event in known
        if not event.cancelled
        for begins, span in _spans(event, low, high, wide=wide)
        if event.replaces is not None or replaced.isdisjoint({(event.uid, begins.utc), (event.uid, begins.local.date())})
    }
    return tuple(sorted(each for each in found if each.span.begins < each.span.ends and at < each.span.ends and each.span.begins < high))


def _key(written: Moment) -> datetime | date:
    """What another event, or an exception, means by a moment that it names: that moment or, of a whole day, whatever begins on it."""
    return written.local.date() if written.is_date else written.utc


def _spans(event: Event, low: datetime, high: datetime, *, wide: bool) -> Iterator[tuple[Moment, Span]]:
    """Each time of an event, with its beginning as it is written."""
    zone, is_date = event.begins.zone, event.begins.is_date
    recurring = find_recurring(event.begins.local, event.length, event.rule, zone, low, high, wide=wide)
    times = [(Moment(begins, zone, is_date), span) for begins, span in recurring]
    times += [(each, windows.make_span(each.local, each.local + event.length, each.zone, wide=wide)) for each in event.besides]
    without = {_key(each) for each in event.without}
    for begins, span in times:
        if without.isdisjoint({begins.utc, begins.local.date()}):
            yield begins, span


def _unfold(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; one that begins with a blank goes on with the one before (section 3.1)."""
    number, line = 0, ""
    for at, part in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        if part[:1] in (" ", "\t"):
            line += part[1:]
            continue
        if line:
            yield number, line
        number, line = at, part
    if line:
        yield number, line


def _read(number: int, line: str) -> Property:
    name = _NAME.match(line)
    at = name.end() if name else 0
    parameters: dict[str, str] = {}
    while name and (match := _PARAMETER.match(line, at)):
        parameters[match[1].upper()] = match[2].strip('"')
        at = match.end()
    if name is None or line[at : at + 1] != ":":
        raise _refuse(number, "no line of a calendar")
    return Property(number, name[0].upper(), parameters, line[at + 1 :])


def _blocks(lines: Iterable[tuple[int, str]]) -> Iterator[list[Property]]:
    """The properties of each event. What is nested in it (alarms), and other parts of the calendar, are passed over."""
    open_: list[str] = []
    begun = False
    event: list[Property] = []
    for number, line in lines:
        found = _read(number, line)
        name = found.value.upper()
        if not open_ and (begun or (found.name, name) != ("BEGIN", "VCALENDAR")):
            raise _refuse(number, "the file must be one VCALENDAR, from BEGIN to END, and nothing else")
        begun = True
        if found.name == "BEGIN":
            open_.append(name)
            if len(open_) > 8:
                raise _refuse(number, "nested too deeply")
            event = [found] if open_ == ["VCALENDAR", "VEVENT"] else event
        elif found.name == "END":
            if open_.pop() != name:
                raise _refuse(number, f"END:{name[:40]} ends what didn't begin")
            if [*open_, name] == ["VCALENDAR", "VEVENT"]:
                yield event
        elif open_ == ["VCALENDAR", "VEVENT"]:
            event.append(found)
    if open_ or not begun:
        raise FormatError("the calendar ends before its END:VCALENDAR, or there is none", remedy="Export it anew, as a whole.")


def _event(properties: list[Property], zone: ZoneInfo) -> Event:
    begin, *rest = properties
    once: dict[str, Property] = {}
    many: dict[str, list[Moment]] = {name: [] for name in _MANY}
    for each in rest:
        if each.name in _REFUSED or (each.name in _ONCE and each.name in once):
            raise _refuse(each.line, f"{each.name} isn't known here, or stands twice in one event")
        if each.name in _ONCE:
            once[each.name] = each
        elif each.name in _MANY:
            many[each.name] += [_moment(each, value, zone) for value in each.value.split(",")]
    if "DTSTART" not in once:
        raise _refuse(begin.line, "an event without DTSTART")
    start = once["DTSTART"]
    begins = _moment(start, start.value, zone)
    replaces = once.get("RECURRENCE-ID")
    if replaces is not None and "RANGE" in replaces.parameters:
        raise _refuse(replaces.line, "RECURRENCE-ID with RANGE isn't known here")
    return Event(
        line=begin.line,
        uid=once["UID"].value if "UID" in once else f"line {begin.line}",
        title=_text(once["SUMMARY"].value) if "SUMMARY" in once else "",
        begins=begins,
        length=_length(begins, once, zone),
        rule=_rule(once.get("RRULE"), begins),
        besides=tuple(many["RDATE"]),
        without=tuple(many["EXDATE"]),
        replaces=None if replaces is None else _moment(replaces, replaces.value, zone),
        cancelled="STATUS" in once and once["STATUS"].value.upper() == "CANCELLED",
    )


def _moment(found: Property, value: str, zone: ZoneInfo) -> Moment:
    """A date or a time (sections 3.3.4 and 3.3.5), in UTC, in the zone that the property names, or else in the caller's."""
    try:
        local, is_date = recurrence.read_moment(value)
        if local.tzinfo is not None:
            return Moment(local.replace(tzinfo=None), find_zone("UTC"), is_date)
        return Moment(local, zone if is_date or "TZID" not in found.parameters else find_zone(found.parameters["TZID"]), is_date)
    except FormatError as error:
        raise _refuse(found.line, error.message, error.remedy) from error


def _length(begins: Moment, once: dict[str, Property], zone: ZoneInfo) -> timedelta:
    """How long it is by the wall clock: a day is a day, also where the clock is changed on it."""
    line = once["DTSTART"].line
    if "DTEND" in once:
        line = once["DTEND"].line
        ends = _moment(once["DTEND"], once["DTEND"].value, zone)
        length = ends.local.replace(tzinfo=ends.zone).astimezone(begins.zone).replace(tzinfo=None) - begins.local
    elif "DURATION" in once:
        line = once["DURATION"].line
        match = _DURATION.fullmatch(once["DURATION"].value)
        if match is None:
            raise _refuse(line, "no DURATION")
        weeks, days, hours, minutes, seconds = (int(each or 0) for each in match.groups())
        length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    else:
        length = timedelta(days=1 if begins.is_date else 0)
    if not timedelta() < length <= LONGEST:
        raise _refuse(line, f"an event that has no end, ends before it begins, or lasts longer than {LONGEST.days} days")
    return length


def _rule(found: Property | None, begins: Moment) -> Recurrence | None:
    if found is None:
        return None
    try:
        rule = recurrence.parse(found.value)
    except FormatError as error:
        raise _refuse(found.line, error.message, error.remedy) from error
    if not recurrence.begins_with(rule, begins.local):
        raise _refuse(found.line, "the event's first day is none of those that its rule gives")
    return rule


def _text(value: str) -> str:
    plain = _ESCAPE.sub(lambda match: " " if match[1] in "nN" else match[1], value)
    return " ".join(plain.split())[:MAX_TITLE]


def _refuse(line: int, why: str, remedy: str = "Mend that line, or export the calendar anew.") -> FormatError:
    return FormatError(f"line {line}: {why}", remedy=remedy)
