"""What an exception (a waiver, an emergency) may lift, and what a lifted finding looks like. Facts in, values out.

What nobody could judge stays unknown, whoever says what. Only two unknowns aren't about facts that couldn't be read: checks that haven't ended, and
a change without any.
"""

from typing import Final, get_args

from changegate.decision import Finding, Lifted, Outcome
from changegate.policy import Liftable

CONTROLS: Final = frozenset(get_args(Liftable))
_NOT_YET: Final = frozenset({("checks-passed", "unfinished"), ("checks-passed", "no-checks")})
_NEVER: Final = frozenset({("peer-approved", "changes-requested")})
"""Somebody said no: that is taken back by them, or dismissed by whoever may, and neither goes unseen."""


def stops(finding: Finding) -> bool:
    """Whether the deploy stops because of this finding."""
    return finding.outcome in (Outcome.FAIL, Outcome.UNKNOWN)


def may_lift(finding: Finding) -> bool:
    """Whether an exception may lift this finding at all: one of a control on a change, which failed."""
    code = (finding.control, finding.reason)
    if finding.control not in CONTROLS or finding.change is None or code in _NEVER:
        return False
    return finding.outcome is Outcome.FAIL or (finding.outcome is Outcome.UNKNOWN and code in _NOT_YET)


def lift(finding: Finding, by: str) -> Finding:
    """The finding as it stands once something lifted it: still seen, and there is nothing to do for it any more."""
    return finding.model_copy(update={"outcome": Outcome.LIFTED, "observed": f"{finding.observed}; lifted by {by}", "remedy": None})


def name(finding: Finding) -> Lifted:
    """What was lifted, for the record."""
    return Lifted(control=finding.control, change=finding.change or "", reason=finding.reason)
