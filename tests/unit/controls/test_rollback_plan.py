"""rollback-plan: which plan passes, what is said of one that doesn't."""

import pytest
from builders import BASE, asserted_change, change, facts

from changegate.controls.rollback_plan import Reason, evaluate
from changegate.decision import Outcome
from changegate.facts import Unavailable
from changegate.policy import RollbackPlan

UNREADABLE = Unavailable(why="403")


@pytest.mark.parametrize(
    ("description", "outcome", "reason"),
    [
        ("## Rollback plan\nSwitch the flag off, then purge the cache.", Outcome.PASS, Reason.PLANNED),
        ("Rollback: v1.4.0", Outcome.PASS, Reason.NAMES_VERSION),
        (f"Rollback: {BASE[:10]}", Outcome.PASS, Reason.NAMES_VERSION),
        ("It rounds up.", Outcome.FAIL, Reason.NO_PLAN),
        ("## Rollback plan", Outcome.FAIL, Reason.EMPTY_PLAN),
        ("Rollback: revert", Outcome.FAIL, Reason.BOILERPLATE),
        ("Rollback: flag off", Outcome.FAIL, Reason.TOO_SHORT),
        ("## Rollback plan\nRedeploy what was there before, please.", Outcome.FAIL, Reason.TEMPLATE_TEXT),
    ],
)
def test_table(description: str, outcome: Outcome, reason: Reason) -> None:
    judged = change(description=description)
    finding = evaluate(judged, facts(judged, templates=("## Rollback plan\nRedeploy what was there before, please.",)), RollbackPlan())
    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert (finding.remedy is None) == (outcome is Outcome.PASS)


def test_a_plan_that_may_be_the_templates_is_unknown() -> None:
    judged = change()
    assert evaluate(judged, facts(judged, templates=UNREADABLE), RollbackPlan()).reason == Reason.TEMPLATE_UNKNOWN


def test_a_named_version_needs_no_template() -> None:
    judged = change(description="Rollback: v1.4.0")
    assert evaluate(judged, facts(judged, templates=UNREADABLE), RollbackPlan()).outcome is Outcome.PASS


def test_headings_and_length_are_the_policys() -> None:
    judged = change(description="## Plan de retour\nCouper le drapeau.")
    assert evaluate(judged, facts(judged), RollbackPlan(headings=("Plan de retour",))).outcome is Outcome.PASS
    assert evaluate(judged, facts(judged), RollbackPlan(headings=("Plan de retour",), min_words=9)).reason == Reason.TOO_SHORT


def test_the_step_fits_the_forge() -> None:
    for judged, word in ((change(description=""), "edit the description"), (asserted_change(description=""), "git revert COMMIT")):
        remedy = evaluate(judged, facts(judged), RollbackPlan()).remedy
        assert remedy is not None
        assert word in remedy.step
