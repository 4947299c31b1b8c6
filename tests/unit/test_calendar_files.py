"""Calendars read where the policy is: what becomes a fact, and what the next policy's calendars would be."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from builders import BASE, HEAD, facts

from changegate.calendar_files import MAX_TIMES, find_calendar_defect, with_calendars
from changegate.errors import ForgeError, InputError
from changegate.facts import MISSING, Calendar, Maybe, Missing, Unavailable
from changegate.forges import TrustedFiles
from changegate.window_rules import DeployWindow

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WEEKLY = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Away\nDTSTART:20260302T080000\nDURATION:PT4H\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR\n"
SAME = {"name": "away", "reason": "nobody is there", "path": "ops/away.ics"}


class Forge:
    """Gives one file's content, whatever is asked for."""

    def __init__(self, content: bytes | Missing | Exception) -> None:
        self.content = content
        self.read: list[str] = []

    def read_trusted(self, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
        self.read.append(f"{commit}{next_at}:{policy_path}")
        if isinstance(self.content, Exception):
            raise self.content
        return TrustedFiles(self.content, ())


def rules(*calendars: dict[str, object]) -> DeployWindow:
    return DeployWindow.model_validate({"time-zone": "Europe/Berlin", "calendars": [{"kind": "freeze"} | SAME | each for each in calendars]})


def read(content: bytes | Missing | Exception, *calendars: dict[str, object]) -> tuple[Calendar, ...]:
    return with_calendars(facts(fetched_at=NOW), Forge(content), rules(*calendars or ({},)), BASE).calendars


def test_the_facts_hold_which_file_it_was_and_its_next_times() -> None:
    (found,) = read(WEEKLY)
    assert (found.path, found.commit, found.time_zone, found.kind, found.defect) == ("ops/away.ics", BASE, "Europe/Berlin", "freeze", "")
    assert found.sha256 == hashlib.sha256(WEEKLY).hexdigest()
    assert not isinstance(found.times, Unavailable)
    assert len(found.times) == MAX_TIMES
    assert (found.times[0].begins, found.times[0].ends, found.times[0].title) == (NOW - timedelta(hours=2), NOW + timedelta(hours=2), "Away")


def test_a_file_is_read_once_for_all_that_go_by_it() -> None:
    forge = Forge(WEEKLY)
    several = rules({}, {"name": "again"}, {"kind": "allow"}, {"time-zone": "UTC"}, {"environments": ["staging"], "path": "ops/other.ics"})
    found = with_calendars(facts(fetched_at=NOW), forge, several, BASE).calendars
    assert forge.read == [f"{BASE}:ops/away.ics"]
    assert [(each.kind, each.time_zone) for each in found] == [("freeze", "Europe/Berlin"), ("allow", "Europe/Berlin"), ("freeze", "UTC")]


@pytest.mark.parametrize(
    ("content", "defect", "unavailable"),
    [
        (MISSING, f"there is no such file at {BASE[:10]}", ""),
        (b"hello", "line 1: no line of a calendar. Mend that line, or export the calendar anew.", ""),
        (ForgeError("403", remedy="give the token contents: read"), "", "403"),
        (InputError("a link", remedy="commit a file"), "", "a link"),
    ],
)
def test_what_cannot_be_gone_by(content: bytes | Missing | Exception, defect: str, unavailable: str) -> None:
    (found,) = read(content)
    assert found.defect == defect
    assert (found.times.why if isinstance(found.times, Unavailable) else "") == unavailable


POLICY = b"controls: {deploy-window: {calendars: [{kind: freeze, name: away, reason: nobody is there, path: ops/away.ics}]}}"


@pytest.mark.parametrize(
    ("policy", "content", "defect"),
    [
        (POLICY, WEEKLY, ""),
        (POLICY, MISSING, f"its calendar ops/away.ics: there is no such file at {HEAD[:10]}"),
        (POLICY, b"", "its calendar ops/away.ics: the calendar ends before its END:VCALENDAR, or there is none. Export it anew, as a whole."),
        (POLICY, ForgeError("403", remedy="again"), "its calendar ops/away.ics: 403"),
        (POLICY.replace(b"kind: freeze", b"environments: [staging], kind: freeze"), MISSING, ""),
        (b"version: 1", MISSING, ""),
        (b"no policy", MISSING, ""),
        (MISSING, MISSING, ""),
        (Unavailable(why="403"), MISSING, ""),
    ],
)
def test_the_next_policys_calendars_are_looked_at(policy: Maybe[bytes], content: bytes | Missing | Exception, defect: str) -> None:
    assert find_calendar_defect(Forge(content), policy, "production", HEAD, NOW) == defect
