"""checks-passed: this change may deploy if its tests passed, on what was reviewed and on what landed."""

from enum import StrEnum
from typing import Final

from changegate.controls.relanding import land_again
from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Assurance, Change, Check, CheckState, Facts, Missing, Unavailable
from changegate.policy import ChecksPassed

ID: Final = "checks-passed"
_GOOD: Final = frozenset({CheckState.SUCCESS, CheckState.SKIPPED, CheckState.NEUTRAL})


class Reason(StrEnum):
    """Why; each is explained in docs/controls/checks-passed.md."""

    PASSED = "passed"
    NOT_RECORDED = "not-recorded"
    FAILED = "failed"
    REQUIRED_MISSING = "required-missing"
    UNFINISHED = "unfinished"
    NO_CHECKS = "no-checks"
    CHECKS_UNKNOWN = "checks-unknown"


def evaluate(change: Change, facts: Facts, rules: ChecksPassed) -> Finding:
    """Judge one change.

    1. Where the source records no checks at all (a bare git history) the control doesn't apply, unless the policy names required checks.
    2. Only checks on the final head and on the landed commit count; an older commit's green says nothing.
    3. A failure fails. What is pending or cancelled, and a change with no check at all, is unknown: nobody knows whether its tests pass.
    4. Required checks must have run there and succeeded; being skipped is not enough.
    """
    del facts  # the same signature for every control
    if isinstance(change.checks, Missing) and change.assurance is Assurance.ASSERTED and not rules.required:
        return _finding(change, rules, Outcome.NOT_APPLICABLE, Reason.NOT_RECORDED, change.checks.why or "the source records no checks")
    if isinstance(change.checks, Unavailable):
        remedy = change.checks.remedy or "give the token read access to checks and commit statuses, and run the gate again"
        return _stopped(change, rules, Outcome.UNKNOWN, Reason.CHECKS_UNKNOWN, f"its checks can't be read: {change.checks.why}", remedy)
    found = () if isinstance(change.checks, Missing) else change.checks
    judged = [check for check in found if _is_judged(check, change) and check.name not in rules.ignore]
    failed = [check for check in judged if check.state is CheckState.FAILURE]
    if failed:
        step = "mend what fails, or run it again if it is flaky"
        if change.landed:
            step = f"run it again if it is flaky. Else {land_again(change, 'what fails mended')}"
        return _stopped(change, rules, Outcome.FAIL, Reason.FAILED, f"failed: {_names(failed)}", step)
    passed = {check.name for check in judged if check.state is CheckState.SUCCESS}
    unfinished = [check for check in judged if check.state not in _GOOD]
    if unfinished:
        observed = "; ".join(f"{check.name}: {check.state.value}" for check in unfinished)
        return _stopped(
            change, rules, Outcome.UNKNOWN, Reason.UNFINISHED, observed, "wait until it has finished, or run it again; then run the gate again"
        )
    absent = [name for name in rules.required if name not in passed]
    if absent:
        step = f"run the required checks on {_where(change)}; if one was renamed, change the policy"
        if change.assurance is Assurance.ASSERTED:
            step = "a git history records no checks: let the gate ask the forge (--forge github or gitlab), or take `required` out of the policy"
        return _stopped(change, rules, Outcome.FAIL, Reason.REQUIRED_MISSING, f"required, and not passed: {', '.join(absent)}", step)
    if not judged:
        step = f"run its tests on {_where(change)}; or, where this repository has none, switch the control off in the policy"
        return _stopped(change, rules, Outcome.UNKNOWN, Reason.NO_CHECKS, "no check ran on the final head or on what landed", step)
    return _finding(change, rules, Outcome.PASS, Reason.PASSED, f"{len({check.name for check in judged})} passed")


def find_pending(change: Change, rules: ChecksPassed) -> tuple[Check, ...]:
    """The checks that haven't ended, where that alone keeps the change from being judged; none where anything else stands in the way."""
    found = () if isinstance(change.checks, Missing | Unavailable) else change.checks
    open_ = [check for check in found if _is_judged(check, change) and check.name not in rules.ignore and check.state not in _GOOD]
    return tuple(open_) if all(check.state is CheckState.PENDING for check in open_) else ()


def _where(change: Change) -> str:
    return "the final head, or on the commit that landed" if change.landed else "the final head"


def _is_judged(check: Check, change: Change) -> bool:
    return check.commit == change.head or (bool(change.landed) and check.commit == change.landed[-1])


def _finding(change: Change, rules: ChecksPassed, outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = "every check on the final head and on the landed commit passed"
    if rules.required:
        required += f", among them {', '.join(rules.required)}"
    return Finding(control=ID, change=change.id, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)


def _stopped(change: Change, rules: ChecksPassed, outcome: Outcome, reason: Reason, observed: str, step: str) -> Finding:
    return _finding(change, rules, outcome, reason, observed, Remedy(who="the author", step=step, link=change.url))


def _names(checks: list[Check]) -> str:
    return ", ".join(dict.fromkeys(check.name for check in checks))
