"""Findings, and the decision that they make. The same values decide and explain."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal

from changegate.errors import ExitCode
from changegate.facts import Fact, Identity, Text, Time, Waiver


class Outcome(StrEnum):
    """What a control found."""

    PASS = "pass"  # noqa: S105 - an outcome, no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"
    LIFTED = "lifted"
    """It fails, and a waiver or an emergency lets the deploy go in spite of it. No control finds this by itself."""


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
    ALLOWED_AS_EMERGENCY = "allowed-as-emergency"
    """It goes in spite of what fails, because somebody who may declared an emergency and others agreed. It is to be reviewed afterwards."""
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    """It could not be judged, and so it stops. Comes before `BLOCKED`: a blocked report must be complete to be believed."""


LET_GO: Final = frozenset({Verdict.ALLOWED, Verdict.ALLOWED_AS_EMERGENCY})
"""The verdicts that stop nothing."""
EXIT_CODES: Final = {
    Verdict.ALLOWED: ExitCode.ALLOWED,
    Verdict.ALLOWED_AS_EMERGENCY: ExitCode.ALLOWED,
    Verdict.BLOCKED: ExitCode.BLOCKED,
    Verdict.UNKNOWN: ExitCode.NOT_JUDGED,
}


class Lifted(Fact):
    """A finding that doesn't stop the deploy, though it fails."""

    control: str
    change: Text
    reason: str


class Agreement(Fact):
    """Somebody other than the declarer who agreed to an emergency."""

    person: Identity
    via: Literal["approval", "named"]
    """By an approval of the final head, or as the declarer says."""


class Emergency(Fact):
    """An emergency that was declared as the policy asks, and what it lifted."""

    reason: Text
    incident: Text
    declared_by: Identity
    permission: str
    """What the declarer may do in the repository, or why that isn't known."""
    agreed_by: tuple[Agreement, ...]
    lifted: tuple[Lifted, ...]
    review_due: Time


class UsedWaiver(Fact):
    """A waiver that counts, and what it lifted."""

    waiver: Waiver
    lifted: tuple[Lifted, ...]


class RefusedWaiver(Fact):
    """A waiver for something that stands in the way, which doesn't count."""

    waiver: Waiver
    why: Text


class Decision(Fact):
    """The verdict, and every finding that led to it."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    waivers: tuple[UsedWaiver, ...] = ()
    refused: tuple[RefusedWaiver, ...] = ()
    emergency: Emergency | None = None
    """Set where the verdict is `ALLOWED_AS_EMERGENCY`, and nowhere else."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The codes (`control/reason`) of all that stops the deploy, sorted, each once."""
        return tuple(sorted({f"{finding.control}/{finding.reason}" for finding in self.stopping}))

    @property
    def stopping(self) -> tuple[Finding, ...]:
        """The findings that stop the deploy."""
        return tuple(finding for finding in self.findings if finding.outcome in (Outcome.FAIL, Outcome.UNKNOWN))


def decide(
    findings: Iterable[Finding], *, waivers: tuple[UsedWaiver, ...] = (), refused: tuple[RefusedWaiver, ...] = (), emergency: Emergency | None = None
) -> Decision:
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
        verdict = Verdict.ALLOWED if emergency is None else Verdict.ALLOWED_AS_EMERGENCY
    return Decision(
        verdict=verdict,
        findings=found,
        waivers=waivers,
        refused=refused,
        emergency=emergency if verdict is Verdict.ALLOWED_AS_EMERGENCY else None,
    )
