"""The use case: judge an open change as the gate will judge it, so that what is missing is seen at review time. Nothing is recorded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from changegate import policy as policies
from changegate.calendar_files import find_calendar_defect, with_calendars
from changegate.controls import checks_passed, deploy_window, duties_separated, evaluate_change, policy_readable
from changegate.decision import Decision, Finding, Outcome, decide
from changegate.errors import PolicyError
from changegate.facts import Assurance, BaseSource, Check, Deployment, DeployRange, Facts, Missing, RangeOutcome, Unavailable, Version
from changegate.forges import OpenChange, Reviewing, TrustedFiles
from changegate.gate import PolicyFile, find_defect, list_versions, needs_of, read_policy, with_owners
from changegate.plan_files import with_plan_files
from changegate.policy import EffectivePolicy
from changegate.recorded import PolicySource
from changegate.trackers import OpenTracker, look_up

PENDING = "pending"
"""The reason of a finding that only time will make: checks that haven't ended yet."""
_MAY_COME = {(checks_passed.ID, reason) for reason in (checks_passed.Reason.NO_CHECKS, checks_passed.Reason.REQUIRED_MISSING)}
"""What a change whose checks nobody has begun yet looks like, too."""
_AT_THE_DEPLOY = frozenset({duties_separated.ID, deploy_window.ID})
"""What is judged of who deploys, and when: nobody deploys yet."""


@dataclass(frozen=True)
class Previewed:
    """What the gate would decide of a change if it were merged and deployed as it stands."""

    facts: Facts
    policy: EffectivePolicy
    source: PolicySource
    decision: Decision
    draft: bool
    pending: tuple[Check, ...]
    """Checks that haven't ended. The gate waits for them; whoever reviews sees them beside this."""
    notes: tuple[str, ...]
    """What could be otherwise at the deploy. Holds text from outside."""


def judge_open(
    number: int, deployment: Deployment, forge: Reviewing, *, policy_file: PolicyFile | None, now: Callable[[], datetime], open_tracker: OpenTracker
) -> Previewed:
    """Collect the facts of an open change and decide. `deployment` is what the pipeline says; its head becomes the change's.

    1. Policy, templates and code owners at the tip of the branch that it goes to (or as the caller names them); never at the change's own head.
    2. The change as it stands; one that is merged, closed or not there is an `InputError`.
    3. The gate's controls over this one change. There is no range yet, and nothing has landed.

    Raises `ForgeError`, `InputError` or `PolicyError` where there is nothing to decide on.
    """
    target = forge.find_target(number)
    trusted_at = target if policy_file is None or policy_file.data is not None else forge.resolve_head(policy_file.ref)
    trusted = forge.read_trusted(trusted_at, policy_file.path if policy_file else policies.FILE_NAME)
    policy, source = read_policy(policy_file, trusted.policy, trusted_at)
    effective = policy.for_environment(deployment.environment)
    found = forge.fetch_open_change(number, target, needs_of(effective), environment=deployment.environment, run=deployment.run.id)
    changes = look_up((found.change,), effective, open_tracker)
    (change,) = with_plan_files(changes, forge, effective.controls.rollback_plan, found.head)
    found = found._replace(change=change)
    if trusted_at != target and policy_file is not None:
        _require_outside(found, trusted_at, policy_file)
    at = now()
    facts = Facts(
        deployment=deployment.model_copy(update={"head": found.head, "ref": found.ref}),
        range=DeployRange(outcome=RangeOutcome.AHEAD, base=target, head=found.head, base_source=BaseSource.OPTION, assurance=Assurance.FORGE),
        changes=(found.change,),
        templates=trusted.templates,
        deployed=_versions(found, trusted),
        policy_path=source.path if source.source == "repository" else "",
        policy_defect=_find_defect(forge, target, found.head, deployment.environment, at) if policy_file is None else "",
        fetched_at=at,
    )
    facts = with_owners(facts, forge, effective.controls, trusted_at)
    facts = with_calendars(facts, forge, effective.controls.deploy_window, trusted_at)
    judged = (*policy_readable.evaluate(facts), *evaluate_change(found.change, facts, effective))
    findings = [each for each in judged if each.control not in _AT_THE_DEPLOY]
    if not findings:
        raise PolicyError(f"every control is off for {deployment.environment}: there is nothing to judge", remedy="Switch one on in the policy.")
    pending = _pending(found, effective, findings)
    closed = deploy_window.describe(facts, effective.controls.deploy_window)
    decision = decide(_for_review(_as_pending(finding, pending)) for finding in findings)
    return Previewed(facts, effective, source, decision, found.draft, pending, tuple(_notes(found, pending, deployment.environment, closed)))


def _find_defect(forge: Reviewing, target: str, head: str, environment: str, at: datetime) -> str:
    """Why the policy that the change brings couldn't be read once it is deployed."""
    brought = forge.read_trusted(target, policies.FILE_NAME, next_at=head).next_policy
    return find_defect(brought, environment) or find_calendar_defect(forge, brought, environment, head, at)


def _require_outside(found: OpenChange, commit: str, named: PolicyFile) -> None:
    """Raise `PolicyError` unless the commit at which the named policy was read is known to be no part of the change."""
    commits = found.change.commits
    if isinstance(commits, Unavailable) or commit == found.head or commit in {each.sha for each in commits}:
        raise PolicyError(
            f"--policy {named.source}: {commit[:10]} is part of this change, or may be, so that it would bring its own policy",
            remedy="Leave --policy out: the policy of the branch that the change goes to holds. Or name a commit of that branch.",
        )


def _versions(found: OpenChange, trusted: TrustedFiles) -> tuple[Version, ...]:
    return list_versions((found.deployed,), trusted.tags) if isinstance(found.deployed, str) else ()


def _pending(found: OpenChange, policy: EffectivePolicy, findings: list[Finding]) -> tuple[Check, ...]:
    unfinished = any((finding.control, finding.reason) == (checks_passed.ID, checks_passed.Reason.UNFINISHED) for finding in findings)
    return checks_passed.find_pending(found.change, policy.controls.checks_passed) if unfinished else ()


def _as_pending(finding: Finding, pending: tuple[Check, ...]) -> Finding:
    """While checks run, nobody has anything to do: the finding says so, and neither stops the change nor passes it."""
    if not pending or finding.control != checks_passed.ID:
        return finding
    observed = f"not ended yet: {', '.join(check.name for check in pending)}"
    return finding.model_copy(update={"outcome": Outcome.NOT_APPLICABLE, "reason": PENDING, "observed": observed, "remedy": None})


def _for_review(finding: Finding) -> Finding:
    """The controls speak of the gate, which nobody has run yet."""
    if finding.remedy is None:
        return finding
    step = finding.remedy.step.replace("run the gate again", "run the preview again")
    if (finding.control, finding.reason) in _MAY_COME:
        step = f"where they are about to start, wait for their end and run the preview again; else {step}"
    return finding.model_copy(update={"remedy": finding.remedy.model_copy(update={"step": step})})


def _notes(found: OpenChange, pending: tuple[Check, ...], environment: str, closed: str) -> Iterator[str]:
    if closed:
        yield f"the gate judges when it is deployed, not now. Now: {closed}"
    if pending:
        yield f"checks that haven't ended yet: {', '.join(check.name for check in pending)}. The gate judges how they end"
    uncounted = "so a rollback plan that only names a version doesn't count here"
    if isinstance(found.deployed, Unavailable):
        yield f"what is deployed to {environment} can't be read, {uncounted}: {found.deployed.why}"
    elif isinstance(found.deployed, Missing):
        yield f"nothing is known to be deployed to {environment}, {uncounted}"
