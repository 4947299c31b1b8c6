import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from rich.cells import cell_len
from unit.render.reports import NASTY, change, hostile, not_approved, of_size, report, with_text

from changegate.decision import Finding, Outcome
from changegate.facts import RangeOutcome
from changegate.render import NotRecorded, RecordingFailed
from changegate.render.terminal import render

SGR = re.compile(r"\x1b\[[0-9;]*m")


def test_the_order_of_a_report() -> None:
    text = render(of_size(3))
    parts = [
        "✗ BLOCKED from production: 1 thing to do, on 1 of 3 changes",
        "acme/shop at 3f2a91c0b1 (main), after 1111111111: 3 commits in 3 changes",
        "1. ✗ peer-approved: not-approved",
        "needed   1 approval by somebody who did not write it",
        "on       #3 Round the totals",
        "found    nobody approved it",
        "who      somebody with write access who did not write it",
        "do       Ask a colleague to review it.",
        "link     https://forge.example/acme/shop/pull/3",
        "✓ range-known, the whole deploy: as asked",
        "✓ passes   ✗ fails",
        "record   ab12ab12ab12ab12, index 41 in a log of 42",
        "receipt  changegate-receipt.txt",
    ]
    places = [text.index(part) for part in parts]
    assert all(before < after for before, after in pairwise(places))


def test_the_table_at_80_columns() -> None:
    (row,) = (line for line in render(of_size(1, lambda _: True)).splitlines() if line.startswith("#1 "))
    assert row.split()[-4:] == ["✗", "✓", "✓", "✓"]
    assert "…" in row


@pytest.mark.parametrize("number", [0, 1, 10, 200])
@pytest.mark.parametrize("width", [40, 80, 132])
def test_no_line_is_wider_than_the_page(number: int, width: int) -> None:
    for line in render(of_size(number), width=width).splitlines():
        assert cell_len(line) <= width or "https://" in line


@pytest.mark.parametrize(
    ("enforced", "outcome", "line"),
    [
        (True, Outcome.FAIL, "✗ BLOCKED from production: 1 thing to do, on 1 of 1 change"),
        (False, Outcome.FAIL, "✗ WOULD BE BLOCKED from production (audit mode): 1 thing to do, on 1 of 1 change"),
        (True, Outcome.UNKNOWN, "? NOT JUDGED for production, so it stops: 1 thing to do, on 1 of 1 change"),
        (True, Outcome.PASS, "✓ ALLOWED to deploy to production: the change passes"),
    ],
)
def test_the_verdict_in_one_line(outcome: Outcome, line: str, *, enforced: bool) -> None:
    finding = Finding(control="peer-approved", change="#1", outcome=outcome, reason="r", observed="o", required="r")
    assert render(report((change(1),), finding, enforced=enforced)).splitlines()[0] == line


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (RangeOutcome.REDEPLOY, "redeploy without changes"),
        (RangeOutcome.ROLLBACK, "rollback without changes"),
        (RangeOutcome.AHEAD, "deploy without"),
    ],
)
def test_a_deploy_without_changes_says_what_it_is(outcome: RangeOutcome, words: str) -> None:
    assert words in render(report((), outcome=outcome)).splitlines()[0]


def test_a_list_of_changes_is_bounded() -> None:
    text = render(of_size(47, lambda _: True))
    assert "            and 37 more\n" in text


def test_with_many_changes_those_that_pass_are_counted() -> None:
    text = render(of_size(200))
    assert "and 134 changes on which nothing fails" in text
    assert re.search(r"^#3 +Round", text, re.MULTILINE)
    assert not re.search(r"^#4 +Round", text, re.MULTILINE)


def test_only_what_the_table_shows_is_in_the_legend() -> None:
    assert "could not be judged" not in render(of_size(3))


def test_many_controls_get_letters_and_keep_their_names() -> None:
    findings = [
        Finding(control=f"another-control-{number}", change="#1", outcome=Outcome.PASS, reason="r", observed="o", required="r") for number in range(9)
    ]
    text = render(report((change(1),), *findings))
    assert "A another-control-0" in re.sub(r"\s+", " ", text)
    assert "Round" in text


def test_a_link_is_never_broken() -> None:
    address = f"https://forge.example/{'x' * 300}"
    assert f"link     {address}\n" in render(report((change(1),), not_approved("#1", link=address)))


def test_a_link_that_is_no_web_address_is_text() -> None:
    assert r"link     javascript:alert(1)\x1b[2J" in render(report((change(1),), not_approved("#1", link="javascript:alert(1)\x1b[2J")))


def test_nothing_recorded_says_why() -> None:
    assert "record   none: this is a preview\n" in render(report((change(1),), where=NotRecorded("this is a preview")))


def test_colour_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("COLUMNS", "30")
    plain, coloured = render(of_size(3)), render(of_size(3), colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31m✗ BLOCKED" in coloured
    assert re.sub(r" +\n", "\n", SGR.sub("", coloured)) == plain


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_stays_text(text: str) -> None:
    check(text)


@settings(max_examples=60, deadline=None)
@given(hostile)
def test_any_text_stays_text(text: str) -> None:
    check(text)


def check(text: str) -> None:
    """No control character but our own, no command to a runner, and the report's own lines once each."""
    plain = render(with_text(text))
    assert all(character == "\n" or character.isprintable() for character in plain)
    assert all(character == "\n" or character.isprintable() for character in SGR.sub("", render(with_text(text), colour=True)))
    for line in plain.splitlines():
        assert not line.lstrip().startswith("::")
        assert not re.search(r"##[\w.-]*\[", line)
        assert cell_len(line) <= 80 + len(r"\x3a" * 8) or "http" in line
    assert len(re.findall(r"^record   ab12ab12ab12ab12, index 41 in a log of 42$", plain, re.MULTILINE)) == 1


def test_rich_markup_is_text() -> None:
    assert "[bold red]x[/] :smile:" in render(report((change(1, "[bold red]x[/] :smile:"),)))


def test_what_was_not_recorded_says_so_first() -> None:
    lines = render(report((change(1),), where=RecordingFailed("the disk is full", "Free some."))).splitlines()
    assert lines[0] == "✗ NOT RECORDED for production: the deploy must not go on (judged: allowed)"
    assert [line for line in lines[1:4] if "the disk is full" in line]
    assert [line for line in lines[1:4] if "Free some." in line]
    assert "ALLOWED" not in "".join(lines)
