import re

import pytest
from hypothesis import given, settings
from unit.render.reports import NASTY, change, hostile, not_approved, of_size, report, with_text

from changegate.render import Recorded
from changegate.render.annotations import render

WARNED = Recorded("ab12" * 16, 41, 42, "42:root", "log", "store", "", ("the log has no witness",))


def parse(line: str) -> tuple[str, str, str]:
    """Level, title and message, as the runner reads them (actions/runner, `ActionCommand.TryParseV2`)."""
    found = re.fullmatch(r"::(error|warning) title=([^,:]*)::(.*)", line)
    assert found, line
    level, title, message = found.groups()
    for escaped, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        title = title.replace(escaped, character)
        message = message if character in ":," else message.replace(escaped, character)
    return level, title, message


def test_one_thing_to_do() -> None:
    (line,) = render(report((change(1, "100%, of it"),), not_approved("#1"))).splitlines()
    assert parse(line) == (
        "error",
        "BLOCKED: peer-approved: not-approved",
        (
            "Needed: 1 approval by somebody who did not write it\n"
            "On: #1 100%, of it\n"
            "Found: nobody approved it\n"
            "Who: somebody with write access who did not write it\n"
            "Do: Ask a colleague to review it.\n"
            "Where: https://forge.example/acme/shop/pull/1"
        ),
    )


def test_many_changes_are_one_annotation() -> None:
    (line,) = render(of_size(30, lambda _: True)).splitlines()
    assert "and 25 more" in parse(line)[2]


@pytest.mark.parametrize(("number", "lines", "last"), [(10, 10, "Needed"), (11, 10, "2 more things to do"), (40, 10, "31 more things to do")])
def test_no_more_than_github_shows(number: int, lines: int, last: str) -> None:
    findings = [not_approved("#1", step=f"Step {each}") for each in range(number)]
    found = render(report((change(1),), *findings)).splitlines()
    assert len(found) == lines
    assert parse(found[-1])[2].startswith(last)


def test_in_audit_mode_they_are_warnings() -> None:
    found = render(report((change(1),), not_approved("#1"), enforced=False, where=WARNED)).splitlines()
    assert [parse(line)[0] for line in found] == ["warning", "warning"]


def test_a_warning_of_the_record() -> None:
    (line,) = render(report((change(1),), where=WARNED)).splitlines()
    assert parse(line) == ("warning", "changegate: record", "the log has no witness")


def test_nothing_to_say() -> None:
    assert render(report((change(1),))) == ""


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_stays_text(text: str) -> None:
    check(text)


@settings(max_examples=100, deadline=None)
@given(hostile)
def test_any_text_stays_text(text: str) -> None:
    check(text)


def check(text: str) -> None:
    """As many commands as with a plain word, of the same level and title; no line that is none."""
    found = [parse(line) for line in render(with_text(text)).split("\n")[:-1]]
    for _, title, message in found:
        assert title.isprintable()
        assert all(line.isprintable() for line in message.split("\n"))
        assert len(message.split("\n")) <= 6
    assert {level for level, _, _ in found} == {"error", "warning"}
