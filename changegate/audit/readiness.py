"""What an auditor would find today in the evidence of a period, and what can still be mended. Pure.

Which policy was in force when, whose keys signed, days without evidence, and the records that will raise a question, each kind under its code.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from changegate.decision import Verdict

SETTLED: Final = timedelta(hours=24)
"""After that a deploy has ended, and its outcome is due."""


class Code(StrEnum):
    """The kinds of questions. The codes are permanent."""

    OUTCOME_MISSING = "outcome-missing"
    LET_GO_THOUGH_STOPPED = "let-go-though-stopped"
    NO_APPROVAL = "no-approval"
    NO_TICKET = "no-ticket"
    NO_PLAN = "no-plan"
    POLICY_AUDIT_MODE = "policy-audit-mode"
    POLICY_NOT_IN_REPOSITORY = "policy-not-in-repository"
    EMERGENCY_OR_WAIVER = "emergency-or-waiver"
    KEY_REVOKED = "key-revoked"
    NOT_RECONCILED = "not-reconciled"
    OPEN_EXCEPTION = "open-exception"
    NOTHING_RECORDED = "nothing-recorded"


class Meaning(NamedTuple):
    """What a question is about, and what can be done now."""

    says: str
    do: str
    mendable: bool = False
    """Whether the evidence itself can still be completed; else only an answer can be ready."""


MEANINGS: Final[Mapping[Code, Meaning]] = {
    Code.OUTCOME_MISSING: Meaning(
        "A deploy was let go more than a day ago, and nobody recorded how it ended.",
        "Record it now: changegate outcome success|failure|rolled-back --record RECORD --finished TIME --reason TEXT.",
        mendable=True,
    ),
    Code.LET_GO_THOUGH_STOPPED: Meaning(
        "In audit mode the gate let a deploy go that it would have stopped.",
        "Have the reason ready for each, or review the changes now and link the review; then enforce the policy.",
    ),
    Code.NO_APPROVAL: Meaning("A change was deployed, and no approval of it counted.", "Have somebody else review it now, and link the review."),
    Code.NO_TICKET: Meaning("A change was deployed without a ticket.", "Write the ticket now, naming the change, and say that it is later."),
    Code.NO_PLAN: Meaning("A change was deployed without a rollback plan.", "Have an answer ready: how would it have been taken back?"),
    Code.POLICY_AUDIT_MODE: Meaning("For a time the policy stopped nothing.", "Enforce it; have the decision to begin in audit mode ready."),
    Code.POLICY_NOT_IN_REPOSITORY: Meaning(
        "For a time the policy wasn't read from the deployed repository: its changes were under no review of that kind.",
        "Keep the policy in the repository; show how the file, or the choice of the defaults, was approved.",
    ),
    Code.EMERGENCY_OR_WAIVER: Meaning("A deploy was let go as an emergency, or by a waiver.", "Have the reason and the review after it ready."),
    Code.KEY_REVOKED: Meaning("A signing key was revoked.", "Have what happened ready, and who looked at what the key signed before."),
    Code.NOT_RECONCILED: Meaning(
        "Nothing shows that every deploy came to the gate.",
        "changegate audit reconcile --out reconciled.json for all of the period, then --reconciliation reconciled.json here.",
        mendable=True,
    ),
    Code.OPEN_EXCEPTION: Meaning("Log and platform don't agree.", "Follow each one up by its id; run the reconciliation again.", mendable=True),
    Code.NOTHING_RECORDED: Meaning("The log has no gate decision in the period.", "Check --period, --environment, --repository and --store."),
}


@dataclass(frozen=True)
class Lacking:
    """A change of a record, and what is not in it."""

    change: str
    url: str
    what: tuple[Code, ...]
    """Of `NO_APPROVAL`, `NO_TICKET`, `NO_PLAN`."""


@dataclass(frozen=True)
class Decision:
    """One verified gate decision of the period."""

    record: str
    log_index: int
    repository: str
    environment: str
    commit: str
    decided: datetime
    verdict: str
    went: bool
    policy: str
    """The policy's digest."""
    policy_source: str
    """`repository`, `file` or `defaults`."""
    policy_ref: str
    enforced: bool
    key_id: str
    outcome: str
    reasons: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    lacking: tuple[Lacking, ...] = ()


