"""What is known about a deploy: frozen values, each with where it came from.

Facts are fetched once by a forge adapter and never change. Everything after them (findings, decision, record) is a pure function
of them, so that a recorded decision can be made again from its recorded facts.

Two types say that a value is not there, and they are never confused:

- `Missing`: the source answered, and there is none. A change without a ticket has no ticket.
- `Unavailable`: the source didn't answer, or not completely. Nobody knows. A control that needs the value ends as *unknown*, which blocks.
"""

from changegate.facts.calendar import Calendar, CalendarTime
from changegate.facts.change import (
    Change,
    ChangedFile,
    ChangeKind,
    Check,
    CheckState,
    CodeOwnersFile,
    Commit,
    Identity,
    IdentityKind,
    Lookup,
    PlanFile,
    Retarget,
    Review,
    ReviewState,
    Team,
    Ticket,
    TicketKind,
    Trailer,
    UpdateMerge,
)
from changegate.facts.deploy import Artifact, BaseSource, Deployment, DeployRange, Provenance, RangeCommit, RangeOutcome, Run, Version
from changegate.facts.exception import Actor, Declaration, DueReview, Permission, Waiver
from changegate.facts.report import CoverageReport, Report, TestReport
from changegate.facts.values import MISSING, NOT_ASKED, Assurance, Fact, Known, Maybe, Missing, Text, Time, Unavailable

__all__ = [
    "MISSING",
    "NOT_ASKED",
    "Actor",
    "Artifact",
    "Assurance",
    "BaseSource",
    "Calendar",
    "CalendarTime",
    "Change",
    "ChangeKind",
    "ChangedFile",
    "Check",
    "CheckState",
    "CodeOwnersFile",
    "Commit",
    "CoverageReport",
    "Declaration",
    "DeployRange",
    "Deployment",
    "DueReview",
    "Fact",
    "Facts",
    "Identity",
    "IdentityKind",
    "Known",
    "Lookup",
    "Maybe",
    "Missing",
    "Permission",
    "PlanFile",
    "Provenance",
    "RangeCommit",
    "RangeOutcome",
    "Report",
    "Retarget",
    "Review",
    "ReviewState",
    "Run",
    "Team",
    "TestReport",
    "Text",
    "Ticket",
    "TicketKind",
    "Time",
    "Trailer",
    "Unavailable",
    "UpdateMerge",
    "Version",
    "Waiver",
]


class Facts(Fact):
    """All that was fetched for one deploy."""

    deployment: Deployment
    range: DeployRange
    changes: tuple[Change, ...]
    templates: Known[tuple[Text, ...]] = ()
    """The repository's templates for a change's description, as they stand at the base."""
    deployed: tuple[Version, ...] = ()
    """Versions deployed before, newest first, the base among them."""
    code_owners: Maybe[CodeOwnersFile] = NOT_ASKED
    teams: tuple[Team, ...] = ()
    """The teams that the policy or the code owners ask for, each once."""
    emergency: Declaration | None = None
    waivers: tuple[Waiver, ...] = ()
    """Those of the log that may hold for what stands in the way."""
    due_reviews: tuple[DueReview, ...] = ()
    """Emergencies of this environment before this deploy that are still to be reviewed."""
    calendars: tuple[Calendar, ...] = ()
    """Those by which the policy says when deploys go."""
    provenances: tuple[Provenance, ...] = ()
    """What builders say of the artifacts."""
    tests: tuple[TestReport, ...] = ()
    coverage: tuple[CoverageReport, ...] = ()
    policy_path: Text = ""
    """Where the policy that holds lies in the repository; empty where it lies elsewhere, or where there is none."""
    policy_defect: Text = ""
    """Why the policy that this deploy brings can't be read: it would judge the next one. Empty where it can, or where the policy lies elsewhere."""
    fetched_at: Time
