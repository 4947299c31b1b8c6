"""emergency-reviewed: this deploy may go if the emergencies before it were reviewed in time."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Facts, RangeOutcome
from changegate.policy import EffectivePolicy

ID: Final = "emergency-reviewed"


class Reason(StrEnum):
    """Why; each is explained in docs/controls/emergency-reviewed.md."""

    STILL_OPEN = "still-open"
    OVERDUE = "overdue"
    OVERDUE_WARNED = "overdue-warned"
    GOING_BACK = "going-back"


def evaluate(facts: Facts, policy: EffectivePolicy) -> Iterator[Finding]:
    """One finding where there are emergencies to be reviewed; none where there are none.

    Going back to what was live needs no review first. A policy that lost its section for emergencies still blocks: else taking it out would do.
    """
    if not facts.due_reviews:
        return
    overdue = [each for each in facts.due_reviews if facts.fetched_at > each.due]
    shown = "; ".join(f"{each.incident} (record {each.envelope[:16]}), due {each.due:%Y-%m-%d %H:%M} UTC" for each in overdue or facts.due_reviews)
    if not overdue:
        yield _finding(Outcome.PASS, Reason.STILL_OPEN, f"to be reviewed: {shown}")
    elif facts.range.outcome in (RangeOutcome.ROLLBACK, RangeOutcome.REDEPLOY):
        yield _finding(Outcome.NOT_APPLICABLE, Reason.GOING_BACK, f"overdue: {shown}; going back isn't stopped for it")
    elif policy.emergency is not None and policy.emergency.overdue == "warn":
        yield _finding(Outcome.NOT_APPLICABLE, Reason.OVERDUE_WARNED, f"overdue: {shown}; the policy only warns of it")
    else:
        step = "approve the emergency's change now that it is deployed; then run `changegate followup`, and the gate again"
        remedy = Remedy(who="somebody who may write, other than its declarer and whoever made it", step=step)
        yield _finding(Outcome.FAIL, Reason.OVERDUE, f"overdue: {shown}", remedy)


def _finding(outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = "every emergency of this environment was reviewed within its time"
    return Finding(control=ID, change=None, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)
