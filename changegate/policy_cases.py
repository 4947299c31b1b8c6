"""Cases by which a team tests its own policy: a change described in a few words, or recorded facts, and the decision that is expected. Pure.

What a case doesn't say is as it should be: a pull request with a ticket, checks that passed, a rollback plan, and an approval before the merge by
somebody else. So a case says what is special, and nothing else.
"""

import difflib
import hashlib
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field, ValidationError

from changegate import controls, yaml_text
from changegate.calendar_files import read_calendars
from changegate.decision import Decision
from changegate.errors import InputError
from changegate.facts import (
    Artifact,
    Assurance,
    BaseSource,
    Change,
    ChangedFile,
    ChangeKind,
    Check,
    CheckState,
    CodeOwnersFile,
    Commit,
    CoverageReport,
    Deployment,
    DeployRange,
    Facts,
    Identity,
    IdentityKind,
    Lookup,
    Provenance,
    RangeCommit,
    RangeOutcome,
    Review,
    ReviewState,
    Run,
    Team,
    TestReport,
    Ticket,
    TicketKind,
    Version,
)
from changegate.policy import FILE_NAME, Policy
from changegate.policy_defects import LOGIN, Defect, explain
from changegate.rules import Name, Rules
from changegate.window_rules import DeployWindow, LocalTime
from changegate.windows import read_local
from changegate.yaml_text import YamlError

CASES_FILE: Final = ".changegate.test.yml"
MAX_BYTES: Final = 1024 * 1024
_NOON: Final = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
_DIGEST: Final = "ab" * 32
_NO_EVENTS: Final = "BEGIN:VCALENDAR\nEND:VCALENDAR\n"
_PLAN: Final = "## Rollback plan\nRedeploy the version before, then look at the dashboard."

Login = Annotated[str, Field(pattern=LOGIN)]
"""An account; one whose name ends in `[bot]` is a bot. A number after a colon is the account's, which a policy may name."""
Logins = Annotated[tuple[Login, ...], Field(strict=False, max_length=50)]
Texts = Annotated[tuple[Name, ...], Field(strict=False, max_length=3000)]


class CaseTicket(Rules):
    """What a tracker says of a ticket."""

    lookup: Annotated[Lookup, Field(strict=False)] = Lookup.FOUND
    type: str = ""
    status: str = ""
    approval: str = ""
    starts: LocalTime | None = Field(None, description="From when a change request is planned, in UTC.")
    ends: LocalTime | None = Field(None, description="Until when.")
    created: Literal["before-merge", "after-merge"] = "before-merge"
    moved: str = Field("", description="The key that it has now.")
    plan: str = Field("", description="The rollback plan in its field.")


class CaseChange(Rules):
    """What is special about a change."""

    kind: Literal["pull-request", "direct-push"] = "pull-request"
    author: Login = "alice"
    also_by: Logins = Field((), description="Who wrote commits of it besides.")
    approved_by: Logins = ("bob",)
    approved: Literal["before-merge", "after-merge", "before-last-push"] = "before-merge"
    changes_requested_by: Logins = ()
    readers: Logins = Field((), description="Which of those who reviewed may not write to the repository.")
    merged_by: Login = "alice"
    title: str = "Change something"
    description: str = _PLAN
    labels: Texts = ()
    tickets: Texts = Field(("#7",), description="Issues of the forge that it closes. Keys of a tracker stand in title or description.")
    tracked: dict[str, CaseTicket] = Field(default_factory=dict, description="What the policy's trackers say of the tickets that it names, by key.")
    checks: dict[str, Annotated[CheckState, Field(strict=False)]] = Field(default_factory=lambda: {"tests": CheckState.SUCCESS})
    files: Texts = Field((), description="What it adds or changes.")
    removed: Texts = Field((), description="The files that it takes away.")

    def names(self, key: str) -> bool:
        """Whether its title or description has this ticket; where neither is written, it goes without saying."""
        return not self.model_fields_set & {"title", "description"} or key.casefold() in f"{self.title} {self.description}".casefold()


class Case(Rules):
    """One deploy, and what is to become of it."""

    name: Name
    environment: Name = "production"
    facts: str = Field("", description="A file with recorded facts (`changegate show ID --facts FILE`), instead of a change in words.")
    changes: tuple[CaseChange, ...] = Field((CaseChange(),), strict=False, max_length=100)
    deployer: Login = "dave"
    at: LocalTime = Field("2026-01-05 12:00", description="When it is deployed, in UTC.")
    calendars: dict[str, str] = Field(default_factory=dict, description="What calendars say (iCalendar), by their paths; others have no events.")
    results: Literal["passed", "failed", "of-another-commit", "none"] = Field("passed", description="What the tests' results say (JUnit XML).")
    coverage: Annotated[int, Field(ge=0, le=100)] = Field(100, description="Per cent of the lines that the tests ran through.")
    artifact: Literal["built-from-it", "built-from-another", "named", "none"] = Field(
        "built-from-it", description="What is known of what is deployed: its provenance, its digest alone, or nothing."
    )
    code_owners: str = Field("", description="CODEOWNERS, as deployed.")
    teams: dict[str, Logins] = Field(default_factory=dict)
    templates: tuple[str, ...] = Field((), strict=False, max_length=20, description="The repository's templates for a description.")
    expect: Literal["allowed", "blocked", "unknown"]
    reasons: tuple[Name, ...] | None = Field(None, strict=False, description="All reasons, `control/reason`, in any order. Left out: any.")


