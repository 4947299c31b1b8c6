"""deploy-window: this change may deploy if it is deployed at a time at which deploys go."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import NOT_ASKED, Calendar, Change, Facts, Unavailable
from changegate.recurrence import parse
from changegate.window_rules import CalendarWindow, DatedWindow, DeployWindow, WeeklyWindow, Window
from changegate.windows import LONGEST, Span, find_opening, find_recurring, find_weekly, find_zone, in_words, read_hours, read_local

ID: Final = "deploy-window"
_REQUIRED: Final = "deployed at a time at which no freeze holds and, where windows are opened, one is open"
_LISTED: Final = 3


class Reason(StrEnum):
    """Why; each is explained in docs/controls/deploy-window.md."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"
    CALENDAR_BROKEN = "calendar-broken"
    CALENDAR_UNKNOWN = "calendar-unknown"


class Held(NamedTuple):
    """A window, one of its times, and what the calendar calls that."""

    window: Window
    span: Span
    title: str = ""


def evaluate(change: Change, facts: Facts, rules: DeployWindow) -> Finding:
    """Judge one change. The time of the deploy is that at which its facts were fetched: it is recorded with them, so that it is judged alike again.

    1. A calendar that couldn't be read is unknown; one that is none, or isn't there, fails: nothing else says when deploys go.
    2. Where a freeze holds, it fails, whatever is open.
    3. Where windows are opened at all, one of them is open.
    """
    found = judge(rules, facts.calendars, facts.deployment.environment, facts.fetched_at)
    return found.model_copy(update={"change": change.id})


@lru_cache(maxsize=8)
def judge(rules: DeployWindow, calendars: tuple[Calendar, ...], environment: str, at: datetime) -> Finding:
    """The same for all changes of a deploy."""
    concerned = rules.windows(environment)
    read = [_calendar_of(each, rules, calendars) for each in concerned if isinstance(each, CalendarWindow)]
    unknown = [each for each in read if isinstance(each.times, Unavailable)]
    if unknown:
        observed = "; ".join(f"the calendar {each.path} can't be read: {each.times.why}" for each in unknown if isinstance(each.times, Unavailable))
        step = next((each.times.remedy for each in unknown if isinstance(each.times, Unavailable)), "") or "run the gate again"
        return _finding(Outcome.UNKNOWN, Reason.CALENDAR_UNKNOWN, observed, Remedy(who="whoever deploys", step=step))
    broken = [each for each in read if each.defect]
    if broken:
        observed = "; ".join(f"the calendar {each.path} can't be gone by: {each.defect}" for each in broken)
        step = "mend the calendar by a change that is reviewed; to deploy that, waive deploy-window for it (`changegate waive`)"
        return _finding(Outcome.FAIL, Reason.CALENDAR_BROKEN, observed, Remedy(who="whoever keeps the calendar", step=step))
    holding = [held for each in concerned for held in _times(each, rules, calendars, at, ahead=timedelta()) if held.span.holds(at)]
    frozen = [each for each in holding if each.window.kind == "freeze"]
    if frozen:
        observed = f"{environment} is frozen by {_list(frozen, rules, calendars)}"
        return _finding(Outcome.FAIL, Reason.FROZEN, observed, _wait(concerned, frozen[0].window, rules, calendars, at))
    within = [each for each in holding if each.window.kind == "allow"]
    if within or _all_freezes(concerned):
        how = f"within {_list(within, rules, calendars)}" if within else "no freeze holds"
        return _finding(Outcome.PASS, Reason.OPEN, f"{how}; deployed at {in_words(at, find_zone(rules.time_zone))}")
    names = ", ".join(f"'{each.name}' ({each.reason})" for each in concerned if each.kind == "allow")
    observed = f"deploys to {environment} go in {names} alone, and none of these is open at {in_words(at, find_zone(rules.time_zone))}"
    first = next(each for each in concerned if each.kind == "allow")
    return _finding(Outcome.FAIL, Reason.CLOSED, observed, _wait(concerned, first, rules, calendars, at))


