import json

import pytest
from hypothesis import given, settings
from unit.render.reports import CONTROLS, NASTY, change, hostile, not_approved, report, with_text

from changegate.render import NotRecorded
from changegate.render.json import render


def test_the_shape() -> None:
    shape = json.loads(render(report((change(1), change(2)), not_approved("#2"))))
    keys = {"version", "verdict", "enforced", "reasons", "policy", "deployment", "range", "todo", "changes", "findings", "record", "notRecorded"}
    assert shape.keys() == keys
    assert (shape["version"], shape["verdict"], shape["enforced"], shape["reasons"]) == (1, "blocked", True, ["peer-approved/not-approved"])
    assert [(each["change"], each["link"]) for each in shape["todo"][0]["places"]] == [("#2", "https://forge.example/acme/shop/pull/2")]
    assert shape["changes"][1]["outcomes"] == dict.fromkeys(CONTROLS, "pass") | {"peer-approved": "fail"}
    assert shape["record"]["id"] == "ab12ab12ab12ab12"
    assert len(shape["findings"]) == 2 * len(CONTROLS) + 1


def test_nothing_recorded() -> None:
    shape = json.loads(render(report((change(1),), where=NotRecorded("a preview"))))
    assert (shape["record"], shape["notRecorded"]) == (None, "a preview")


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
