import json

import pytest
from hypothesis import given, settings
from unit.render.reports import CONTROLS, NASTY, change, hostile, not_approved, report, with_text

from changegate.render import NotRecorded, RecordingFailed
from changegate.render.json import render


def test_the_shape() -> None:
    shape = json.loads(render(report((change(1), change(2)), not_approved("#2"))))
    what = {"version", "verdict", "judged", "enforced", "reasons", "policy", "deployment", "range", "todo", "changes", "findings"}
    assert shape.keys() == what | {"record", "notRecorded", "remedy", "emergency", "waivers", "refusedWaivers"}
    assert (shape["version"], shape["verdict"], shape["enforced"], shape["reasons"]) == (1, "blocked", True, ["peer-approved/not-approved"])
    assert [(each["change"], each["link"]) for each in shape["todo"][0]["places"]] == [("#2", "https://forge.example/acme/shop/pull/2")]
    assert shape["changes"][1]["outcomes"] == dict.fromkeys(CONTROLS, "pass") | {"peer-approved": "fail"}
    assert shape["record"]["id"] == "ab12ab12ab12ab12"
    assert len(shape["findings"]) == 2 * len(CONTROLS) + 1


def test_nothing_recorded() -> None:
    shape = json.loads(render(report((change(1),), where=NotRecorded("a preview"))))
    assert (shape["record"], shape["notRecorded"]) == (None, "a preview")


def test_what_was_not_recorded_is_not_allowed() -> None:
    shape = json.loads(render(report((change(1),), where=RecordingFailed("the disk is full", "Free some."))))
    assert (shape["verdict"], shape["judged"], shape["record"]) == ("not-recorded", "allowed", None)
    assert (shape["notRecorded"], shape["remedy"]) == ("the disk is full", "Free some.")


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_stays_text(text: str) -> None:
    check(text)


@settings(max_examples=60, deadline=None)
@given(hostile)
def test_any_text_stays_text(text: str) -> None:
    check(text)


def check(text: str) -> None:
    """Printable ASCII that is no command, and the very text when it is read back."""
    said = with_text(text)
    page = render(said)
    assert page.isascii()
    assert page.replace("\n", "").isprintable()
    assert "##" not in page
    assert not any(line.lstrip().startswith("::") for line in page.splitlines())
    shape = json.loads(page)
    assert shape["deployment"]["environment"] == said.facts.deployment.environment
    assert [each["title"] for each in shape["changes"]] == [each.title for each in said.facts.changes]