@dataclass(frozen=True)
class KeyEntry:
    """What the log says of a key."""

    key_id: str
    change: str
    """`rotated` or `revoked`."""
    at: datetime
    log_index: int


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation of the period said."""

    whole: bool | None
    open: tuple[str, ...]
    """The ids of its exceptions, those left out that were followed up."""
    unjudged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """Something that an auditor will ask about."""

    code: Code
    at: datetime | None
    where: str
    """Repository and environment."""
    what: str
    """The record, or the exception's id."""
    detail: str = ""


@dataclass(frozen=True)
class PolicyTime:
    """A policy in force, as the decisions of a place say it: from the first one under it to the last before another."""

    repository: str
    environment: str
    sha256: str
    source: str
    ref: str
    enforced: bool
    first: datetime
    last: datetime
    decisions: int


@dataclass(frozen=True)
class KeyUse:
    """A key or identity that signed decisions of the period."""

    key_id: str
    first: datetime
    last: datetime
    decisions: int


@dataclass(frozen=True)
class Readiness:
    """All of it."""

    decisions: int
    policies: tuple[PolicyTime, ...]
    keys: tuple[KeyUse, ...]
    key_entries: tuple[KeyEntry, ...]
    without_evidence: tuple[tuple[date, date], ...]
    """Days on which nothing at all was recorded: first and last of each stretch."""
    questions: tuple[Question, ...]
    unjudged: tuple[str, ...]
    deploys: int = 0
    """Decisions that let their deploy go."""
    emergencies: int = 0
    """Those of them that were let go as an emergency."""

    @property
    def emergency_share(self) -> float:
        """The share of emergencies among the deploys that went, from 0 to 1; 0 where none went."""
        return self.emergencies / self.deploys if self.deploys else 0.0

    @property
    def ready(self) -> bool | None:
        """Whether nothing is open; None where that can't be said."""
        return None if self.unjudged else not self.questions


def assess(
    begin: datetime, end: datetime, decisions: Iterable[Decision], key_entries: Sequence[KeyEntry], reconciled: Reconciled | None, *, now: datetime
) -> Readiness:
    """The period as an auditor would find it. It holds its begin and not its end; days to come are not missed."""
    known = sorted(decisions, key=lambda each: (each.decided, each.log_index))
    policies = tuple(_policies(known))
    questions = [question for each in known for question in _ask(each, now)]
    questions += [_of_policy(each, Code.POLICY_AUDIT_MODE) for each in policies if not each.enforced]
    questions += [_of_policy(each, Code.POLICY_NOT_IN_REPOSITORY) for each in policies if each.source != "repository"]
    questions += [Question(Code.KEY_REVOKED, each.at, "", each.key_id) for each in key_entries if each.change == "revoked"]
    if not known:
        questions.append(Question(Code.NOTHING_RECORDED, None, "", ""))
    if reconciled is None:
        questions.append(Question(Code.NOT_RECONCILED, None, "", ""))
    else:
        questions += [Question(Code.OPEN_EXCEPTION, None, "", each) for each in reconciled.open]
    return Readiness(
        decisions=len(known),
        policies=policies,
        keys=tuple(_keys(known)),
        key_entries=tuple(key_entries),
        without_evidence=tuple(_days(begin, min(end, now), known)),
        questions=tuple(questions),
        deploys=sum(each.went for each in known),
        emergencies=sum(each.went and each.verdict == Verdict.ALLOWED_AS_EMERGENCY for each in known),
        unjudged=(reconciled.unjudged or ("the reconciliation could not be judged",)) if reconciled and reconciled.whole is None else (),
    )


