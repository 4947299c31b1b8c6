"""emergency-reviewed: what an emergency that nobody reviewed means for the deploys after it."""

from datetime import timedelta
from typing import Any

import pytest
from builders import deploy_range, facts, hours

from changegate.controls import evaluate
from changegate.controls.emergency_reviewed import ID, Reason
from changegate.decision import Outcome, Verdict
from changegate.facts import DueReview, Facts, RangeOutcome
from changegate.policy import EffectivePolicy, EmergencyRules

WARN = EffectivePolicy(emergency=EmergencyRules(overdue="warn"))
BLOCK = EffectivePolicy(emergency=EmergencyRules())


def due(after: timedelta, **differs: Any) -> Facts:
    """Facts of a deploy at hour 4, with a review that is due so long after it."""
    open_ = DueReview(envelope="ab" * 32, index=3, incident="INC-7", due=hours(4) + after)
    return facts(due_reviews=(open_,), **differs)


@pytest.mark.parametrize(
    ("found", "policy", "outcome", "reason"),
    [
        (due(timedelta(0)), BLOCK, Outcome.PASS, Reason.STILL_OPEN),
        (due(timedelta(seconds=-1)), BLOCK, Outcome.FAIL, Reason.OVERDUE),
        (due(timedelta(seconds=-1)), WARN, Outcome.NOT_APPLICABLE, Reason.OVERDUE_WARNED),
        (due(timedelta(seconds=-1)), EffectivePolicy(), Outcome.FAIL, Reason.OVERDUE),
        (
            due(timedelta(-1), range=deploy_range(outcome=RangeOutcome.REDEPLOY, commits=())),
            BLOCK,
            Outcome.NOT_APPLICABLE,
            Reason.GOING_BACK,
        ),
    ],
    ids=["in time", "overdue", "overdue, and only warned of", "overdue, and the section is gone", "going back"],
)
def test_table(found: Facts, policy: EffectivePolicy, outcome: Outcome, reason: Reason) -> None:
    decision = evaluate(found, policy)
    (judged,) = (each for each in decision.findings if each.control == ID)
    assert (judged.outcome, judged.reason) == (outcome, reason)
    assert "INC-7" in judged.observed
    assert (decision.verdict is Verdict.BLOCKED) is (outcome is Outcome.FAIL)


def test_nothing_is_said_where_nothing_is_open() -> None:
    assert ID not in {each.control for each in evaluate(facts(), BLOCK).findings}