def describe(facts: Facts, rules: DeployWindow) -> str:
    """What stands in the way of a deploy now, for whoever looks before there is one; empty where nothing does."""
    if not rules.windows(facts.deployment.environment):
        return ""
    found = judge(rules, facts.calendars, facts.deployment.environment, facts.fetched_at)
    return "" if found.outcome is Outcome.PASS else found.observed


def _all_freezes(windows: Sequence[Window]) -> bool:
    return all(each.kind == "freeze" for each in windows)


def _calendar_of(window: CalendarWindow, rules: DeployWindow, calendars: Sequence[Calendar]) -> Calendar:
    """What is known of its file; facts that were fetched by another policy may know nothing."""
    wanted = window.path, rules.zone_of(window), window.kind
    unasked = Calendar(path=window.path, commit="", time_zone=wanted[1], kind=window.kind, times=NOT_ASKED)
    return next((each for each in calendars if (each.path, each.time_zone, each.kind) == wanted), unasked)


def _times(window: Window, rules: DeployWindow, calendars: Sequence[Calendar], at: datetime, *, ahead: timedelta) -> Iterator[Held]:
    """The window's times that aren't over, and that begin so far ahead at most, or a little later."""
    zone, wide, high = find_zone(rules.zone_of(window)), window.kind == "freeze", at + ahead
    match window:
        case WeeklyWindow():
            found = find_weekly(map(read_hours, window.hours), zone, at - timedelta(days=9), high, wide=wide)
            held = (Held(window, each) for each in found)
        case DatedWindow():
            begins = read_local(window.begins)
            rule = parse(window.repeats) if window.repeats else None
            length = read_local(window.ends) - begins
            recurring = find_recurring(begins, length, rule, zone, at - length - timedelta(days=2), high, wide=wide)
            held = (Held(window, each) for _, each in recurring)
        case CalendarWindow():
            times = _calendar_of(window, rules, calendars).times
            known = () if isinstance(times, Unavailable) else times
            held = (Held(window, Span(each.begins, each.ends), each.title) for each in known)
        case _:
            raise AssertionError(f"a window of an unknown kind: {window!r}")
    yield from (each for each in held if max(at, each.span.begins) < each.span.ends)


def _list(held: Sequence[Held], rules: DeployWindow, calendars: Sequence[Calendar]) -> str:
    """The windows, each with its reason and until when it holds; of many, the first."""
    shown = "; ".join(_describe(each, rules, calendars) for each in held[:_LISTED])
    return f"{shown}; and {len(held) - _LISTED} more" if len(held) > _LISTED else shown


def _describe(held: Held, rules: DeployWindow, calendars: Sequence[Calendar]) -> str:
    window = held.window
    about = [window.reason]
    if isinstance(window, CalendarWindow):
        calendar = _calendar_of(window, rules, calendars)
        about = [*([held.title] if held.title else []), window.reason, f"{calendar.path}, sha256 {calendar.sha256[:16]}"]
    return f"'{window.name}' ({'; '.join(about)}) until {in_words(held.span.ends, find_zone(rules.zone_of(window)))}"


def _wait(windows: Sequence[Window], window: Window, rules: DeployWindow, calendars: Sequence[Calendar], at: datetime) -> Remedy:
    """When deploys go again, by the clock of the window that stands in the way."""
    times = [held for each in windows for held in _times(each, rules, calendars, at, ahead=LONGEST)]
    freezes = [each.span for each in times if each.window.kind == "freeze"]
    opens = find_opening(freezes, None if _all_freezes(windows) else [each.span for each in times if each.window.kind == "allow"], at)
    when = f"run the gate again at {in_words(opens, find_zone(rules.zone_of(window)))} or later" if opens else "no time within a year is open"
    return Remedy(who="whoever deploys", step=f"{when}; what can't wait takes a waiver of deploy-window, or an emergency, where the policy has them")


def _finding(outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    return Finding(control=ID, change=None, outcome=outcome, reason=reason, observed=observed, required=_REQUIRED, remedy=remedy)
