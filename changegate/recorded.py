"""The parts of a change record: what the predicate of a gate run holds, in which shape.

Models only; `changegate.record` makes them of facts and a decision. `Part`, `Person` and the rest are shared by the other kinds of record.
A part may get new fields, with a default; none is taken away or renamed, because records are read for ever.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from changegate import approvals
from changegate.decision import Verdict
from changegate.facts import Assurance, BaseSource, ChangeKind, IdentityKind, RangeOutcome, Text, Time


class Part(BaseModel):
    """Base of the record's parts: frozen, closed, camelCase as in-toto writes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True, validate_by_name=True, serialize_by_alias=True
    )


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Person(Part):
    """Somebody, or the reason why nobody can say who."""

    login: Text
    key: Text = ""
    kind: IdentityKind | Literal["unknown"] = "unknown"


class RecordedRun(Part):
    """The pipeline run."""

    id: Text
    attempt: int
    url: Text
    workflow: Text
    workflow_ref: Text
    workflow_sha: Text
    trigger: Text


class GateRun(RecordedRun):
    """The pipeline run, and which run of the gate in it."""

    repeat: int = 0
    """Counts the runs of the gate within one attempt of the job (a retried step), from 0 on."""


class RecordedDeployment(Part):
    """Which deploy, as the pipeline said."""

    forge: Text
    repository: Text
    repository_id: Text
    server_url: Text
    environment: Text
    head: str
    ref: Text
    deployer: Person | None
    run: GateRun


class RecordedRange(Part):
    """From what to what."""

    outcome: RangeOutcome
    base: str
    head: str
    base_source: BaseSource
    base_url: Text
    deployed: str
    assurance: Assurance
    commits: int
    removed: tuple[str, ...]


class RecordedPolicy(Part):
    """The rules that held."""

    sha256: Sha256
    source: Literal["repository", "file", "defaults"]
    ref: str
    path: Text
    enforced: bool
    effective: dict[str, Any]


class RecordedApproval(Part):
    """One review, and what it was worth."""

    by: Person
    at: Time | None
    commit: str | None
    via: Text
    counts: bool
    why: approvals.Standing
    url: Text


class RecordedTicket(Part):
    """A ticket that the change names."""

    key: Text
    kind: str
    assurance: Assurance
    url: Text
    title: Text
    state: Text
    type: Text = ""
    approval: Text = ""
    created: Time | None


class RecordedPlan(Part):
    """The rollback plan as written: an excerpt, and the digest of the whole text."""

    excerpt: Text
    sha256: Sha256


class RecordedCheck(Part):
    """A check that ran."""

    name: Text
    commit: str
    state: str
    url: Text


class RecordedFinding(Part):
    """A control's judgement."""

    control: str
    outcome: str
    reason: str
    observed: Text
    required: Text
    remedy: dict[str, str] | None


class RecordedChange(Part):
    """One change, as it was judged. A list that could not be read is null."""

    id: Text
    kind: ChangeKind
    assurance: Assurance
    title: Text
    url: Text
    author: Person
    contributors: tuple[Person, ...]
    approvals: tuple[RecordedApproval, ...] | None
    tickets: tuple[RecordedTicket, ...] | None
    rollback_plan: RecordedPlan | None
    checks: tuple[RecordedCheck, ...] | None
    merged: Time | None
    landed: tuple[str, ...]
    head: str | None
    head_tree: str | None
    landed_tree: str | None
    findings: tuple[RecordedFinding, ...]


class RecordedLifted(Part):
    """A finding that didn't stop the deploy, though it fails."""

    control: str
    change: Text
    reason: str


class RecordedAgreement(Part):
    """Somebody who agreed to an emergency: by an approval, or as its declarer says."""

    by: Person
    via: Literal["approval", "named"]


class RecordedEmergency(Part):
    """An emergency, as it was declared and agreed to, and what it lifted."""

    reason: Text
    incident: Text
    declared_by: Person
    permission: str
    agreed_by: tuple[RecordedAgreement, ...]
    lifted: tuple[RecordedLifted, ...]
    review_due: Time


class RecordedWaiver(Part):
    """A waiver, by its own record in the log, and what it lifted; with `why` it doesn't count, and lifted nothing."""

    envelope: Sha256
    index: int
    control: str
    change: Text
    head: str
    """The commit at the head of the change for which it was given; empty where it is for all."""
    environment: Text
    until: date
    reason: Text
    requested_by: Text
    approved_by: Text
    lifted: tuple[RecordedLifted, ...] = ()
    why: Text = ""


class RecordedDueReview(Part):
    """An emergency before this deploy that is still to be reviewed."""

    envelope: Sha256
    index: int
    incident: Text
    due: Time


class RecordedCalendar(Part):
    """A calendar that was gone by, as it stood at a commit."""

    path: Text
    commit: str
    sha256: str
    """Of the file's bytes; empty where it couldn't be read."""


class RecordedDecision(Part):
    """The verdict, the codes of all that stood in the way, and by which exceptions other things didn't."""

    verdict: Verdict
    reasons: tuple[str, ...]
    emergency: RecordedEmergency | None = None
    waivers: tuple[RecordedWaiver, ...] = ()
    refused_waivers: tuple[RecordedWaiver, ...] = ()
    calendars: tuple[RecordedCalendar, ...] = ()
    due_reviews: tuple[RecordedDueReview, ...] = ()
    """Carried from record to record, so that no emergency is lost however long the log grows."""


class RecordedFacts(Part):
    """The facts that the decision can be made again from, by their digest."""

    sha256: Sha256
    size: int


class Tool(Part):
    """What judged."""

    name: Literal["changegate"] = "changegate"
    version: str


class Times(Part):
    """By the clock of the machine that ran the gate: a claim."""

    fetched: Time
    decided: Time


class Previous(Part):
    """The record before this one for the same repository and environment."""

    index: int
    envelope: Sha256


class GateDecision(Part):
    """The predicate: what was deployed where, what was known, what was decided and why."""

    deployment: RecordedDeployment
    range: RecordedRange
    policy: RecordedPolicy
    changes: tuple[RecordedChange, ...]
    findings: tuple[RecordedFinding, ...]
    decision: RecordedDecision
    facts: RecordedFacts
    tool: Tool
    time: Times
    previous: Previous | None


class PolicySource(Part):
    """Where the policy was read."""

    sha256: Sha256
    source: Literal["repository", "file", "defaults"]
    ref: str = ""
    path: Text = ""
