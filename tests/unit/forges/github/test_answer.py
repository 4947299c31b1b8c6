"""Strict reading: what is not there, or not of its kind, is never taken for something else."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import ForgeError
from changegate.facts import Unavailable
from changegate.forges.github.answer import Answer, Refusal, UnreadableError, graft, known
from changegate.forges.github.faults import explain_refusal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["data", "errors", "a", "b", "path", "type", "message"]), inner, max_size=4)
    ),
    max_leaves=20,
)
READERS: tuple[Callable[[Answer], object], ...] = (
    lambda answer: answer.text("a"),
    lambda answer: answer.number("a"),
    lambda answer: answer.flag("a"),
    lambda answer: answer.time("a"),
    lambda answer: answer.items("a"),
    lambda answer: answer.at("a").at("b"),
)


@pytest.mark.parametrize("value", [{}, {"a": None}, {"a": {}}, {"a": []}, {"a": "x"}, {"a": 1.5}, [], None, "a", {"a": Refusal("FORBIDDEN", "no")}])
def test_what_is_not_there_or_not_of_its_kind(value: Any) -> None:
    for read in (READERS[1], READERS[2], READERS[3], READERS[5]):
        with pytest.raises(UnreadableError):
            read(Answer(value))


def test_what_is_there() -> None:
    answer = Answer({"text": "x", "number": 3, "flag": False, "time": "2026-01-05T09:00:00Z", "items": [1, 2], "null": None})
    assert (answer.text("text"), answer.number("number"), answer.flag("flag")) == ("x", 3, False)
    assert answer.time("time") == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert [item.value for item in answer.items("items")] == [1, 2]
    assert answer.get("null") is None


def test_true_is_no_number() -> None:
    with pytest.raises(UnreadableError):
        Answer({"a": True}).number("a")


def test_a_time_has_a_zone() -> None:
    with pytest.raises(UnreadableError):
        Answer({"a": "2026-01-05T09:00:00"}).time("a")


def test_a_list_with_a_hole_is_not_read() -> None:
    with pytest.raises(UnreadableError, match=r"null where answer\.a"):
        Answer({"a": [1, None]}).items("a")


def test_the_reason_stands_where_the_value_is_missing() -> None:
    body = {
        "data": {"a": {"b": None}, "c": "there"},
        "errors": [{"type": "FORBIDDEN", "path": ["a", "b", "statusCheckRollup"], "message": "not accessible"}],
    }
    answer = graft(body, explain_refusal)
    assert answer.text("c") == "there"
    gap = known(lambda: answer.at("a").text("b"))
    assert isinstance(gap, Unavailable)
    assert "not accessible" in gap.why
    assert "The token lacks checks: read and statuses: read" in gap.remedy


def test_an_error_beside_a_value_takes_its_place() -> None:
    answer = graft({"data": {"a": ["whole"]}, "errors": [{"path": ["a", 0], "message": "or not"}]}, explain_refusal)
    with pytest.raises(UnreadableError, match="or not"):
        answer.items("a")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        "text",
        {"data": None},
        {"data": []},
        {"data": {}, "errors": "odd"},
        {"data": {}, "errors": [{"message": "everything failed"}]},
        {"data": {"a": 1}, "errors": [{"message": "x", "path": ["a", "b"]}]},
        {"data": {"a": 1}, "errors": [None]},
        {"data": {"a": 1}, "errors": [{"path": [None]}]},
        {"data": None, "errors": [{"path": ["a"], "message": "x"}]},
    ],
)
def test_an_answer_that_leaves_nothing_to_trust(body: Any) -> None:
    with pytest.raises(ForgeError):
        graft(body, explain_refusal)


@given(JSON)
def test_only_our_errors_escape(body: Any) -> None:
    try:
        answer = graft(copy.deepcopy(body), explain_refusal)
    except ForgeError:
        return
    for read in READERS:
        known(lambda read=read: read(answer))  # type: ignore[misc]  # mypy has no type for a bound default
