"""The policy file `.changegate.yml`: its model, its schema, and the strict way to read it.

Without a file the defaults of this model hold. A file states what differs. Under `environments`, an environment states what differs there.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, ValidationError

from changegate import yaml_text
from changegate.errors import PolicyError
from changegate.facts import Assurance
from changegate.owner_rules import PolicyOwnerApproved
from changegate.pipeline_rules import ArtifactBound, TestsReported
from changegate.policy_defects import INCIDENT, PROJECT, TEAM, WITHIN, WORDS_OF_A_PLAN, Defect, explain
from changegate.rules import Name, PathPattern, Rules
from changegate.tickets import KeyForm
from changegate.tracker_rules import TrackerRules, check_together
from changegate.window_rules import DeployWindow
from changegate.yaml_text import YamlError

FILE_NAME: Final = ".changegate.yml"
MAX_BYTES: Final = 256 * 1024
SCHEMA_ID: Final = "https://changegate.dev/schema/policy.v1.json"

CommitId = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
TeamName = Annotated[str, Field(pattern=TEAM)]


class PeerApproved(Rules):
    """Somebody who didn't write the change approved it, in time, as it landed."""

    enabled: bool = True
    approvals: Annotated[int, Field(ge=1, le=20)] = Field(1, description="How many people must have approved.")
    approved_before: Literal["merge", "deploy"] = Field(
        "merge", description="`deploy` also counts an approval of the final head given after the merge; the record calls it post-merge."
    )
    permission: Literal["write", "any"] = Field("write", description="Whose approval counts: those who may write to the repository, or anybody's.")
    newer_base: Literal["allow", "block"] = Field("allow", description="A change that was merged onto a newer base than the one it was reviewed on.")
    ignore_update_merges: bool = Field(
        default=False,
        description="Merging the base branch into the change, by the forge itself and without anything to resolve, leaves an approval fresh.",
    )
    required_teams: tuple[TeamName, ...] = Field(
        (),
        strict=False,
        max_length=20,
        description="Teams (`org/team`, on GitLab `group/subgroup`): a current member of each must have given one of the approvals that count.",
    )
    code_owners: bool = Field(
        default=False, description="Every changed file that has owners in CODEOWNERS, as deployed, needs an approval that counts by one of them."
    )
    exempt_bots: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (),
        strict=False,
        max_length=20,
        description="Bots of GitHub, by account number: what one made alone, by commits that GitHub verified, needs no approval.",
    )
    trailers: tuple[Name, ...] = Field(
        ("Reviewed-by", "Approved-by"),
        strict=False,
        description="Commit trailers that assert an approval, where the facts come from a bare git history.",
    )


class TicketLinked(Rules):
    """The change names a ticket."""

    enabled: bool = True
    projects: tuple[Annotated[str, Field(pattern=PROJECT)], ...] = Field(
        (), strict=False, description="Tracker projects whose keys (`SHOP-12`) count wherever the change names them, and the only ones that count."
    )
    forge_issues: bool = Field(
        default=False, description="Where projects or trackers are named: issues of the forge that a change is linked to count, too."
    )
    issue_states: tuple[Literal["open", "closed"], ...] = Field(
        (), strict=False, max_length=2, description="In which states an issue of the forge counts, at the time of the gate. Empty: in both."
    )
    changes_per_ticket: Annotated[int, Field(ge=1, le=100_000)] = Field(
        20, description="From how many changes of one deploy under the same ticket on the finding says so."
    )


class PathPlan(Rules):
    """Files that ask for more than a plan: one that undoes them, or a procedure that the plan names."""

    paths: tuple[PathPattern, ...] = Field(
        strict=False, min_length=1, max_length=50, description="The files, by patterns as in CODEOWNERS: [db/migrations/*.up.sql]."
    )
    brings: tuple[PathPattern, ...] = Field(
        (), strict=False, max_length=50, description="The change also brings, or changes, one of these: [db/migrations/*.down.sql]."
    )
    names: tuple[Annotated[str, Field(pattern=WORDS_OF_A_PLAN)], ...] = Field(
        (), strict=False, max_length=50, description="Or its plan names one of these procedures: [restore from snapshot]."
    )


class RollbackPlan(Rules):
    """The change says how to undo it."""

    enabled: bool = True
    headings: tuple[Name, ...] = Field(
        ("Rollback plan", "Rollback", "Roll-back plan", "Back-out plan", "Backout plan"),
        strict=False,
        min_length=1,
        description="Titles of the section that holds the plan, at any heading level, in any case.",
    )
    min_words: Annotated[int, Field(ge=1, le=200)] = Field(
        3, description="Fewer words than this are no plan, unless they name a version that was deployed before."
    )
    files: tuple[PathPattern, ...] = Field(
        (), strict=False, max_length=20, description="Files that a change may bring in place of the section: [rollback/*.md]."
    )
    by_path: tuple[PathPlan, ...] = Field((), strict=False, max_length=50, description="What a change of some files needs besides its plan.")


