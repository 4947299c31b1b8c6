"""Findings, and the decision that they make. The same values decide and explain."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from changegate.errors import ExitCode
from changegate.facts import Fact, Text


class Outcome(StrEnum):
    """What a control found."""

    PASS = "pass"  # noqa: S105 - an outcome, no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


class Remedy(Fact):
    """The next step: who can take it, what it is, and where.

    `step` names no change, so that a report can say once what many changes need; `link` and the finding name the change.
    """

    who: Text
    step: Text
    link: Text = ""
    role: Text = ""
    """Who, without names, where `who` has some: what many changes have in common."""


class Finding(Fact):
    """One control's judgement on one change (or, with `change` None, on the whole deploy)."""

    control: str
    change: Text | None
    outcome: Outcome
    reason: str
    """The reason code, permanent, documented on the control's page."""
    observed: Text
    required: Text
    remedy: Remedy | None = None


class Verdict(StrEnum):
    """May this deploy go?"""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    """It could not be judged, and so it stops. Comes before `BLOCKED`: a blocked report must be complete to be believed."""


EXIT_CODES: Final = {
    Verdict.ALLOWED: ExitCode.ALLOWED,
    Verdict.BLOCKED: ExitCode.BLOCKED,
    Verdict.UNKNOWN: ExitCode.NOT_JUDGED,
}


class Decision(Fact):
    """The verdict, and every finding that led to it."""

    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The codes (`control/reason`) of all that stops the deploy, sorted, each once."""
        return tuple(sorted({f"{finding.control}/{finding.reason}" for finding in self.stopping}))

    @property
    def stopping(self) -> tuple[Finding, ...]:
        """The findings that stop the deploy."""
        return tuple(finding for finding in self.findings if finding.outcome in (Outcome.FAIL, Outcome.UNKNOWN))


def decide(findings: Iterable[Finding]) -> Decision:
    """Unknown wins over fail, fail over pass. Raises ValueError where nothing was judged: no findings are not an approval."""
    found = tuple(findings)
    if not found:
        raise ValueError("a decision needs at least one finding")
    outcomes = {finding.outcome for finding in found}
    if Outcome.UNKNOWN in outcomes:
        verdict = Verdict.UNKNOWN
    elif Outcome.FAIL in outcomes:
        verdict = Verdict.BLOCKED
    else:
        verdict = Verdict.ALLOWED
    return Decision(verdict=verdict, findings=found)
