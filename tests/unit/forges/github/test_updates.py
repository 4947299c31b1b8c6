"""What one folder of a merge proves: all that one side alone changed, nothing that both did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.forges.github.trusted import Entry
from changegate.forges.github.updates import Sides, folders_to_compare

A, B, C = (Entry("blob", letter * 40, 0o100644) for letter in "abc")
RUNS = Entry("blob", "a" * 40, 0o100755)
T, U, V = (Entry("tree", letter * 40, 0o40000) for letter in "def")


def sides(*entries: Entry | None) -> Sides:
    """One name in the fork, ours, theirs and the merge."""
    return Sides(*({} if entry is None else {"x": entry} for entry in entries))


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ((A, A, A, A), []),
        ((A, B, A, B), []),
        ((A, A, B, B), []),
        ((A, B, B, B), []),
        ((None, A, None, A), []),
        ((None, None, A, A), []),
        ((A, None, A, None), []),
        ((A, A, None, None), []),
        ((T, U, T, U), []),
        ((A, A, RUNS, RUNS), []),
        # What no rule explains.
        ((A, B, A, A), None),
        ((A, A, B, A), None),
        ((A, B, A, C), None),
        ((A, A, A, B), None),
        ((None, None, None, A), None),
        ((A, A, A, None), None),
        ((A, A, A, RUNS), None),
        ((A, A, RUNS, A), None),
        ((T, T, T, U), None),
        # Both sides changed it.
        ((A, B, C, B), None),
        ((A, B, C, C), None),
        ((A, None, B, B), None),
        ((None, A, B, A), None),
        ((T, A, U, A), None),
        ((A, T, U, U), None),
        # Both sides changed what is in it.
        ((T, U, V, T), ["x"]),
        ((None, U, V, T), ["x"]),
        ((T, None, V, None), ["x"]),
    ],
)
def test_one_entry(entries: tuple[Entry | None, ...], found: list[str] | None) -> None:
    assert folders_to_compare(sides(*entries)) == found


FOLDER = st.dictionaries(st.sampled_from("xyz"), st.sampled_from([A, B, C, RUNS]))


@given(fork=FOLDER, ours=FOLDER, theirs=FOLDER, merged=FOLDER)
def test_what_is_proven_is_of_one_side(fork: dict[str, Entry], ours: dict[str, Entry], theirs: dict[str, Entry], merged: dict[str, Entry]) -> None:
    if folders_to_compare(Sides(fork, ours, theirs, merged)) == []:
        for name in {*fork, *ours, *theirs, *merged}:
            changed = [side.get(name) for side in (ours, theirs) if side.get(name) != fork.get(name)]
            assert len(set(changed)) <= 1
            assert merged.get(name) == (changed[0] if changed else fork.get(name))
