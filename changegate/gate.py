"""The use case: judge one deploy and record the decision. It takes ports; `changegate.cli.gate` wires them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from changegate import canonical, record
from changegate import policy as policies
from changegate.calendar_files import find_calendar_defect, with_calendars
from changegate.controls import evaluate, policy_owner_approved, rollback_plan
from changegate.decision import Decision
from changegate.declaring import Declared, fetch_declaration
from changegate.due_reviews import find_due
from changegate.errors import InputError, PolicyError, StoreError
from changegate.evidence.log import AlreadyRecordedError, AlreadySubmittedError, Log
from changegate.evidence.proof import Receipt
from changegate.evidence.reader import LogReader
from changegate.facts import (
    Artifact,
    BaseSource,
    CoverageReport,
    Deployment,
    DeployRange,
    Facts,
    Maybe,
    Missing,
    RangeOutcome,
    TestReport,
    Unavailable,
    Version,
)
from changegate.forges import Baseline, Forge, Needs, OwnersReader
from changegate.history import read_history
from changegate.let_go import find_artifacts, find_trusted, is_enforced, list_deployed, was_let_go
from changegate.ownership import teams_needed
from changegate.plan_files import with_plan_files
from changegate.policy import Controls, EffectivePolicy, PeerApproved, RollbackPlan
from changegate.provenance import read_all as read_provenances
from changegate.recorded import PolicySource, Previous
from changegate.signing import RecordSigner
from changegate.trackers import OpenTracker, look_up
from changegate.trust import Trust
from changegate.waivers_in_force import find_waivers

MAX_REPEATS: Final = 100
"""How often the gate may run in one attempt of a job."""


class PolicyFile(NamedTuple):
    """A policy that the caller names: read by him from a file, or to be read at a commit of the repository."""

    source: str
    data: bytes | None = None
    ref: str = ""
    path: str = policies.FILE_NAME


class Given(NamedTuple):
    """What the pipeline brings along of what it deploys."""

    attestations: tuple[bytes, ...] = ()
    """As builders signed them."""
    tests: tuple[TestReport, ...] = ()
    coverage: tuple[CoverageReport, ...] = ()


NOTHING_GIVEN: Final = Given()


@dataclass(frozen=True)
class Judged:
    """A decision and all that it rests on."""

    facts: Facts
    policy: EffectivePolicy
    source: PolicySource
    decision: Decision
    previous: Previous | None


@dataclass(frozen=True)
class Recorded:
    """A judged deploy whose record is in the log."""

    envelope_digest: str
    receipt: Receipt


@dataclass(frozen=True)
class Submitted:
    """A judged deploy whose signed record waits in the store."""

    envelope_digest: str


def judge(
    deployment: Deployment,
    forge: Forge,
    log: Log,
    *,
    requested_base: str | None,
    policy_file: PolicyFile | None,
    now: Callable[[], datetime],
    declared: Declared | None = None,
    given: Given = NOTHING_GIVEN,
    open_tracker: OpenTracker,
    trust: Trust | None = None,
) -> Judged:
    """Collect the facts of a deploy and decide.

    1. What is deployed now: the forge's word where the log bears it out, else the log's, else `requested_base`.
    2. The policy, as it stands there (or as the caller names it); never as it stands in what is being judged. Going back to an older version brings
       back no older policy for what comes after.
    3. The changes, with what this policy needs to know of them, and the emergencies that are still to be reviewed; where one is declared now, who
       does; and what the pipeline brings along. Then the decision, which is a pure function of all this.
    4. For what stands in the way, the waivers of the log; `trust` says whose count, and without it none does. Then the decision once more.

    Raises `ForgeError`, `StoreError`, `InputError` or `PolicyError` where there is nothing to decide on.
    """
    reader = log.reader()
    history = read_history(reader.cards() if reader else (), deployment, log.verify_record, lambda card: reader is None or is_enforced(reader, card))
    deploy_range = _resolve_range(forge, deployment, requested_base, history.baselines, log, reader)
    trusted_at = find_trusted(deploy_range, deployment, log, reader)
    if policy_file is not None and policy_file.data is None:
        trusted_at = _outside(deploy_range, forge.resolve_head(policy_file.ref), policy_file)
    path = policy_file.path if policy_file else policies.FILE_NAME
    trusted = forge.read_trusted(trusted_at, path, next_at="" if policy_file else deploy_range.head)
    policy, source = read_policy(policy_file, trusted.policy, trusted_at)
    effective = policy.for_environment(deployment.environment)
    changes = look_up(forge.fetch_changes(deployment, deploy_range, needs_of(effective)), effective, open_tracker)
    changes = with_plan_files(changes, forge, effective.controls.rollback_plan, deploy_range.head)
    place = (deployment.repository, deployment.environment)
    at = now()
    facts = Facts(
        deployment=deployment,
        range=deploy_range,
        changes=changes,
        templates=trusted.templates,
        deployed=list_versions(list_deployed(deploy_range, deployment, history, log, reader), trusted.tags),
        emergency=fetch_declaration(declared, deployment, changes, effective.emergency, forge),
        due_reviews=find_due(reader, place, log.verify_record),
        provenances=read_provenances(given.attestations, deployment, effective.controls.artifact_bound, root=trust.sigstore_root if trust else None),
        tests=given.tests,
        coverage=given.coverage,
        policy_path=source.path if source.source == "repository" else "",
        policy_defect=find_defect(trusted.next_policy, deployment.environment)
        or find_calendar_defect(forge, trusted.next_policy, deployment.environment, deploy_range.head, at),
        fetched_at=at,
    )
    facts = with_owners(facts, forge, effective.controls, trusted_at)
    facts = with_artifacts(facts, effective.controls.rollback_plan, lambda commit: find_artifacts(log, reader, deployment, commit))
    facts = with_calendars(facts, forge, effective.controls.deploy_window, trusted_at)
    decision = evaluate(facts, effective)
    strict = facts.model_copy(update={"emergency": None})
    waivers = find_waivers(reader, deployment, evaluate(strict, effective).stopping, trust, log.verify_record) if trust is not None else ()
    if waivers:
        facts = facts.model_copy(update={"waivers": waivers})
        decision = evaluate(facts, effective)
    return Judged(facts, effective, source, decision, history.previous)


def needs_of(policy: EffectivePolicy) -> Needs:
    """What the forge is asked for besides, under these rules."""
    peers, plan = policy.controls.peer_approved, policy.controls.rollback_plan
    return Needs(
        update_merges=peers.enabled and peers.ignore_update_merges,
        files=(peers.enabled and peers.code_owners)
        or (plan.enabled and bool(plan.by_path or plan.files))
        or policy.controls.policy_owner_approved.is_on
        or bool(policy.standard_changes),
        requesters=policy.controls.duties_separated.enabled and bool(policy.controls.duties_separated.requester_is_not),
    )


def with_artifacts(facts: Facts, rules: RollbackPlan, find: Callable[[str], tuple[Artifact, ...]]) -> Facts:
    """The facts with what was deployed as each version to which a rollback plan returns."""
    named = [rollback_plan.find_version(change, facts, rules) for change in facts.changes] if rules.enabled else []
    wanted = {each.commit for each in named if each is not None}
    deployed = tuple(each.model_copy(update={"artifacts": find(each.commit)}) if each.commit in wanted else each for each in facts.deployed)
    return facts.model_copy(update={"deployed": deployed}) if wanted else facts


def with_owners(facts: Facts, forge: OwnersReader, rules: Controls, trusted_at: str) -> Facts:
    """The facts with the code owners and teams that the policy asks for. CODEOWNERS is read where the policy is: never in what is being judged."""
    peers = rules.peer_approved if rules.peer_approved.enabled else PeerApproved()
    if facts.changes and peers.code_owners:
        facts = facts.model_copy(update={"code_owners": forge.read_code_owners(trusted_at)})
    touching = rules.policy_owner_approved.is_on and any(policy_owner_approved.find_touched(each, facts, rules) for each in facts.changes)
    teams = teams_needed(facts, peers, rules.policy_owner_approved.owners if touching else ()) if facts.changes else ()
    return facts.model_copy(update={"teams": forge.fetch_teams(teams)}) if teams else facts


def _resolve_range(
    forge: Forge, deployment: Deployment, requested: str | None, baselines: tuple[Baseline, ...], log: Log, reader: LogReader | None
) -> DeployRange:
    """The range, whichever of the log's candidates is live.

    The forge's last deployment is believed where the log has a decision that let it go, or knows nothing of the environment yet: whoever may
    write to the repository can make a deployment that says success.
    """
    newest, *others = baselines or (None,)
    first = forge.resolve_range(deployment, requested=requested, logged=newest)
    by_forge = first.base_source is BaseSource.DEPLOYMENT or first.deployed
    if by_forge and (newest is None or was_let_go(log, reader, deployment, first.deployed or first.base)):
        return first
    if by_forge:
        first = forge.resolve_range(deployment, requested=requested, logged=newest, believe_deployments=False)
    rest = [forge.resolve_range(deployment, requested=requested, logged=each, believe_deployments=False) for each in others]
    return widest([first, *rest])


def _outside(found: DeployRange, commit: str, named: PolicyFile) -> str:
    """The commit at which the named policy is read. Raises `PolicyError` where it is part of what is judged."""
    if commit in {each.sha for each in found.commits}:
        raise PolicyError(
            f"--policy {named.source}: {commit[:10]} is part of this deploy, so that a change would bring its own policy",
            remedy="Leave --policy out: the deployed policy holds. Or name a commit that is deployed, or a file of a repository of its own.",
        )
    return commit


def widest(ranges: Sequence[DeployRange]) -> DeployRange:
    """Of the ranges from several versions that may be live, the one that brings all that any of them brings; of those, the one that removes most.

    A rewritten one stops the deploy, so it comes first; in doubt about what is live, with nothing brought, no exception of the policy holds for it.
    Raises `InputError` where no range holds the others.
    """
    rewritten = next((each for each in ranges if each.outcome is RangeOutcome.REWRITTEN), None)
    if rewritten is not None:
        return rewritten if len(ranges) == 1 else rewritten.model_copy(update={"commits": ()})
    brought = [{commit.sha for commit in each.commits} for each in ranges]
    at = max(range(len(ranges)), key=lambda number: (len(brought[number]), len(ranges[number].removed)))
    if not all(each <= brought[at] for each in brought):
        several = ", ".join(each.base[:10] for each in ranges)
        raise InputError(
            f"it isn't known which version is live, and no range holds the others: {several}",
            remedy="Record how those deploys ended (`changegate outcome`), or pass --base with a commit that they all descend from.",
        )
    return ranges[at]


def read_policy(named: PolicyFile | None, found: bytes | Missing, commit: str) -> tuple[policies.Policy, PolicySource]:
    """The policy that the caller names, else the one `found` at `commit`, else the defaults; and which it was. Raises `PolicyError`."""
    if named is not None and named.data is not None:
        source = PolicySource(sha256=policies.digest(named.data), source="file", path=named.source)
        return policies.parse(named.data, source=named.source), source
    path = named.path if named else policies.FILE_NAME
    if isinstance(found, Missing):
        if named is not None:
            raise PolicyError(f"--policy: there is no {path} at {named.ref}", remedy="Name a file that exists there.")
        defaults = policies.Policy()
        return defaults, PolicySource(sha256=policies.digest(canonical.dumps(defaults.model_dump(mode="json"))), source="defaults")
    source = PolicySource(sha256=policies.digest(found), source="repository", ref=commit, path=path)
    try:
        return policies.parse(found, source=f"{path} at {commit[:10]}"), source
    except PolicyError as error:
        if named is not None:
            raise
        # What is deployed can't be mended but by a deploy.
        way_out = f"{error.remedy} Until the mended file is deployed, name the last good one: --policy COMMIT:{path}"
        raise PolicyError(error.message, remedy=way_out) from error


def find_defect(found: Maybe[bytes], environment: str) -> str:
    """Why a policy that isn't in force yet couldn't be; empty where it could, or where there is none."""
    if isinstance(found, Missing):
        return ""
    if isinstance(found, Unavailable):
        return found.why
    try:
        policies.parse(found, source=policies.FILE_NAME).for_environment(environment)
    except PolicyError as error:
        return error.message
    return ""


def list_versions(deployed: tuple[str, ...], tags: tuple[Version, ...]) -> tuple[Version, ...]:
    """The versions that may be returned to, by every name they have."""
    names = {tag.commit: tag.names for tag in tags}
    return tuple(Version(commit=commit, names=names.get(commit, ())) for commit in deployed)


def record_decision(judged: Judged, log: Log, signer: RecordSigner, *, decided: datetime, submit_only: bool = False) -> Recorded | Submitted:
    """Sign the decision and make it part of the log. Raises `SigningError`, `StoreError` or `VerificationError`; then nothing may be deployed.

    With `submit_only` it is signed, and waits in the store until whoever holds the log's key integrates it.
    A second run of the gate in the same attempt of a job (a retried step) is a decision of its own, and is recorded beside the first.
    """
    facts_bytes = record.facts_json(judged.facts)
    for repeat in range(MAX_REPEATS):
        statement = record.make_statement(
            judged.facts,
            judged.decision,
            judged.policy,
            judged.source,
            decided=decided,
            previous=judged.previous,
            facts_bytes=facts_bytes,
            repeat=repeat,
        )
        envelope = signer.sign_record(canonical.dumps(statement))
        card = record.index_card(statement, envelope, origin=log.verifier_key.name)
        try:
            if submit_only:
                log.submit(card, envelope=envelope, facts=facts_bytes)
                return Submitted(card.envelope)
            return Recorded(card.envelope, log.append(card, envelope=envelope, facts=facts_bytes))
        except (AlreadyRecordedError, AlreadySubmittedError):
            continue
    raise StoreError(f"the gate ran more than {MAX_REPEATS} times in one attempt of the job", remedy="Start a new attempt of the run.")
