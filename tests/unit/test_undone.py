"""Changes that left nothing behind."""

from collections.abc import Sequence

import pytest
from builders import BASE, change, deploy_range, facts, landed, review, sha
from hypothesis import given
from hypothesis import strategies as st

from changegate.controls import evaluate
from changegate.decision import Outcome, Verdict
from changegate.facts import Change, Facts, RangeCommit
from changegate.forges.git.restored import FileChange, find_restored
from changegate.policy import EffectivePolicy
from changegate.undone import find_undone

GOOD = sha("tree-base")


def history(*steps: tuple[str, str]) -> Facts:
    """One squashed change a step: (name, tree), oldest first, on a base whose tree is GOOD."""
    commits: list[RangeCommit] = []
    changes: list[Change] = []
    parent = BASE
    for name, tree in steps:
        commits.append(landed(name, parents=(parent,), tree=sha(tree)))
        changes.append(change(id=name, landed=(sha(name),), head_tree=sha(tree)))
        parent = sha(name)
    return facts(*changes, range=deploy_range(commits=tuple(commits), head=parent, base_tree=GOOD))


@pytest.mark.parametrize(
    ("steps", "undone"),
    [
        pytest.param([("a", "1"), ("b", "2")], {}, id="nothing came back"),
        pytest.param([("a", "1"), ("b", "tree-base")], {"a": "b"}, id="back to the base"),
        pytest.param([("a", "1"), ("bad", "2"), ("revert", "1")], {"bad": "revert"}, id="back to a change of the range"),
        pytest.param([("a", "1"), ("b", "2"), ("c", "tree-base"), ("d", "3")], {"a": "c", "b": "c"}, id="several at once, then on"),
        pytest.param([("a", "1"), ("r", "tree-base"), ("a2", "1")], {"a": "r"}, id="and landed again: the second time it is judged"),
        pytest.param([("a", "1"), ("r", "tree-base"), ("a2", "1"), ("r2", "tree-base")], {"a": "r2", "r": "r2", "a2": "r2"}, id="to and fro"),
        pytest.param([("empty", "tree-base")], {}, id="an empty change undoes nothing but itself, and is judged"),
    ],
)
def test_table(steps: list[tuple[str, str]], undone: dict[str, str]) -> None:
    assert find_undone(history(*steps))[0] == {name: sha(by) for name, by in undone.items()}


def test_an_unknown_base_tree_undoes_nothing() -> None:
    found = history(("a", "1"), ("b", "tree-base"))
    assert find_undone(found.model_copy(update={"range": found.range.model_copy(update={"base_tree": ""})})) == ({},)


def test_what_came_by_a_merge_is_undone_with_it() -> None:
    side, merge, revert = (
        landed("side"),
        landed("merge", parents=(BASE, sha("side")), tree=sha("1")),
        landed("revert", parents=(sha("merge"),), tree=GOOD),
    )
    merged, reverted = change(id="m", landed=(side.sha, merge.sha)), change(id="r", landed=(revert.sha,), head_tree=GOOD)
    found = facts(merged, reverted, range=deploy_range(commits=(side, merge, revert), head=revert.sha, base_tree=GOOD))
    assert find_undone(found)[0] == {"m": revert.sha}


def test_a_side_branch_with_an_old_tree_undoes_nothing() -> None:
    bad, side, merge = landed("bad", tree=sha("1")), landed("side", tree=GOOD), landed("merge", parents=(sha("bad"), sha("side")), tree=sha("2"))
    changes = (change(id="bad", landed=(bad.sha,)), change(id="m", landed=(side.sha, merge.sha)))
    assert find_undone(facts(*changes, range=deploy_range(commits=(bad, side, merge), head=merge.sha, base_tree=GOOD))) == ({},)


