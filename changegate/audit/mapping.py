"""Which control answers which point of which framework, and where its evidence is. Data; a test fails where a control or a reason is left out."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from changegate.attestation import Kind


class Counted(StrEnum):
    """Which records are a control's evidence."""

    FINDINGS = "findings"
    """The control's own findings in gate decisions."""
    DECISIONS = "decisions"
    OUTCOMES = "outcomes"
    KEYS = "keys"
    ATTESTATIONS = "attestations"
    """Those of the control's kinds, or that name the control."""


class Control(NamedTuple):
    """One control, as this software runs it or keeps its evidence. `id` completes "it holds that …"."""

    id: str
    states: str
    setting: str
    """What turns it on and sets it: a key of the policy file, or a command."""
    owner: str
    """Whose it is, by role: the organization puts the name."""
    evidence: str
    """Where an auditor looks."""
    counted: Counted
    points: tuple[str, ...]
    kinds: tuple[Kind, ...] = ()


_RECORD: Final = "change record: changes[].findings; `changegate show`, `audit population`"

CONTROLS: Final = (
    Control("ticket-linked", "a change names a ticket that exists, made before the change", "controls.ticket-linked", "engineering", _RECORD,
            Counted.FINDINGS, ("CC8.1-01", "CC8.1-02", "CC8.1-04", "CC8.1-05", "A.8.32", "CM-3.b", "6.5.1")),
    Control("peer-approved", "somebody who didn't write it approved it, in time, as it landed", "controls.peer-approved", "engineering", _RECORD,
            Counted.FINDINGS, ("CC8.1-01", "CC8.1-02", "CC8.1-08", "A.8.32", "CM-3.b", "CM-3.d", "CM-5", "6.5.1", "6.5.4")),
    Control("rollback-plan", "a change says how to undo it", "controls.rollback-plan", "engineering", _RECORD,
            Counted.FINDINGS, ("CC8.1-04", "CC8.1-10", "CC8.1-12", "A.8.32", "CM-3.b", "6.5.1")),
    Control("checks-passed", "its tests passed on what was reviewed and on what landed", "controls.checks-passed", "engineering", _RECORD,
            Counted.FINDINGS, ("CC8.1-07", "CC8.1-10", "A.8.32", "CM-3(2)", "6.5.1")),
    Control("duties-separated", "who deploys it neither wrote it nor gave the approval that it needs", "controls.duties-separated", "platform",
            _RECORD, Counted.FINDINGS, ("CC8.1-01", "CC8.1-08", "CM-5", "6.5.4")),
    Control("deploy-window", "it is deployed at a time at which deploys go", "controls.deploy-window", "operations", _RECORD,
            Counted.FINDINGS, ("CC8.1-04", "CC8.1-09", "A.8.32", "CM-3.d", "6.5.1")),
    Control("range-intact", "it is known what a deploy brings, all of it", "rewrites, assurance", "platform",
            "change record: range, findings", Counted.FINDINGS, ("CC8.1-05", "CC8.1-09", "CC8.1-12", "A.8.32", "CM-3.a", "CM-3.d", "CM-5(1)")),
    Control("policy-owner-approved", "what changes the gate itself was approved by an owner of that", "controls.policy-owner-approved", "platform",
            _RECORD, Counted.FINDINGS, ("CC8.1-01", "CC8.1-06", "CC8.1-08", "CM-3.b", "CM-5", "CM-5(1)")),
    Control("policy-readable", "the policy that a deploy brings can be read, so that the next one can be judged", "always on", "platform",
            "change record: findings", Counted.FINDINGS, ("CC8.1-06", "CC8.1-12", "CM-3.b")),
    Control("tests-reported", "the tests of the commit to deploy passed, by their own report", "controls.tests-reported", "engineering",
            "change record: findings; the reports' digests in its facts", Counted.FINDINGS, ("CC8.1-07", "A.8.32", "CM-3(2)", "6.5.1")),
    Control("artifact-bound", "what is deployed is named by its digest, and was built from what was judged", "controls.artifact-bound", "platform",
            "change record: subject, findings", Counted.FINDINGS, ("CC8.1-06", "CC8.1-09", "CM-3.d", "CM-5(1)", "6.5.1")),
    Control("emergency-declared", "a deploy that can't wait was declared by somebody who may, and others agreed", "emergency", "engineering",
            "change record: decision.emergency; `audit population --kind emergencies`", Counted.FINDINGS,
            ("CC8.1-02", "CC8.1-08", "CC8.1-11", "CC8.1-13", "CM-3.b", "6.5.1")),
    Control("emergency-reviewed", "emergencies are reviewed afterwards, in their time", "emergency.review-within, emergency.overdue", "engineering",
            "change record: decision.dueReviews; follow-ups in the log", Counted.FINDINGS, ("CC8.1-10", "CC8.1-13", "CM-3.f", "6.5.1")),
    Control("deploy-gated", "a deploy is decided by a policy, and the decision signed and kept", "enforce; environments", "platform",
            "gate decisions in the log; `changegate verify`, `audit population --kind deploys`", Counted.DECISIONS,
            ("CC8.1-01", "CC8.1-04", "CC8.1-05", "CC8.1-06", "CC8.1-08", "CC8.1-09", "CC8.1-13", "A.8.32", "CM-3.a", "CM-3.c", "CM-3.d", "CM-3.e",
             "CM-3.f", "CM-5(1)", "6.5.1", "6.5.4")),
    Control("outcome-recorded", "how a deploy ended is on record", "`changegate outcome`", "platform",
            "outcomes in the log; the column `outcome` of a population", Counted.OUTCOMES,
            ("CC8.1-01", "CC8.1-09", "CC8.1-10", "CC8.1-12", "CM-3.f")),
    Control("keys-managed", "who may sign evidence is known, and changes of that are on record", "trust file; `changegate keys`", "security",
            "rotations and revocations in the log; the trust file", Counted.KEYS, ("CM-3.e", "CM-5(1)")),
    Control("access-reviewed", "who may push, approve, deploy, administer and bypass was reviewed", "`changegate attest access-review`", "security",
            "attestations of the type access-review, with the list itself", Counted.ATTESTATIONS, ("CM-5", "CM-5(5)", "CM-3.g", "6.5.3", "6.5.4"),
            (Kind.ACCESS_REVIEW,)),
    Control("incident-reviewed", "what an incident taught was written down, with the changes that follow", "`changegate attest --type incident`",
            "operations", "attestations of the type incident", Counted.ATTESTATIONS, ("CC8.1-11", "CC8.1-13"), (Kind.INCIDENT,)),
    Control("recovery-tested", "backups were restored and recovery tried", "`changegate attest --type recovery-test` or `backup-test`", "operations",
            "attestations of these types", Counted.ATTESTATIONS, ("CC8.1-12", "CC8.1-15"), (Kind.BACKUP_TEST, Kind.RECOVERY_TEST)),
    Control("vulnerabilities-reviewed", "vulnerabilities were looked for and judged",
            "`changegate attest --type vulnerability-scan` or `penetration-test`", "security",
            "attestations of these types", Counted.ATTESTATIONS, ("CC8.1-14",), (Kind.VULNERABILITY_SCAN, Kind.PENETRATION_TEST)),
    Control("process-reviewed", "policy, risks, vendors and training were looked at", "`changegate attest --type policy-review` and others",
            "security", "attestations of these types", Counted.ATTESTATIONS, ("CM-3.g", "CM-3.a"),
            (Kind.POLICY_REVIEW, Kind.RISK_ASSESSMENT, Kind.TRAINING, Kind.VENDOR_REVIEW)),
)  # fmt: skip
"""Every control, those of the policy first."""

