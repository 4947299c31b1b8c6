"""Where the files of a commit are again as they were."""

from itertools import pairwise

import pytest

from changegate.forges.git.restored import MAX_FOUND, FileChange, find_restored


def chain(*states: str) -> list[tuple[str, list[FileChange]]]:
    """Each word is a state: one letter for what each file is. The first is the base."""
    steps = []
    for number, (before, after) in enumerate(pairwise(states), 1):
        changes = [FileChange(b"%d" % at, old, new) for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        steps.append((str(number), changes))
    return steps


@pytest.mark.parametrize(
    ("states", "found"),
    [
        pytest.param("a b c", {}, id="nothing came back"),
        pytest.param("a b a", {"1": "2"}, id="one file, back at once"),
        pytest.param("aa ba bb ab", {"1": "3"}, id="another file changed in between, and stays"),
        pytest.param("aa bb bc ac", {}, id="only one of two files came back"),
        pytest.param("aa bb ab aa", {"1": "3"}, id="two files, one after the other"),
        pytest.param("aa bb ab bb ba", {"2": "3"}, id="never both at one time; what brought one back was itself undone"),
        pytest.param("a b c a", {"1": "3"}, id="over another change of the same file, which is not restored"),
        pytest.param("a b a b a", {"1": "2 4", "2": "3", "3": "4"}, id="to and fro"),
        pytest.param("a a b a", {"2": "3"}, id="what changed nothing is never restored"),
        pytest.param("-a ba bb -b", {"1": "3"}, id="a file that was added is gone again"),
    ],
)
def test_table(states: str, found: dict[str, str]) -> None:
    assert find_restored(chain(*states.split())) == {commit: tuple(at.split()) for commit, at in found.items()}


def test_the_newest_are_kept() -> None:
    found = find_restored(chain(*("ab" * 2 * MAX_FOUND)))
    assert len(found["1"]) == MAX_FOUND
    assert found["1"][-1] == str(4 * MAX_FOUND - 2)
