"""iCalendar files: what their events are around a moment, and what refuses a file as a whole."""

import time
from datetime import UTC, datetime

import pytest

from changegate.calendars import MAX_BYTES, MAX_EVENTS, find_spans, parse
from changegate.errors import FormatError
from changegate.windows import find_zone

BERLIN = find_zone("Europe/Berlin")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEN = "DTSTART:20260310T100000Z\nDTEND:20260310T120000Z"


def event(lines: str, uid: str = "1") -> str:
    return f"BEGIN:VEVENT\nUID:{uid}\nSUMMARY:Freeze\n{lines}\nEND:VEVENT\n"


def ics(*events: str) -> bytes:
    return ("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + "".join(events) + "END:VCALENDAR\n").replace("\n", "\r\n").encode()


def spans(*events: str) -> list[str]:
    return [f"{each.span.begins:%m-%d %H:%M}/{each.span.ends:%m-%d %H:%M}" for each in find_spans(parse(ics(*events), BERLIN), NOW, wide=True)]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (TEN, ["03-10 10:00/03-10 12:00"]),
        ("DTSTART:20260310T100000\nDTEND:20260310T120000", ["03-10 09:00/03-10 11:00"]),
        ("DTSTART;TZID=America/New_York:20260310T100000\nDTEND;TZID=America/New_York:20260310T120000", ["03-10 14:00/03-10 16:00"]),
        ('DTSTART;X-A="b:c;d";TZID="America/New_York":20260310T100000\nDURATION:PT2H', ["03-10 14:00/03-10 16:00"]),
        ("DTSTART:20260310T100000Z\nDTEND;TZID=America/New_York:20260310T080000", ["03-10 10:00/03-10 12:00"]),
        ("DTSTART;VALUE=DATE:20260310\nDTEND;VALUE=DATE:20260312", ["03-09 23:00/03-11 23:00"]),
        ("DTSTART;VALUE=DATE:20260310", ["03-09 23:00/03-10 23:00"]),
        ("DTSTART;VALUE=DATE:20260329", ["03-28 23:00/03-29 22:00"]),
        ("DTSTART;VALUE=DATE:20260310\nDURATION:P1W", ["03-09 23:00/03-16 23:00"]),
        ("DTSTART:20260310T100000Z\nDURATION:P1DT2H30M15S", ["03-10 10:00/03-11 12:30"]),
        ("DTSTART:20260301T100000Z\nDTEND:20260305T100000Z", ["03-01 10:00/03-05 10:00"]),
        ("DTSTART:20260301T100000Z\nDTEND:20260302T090000Z", []),
        ("DTSTART:20280301T100000Z\nDTEND:20280302T090000Z", []),
        (f"{TEN}\nRRULE:FREQ=WEEKLY;COUNT=3", ["03-10 10:00/03-10 12:00", "03-17 10:00/03-17 12:00", "03-24 10:00/03-24 12:00"]),
        (f"{TEN}\nRRULE:FREQ=WEEKLY;UNTIL=20260317T100000Z", ["03-10 10:00/03-10 12:00", "03-17 10:00/03-17 12:00"]),
        (f"{TEN}\nRRULE:FREQ=WEEKLY;UNTIL=20260317T095959Z", ["03-10 10:00/03-10 12:00"]),
        (f"{TEN}\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE:20260317T100000Z", ["03-10 10:00/03-10 12:00", "03-24 10:00/03-24 12:00"]),
        (f"{TEN}\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;VALUE=DATE:20260310,20260324", ["03-17 10:00/03-17 12:00"]),
        (f"{TEN}\nRRULE:FREQ=WEEKLY;COUNT=2\nEXDATE;TZID=Europe/Berlin:20260317T110000", ["03-10 10:00/03-10 12:00"]),
        (f"{TEN}\nRDATE:20260401T100000Z,20260402T100000Z", [f"{each} 10:00/{each} 12:00" for each in ("03-10", "04-01", "04-02")]),
        (f"{TEN}\nSTATUS:CANCELLED", []),
        (f"{TEN}\nTRANSP:TRANSPARENT\nATTENDEE;CN=alice:mailto:alice@example.com", ["03-10 10:00/03-10 12:00"]),
        (f"{TEN}\nDESCRIPTION:folded\n  over\n\tlines: END:VEVENT", ["03-10 10:00/03-10 12:00"]),
        (f"{TEN}\nBEGIN:VALARM\nTRIGGER:-PT1H\nDURATION:PT5M\nEND:VALARM", ["03-10 10:00/03-10 12:00"]),
    ],
)
def test_events(lines: str, found: list[str]) -> None:
    assert spans(event(lines)) == found


def test_one_of_many_is_moved_or_cancelled() -> None:
    weekly = event(f"{TEN}\nRRULE:FREQ=WEEKLY;COUNT=3")
    moved = event("RECURRENCE-ID:20260317T100000Z\nDTSTART:20260318T100000Z\nDTEND:20260318T110000Z")
    cancelled = event("RECURRENCE-ID;TZID=Europe/Berlin:20260324T110000\nDTSTART:20260324T100000Z\nDTEND:20260324T110000Z\nSTATUS:CANCELLED")
    assert spans(weekly, moved, cancelled) == ["03-10 10:00/03-10 12:00", "03-18 10:00/03-18 11:00"]
    assert spans(weekly, event("RECURRENCE-ID:20260317T100000Z\nDTSTART:20260318T100000Z\nDURATION:PT1H", "other")) == [
        *(f"03-{day} 10:00/03-{day} 12:00" for day in (10, 17)),
        "03-18 10:00/03-18 11:00",
        "03-24 10:00/03-24 12:00",
    ]