GOOD: Final = "met"
UNKNOWN: Final = "undetermined"

REASONS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "ticket-linked": {
        GOOD: ("linked", "shared"),
        "authorization": (
            "no-ticket", "not-a-ticket", "only-mentioned", "other-project", "created-late", "no-such-ticket", "wrong-type", "wrong-status",
            "not-approved", "outside-window",
        ),
        UNKNOWN: ("not-looked-up", "ticket-unknown", "tracker-forbids", "tracker-credentials", "tracker-down", "change-unknown"),
        "approved beforehand": ("standard-change",),
        "taken back": ("undone",),
    },
    "peer-approved": {
        GOOD: ("approved",),
        "exempt by the policy": ("exempt-bot",),
        "approval": ("not-approved", "too-few-approvals", "changes-requested", "direct-push", "team-not-approved", "owner-not-approved"),
        "separation of duties": ("self-approved", "bot-approved", "reader-approved"),
        "integrity of what was approved": ("stale-approval", "late-approval", "dismissed-approval", "newer-base", "merged-by-hand", "landed-differs"),
        UNKNOWN: (
            "reviews-unknown", "reviewer-unknown", "contributor-unknown", "commits-unknown", "team-unknown", "owner-unknown", "change-unknown",
        ),
        "approved beforehand": ("standard-change",),
        "taken back": ("undone",),
    },
    "rollback-plan": {
        GOOD: ("planned", "names-version"),
        "way back": ("no-plan", "empty-plan", "boilerplate", "template-text", "too-short", "path-asks-more"),
        UNKNOWN: ("template-unknown", "files-unknown", "ticket-unknown", "change-unknown"),
        "approved beforehand": ("standard-change",),
        "taken back": ("undone",),
    },
    "checks-passed": {
        GOOD: ("passed",),
        "testing": ("failed", "required-missing", "unfinished", "no-checks"),
        UNKNOWN: ("not-recorded", "checks-unknown", "change-unknown", "pending"),
        "approved beforehand": ("standard-change",),
        "taken back": ("undone",),
    },
    "duties-separated": {
        GOOD: ("separated",),
        "separation of duties": ("deployer-wrote", "deployer-approved", "requester-wrote", "requester-approved", "requester-deploys"),
        UNKNOWN: ("deployer-unknown", "authors-unknown", "requester-unknown", "change-unknown"),
        "approved beforehand": ("standard-change",),
        "taken back": ("undone",),
    },
    "deploy-window": {
        GOOD: ("open",),
        "time of the deploy": ("frozen", "closed"),
        "configuration": ("calendar-broken",),
        UNKNOWN: ("calendar-unknown", "change-unknown"),
        "approved beforehand": ("standard-change",),
        "taken back": ("undone",),
    },
    "policy-owner-approved": {
        GOOD: ("approved",),
        "not concerned": ("untouched",),
        "approval": ("not-approved",),
        UNKNOWN: ("files-unknown", "reviews-unknown", "owner-unknown", "change-unknown"),
        "taken back": ("undone",),
    },
    "policy-readable": {"configuration": ("broken",)},
    "tests-reported": {
        GOOD: ("reported",),
        "nothing new": ("nothing-new",),
        "testing": ("no-results", "unreadable", "other-commit", "older", "tests-failed", "too-few", "no-coverage", "coverage-low"),
        UNKNOWN: ("undated",),
    },
    "artifact-bound": {
        GOOD: ("named", "built-from-it"),
        "integrity of what was deployed": ("no-artifact", "no-provenance", "not-believed", "other-source"),
    },
    "emergency-declared": {
        GOOD: ("declared",),
        "no emergency": ("not-needed", "not-enough"),
        "emergencies": ("no-rule", "reason-missing", "incident-missing", "declarer-may-not", "not-agreed"),
        UNKNOWN: ("declarer-unknown",),
    },
    "emergency-reviewed": {
        GOOD: ("still-open",),
        "emergencies": ("overdue", "overdue-warned"),
        "going back": ("going-back",),
    },
    "range-intact": {
        GOOD: ("ahead", "first-deploy", "redeploy", "rollback", "rewrite-accepted"),
        "completeness": ("never-deployed", "rewritten", "commits-unaccounted", "assurance-too-low"),
    },
}  # fmt: skip
"""What each reason that a control can give means to an auditor: an aspect, and its reasons."""


def ids() -> frozenset[str]:
    """The controls that evidence can be attested for."""
    return frozenset(control.id for control in CONTROLS)


def aspect(control: str, reason: str) -> str:
    """What a finding is about; "undetermined" for a reason that this version doesn't know."""
    return next((name for name, reasons in REASONS.get(control, {}).items() if reason in reasons), UNKNOWN)
