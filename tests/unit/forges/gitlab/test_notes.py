"""What GitLab's own notes say, in its words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.facts import Retarget
from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.client import Answer
from changegate.forges.gitlab.notes import APPROVED, REQUESTED, TAKEN_BACK, Note, Notes

T0 = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


def notes(*said: tuple[int, str]) -> Notes:
    """What each account was noted to do, a minute apart; 0 is nobody who is shown."""
    return Notes(tuple(Note(body, at(minute), Answer({"id": number}) if number else None) for minute, (number, body) in enumerate(said)))


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        ([], []),
        ([(1, REQUESTED)], [(1, 0)]),
        ([(1, REQUESTED), (1, APPROVED)], []),
        ([(1, REQUESTED), (2, APPROVED)], [(1, 0)]),
        ([(1, REQUESTED), (1, TAKEN_BACK)], [(1, 0)]),
        ([(1, APPROVED), (1, REQUESTED), (2, REQUESTED)], [(1, 1), (2, 2)]),
        ([(1, REQUESTED), (1, APPROVED), (1, REQUESTED)], [(1, 2)]),
        ([(1, REQUESTED), (2, "removed review request for @bob"), (1, "left review comments")], [(1, 0)]),
        ([(0, REQUESTED)], [(0, 0)]),
    ],
)
def test_a_request_stands_until_the_same_account_approves(said: list[tuple[int, str]], standing: list[tuple[int, int]]) -> None:
    assert [(note.number, note.at) for note in notes(*said).standing_requests()] == [(number, at(minute)) for number, minute in standing]


@pytest.mark.parametrize(
    ("said", "minute"),
    [
        ([(1, APPROVED)], 0),
        ([(1, APPROVED), (1, TAKEN_BACK), (1, APPROVED)], 2),
        ([(1, APPROVED), (2, TAKEN_BACK)], 0),
        ([], None),
        ([(2, APPROVED)], None),
        ([(1, APPROVED), (1, TAKEN_BACK)], None),
    ],
)
def test_when_something_was_noted_last(said: list[tuple[int, str]], minute: int | None) -> None:
    if minute is None:
        with pytest.raises(UnreadableError):
            notes(*said).last(Answer({"id": 1}), APPROVED, TAKEN_BACK)
    else:
        assert notes(*said).last(Answer({"id": 1}), APPROVED, TAKEN_BACK) == at(minute)


@pytest.mark.parametrize(
    ("body", "retarget"),
    [
        ("changed target branch from `stage` to `main`", ("stage", "main")),
        ("deleted the `stage` branch. This merge request now targets the `main` branch", ("stage", "main")),
        ("changed target branch from `a`b` to `main`", ("a`b", "main")),
        ("changed source branch from `a` to `b`", None),
        ("deleted source branch `stage`", None),
        ("I changed target branch from `stage` to `main`", None),
    ],
)
def test_another_target(body: str, retarget: tuple[str, str] | None) -> None:
    found = notes((1, body)).retargets(())
    assert found == ((Retarget(at=T0, before=retarget[0], after=retarget[1]),) if retarget else ())


def test_another_target_that_only_the_versions_show() -> None:
    found = notes((1, "x"), (1, "changed target branch from `stage` to `main`")).retargets([at(3), at(0)])
    assert [(each.at, each.before) for each in found] == [(at(0), ""), (at(1), "stage"), (at(3), "")]


@given(st.text(max_size=60).filter(lambda name: "\n" not in name), st.text(max_size=60).filter(lambda name: "\n" not in name))
def test_no_name_of_a_branch_hides_a_retarget(before: str, after: str) -> None:
    by_hand = f"changed target branch from `{before}` to `{after}`"
    by_itself = f"deleted the `{before}` branch. This merge request now targets the `{after}` branch"
    assert [len(notes((1, body)).retargets(())) for body in (by_hand, by_itself)] == [1, 1]
