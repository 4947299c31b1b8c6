"""Commit to change, as a table over what GitHub may list."""

import pytest

from changegate.facts import RangeCommit
from changegate.forges.github.association import Landing, Pull, Unsettled, settle

BASE, ONE, TWO, SIDE, MERGE = (letter * 40 for letter in "0123a")
# BASE ─ ONE ─ TWO ─ MERGE     the branch
#     └─ SIDE ──────┘
GRAPH = [
    RangeCommit(sha=sha, tree=BASE, parents=parents, subject="")
    for sha, parents in ((ONE, (BASE,)), (TWO, (ONE,)), (SIDE, (BASE,)), (MERGE, (TWO, SIDE)))
]
LANDING = Landing.of(7, "main", GRAPH, MERGE)


def pull(number: int, *, merge: str | None, state: str = "MERGED", base: str = "main", repository: int | None = 7) -> Pull:
    return Pull(f"PR{number}", number, "", "", "", state, "topic", base, repository, merge)


@pytest.mark.parametrize(
    ("sha", "pulls", "number"),
    [
        (ONE, [pull(1, merge=ONE)], 1),  # squash
        (ONE, [pull(1, merge=TWO)], 1),  # the first of a rebase
        (SIDE, [pull(1, merge=MERGE)], 1),  # inside a merge
        (MERGE, [pull(1, merge=MERGE)], 1),
        (TWO, [pull(1, merge=ONE), pull(2, merge=TWO)], 2),  # prefer the one whose merge commit it is
        (SIDE, [pull(1, merge=MERGE), pull(2, merge=SIDE, base="topic")], 1),  # a change within a change
        (SIDE, [pull(1, merge=MERGE), pull(2, merge=None, state="OPEN"), pull(3, merge=None, state="CLOSED")], 1),
        (SIDE, [pull(1, merge=MERGE), pull(2, merge=ONE)], 1),  # the merge that brought it
    ],
)
def test_settled(sha: str, pulls: list[Pull], number: int) -> None:
    found = settle(sha, pulls, LANDING)
    assert isinstance(found, Pull)
    assert found.number == number


@pytest.mark.parametrize(
    ("sha", "pulls", "why"),
    [
        (ONE, [], "GitHub knows no pull request"),
        (ONE, [pull(1, merge=None, state="OPEN")], "#1, which is open"),
        (ONE, [pull(1, merge=None, state="CLOSED")], "#1, which is closed"),
        (ONE, [pull(1, merge=ONE, base="release")], "merged into release and not into main"),
        (ONE, [pull(1, merge=ONE, repository=8)], "#1 of another repository"),
        (ONE, [pull(1, merge=ONE, repository=None)], "#1 of another repository"),
        (ONE, [pull(1, merge=ONE), pull(2, merge=ONE)], "nothing says which"),
        (ONE, [pull(1, merge=TWO), pull(2, merge=TWO)], "nothing says which"),
        (ONE, [pull(1, merge=BASE)], "did not come to main by that merge"),  # merged before the range
        (ONE, [pull(1, merge=MERGE)], "did not come to main by that merge"),  # pushed before its merge
        (TWO, [pull(1, merge=ONE)], "did not come to main by that merge"),  # pushed after its merge
        (SIDE, [pull(1, merge=ONE)], "did not come to main by that merge"),
        (ONE, [pull(1, merge=None)], "did not come to main by that merge"),
    ],
)
def test_unsettled(sha: str, pulls: list[Pull], why: str) -> None:
    found = settle(sha, pulls, LANDING)
    assert isinstance(found, Unsettled)
    assert why in found.why
    assert found.lists_none is (pulls == [])