class ChecksPassed(Rules):
    """The tests passed on what was reviewed and on what landed."""

    enabled: bool = True
    required: tuple[Name, ...] = Field(
        (), strict=False, description="Checks that must be there and have passed. All others that ran must have passed too."
    )
    ignore: tuple[Name, ...] = Field((), strict=False, description="Checks that are left out of the judgement.")


class DutiesSeparated(Rules):
    """Whoever deploys the change neither wrote it nor gave the approval that it needs."""

    enabled: bool = False
    deployer_is_not: tuple[Literal["author", "approver"], ...] = Field(
        ("author", "approver"), strict=False, min_length=1, max_length=2, description="What whoever started the deploy may not be."
    )
    requester_is_not: tuple[Literal["author", "approver", "deployer"], ...] = Field(
        (), strict=False, max_length=3, description="What whoever opened its ticket on the forge may not be. Empty: anything."
    )


class Controls(Rules):
    """The controls, each under its permanent id."""

    peer_approved: PeerApproved = PeerApproved()
    ticket_linked: TicketLinked = TicketLinked()
    rollback_plan: RollbackPlan = RollbackPlan()
    checks_passed: ChecksPassed = ChecksPassed()
    duties_separated: DutiesSeparated = DutiesSeparated()
    deploy_window: DeployWindow = DeployWindow()
    policy_owner_approved: PolicyOwnerApproved = PolicyOwnerApproved()
    tests_reported: TestsReported = TestsReported()
    artifact_bound: ArtifactBound = ArtifactBound()


Liftable = Literal["ticket-linked", "peer-approved", "rollback-plan", "checks-passed", "duties-separated", "deploy-window"]
"""The controls whose findings on a change an emergency or a waiver may lift; what is found on the range as a whole, nothing does."""


class StandardChange(Rules):
    """A kind of change that is approved beforehand: low risk, done often, always alike."""

    name: Name = Field(description="What it is called in reports: dependency updates.")
    paths: tuple[PathPattern, ...] = Field(
        strict=False, min_length=1, max_length=50, description="It touches no other files, by patterns as in CODEOWNERS: [/uv.lock, /docs/]."
    )
    labels: tuple[Name, ...] = Field((), strict=False, max_length=20, description="And bears one of these labels. Empty: none is asked for.")
    bots: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), strict=False, max_length=20, description="And one of these bots of GitHub, by account number, made it alone. Empty: anybody."
    )
    max_files: Annotated[int, Field(ge=1, le=3000)] = Field(20, description="And touches no more files than this.")
    exempt_from: tuple[Liftable, ...] = Field(
        ("ticket-linked", "peer-approved", "rollback-plan"),
        strict=False,
        min_length=1,
        max_length=6,
        description="The controls it needn't pass.",
    )


class EmergencyRules(Rules):
    """An emergency: a deploy that goes in spite of what fails, because somebody who may says that it must. Off where this section isn't there."""

    declared_by: tuple[Name, ...] = Field(
        (),
        strict=False,
        max_length=100,
        description="Who may declare one: logins, or accounts by number (`github:1234`). Empty: whoever may at least maintain the repository.",
    )
    labels: tuple[Name, ...] = Field(
        (),
        strict=False,
        max_length=20,
        description="Labels that declare one, on a change whose description says why under the heading `Emergency`. Empty: the run's options alone.",
    )
    ticket_types: tuple[Name, ...] = Field(
        (),
        strict=False,
        max_length=20,
        description="Types of tickets, in the policy's trackers, that declare one: [emergency]. Who starts the run declares it then.",
    )
    approvals: Literal[1, 2] = Field(1, description="How many others than the declarer, none of whom wrote the change, must have agreed.")
    agreement: Literal["approval", "named"] = Field(
        "approval",
        description="How others agree: by an approval of the final head, before the merge or after; `named`: also by the declarer's word.",
    )
    incident: tuple[Annotated[str, Field(pattern=INCIDENT)], ...] = Field(
        (),
        strict=False,
        max_length=20,
        description="Forms of the incident's key: `#` stands for digits, `*` for letters, digits, `-`, `_`: [INC-#]. Empty: any key.",
    )
    lifts: tuple[Liftable, ...] = Field(
        ("peer-approved", "checks-passed", "deploy-window"), strict=False, min_length=1, max_length=6, description="Whose failures it lifts."
    )
    review_within: Annotated[str, Field(pattern=WITHIN)] = Field("2 days", description="How soon it must be reviewed: `12 hours`, `2 days`.")
    overdue: Literal["block", "warn"] = Field("block", description="What happens to further deploys once a review is overdue.")

    @property
    def review_time(self) -> timedelta:
        """How soon it must be reviewed."""
        number, unit = self.review_within.split(" ")
        return timedelta(hours=int(number) * (24 if unit.startswith("day") else 1))


class Rewrite(Rules):
    """One rewriting of the deployed branch that is accepted: a recorded exception, good for this deploy alone."""

    was: CommitId = Field(alias="from", description="The commit that is deployed, and that the branch doesn't hold any more. Its full id.")
    to: CommitId = Field(description="A commit of the new branch, which is or lies before the one to deploy. Its full id.")
    reason: Annotated[str, Field(min_length=10, max_length=500)] = Field(description="Why, for the record.")


