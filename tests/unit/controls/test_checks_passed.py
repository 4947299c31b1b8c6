"""checks-passed, as a table."""

from typing import Any

import pytest
from builders import FIRST, LANDED, asserted_change, change, check, facts

from changegate.controls.checks_passed import Reason, evaluate
from changegate.decision import Outcome
from changegate.facts import MISSING, CheckState, Unavailable
from changegate.policy import ChecksPassed

PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
ANY = ChecksPassed()
LINT = ChecksPassed(required=("lint",))
STATE = CheckState

CASES: list[tuple[str, Any, ChecksPassed, Outcome, Reason]] = [
    ("success on the head", (check(),), ANY, PASS, Reason.PASSED),
    ("success on what landed", (check(commit=LANDED),), ANY, PASS, Reason.PASSED),
    ("skipped and neutral are good", (check(), check("a", STATE.SKIPPED), check("b", STATE.NEUTRAL)), ANY, PASS, Reason.PASSED),
    ("one failed", (check(), check("lint", STATE.FAILURE)), ANY, FAIL, Reason.FAILED),
    ("failed on what landed", (check(), check(state=STATE.FAILURE, commit=LANDED)), ANY, FAIL, Reason.FAILED),
    ("failed, and ignored", (check(), check("flaky", STATE.FAILURE)), ChecksPassed(ignore=("flaky",)), PASS, Reason.PASSED),
    ("an older commit's green counts for nothing", (check(commit=FIRST),), ANY, UNKNOWN, Reason.NO_CHECKS),
    ("an older commit's red counts for nothing", (check(), check(state=STATE.FAILURE, commit=FIRST)), ANY, PASS, Reason.PASSED),
    ("pending", (check(), check("slow", STATE.PENDING)), ANY, UNKNOWN, Reason.UNFINISHED),
    ("cancelled", (check("slow", STATE.CANCELLED),), ANY, UNKNOWN, Reason.UNFINISHED),
    ("a state nobody knows", (check("new", STATE.UNKNOWN),), ANY, UNKNOWN, Reason.UNFINISHED),
    ("none at all", (), ANY, UNKNOWN, Reason.NO_CHECKS),
    ("only ignored ones", (check(),), ChecksPassed(ignore=("tests",)), UNKNOWN, Reason.NO_CHECKS),
    ("they can't be read", Unavailable(why="403"), ANY, UNKNOWN, Reason.CHECKS_UNKNOWN),
    ("a required one is absent", (check(),), LINT, FAIL, Reason.REQUIRED_MISSING),
    ("a required one was skipped", (check("lint", STATE.SKIPPED),), LINT, FAIL, Reason.REQUIRED_MISSING),
    ("a required one passed", (check("lint"),), LINT, PASS, Reason.PASSED),
    ("a required one passed on an older commit", (check(), check("lint", commit=FIRST)), LINT, FAIL, Reason.REQUIRED_MISSING),
    ("the forge says there is none", MISSING, ANY, UNKNOWN, Reason.NO_CHECKS),
]


@pytest.mark.parametrize(("checks", "rules", "outcome", "reason"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_table(checks: Any, rules: ChecksPassed, outcome: Outcome, reason: Reason) -> None:
    judged = change(checks=checks)
    finding = evaluate(judged, facts(judged), rules)
    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert (finding.remedy is None) == (outcome is PASS)


def test_a_bare_git_history_records_none() -> None:
    judged = asserted_change(checks=MISSING)
    finding = evaluate(judged, facts(judged), ANY)
    assert (finding.outcome, finding.reason) == (Outcome.NOT_APPLICABLE, Reason.NOT_RECORDED)


def test_a_bare_git_history_never_has_the_required_ones() -> None:
    judged = asserted_change(checks=MISSING)
    assert evaluate(judged, facts(judged), LINT).reason == Reason.REQUIRED_MISSING
