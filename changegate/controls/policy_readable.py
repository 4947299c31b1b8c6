"""policy-readable: this deploy may go if the policy that it brings can be read."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Facts

ID: Final = "policy-readable"


class Reason(StrEnum):
    """Why; it is explained in docs/controls/policy-readable.md."""

    BROKEN = "broken"


_STEP: Final = "mend what is named here, by a change that is reviewed; `changegate policy check` finds mistakes in the file, not in its calendars"


def evaluate(facts: Facts) -> Iterator[Finding]:
    """One finding where the policy can't be read; none where it can. Once deployed, it would judge the next deploy, and let none go."""
    if not facts.policy_defect:
        return
    yield Finding(
        control=ID,
        change=None,
        outcome=Outcome.FAIL,
        reason=Reason.BROKEN,
        observed=f"the policy that this deploy brings can't be read: {facts.policy_defect}",
        required="the policy at the commit to deploy is one by which the next deploy can be judged",
        remedy=Remedy(who="whoever changed the policy", step=_STEP),
    )
