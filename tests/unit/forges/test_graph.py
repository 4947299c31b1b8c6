"""The graph of a range, on random histories."""

from hypothesis import given
from hypothesis import strategies as st

from changegate.facts import RangeCommit
from changegate.forges.graph import introduced_by, mainline, oldest_first, reaches

BASE = "f" * 40


def sha(number: int) -> str:
    return f"{number:040x}"


@st.composite
def histories(draw: st.DrawFn) -> list[RangeCommit]:
    """Commits whose parents come earlier (or are the base), the last one descending from all."""
    count = draw(st.integers(1, 12))
    commits: list[RangeCommit] = []
    childless: set[str] = set()
    for number in range(count):
        choices = [BASE, *(commit.sha for commit in commits)]
        parents = draw(st.lists(st.sampled_from(choices), min_size=1, max_size=2, unique=True))
        if number == count - 1:
            parents = list(dict.fromkeys([*parents, *sorted(childless)]))
        commits.append(RangeCommit(sha=sha(number), tree=sha(number), parents=tuple(parents), subject=""))
        childless = (childless - set(parents)) | {sha(number)}
    return commits


@given(histories(), st.randoms(use_true_random=False))
def test_parents_come_before_children_whatever_the_order_was(commits: list[RangeCommit], chance: object) -> None:
    shuffled = list(commits)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random, which Hypothesis does not type
    ordered = oldest_first(shuffled)
    assert sorted(commit.sha for commit in ordered) == sorted(commit.sha for commit in commits)
    place = {commit.sha: index for index, commit in enumerate(ordered)}
    assert all(place[parent] < place[commit.sha] for commit in ordered for parent in commit.parents if parent in place)


@given(histories())
def test_every_commit_is_brought_by_one_commit_of_the_mainline(commits: list[RangeCommit]) -> None:
    head = commits[-1].sha
    line = mainline(commits, head)
    brought = introduced_by(commits, head)
    assert set(brought) == {commit.sha for commit in commits}
    assert set(brought.values()) == set(line)
    assert all(brought[landing] == landing for landing in line)


@given(histories(), st.integers(0, 11))
def test_a_hole_shows(commits: list[RangeCommit], at: int) -> None:
    assert reaches(commits, commits[-1].sha)
    beside = RangeCommit(sha="e" * 40, tree=BASE, parents=(commits[at % len(commits)].sha,), subject="")
    assert not reaches([*commits, beside], commits[-1].sha)


def test_a_long_history_needs_no_stack() -> None:
    commits = [RangeCommit(sha=sha(number + 1), tree=BASE, parents=(sha(number),), subject="") for number in range(20_000)]
    assert [commit.sha for commit in oldest_first(commits[::-1])] == [commit.sha for commit in commits]