def test_one_that_is_named_by_its_day_is_the_one_on_that_day() -> None:
    weekly = event(f"{TEN}\nRRULE:FREQ=WEEKLY;COUNT=2")
    moved = event("RECURRENCE-ID;VALUE=DATE:20260317\nDTSTART:20260318T100000Z\nDTEND:20260318T110000Z")
    assert spans(weekly, moved) == ["03-10 10:00/03-10 12:00", "03-18 10:00/03-18 11:00"]


def test_what_is_no_event_is_passed_over_and_titles_are_plain() -> None:
    zone = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19701025T030000\nEND:STANDARD\nEND:VTIMEZONE\n"
    todo = "BEGIN:VTODO\nDTSTART:x\nEND:VTODO\n"
    (found,) = find_spans(parse(ics(zone, todo, f"BEGIN:VEVENT\nSUMMARY:Year end\\, closed\\n\\;-\n )\n{TEN}\nEND:VEVENT\n"), BERLIN), NOW, wide=True)
    assert found.title == "Year end, closed ;-)"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "ends before its END:VCALENDAR, or there is none"),
        (b"\xff\xfe", "not UTF-8"),
        (b"hello", "line 1: no line of a calendar"),
        (b"BEGIN:VCARD\nEND:VCARD\n", "line 1: the file must be one VCALENDAR"),
        (ics() + ics(), "line 5: the file must be one VCALENDAR"),
        (ics()[:-16], "ends before its END"),
        (b"BEGIN:VCALENDAR\nEND:VEVENT\n", "line 2: END:VEVENT ends what didn't begin"),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:X\n" * 9, "line 9: nested too deeply"),
        (b"#" * (MAX_BYTES + 1), "larger than 256 KiB"),
        (ics(event(TEN) * (MAX_EVENTS + 1)), "more than 500 events"),
        (ics(event("DTEND:20260310T120000Z")), "line 4: an event without DTSTART"),
        (ics(event("DTSTART:20260310T100000Z")), "line 7: an event that has no end"),
        (ics(event("DTSTART:20260310T100000Z\nDTEND:20260310T100000Z")), "line 8: an event that has no end, ends before it begins"),
        (ics(event("DTSTART:20260310T100000Z\nDTEND:20280310T100000Z")), "lasts longer than 366 days"),
        (ics(event("DTSTART:20260310T100000Z\nDURATION:-PT1H")), "no DURATION"),
        (ics(event("DTSTART:20260310T100000Z\nDURATION:P1Y")), "no DURATION"),
        (ics(event("DTSTART:2026-03-10")), "line 7: '2026-03-10' is no date or time"),
        (ics(event("DTSTART:20260230T100000Z\nDURATION:PT1H")), "in no calendar"),
        (ics(event("DTSTART;TZID=W. Europe Standard Time:20260310T100000\nDURATION:PT1H")), "line 7: 'W. Europe Standard Time' is no time zone"),
        (ics(event(f"{TEN}\nDTSTART:20260311T100000Z")), "line 9: DTSTART isn't known here, or stands twice"),
        (ics(event(f"{TEN}\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY")), "line 10: RRULE isn't known here, or stands twice"),
        (ics(event(f"{TEN}\nEXRULE:FREQ=DAILY")), "line 9: EXRULE isn't known here"),
        (ics(event(f"{TEN}\nRRULE:FREQ=MINUTELY")), "line 9: the recurrence rule: FREQ must be one of"),
        (ics(event(f"{TEN}\nRRULE:FREQ=WEEKLY;BYDAY=SU")), "line 9: the event's first day is none of those"),
        (ics(event(f"{TEN}\nRDATE;VALUE=PERIOD:20260310T100000Z/PT1H")), "line 9: .* is no date or time"),
        (ics(event(f"{TEN}\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260310T100000Z")), "line 9: RECURRENCE-ID with RANGE"),
        (ics(event(f"{TEN}\n=")), "line 9: no line of a calendar"),
        (
            ics(*(event("DTSTART;VALUE=DATE:19700101\nRRULE:FREQ=DAILY;COUNT=1000", str(number)) for number in range(20))),
            "too many rules with COUNT that began long ago",
        ),
    ],
)
def test_what_is_no_calendar_that_can_be_gone_by(content: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        find_spans(parse(content, BERLIN), NOW, wide=True)


def test_rules_without_an_end_and_rules_that_never_come_take_no_time() -> None:
    endless = [event("DTSTART;VALUE=DATE:19700101\nRRULE:FREQ=DAILY", str(at)) for at in range(100)]
    never = [event("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY;INTERVAL=1000", f"n{at}") for at in range(100)]
    begun = time.process_time()
    assert len(spans(*endless, *never)) > 300
    assert time.process_time() - begun < 10
