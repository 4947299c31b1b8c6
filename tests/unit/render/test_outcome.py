"""An outcome for a person and for machines: complete, and inert whatever it holds."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changegate.errors import FormatError
from changegate.render import Recorded
from changegate.render.outcome import DeploymentStatus, EndReport, render, render_json, render_terminal, values
from changegate.render.page import LogPlace

PLACE = LogPlace(digest="ab12" * 16, index=4, size=9, proof="in the log, signed by a trusted key")
WHERE = Recorded(
    digest="ab12" * 16,
    log_index=4,
    log_size=9,
    checkpoint="9:root",
    origin="o",
    store_url="file:evidence",
    receipt="r.txt",
    warnings=("no permission",),
)
STATUS = DeploymentStatus("GitHub", 7, "success")
REPORT = EndReport("success", "acme/shop", "production", "1" * 40, "c" * 64, 3, repeated=False, where=WHERE, status=STATUS)
NASTY = ["\x1b[31m", "::error::x", "##[error]x", "a\n::error::x", "\u202e", "x" * 5000, "\r\n"]
TEXTS = st.sampled_from(NASTY) | st.text(max_size=50)


def test_the_report_says_it_all() -> None:
    page = render_terminal(REPORT)
    for part in ("✓ SUCCEEDED in production: acme/shop at 1111111111", "index 4 in a log of 9", "index 3", "r.txt", "deployment 7", "no permission"):
        assert part in page
    assert "nothing was appended" in render_terminal(replace(REPORT, repeated=True))
    found = json.loads(render_json(REPORT))
    assert (found["outcome"], found["gate"]["logIndex"], found["record"]["warnings"]) == ("success", 3, ["no permission"])
    assert found["status"] == {"deployment": 7, "state": "success"}
    assert values(REPORT) == {
        "outcome": "success",
        "record-id": "ab12" * 4,
        "record-digest": "ab12" * 16,
        "log-index": "4",
        "log-origin": "o",
        "checkpoint": "9:root",
        "receipt": "r.txt",
    }


def test_at_eighty_columns_nothing_is_broken_apart() -> None:
    page = render_terminal(REPORT, width=80).splitlines()
    assert max(map(len, page)) <= 80
    assert f"sha256       {'ab12' * 16}" in page


@pytest.mark.parametrize(
    ("ending", "words"),
    [("success", "✓ SUCCEEDED"), ("failure", "✗ FAILED"), ("rolled-back", "↩ ROLLED BACK"), ("paused", "? an outcome not stated")],
)
def test_headlines(ending: str, words: str) -> None:
    statement = {"predicate": {"outcome": ending, "deployment": {"environment": "production"}}}
    assert render(statement, PLACE).startswith(f"{words} in production\n")


def test_what_is_not_stated_is_not_claimed() -> None:
    page = render({"predicate": {}}, PLACE)
    assert page.startswith("? an outcome not stated in an environment not stated")
    assert "gate         not stated, index not stated" in page
    with pytest.raises(FormatError, match="no predicate"):
        render({}, PLACE)


def inert(page: str) -> None:
    assert all(character == "\n" or character.isprintable() for character in page)
    assert not any(line.lstrip().startswith("::") for line in page.splitlines())
    assert "##[" not in page


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_any_text_stays_text(text: str) -> None:
    where = replace(WHERE, origin=text, store_url=text, receipt=text, warnings=(text,))
    report = replace(REPORT, repository=text, environment=text, where=where, status=DeploymentStatus("GitHub", 7, text))
    inert(render_terminal(report))
    inert(render_json(report))


PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["envelope", "index", "environment", "id", "name"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = ["deployment", "gate", "outcome", "reason", "url", "tool", "time", "previous"]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), PARTS, max_size=6), PARTS)
def test_any_predicate_can_be_shown(predicate: dict[str, Any], subject: Any) -> None:
    inert(render({"predicate": predicate, "subject": subject}, PLACE))