class Cases(Rules):
    """A file of cases."""

    version: Literal[1] = 1
    policy: str = Field(FILE_NAME, description="The policy that is tested, from where this file lies.")
    cases: tuple[Case, ...] = Field(strict=False, min_length=1, max_length=2000)


class Read(NamedTuple):
    """A file, read, with the line where each case begins."""

    policy: str
    cases: tuple[tuple[int, Case], ...]


def parse(data: bytes, *, source: str, known: Collection[str]) -> Read:
    """Read a file of cases. `known` are all reasons that there are. Raises `InputError`, which names the first defect's line and key."""
    if len(data) > MAX_BYTES:
        raise InputError(f"{source}: larger than {MAX_BYTES // 1024} KiB", remedy="Split it into several files.")
    try:
        document = yaml_text.read(data, aliases=True)
        found = Cases.model_validate(document.value)
    except YamlError as error:
        raise InputError(f"{source}:{error}", remedy=error.remedy) from error
    except ValidationError as error:
        first: Defect = (explain(error, document, Cases) or (Defect(1, "", "no cases", ""),))[0]
        raise InputError(f"{source}:{first}", remedy=first.allowed.replace("`changegate policy schema`", "docs/policy-testing.md")) from error
    for at, case in enumerate(found.cases):
        unnamed = next((key for each in case.changes for key in each.tracked if not each.names(key)), "")
        if unnamed:
            raise InputError(
                f"{source}:{document.line(('cases', at, 'changes'))}: the change names no ticket {unnamed[:60]!r}, of which `tracked` says something",
                remedy="Put the key into the change's title or description, as people do.",
            )
    read = Read(found.policy, tuple((document.line(("cases", at)), case) for at, case in enumerate(found.cases)))
    for at, (_, case) in enumerate(read.cases):
        unknown = sorted({*(case.reasons or ())} - {*known})
        if unknown:
            near = difflib.get_close_matches(unknown[0], known, n=1)
            hint = f"Did you mean {near[0]}?" if near else "`changegate explain CONTROL` lists a control's reasons."
            raise InputError(f"{source}:{document.line(('cases', at, 'reasons'))}: no control gives the reason {unknown[0]!r}", remedy=hint)
    return read


def decide(case: Case, policy: Policy, read_facts: Callable[[str], Facts]) -> Decision:
    """The policy's decision on a case. Raises as `read_facts` does, and `PolicyError`."""
    rules = policy.for_environment(case.environment)
    other = sorted(case.calendars.keys() - {each.path for each in rules.controls.deploy_window.calendars})
    if other:
        raise InputError(
            f"the case {case.name[:60]!r} has a calendar {other[0][:60]!r}, which the policy doesn't in {case.environment}",
            remedy=f"The policy's calendars there: {', '.join(each.path for each in rules.controls.deploy_window.calendars) or 'none'}.",
        )
    return controls.evaluate(read_facts(case.facts) if case.facts else _facts(case, rules.controls.deploy_window), rules)


def differs(case: Case, decision: Decision) -> bool:
    """Whether it isn't what was expected."""
    return decision.verdict.value != case.expect or (case.reasons is not None and tuple(sorted(set(case.reasons))) != decision.reasons)


def _facts(case: Case, windows: DeployWindow) -> Facts:
    people = _People()
    at = read_local(case.at).replace(tzinfo=UTC)
    changes = tuple(_change(at, each, people) for at, each in enumerate(case.changes, 1))
    base, head = _id("base"), changes[-1].landed[-1]
    commits = tuple(
        RangeCommit(sha=each.landed[0], tree=str(each.head_tree), parents=(changes[at - 1].landed[0] if at else base,), subject=each.title)
        for at, each in enumerate(changes)
    )
    deployment = Deployment(
        forge="github", repository="acme/shop", environment=case.environment, head=head, deployer=people.get(case.deployer), run=Run(id="1"),
        artifacts=() if case.artifact == "none" else (Artifact(name="acme/shop", sha256=_DIGEST),),
    )  # fmt: skip
    return Facts(
        deployment=deployment,
        range=DeployRange(
            outcome=RangeOutcome.AHEAD, base=base, head=head, base_source=BaseSource.DEPLOYMENT, assurance=Assurance.FORGE, commits=commits
        ),
        changes=changes,
        templates=case.templates,
        deployed=(Version(commit=base, names=("v1.0.0",)),),
        code_owners=CodeOwnersFile(path="CODEOWNERS", commit=base, text=case.code_owners),
        teams=tuple(Team(name=name, members=tuple(map(people.get, members))) for name, members in case.teams.items()),
        calendars=read_calendars(lambda path: case.calendars.get(path, _NO_EVENTS).encode("utf-8"), windows, case.environment, base, at),
        provenances=_provenances(case, head, base),
        tests=() if case.results == "none" else (_results(case, head, base),),
        coverage=(CoverageReport(name="coverage.xml", sha256=_DIGEST, commit=head, covered=case.coverage * 100, lines=10_000),),
        fetched_at=at,
    )


