"""Reading a tracker's answers: any JSON is a value of the right kind, or can't be read."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.facts import Unavailable
from changegate.trackers import reading
from changegate.trackers.http import TrackerError

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
)


@given(JSON)
def test_any_answer_is_read_or_refused(value: Any) -> None:
    assert isinstance(reading.text(value, "a", "b"), str)
    assert isinstance(reading.body(value, "a"), str)
    for read in (reading.needed, reading.moment):
        with suppress(TrackerError):
            read(value, "a")
    for always in (True, False):
        assert isinstance(reading.plan(value, "a", "b", always_there=always), str | Unavailable)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("2025-01-05T10:15:03.000+0100", datetime(2025, 1, 5, 9, 15, 3, tzinfo=UTC)),
        ("2025-01-05T09:15:03.000Z", datetime(2025, 1, 5, 9, 15, 3, tzinfo=UTC)),
        ("2025-01-05 09:15:03", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_has_a_zone(written: str, wanted: datetime | None) -> None:
    if wanted is not None:
        assert reading.moment({"at": written}, "at") == wanted
        return
    with pytest.raises(TrackerError, match="can't be read"):
        reading.moment({"at": written}, "at")


@pytest.mark.parametrize(
    ("value", "always", "wanted"),
    [
        ({"f": "Switch it off.\nThen wait."}, True, "Switch it off.\nThen wait."),
        ({"f": ""}, True, ""),
        ({"f": None}, False, ""),
        ({}, False, ""),
        (None, False, ""),
        ({}, True, "isn't in the answer"),
        ({"f": None}, True, "isn't in the answer"),
        ({"f": {"type": "doc"}}, False, "holds no text"),
        ({"f": 7}, True, "holds no text"),
    ],
)
def test_a_plan_that_is_not_shown_is_not_taken_for_none(value: Any, always: bool, wanted: str) -> None:
    found = reading.plan(value, "f", always_there=always)
    assert (wanted in found.why) if isinstance(found, Unavailable) else found == wanted


def test_a_text_is_cut() -> None:
    assert len(reading.body({"a": "x" * 10**6}, "a")) == reading.MAX_TEXT
    assert reading.text({"a": "one\n two\t" + "x" * 1000}, "a").startswith("one two x")
