"""Changes that left nothing behind."""

import pytest
from builders import BASE, change, deploy_range, facts, landed, review, sha

from changegate.controls import evaluate
from changegate.decision import Outcome, Verdict
from changegate.facts import Change, Facts, RangeCommit
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
    assert find_undone(history(*steps)) == {name: sha(by) for name, by in undone.items()}


def test_an_unknown_base_tree_undoes_nothing() -> None:
    found = history(("a", "1"), ("b", "tree-base"))
    assert find_undone(found.model_copy(update={"range": found.range.model_copy(update={"base_tree": ""})})) == {}


def test_what_came_by_a_merge_is_undone_with_it() -> None:
    side, merge, revert = (
        landed("side"),
        landed("merge", parents=(BASE, sha("side")), tree=sha("1")),
        landed("revert", parents=(sha("merge"),), tree=GOOD),
    )
    merged, reverted = change(id="m", landed=(side.sha, merge.sha)), change(id="r", landed=(revert.sha,), head_tree=GOOD)
    found = facts(merged, reverted, range=deploy_range(commits=(side, merge, revert), head=revert.sha, base_tree=GOOD))
    assert find_undone(found) == {"m": revert.sha}


def test_a_side_branch_with_an_old_tree_undoes_nothing() -> None:
    bad, side, merge = landed("bad", tree=sha("1")), landed("side", tree=GOOD), landed("merge", parents=(sha("bad"), sha("side")), tree=sha("2"))
    changes = (change(id="bad", landed=(bad.sha,)), change(id="m", landed=(side.sha, merge.sha)))
    assert find_undone(facts(*changes, range=deploy_range(commits=(bad, side, merge), head=merge.sha, base_tree=GOOD))) == {}


def test_an_unapproved_change_can_be_reverted_by_an_approved_one() -> None:
    found = history(("bad", "1"), ("revert", "tree-base"))
    bad, revert = found.changes
    unapproved = found.model_copy(update={"changes": (bad.model_copy(update={"reviews": ()}), revert)})
    assert evaluate(unapproved, EffectivePolicy()).verdict is Verdict.ALLOWED
    both = found.model_copy(update={"changes": (bad, revert.model_copy(update={"reviews": (review(revert.author),)}))})
    decision = evaluate(both, EffectivePolicy())
    assert decision.verdict is Verdict.BLOCKED, "the revert is a change like any other"
    assert {each.change for each in decision.findings if each.outcome is Outcome.NOT_APPLICABLE} == {"bad"}