def _ask(found: Decision, now: datetime) -> Iterator[Question]:
    if not found.went:
        return
    where = f"{found.repository} {found.environment}"

    def question(code: Code, detail: str = "") -> Question:
        return Question(code, found.decided, where, found.record[:16], detail)

    if not found.outcome and now - found.decided >= SETTLED:
        yield question(Code.OUTCOME_MISSING)
    if found.exceptions:
        yield question(Code.EMERGENCY_OR_WAIVER, "; ".join(found.exceptions))
    elif found.verdict != "allowed":
        yield question(Code.LET_GO_THOUGH_STOPPED, ", ".join(found.reasons))
    for each in found.lacking:
        for code in each.what:
            yield question(code, f"{each.change} {each.url}".strip())


def _of_policy(found: PolicyTime, code: Code) -> Question:
    where = f"{found.repository} {found.environment}"
    return Question(code, found.first, where, found.sha256[:16], f"{found.decisions} decisions until {found.last.isoformat()}, by {found.source}")


def _policies(decisions: Sequence[Decision]) -> Iterator[PolicyTime]:
    """Each place's policies, one after the other; a change of digest, source or mode begins another."""
    places = sorted({(each.repository, each.environment) for each in decisions})
    for repository, environment in places:
        run: list[Decision] = []
        for each in [each for each in decisions if (each.repository, each.environment) == (repository, environment)]:
            if run and (run[-1].policy, run[-1].policy_source, run[-1].enforced) != (each.policy, each.policy_source, each.enforced):
                yield _policy(run)
                run = []
            run.append(each)
        yield _policy(run)


def _policy(run: Sequence[Decision]) -> PolicyTime:
    first, last = run[0], run[-1]
    return PolicyTime(
        first.repository,
        first.environment,
        first.policy,
        first.policy_source,
        first.policy_ref,
        first.enforced,
        first.decided,
        last.decided,
        len(run),
    )


def _keys(decisions: Sequence[Decision]) -> Iterator[KeyUse]:
    for key_id in dict.fromkeys(each.key_id for each in decisions):
        own = [each.decided for each in decisions if each.key_id == key_id]
        yield KeyUse(key_id, own[0], own[-1], len(own))


def _days(begin: datetime, end: datetime, decisions: Sequence[Decision]) -> Iterator[tuple[date, date]]:
    """Stretches of days without a decision."""
    seen = {each.decided.date() for each in decisions}
    first: date | None = None
    day, last = begin.date(), (end - timedelta(microseconds=1)).date()
    while day <= last:
        if day not in seen:
            first = first or day
        elif first is not None:
            yield first, day - timedelta(days=1)
            first = None
        day += timedelta(days=1)
    if first is not None:
        yield first, last


def to_json(found: Readiness) -> dict[str, Any]:
    """As a JSON value: what stands in the report besides its header."""
    return {
        "ready": found.ready,
        "decisions": found.decisions,
        "deploys": found.deploys,
        "emergencies": found.emergencies,
        "emergencyShare": round(found.emergency_share, 4),
        "policies": [
            {
                "repository": each.repository,
                "environment": each.environment,
                "sha256": each.sha256,
                "source": each.source,
                "ref": each.ref,
                "enforced": each.enforced,
                "first": each.first.isoformat(),
                "last": each.last.isoformat(),
                "decisions": each.decisions,
            }
            for each in found.policies
        ],
        "keys": [
            {"key": each.key_id, "first": each.first.isoformat(), "last": each.last.isoformat(), "decisions": each.decisions} for each in found.keys
        ],
        "keyEntries": [
            {"key": each.key_id, "change": each.change, "at": each.at.isoformat(), "logIndex": each.log_index} for each in found.key_entries
        ],
        "daysWithoutEvidence": [{"from": first.isoformat(), "to": last.isoformat()} for first, last in found.without_evidence],
        "questions": [
            {
                "code": each.code.value,
                "at": each.at.isoformat() if each.at else None,
                "where": each.where,
                "what": each.what,
                "detail": each.detail,
                "meaning": MEANINGS[each.code].says,
                "do": MEANINGS[each.code].do,
                "mendable": MEANINGS[each.code].mendable,
            }
            for each in found.questions
        ],
        "unjudged": list(found.unjudged),
    }
