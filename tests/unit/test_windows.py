"""Wall clocks and moments: weekly hours, the hours that summer time doubles and drops, and when deploys go again."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from changegate.errors import FormatError
from changegate.windows import Span, find_end, find_opening, find_recurring, find_weekly, find_zone, in_words, read_hours, read_local

BERLIN = find_zone("Europe/Berlin")
NEW_YORK = find_zone("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def weekly(text: str, low: str, high: str, *, wide: bool = True) -> list[tuple[str, str]]:
    found = find_weekly([read_hours(text)], BERLIN, at(low), at(high), wide=wide)
    return [(f"{each.begins:%a %d %H:%M}", f"{each.ends:%a %d %H:%M}") for each in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mon 09:00-17:00", [("Mon 05 08:00", "Mon 05 16:00")]),
        ("mon-tue 09:00-17:00", [("Mon 05 08:00", "Mon 05 16:00"), ("Tue 06 08:00", "Tue 06 16:00")]),
        ("sun-mon 22:00-04:00", [("Mon 05 21:00", "Tue 06 03:00"), ("Sun 11 21:00", "Mon 12 03:00")]),
        ("sat", [("Fri 09 23:00", "Sat 10 23:00")]),
        ("sat-sun", [("Fri 09 23:00", "Sat 10 23:00"), ("Sat 10 23:00", "Sun 11 23:00")]),
        ("fri 16:00 - mon 08:00", [("Fri 09 15:00", "Mon 12 07:00")]),
        ("fri 16:00 - fri 08:00", [("Fri 09 15:00", "Fri 16 07:00")]),
        ("fri 08:00 - fri 16:00", [("Fri 09 07:00", "Fri 09 15:00")]),
        ("wed 00:00-24:00", [("Tue 06 23:00", "Wed 07 23:00")]),
    ],
)
def test_hours_of_a_week(text: str, found: list[tuple[str, str]]) -> None:
    assert weekly(text, "2026-01-05 06:00", "2026-01-11 20:00") == found


@pytest.mark.parametrize(
    "text", ["", "mon 9:00-17:00", "mon 25:00-26:00", "monday", "mon-", "mon 09:00", "Mon", "mon 09:00 - 17:00", "mon 09:00-17:60"]
)
def test_what_names_no_hours(text: str) -> None:
    with pytest.raises(FormatError, match="names no hours"):
        read_hours(text)


@pytest.mark.parametrize(
    "name", ["", "Berlin", "Europe", "../../etc/passwd", "/etc/localtime", "Europe/Berlin/../Paris", "Europe/Berlin\n", "tzdata.zi"]
)
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(FormatError, match="no time zone that this machine knows"):
        find_zone(name)


def test_a_machine_without_zones_has_those_of_the_package() -> None:
    program = "from changegate.windows import find_zone; print(find_zone('Europe/Berlin'), find_zone('UTC'))"
    said = subprocess.run([sys.executable, "-c", program], env={"PYTHONTZPATH": ""}, capture_output=True, text=True, check=True)
    assert said.stdout == "Europe/Berlin UTC\n"


@pytest.mark.parametrize(
    "text", ["", "2026-02-30 10:00", "2026-01-01", "1999-01-01 10:00", "2026-01-01T10:00", "2026-01-01 24:00", "2026-01-01 10:00Z"]
)
def test_what_is_no_local_time(text: str) -> None:
    with pytest.raises(FormatError, match="no day and time"):
        read_local(text)


@pytest.mark.parametrize(
    ("begins", "ends", "wide", "found"),
    [
        # 29 March 2026: from 02:00 CET to 03:00 CEST; 25 October: from 03:00 CEST to 02:00 CET.
        ("2026-03-28 12:00", "2026-03-29 12:00", True, ("2026-03-28 11:00", "2026-03-29 10:00")),
        ("2026-03-29 02:30", "2026-03-29 12:00", True, ("2026-03-29 00:30", "2026-03-29 10:00")),
        ("2026-03-29 02:30", "2026-03-29 12:00", False, ("2026-03-29 01:30", "2026-03-29 10:00")),
        ("2026-03-28 12:00", "2026-03-29 02:30", True, ("2026-03-28 11:00", "2026-03-29 01:30")),
        ("2026-03-28 12:00", "2026-03-29 02:30", False, ("2026-03-28 11:00", "2026-03-29 00:30")),
        ("2026-10-25 02:30", "2026-10-25 12:00", True, ("2026-10-25 00:30", "2026-10-25 11:00")),
        ("2026-10-25 02:30", "2026-10-25 12:00", False, ("2026-10-25 01:30", "2026-10-25 11:00")),
        ("2026-10-24 12:00", "2026-10-25 02:30", True, ("2026-10-24 10:00", "2026-10-25 01:30")),
        ("2026-10-24 12:00", "2026-10-25 02:30", False, ("2026-10-24 10:00", "2026-10-25 00:30")),
        ("2026-10-25 02:10", "2026-10-25 02:40", False, ("2026-10-25 01:10", "2026-10-25 00:40")),
    ],
)
def test_in_doubt_a_freeze_is_long_and_an_opened_window_short(begins: str, ends: str, wide: bool, found: tuple[str, str]) -> None:
    first = read_local(begins)
    ((_, span),) = find_recurring(first, read_local(ends) - first, None, BERLIN, at(begins), at(begins), wide=wide)
    assert span == Span(at(found[0]), at(found[1]))


def test_every_day_begins_by_the_wall_clock() -> None:
    assert [each[0][-5:] for each in weekly("sat-mon 09:00-10:00", "2026-03-28 00:00", "2026-03-30 00:00")] == ["08:00", "07:00", "07:00"]


def span(begins: float, ends: float) -> Span:
    noon = at("2026-03-02 12:00")
    return Span(noon + timedelta(hours=begins), noon + timedelta(hours=ends))


@pytest.mark.parametrize(
    ("freezes", "allowed", "opens"),
    [
        ([], None, 0),
        ([span(1, 2)], None, 0),
        ([span(0, 2)], None, 2),
        ([span(-1, 0)], None, 0),
        ([span(-1, 2), span(2, 3), span(2.5, 5), span(6, 7)], None, 5),
        ([], [], None),
        ([], [span(-1, 1)], 0),
        ([], [span(-1, 0)], None),
        ([], [span(3, 4)], 3),
        ([span(0, 2)], [span(-1, 1), span(4, 5)], 4),
        ([span(3, 3.5)], [span(3, 4)], 3.5),
        ([span(3, 4)], [span(3, 4), span(6, 7)], 6),
        ([span(3, 4)], [span(3, 4)], None),
    ],
)
def test_when_deploys_go_again(freezes: list[Span], allowed: list[Span] | None, opens: float | None) -> None:
    noon = at("2026-03-02 12:00")
    assert find_opening(freezes, allowed, noon) == (None if opens is None else noon + timedelta(hours=opens))
    assert find_end(freezes, noon) >= noon


def test_a_moment_is_said_by_the_zones_clock_and_in_utc() -> None:
    moment = datetime(2026, 7, 1, 15, 0, tzinfo=UTC)
    assert in_words(moment, NEW_YORK) == "2026-07-01 11:00 EDT in America/New_York (2026-07-01 15:00 UTC)"
    assert in_words(moment, find_zone("UTC")) == "2026-07-01 15:00 UTC"