class Privacy(Rules):
    """What is recorded of people."""

    pseudonymise_people: bool = Field(
        default=False,
        description="People and the texts that they write are recorded as salted commitments; what opens them goes to --names, not to the log.",
    )


class EffectivePolicy(Rules):
    """What holds for one environment."""

    enforce: bool = Field(default=True, description="false: audit mode. Every deploy is judged and recorded, none is stopped.")
    assurance: Assurance = Field(
        Assurance.ASSERTED,
        strict=False,
        description="Who must vouch for the facts: `asserted` takes a commit's own trailers, `forge` only what the forge's API says.",
    )
    controls: Controls = Controls()
    standard_changes: tuple[StandardChange, ...] = Field(
        (), strict=False, max_length=50, description="Kinds of changes that are approved beforehand, by what they touch."
    )
    trackers: Annotated[tuple[TrackerRules, ...], AfterValidator(check_together)] = Field(
        (), strict=False, max_length=10, description="Where the tickets are that changes name."
    )
    emergency: EmergencyRules | None = Field(default=None, description="What an emergency needs. Left out: there is none.")
    privacy: Privacy = Privacy()
    rewrites: tuple[Rewrite, ...] = Field(
        (), strict=False, max_length=20, description="Rewritten history that is accepted, each named by its commits. All that it brings is judged."
    )

    def tracker_of(self, project: str) -> TrackerRules | None:
        """The tracker that keeps a project's tickets."""
        return next((each for each in self.trackers if each.keeps(project)), None)

    @property
    def key_forms(self) -> Mapping[str, KeyForm]:
        """How tickets are named, by project (in lower case), as far as a tracker says so."""
        return {project.casefold(): tracker.key_form for tracker in self.trackers for project in tracker.projects}

    @property
    def ticket_rules(self) -> TicketLinked:
        """The rules for tickets, with the projects of all trackers among those that count."""
        rules = self.controls.ticket_linked
        kept = (project for tracker in self.trackers for project in tracker.projects)
        return rules.model_copy(update={"projects": tuple(dict.fromkeys((*rules.projects, *kept)))}) if self.trackers else rules


class Policy(EffectivePolicy):
    """A whole policy file."""

    version: Literal[1] = 1
    environments: dict[str, EffectivePolicy] = Field(default_factory=dict, description="What differs in an environment, by its exact name.")

    def for_environment(self, name: str) -> EffectivePolicy:
        """The rules for one environment: the file's own, with that environment's on top, key by key.

        Raises `PolicyError` for a name that differs from one of the file's by case alone: it would silently get other rules.
        """
        twin = next((each for each in self.environments if each != name and each.casefold() == name.casefold()), None)
        if twin is not None:
            raise PolicyError(
                f"the policy has rules for the environment '{twin}', and this deploy goes to '{name}': to a forge they may be one",
                remedy=f"Write the same name in both places: --environment '{twin}', or rename it in the policy.",
            )
        base = self.model_dump(mode="json", exclude_unset=True, exclude={"version", "environments"})
        own = self.environments.get(name)
        if own is not None:
            base = _merge(base, own.model_dump(mode="json", exclude_unset=True))
        return EffectivePolicy.model_validate(base)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merge(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return merged


def digest(data: bytes) -> str:
    """SHA-256 of a policy file's exact bytes, lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the policy file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **Policy.model_json_schema(by_alias=True),
        "title": "changegate policy",
    }


def parse(data: bytes, *, source: str) -> Policy:
    """Read a policy file's bytes. `source` (a path, or `ref:path`) stands before the line number in errors.

    Raises `PolicyError`, whose message names the line and key of the first defect, and how many more there are.
    """
    found, defects = examine(data, source=source)
    if defects:
        first, *others = defects
        more = f" (and {len(others)} more: `changegate policy check` lists them)" if others else ""
        raise PolicyError(f"{source}:{first}{more}", remedy=first.allowed)
    return found


def examine(data: bytes, *, source: str) -> tuple[Policy, tuple[Defect, ...]]:
    """Read a policy file's bytes, and say all that is wrong with it. The policy is the defaults where there is a defect.

    Raises `PolicyError` for a file that is no policy at all: too large, or not YAML.
    """
    if len(data) > MAX_BYTES:
        raise PolicyError(f"{source}: larger than {MAX_BYTES // 1024} KiB", remedy="A policy is a short file; check that this is the one you mean.")
    try:
        document = yaml_text.read(data)
    except YamlError as error:
        raise PolicyError(f"{source}:{error}", remedy=f"{error.remedy} `changegate policy check FILE` looks again.") from error
    if document.value is None:
        return Policy(), ()
    if not isinstance(document.value, dict):
        kind = "list" if isinstance(document.value, list) else "single value"
        return Policy(), (Defect(1, "", f"the file must be a mapping of keys, not a {kind}", "Start from `changegate policy init`."),)
    try:
        return Policy.model_validate(document.value), ()
    except ValidationError as error:
        return Policy(), explain(error, document, Policy)