def _results(case: Case, head: str, base: str) -> TestReport:
    failed = case.results == "failed"
    commit = base if case.results == "of-another-commit" else head
    return TestReport(
        name="junit.xml", sha256=_DIGEST, commit=commit, passed=10_000 - failed, failed=int(failed), names=("test_prices",) if failed else ()
    )


def _provenances(case: Case, head: str, base: str) -> tuple[Provenance, ...]:
    """By a builder that the policy believes."""
    if not case.artifact.startswith("built-from"):
        return ()
    commit = head if case.artifact == "built-from-it" else base
    return (Provenance(sha256=_DIGEST, subjects=(_DIGEST,), builder="the builder", signer="it", source="github.com/acme/shop", commit=commit),)


def _change(number: int, case: CaseChange, people: "_People") -> Change:
    """Opened at nine, approved at ten, merged at eleven, deployed at noon."""
    pushed, head, landed = _id(f"pushed {number}"), _id(f"head {number}"), _id(f"landed {number}")
    writers = [people.get(each) for each in (case.author, *case.also_by)]
    commits = tuple(
        Commit(sha=sha, tree=_id(f"tree {sha}"), parents=(before,), subject=case.title, author=by, committer=by, verified=True)
        for sha, before, by in zip((pushed, head), (_id("base"), pushed), (writers[-1], writers[0]), strict=True)
    )
    commits += tuple(commits[0].model_copy(update={"sha": _id(f"{by.key} {number}"), "author": by, "committer": by}) for by in writers[1:-1])
    direct = case.kind == "direct-push"
    approved_at = _NOON - timedelta(hours=0.5 if case.approved == "after-merge" else 2)
    reviews = [(login, ReviewState.APPROVED, approved_at, pushed if case.approved == "before-last-push" else head) for login in case.approved_by]
    reviews += [(login, ReviewState.CHANGES_REQUESTED, _NOON - timedelta(hours=1.5), head) for login in case.changes_requested_by]
    return Change(
        id=landed[:12] if direct else f"#{number}",
        kind=ChangeKind(case.kind),
        assurance=Assurance.FORGE,
        title=case.title,
        author=writers[0],
        description="" if direct else case.description,
        labels=case.labels,
        base_ref="main",
        commits=commits,
        landed=(landed,),
        head=head,
        head_tree=_id(f"tree {head}"),
        created_at=_NOON - timedelta(hours=3),
        merged_at=_NOON - timedelta(hours=1),
        merged_by=people.get(case.merged_by),
        reviews=tuple(
            Review(id=str(at), reviewer=people.get(login), state=state, submitted_at=when, commit=commit, may_write=login not in case.readers)
            for at, (login, state, when, commit) in enumerate(() if direct else reviews)
        ),
        tickets=() if direct else _tickets(case),
        checks=tuple(Check(name=name, commit=head, state=state) for name, state in case.checks.items()),
        update_merges=(),
        files=(*(ChangedFile(path=path) for path in case.files), *(ChangedFile(path=path, removed=True) for path in case.removed)),
    )


def _tickets(case: CaseChange) -> tuple[Ticket, ...]:
    before, after = _NOON - timedelta(hours=4), _NOON - timedelta(minutes=30)
    issue = Ticket(key="", kind=TicketKind.ISSUE, assurance=Assurance.FORGE, source="closing-keyword", created_at=before)
    tracked = (
        Ticket(
            key=key,
            kind=TicketKind.ISSUE,
            assurance=Assurance.FORGE,
            source="title",
            state=said.status,
            created_at=before if said.created == "before-merge" else after,
            starts=None if said.starts is None else read_local(said.starts).replace(tzinfo=UTC),
            ends=None if said.ends is None else read_local(said.ends).replace(tzinfo=UTC),
            **said.model_dump(include={"lookup", "type", "approval", "moved", "plan"}),
        )
        for key, said in case.tracked.items()
    )
    return (*(issue.model_copy(update={"key": key}) for key in case.tickets), *tracked)


class _People:
    """Each login's account, the same wherever it is named."""

    def __init__(self) -> None:
        self._known: dict[str, Identity] = {}

    def get(self, login: str) -> Identity:
        name, _, number = login.partition(":")
        kind = IdentityKind.BOT if name.endswith("[bot]") else IdentityKind.HUMAN
        return self._known.setdefault(name, Identity(key=f"github:{number or 1000 + len(self._known)}", login=name, kind=kind))


def _id(name: str) -> str:
    """A commit's or tree's id, the same for the same name."""
    return hashlib.sha256(name.encode("utf-8")).hexdigest()[:40]