def test_an_unapproved_change_can_be_reverted_by_an_approved_one() -> None:
    found = history(("bad", "1"), ("revert", "tree-base"))
    bad, revert = found.changes
    unapproved = found.model_copy(update={"changes": (bad.model_copy(update={"reviews": ()}), revert)})
    assert evaluate(unapproved, EffectivePolicy()).verdict is Verdict.ALLOWED
    both = found.model_copy(update={"changes": (bad, revert.model_copy(update={"reviews": (review(revert.author),)}))})
    decision = evaluate(both, EffectivePolicy())
    assert decision.verdict is Verdict.BLOCKED, "the revert is a change like any other"
    assert {each.change for each in decision.findings if each.outcome is Outcome.NOT_APPLICABLE} == {"bad"}


FILES = 3
State = tuple[int, ...]
"""What each file is."""
states = st.tuples(*[st.integers(0, 2)] * FILES)


def branch(base: State, steps: Sequence[State], joined: Sequence[bool]) -> Facts:
    """A branch of these states. A step that is `joined` came with the one before it by the same change, as a rebase merge lands them."""
    chain = [base, *steps]
    restored = find_restored(
        [
            (
                sha(str(number)),
                [FileChange(b"%d" % at, str(old), str(new)) for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new],
            )
            for number, (before, after) in enumerate(zip(chain, steps, strict=False))
        ]
    )
    commits: list[RangeCommit] = []
    brought: list[list[str]] = []
    for number, (state, join) in enumerate(zip(steps, joined, strict=True)):
        one = landed(str(number), parents=(commits[-1].sha if commits else BASE,), tree=f"tree {state}")
        commits.append(one.model_copy(update={"restored_at": restored.get(one.sha, ())}))
        if join and brought:
            brought[-1].append(one.sha)
        else:
            brought.append([one.sha])
    changes = [change(id=shas[0], landed=tuple(shas)) for shas in brought]
    return facts(*changes, range=deploy_range(commits=tuple(commits), head=commits[-1].sha, base_tree=f"tree {base}"))


@given(states, st.lists(st.tuples(states, st.booleans()), min_size=1, max_size=12))
def test_every_file_that_is_deployed_came_by_judged_changes(base: State, told: list[tuple[State, bool]]) -> None:
    """From what a file was at the base to what it is at the head there is a way of which each step was judged: nothing hides behind a revert."""
    steps = [state for state, _ in told]
    found = branch(base, steps, [join for _, join in told])
    for undone in find_undone(found):
        judged = {sha_ for each in found.changes if each.id not in undone for sha_ in each.landed}
        edges = [(before, after) for number, (before, after) in enumerate(zip([base, *steps], steps, strict=False)) if sha(str(number)) in judged]
        for at in range(FILES):
            reached = {base[at]}
            for _ in edges:
                reached |= {after[at] for before, after in edges if before[at] in reached}
            assert steps[-1][at] in reached


@given(states, st.lists(states, min_size=1, max_size=6), st.sampled_from(range(FILES)))
def test_a_change_that_was_reverted_alone_is_undone(base: State, after: list[State], at: int) -> None:
    """Others may have landed since, on other files."""
    bad = (*base[:at], 7, *base[at + 1 :])
    later = [(*state[:at], 7, *state[at + 1 :]) for state in after]
    reverted = (*later[-1][:at], base[at], *later[-1][at + 1 :])
    steps = [bad, *later, reverted]
    assert sha("0") in find_undone(branch(base, steps, [False] * len(steps)))[-1]


def test_reverted_and_landed_again_while_others_landed() -> None:
    """The tree is again what it was before the revert, and yet it is the second landing that counts."""
    found = branch((0, 0, 0), [(1, 0, 0), (1, 1, 0), (0, 1, 0), (1, 1, 0)], [False] * 4)
    bad, *others = found.changes
    assert find_undone(found) == ({sha("2"): sha("3")}, {sha("0"): sha("2"), sha("2"): sha("3")})
    unapproved = found.model_copy(update={"changes": (bad.model_copy(update={"reviews": ()}), *others)})
    decision = evaluate(unapproved, EffectivePolicy())
    assert [each.change for each in decision.stopping if each.reason == "not-approved"] == []
