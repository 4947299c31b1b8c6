"""Recurrence rules: a table, what is refused, and dateutil as a second opinion."""

from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from changegate.errors import FormatError
from changegate.recurrence import begins_with, find_days, parse

FIRST = datetime.fromisoformat("2026-01-05 09:00")  # a Monday


def days(rule: str, *, first: datetime = FIRST, low: date = date(2026, 1, 1), high: date = date(2026, 12, 31)) -> list[str]:
    return [str(each) for each in find_days(parse(rule), first, low, high, last=parse(rule).until)]


@pytest.mark.parametrize(
    ("rule", "high", "found"),
    [
        ("FREQ=DAILY", date(2026, 1, 7), ["2026-01-05", "2026-01-06", "2026-01-07"]),
        ("FREQ=DAILY;INTERVAL=3;COUNT=2", date(2026, 12, 31), ["2026-01-05", "2026-01-08"]),
        ("FREQ=DAILY;BYDAY=MO,FR;BYMONTH=1", date(2026, 12, 31), [f"2026-01-{at:02}" for at in (5, 9, 12, 16, 19, 23, 26, 30)]),
        ("freq=weekly;byday=mo,we", date(2026, 1, 14), ["2026-01-05", "2026-01-07", "2026-01-12", "2026-01-14"]),
        ("FREQ=WEEKLY;INTERVAL=2", date(2026, 2, 2), ["2026-01-05", "2026-01-19", "2026-02-02"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU", date(2026, 1, 19), ["2026-01-05", "2026-01-18", "2026-01-19"]),
        ("FREQ=MONTHLY;BYDAY=1MO", date(2026, 4, 30), ["2026-01-05", "2026-02-02", "2026-03-02", "2026-04-06"]),
        ("FREQ=MONTHLY;BYDAY=-1FR", date(2026, 3, 31), ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", date(2026, 3, 31), ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", date(2026, 3, 31), ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("FREQ=YEARLY", date(2026, 12, 31), ["2026-01-05"]),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", date(2026, 12, 31), ["2026-11-26"]),
        ("FREQ=YEARLY;BYDAY=-1FR", date(2026, 12, 31), ["2026-12-25"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", date(2026, 12, 31), []),
        ("FREQ=DAILY;UNTIL=20260106", date(2026, 12, 31), ["2026-01-05", "2026-01-06"]),
        ("FREQ=DAILY;UNTIL=20260106T085959", date(2026, 12, 31), ["2026-01-05"]),
        ("FREQ=DAILY;UNTIL=20260106T090000", date(2026, 12, 31), ["2026-01-05", "2026-01-06"]),
    ],
)
def test_table(rule: str, high: date, found: list[str]) -> None:
    assert days(rule, high=high) == found


def test_months_that_lack_the_day_are_passed_over() -> None:
    assert days("FREQ=MONTHLY", first=datetime.fromisoformat("2026-01-31 00:00")) == [f"2026-{month:02}-31" for month in (1, 3, 5, 7, 8, 10, 12)]
    assert days("FREQ=YEARLY", first=datetime.fromisoformat("2024-02-29 00:00"), low=date(2024, 1, 1), high=date(2029, 1, 1)) == [
        "2024-02-29",
        "2028-02-29",
    ]


def test_a_stretch_long_after_the_first_day_is_looked_at_alone() -> None:
    assert days("FREQ=DAILY;INTERVAL=7", first=datetime.fromisoformat("1970-01-05 00:00"), high=date(2026, 1, 12)) == ["2026-01-05", "2026-01-12"]
    assert days("FREQ=YEARLY;COUNT=60", first=datetime.fromisoformat("1970-06-01 00:00")) == ["2026-06-01"]
    assert days("FREQ=YEARLY;COUNT=56", first=datetime.fromisoformat("1970-06-01 00:00")) == []


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("", "no part of a rule"),
        ("FREQ", "no part of a rule"),
        ("FREQ=YEARLY;FREQ=DAILY", "stands twice"),
        ("INTERVAL=2", "FREQ must be one of DAILY, WEEKLY, MONTHLY, YEARLY"),
        ("FREQ=HOURLY", "FREQ must be one of"),
        ("FREQ=SECONDLY", "FREQ must be one of"),
        ("FREQ=DAILY;BYHOUR=9", "'BYHOUR' isn't known here"),
        ("FREQ=YEARLY;BYWEEKNO=9", "isn't known here"),
        ("FREQ=YEARLY;BYYEARDAY=9", "isn't known here"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL is out of its range"),
        ("FREQ=DAILY;INTERVAL=1001", "INTERVAL is out of its range"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL is out of its range"),
        ("FREQ=DAILY;COUNT=1001", "COUNT is out of its range"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260101", "both COUNT and UNTIL"),
        ("FREQ=DAILY;UNTIL=tomorrow", "no date or time"),
        ("FREQ=DAILY;UNTIL=20260230", "in no calendar"),
        ("FREQ=DAILY;UNTIL=99990101", "no date or time from 1970 to 2199"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH is out of its range"),
        ("FREQ=YEARLY;BYMONTH=-1", "BYMONTH is out of its range"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY is out of its range"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY is out of its range"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY has no day"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY has no day"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY has no day"),
        ("FREQ=WEEKLY;BYDAY=1MO", "belong to months and years"),
        ("FREQ=DAILY;BYSETPOS=1", "belong to months and years"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "doesn't go with FREQ=WEEKLY"),
        ("FREQ=WEEKLY;WKST=X", "WKST has no day"),
        ("FREQ=WEEKLY;" + "BYDAY=" + "MO," * 300, "longer than a rule is"),
        ("FREQ=MONTHLY;BYMONTHDAY=\u0661", "out of its range"),
    ],
)
def test_what_is_no_rule_or_none_that_is_known(rule: str, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        parse(rule)


@pytest.mark.parametrize(("rule", "is_one"), [("FREQ=WEEKLY;BYDAY=MO", True), ("FREQ=WEEKLY;BYDAY=TU", False), ("FREQ=YEARLY;COUNT=3", True)])
def test_the_first_day_is_one_of_the_rules_own(rule: str, is_one: bool) -> None:
    assert begins_with(parse(rule), FIRST) is is_one


DAYS_OF_WEEK = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])


@st.composite
def rules(draw: Any) -> str:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.integers(1, 5)))}
    by_month = frequency in ("MONTHLY", "YEARLY")
    if draw(st.booleans()):
        parts["BYMONTH"] = ",".join(map(str, draw(st.sets(st.integers(1, 12), min_size=1, max_size=4))))
    if frequency != "WEEKLY" and draw(st.booleans()):
        parts["BYMONTHDAY"] = ",".join(map(str, draw(st.sets(st.integers(-31, 31).filter(bool), min_size=1, max_size=6))))
    if draw(st.booleans()):
        # All numbered or none: where both are mixed, the other takes what the standard adds up for a condition.
        numbers = st.sampled_from(["1", "2", "-1", "5"] if by_month and draw(st.booleans()) else [""])
        parts["BYDAY"] = ",".join({draw(numbers) + draw(DAYS_OF_WEEK) for _ in range(draw(st.integers(1, 3)))})
    if by_month and {"BYDAY", "BYMONTHDAY"} & set(parts) and draw(st.booleans()):
        parts["BYSETPOS"] = ",".join(map(str, draw(st.sets(st.integers(-4, 4).filter(bool), min_size=1, max_size=2))))
    end = draw(st.sampled_from(["", "COUNT", "UNTIL"]))
    if end:
        parts[end] = str(draw(st.integers(1, 30))) if end == "COUNT" else draw(st.sampled_from(["20270301T090000", "20301231T235959", "20260105"]))
    parts["WKST"] = draw(st.sampled_from(["MO", "SU"]))
    return ";".join(f"{key}={value}" for key, value in parts.items())


@settings(max_examples=150, deadline=None)
@given(rule=rules(), first=st.dates(date(2026, 1, 1), date(2027, 12, 31)), after=st.integers(0, 900))
def test_dateutil_gives_the_same_days(rule: str, first: date, after: int) -> None:
    """As many as ours are asked of it, and no more: for one that doesn't come it walks until the year 9999."""
    begins, low, high = datetime.combine(first, FIRST.time()), first + timedelta(days=after), first + timedelta(days=1000)
    last = parse(rule).until
    ours = list(find_days(parse(rule), begins, first, high, last=last))
    assert ours == [each.date() for each in islice(rrulestr(rule, dtstart=begins), len(ours))]
    assert [each for each in ours if each >= low] == list(find_days(parse(rule), begins, low, high, last=last))
