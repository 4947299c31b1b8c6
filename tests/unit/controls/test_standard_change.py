"""Standard changes: of a kind that the policy approved beforehand, by what they touch."""

from typing import Any

import pytest
from builders import ALICE, ROBOT, WEB_FLOW, change, commit, facts, landed, review, sha

from changegate.controls import evaluate
from changegate.decision import Outcome, Verdict
from changegate.facts import Change, ChangedFile, ChangeKind, ReviewState, Unavailable
from changegate.policy import EffectivePolicy, StandardChange
from changegate.render.exceptions import lines

DOCS = StandardChange(name="docs", paths=("docs/", "*.md"), max_files=3)
GONE = Unavailable(why="403")


def policy(*kinds: StandardChange) -> EffectivePolicy:
    return EffectivePolicy(standard_changes=kinds)


def bare(*paths: str, **differs: Any) -> Change:
    """A change of these files that has neither ticket nor approval nor plan."""
    files = tuple(ChangedFile(path=path) for path in paths or ("docs/a.txt",))
    return change(**{"files": files, "tickets": (), "reviews": (), "description": ""} | differs)


def of_a_bot(**differs: Any) -> Change:
    made = commit(author=ROBOT, committer=WEB_FLOW, verified=True)
    return bare("uv.lock", **{"author": ROBOT, "commits": (made,), "pushers": ()} | differs)


BUMPS = StandardChange(name="bumps", paths=("uv.lock",), bots=(9,))
LABELLED = StandardChange(name="prices", paths=("prices.csv",), labels=("Prices",))
ALL = ("peer-approved", "rollback-plan", "ticket-linked")


@pytest.mark.parametrize(
    ("judged", "kinds", "fails"),
    [
        (bare(), (), ALL),
        (bare(), (DOCS,), ()),
        (bare("docs/deep/a.txt", "README.md", "src/NOTES.md"), (DOCS,), ()),
        (bare("docs/a.txt", "src/a.py"), (DOCS,), ALL),
        (bare("docs/1", "docs/2", "docs/3", "docs/4"), (DOCS,), ALL),
        (bare(files=(ChangedFile(path="docs/a.py", was="src/a.py"),)), (DOCS,), ALL),
        (bare(files=(ChangedFile(path="docs/a.txt", was="docs/b.txt"),)), (DOCS,), ()),
        (bare(files=(ChangedFile(path="src/a.py", removed=True),)), (DOCS,), ALL),
        (bare(files=()), (DOCS,), ALL),
        (bare(files=GONE), (DOCS,), ALL),
        (bare(kind=ChangeKind.DIRECT_PUSH), (DOCS,), ALL),
        (bare(".changegate.yml"), (StandardChange(name="all", paths=("*",)),), ALL),
        (bare(), (DOCS.model_copy(update={"exempt_from": ("ticket-linked",)}),), ("peer-approved", "rollback-plan")),
        (bare("prices.csv"), (LABELLED,), ALL),
        (bare("prices.csv", labels=("prices",)), (LABELLED,), ()),
        (bare("prices.csv", labels=GONE), (LABELLED,), ALL),
        (bare("uv.lock"), (BUMPS,), ALL),
        (of_a_bot(), (BUMPS,), ()),
        (of_a_bot(commits=(commit(author=ALICE),)), (BUMPS,), ALL),
        (of_a_bot(pushers=(ALICE,)), (BUMPS,), ALL),
        (of_a_bot(), (LABELLED, DOCS, BUMPS), ()),
        (bare(reviews=(review(state=ReviewState.CHANGES_REQUESTED),)), (DOCS,), ("peer-approved",)),
        (bare(reviews=GONE), (DOCS,), ("peer-approved",)),
    ],
)
def test_table(judged: Change, kinds: tuple[StandardChange, ...], fails: tuple[str, ...]) -> None:
    decision = evaluate(facts(judged), policy(*kinds))
    assert sorted(each.control for each in decision.findings if each.outcome in (Outcome.FAIL, Outcome.UNKNOWN)) == sorted(fails)
    for each in (each for each in decision.findings if each.reason == "standard-change"):
        assert (each.outcome, each.remedy) == (Outcome.NOT_APPLICABLE, None)
        assert "a standard change" in each.observed


def test_what_landed_is_what_is_in_the_change_all_the_same() -> None:
    """Something else was landed in its name: no kind speaks of that."""
    slipped = facts(bare(), range=facts().range.model_copy(update={"commits": (landed(tree=sha("slipped"), by_forge=False),)}))
    assert evaluate(slipped, policy(DOCS)).verdict is not Verdict.ALLOWED
    assert evaluate(facts(bare()), policy(DOCS)).verdict is Verdict.ALLOWED


def test_what_it_passes_it_passes() -> None:
    decision = evaluate(facts(change(files=(ChangedFile(path="docs/a.txt"),))), policy(DOCS))
    assert "standard-change" not in {each.reason for each in decision.findings}


def test_a_report_says_which_changes_passed_as_standard_ones() -> None:
    judged = tuple(bare(id=f"#{number}", landed=(sha(f"landed {number}"),)) for number in range(7))
    said = list(lines(evaluate(facts(*judged), policy(DOCS))))
    (line,) = said
    assert (line.label, line.words.startswith("a standard change, 'docs': #0, #1, #2, #3, #4 and 2 more not held to ")) == ("standard", True)
    assert all(control in line.words for control in ("rollback-plan", "ticket-linked")), line.words
    assert list(lines(evaluate(facts(), policy(DOCS)))) == []
