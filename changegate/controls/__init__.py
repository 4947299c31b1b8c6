"""The controls: facts and policy in, findings out. One file each, under a permanent id.

A control's id completes "this change may deploy if …" and names it in the policy, the report, the record and the documentation.
"""

from collections.abc import Callable, Iterator
from typing import Final

from changegate import undone, waiving
from changegate.controls import (
    artifact_bound,
    checks_passed,
    deploy_window,
    duties_separated,
    emergency_declared,
    emergency_reviewed,
    peer_approved,
    policy_owner_approved,
    policy_readable,
    range_intact,
    rollback_plan,
    standard_change,
    tests_reported,
    ticket_linked,
)
from changegate.controls.relanding import land_again
from changegate.decision import Decision, Finding, Outcome, Remedy, decide
from changegate.facts import Change, ChangeKind, Facts
from changegate.policy import EffectivePolicy

CHANGE_CONTROLS: Final = (
    ticket_linked.ID,
    peer_approved.ID,
    rollback_plan.ID,
    checks_passed.ID,
    duties_separated.ID,
    deploy_window.ID,
    policy_owner_approved.ID,
)
"""The controls that judge each change, in the order of a report's columns."""
DEPLOY_CONTROLS: Final = (range_intact.ID, policy_readable.ID, tests_reported.ID, artifact_bound.ID, emergency_reviewed.ID, emergency_declared.ID)
"""The controls that judge the deploy as a whole."""


def evaluate(facts: Facts, policy: EffectivePolicy) -> Decision:
    """Judge a deploy: first the range as a whole, then every change by every control that the policy has on.

    Where there are several accounts of what was undone, each of which holds, the one counts by which least stands in the way. What then stands in it
    may be lifted: by a waiver of the log, or by an emergency.
    """
    strict = _judge(facts, policy)
    if not facts.waivers and facts.emergency is None:
        return strict
    changes = {change.id: change for change in facts.changes}
    rules = policy.controls.peer_approved
    behind = [
        peer_approved.look_behind(each, changes[each.change], facts, rules) if each.control == peer_approved.ID and each.change in changes else each
        for each in strict.findings
    ]
    findings, waivers, refused = waiving.apply(behind, facts, rules)
    emergency = None
    if facts.emergency is not None:
        findings, emergency = emergency_declared.apply(findings, facts.emergency, facts, policy)
    return decide(findings, waivers=waivers, refused=refused, emergency=emergency)


def _judge(facts: Facts, policy: EffectivePolicy) -> Decision:
    """The decision without any exception."""
    whole = [
        *range_intact.evaluate(facts, policy),
        *policy_readable.evaluate(facts),
        *tests_reported.evaluate(facts, policy.controls.tests_reported),
        *artifact_bound.evaluate(facts, policy.controls.artifact_bound),
        *emergency_reviewed.evaluate(facts, policy),
    ]
    judged = {change.id: list(evaluate_change(change, facts, policy)) for change in facts.changes}
    accounts = [[*whole, *_account(facts, judged, taken_back)] for taken_back in undone.find_undone(facts)]
    return min((decide(findings) for findings in accounts), key=lambda decision: len(decision.stopping))


def _account(facts: Facts, judged: dict[str, list[Finding]], taken_back: undone.Undone) -> Iterator[Finding]:
    for change in facts.changes:
        by = taken_back.get(change.id)
        yield from judged[change.id] if by is None else (_undone(change, finding.control, by) for finding in judged[change.id])


def evaluate_change(change: Change, facts: Facts, policy: EffectivePolicy) -> Iterator[Finding]:
    """Judge one change by every control that is on."""
    rules = policy.controls
    windows = rules.deploy_window.windows(facts.deployment.environment)
    judges: tuple[tuple[str, bool, Callable[[], Finding]], ...] = (
        (ticket_linked.ID, rules.ticket_linked.enabled, lambda: ticket_linked.evaluate(change, facts, policy)),
        (peer_approved.ID, rules.peer_approved.enabled, lambda: peer_approved.evaluate(change, facts, rules.peer_approved)),
        (rollback_plan.ID, rules.rollback_plan.enabled, lambda: rollback_plan.evaluate(change, facts, rules.rollback_plan)),
        (checks_passed.ID, rules.checks_passed.enabled, lambda: checks_passed.evaluate(change, facts, rules.checks_passed)),
        (duties_separated.ID, rules.duties_separated.enabled, lambda: duties_separated.evaluate(change, facts, rules)),
        (deploy_window.ID, bool(windows), lambda: deploy_window.evaluate(change, facts, rules.deploy_window)),
        (policy_owner_approved.ID, rules.policy_owner_approved.is_on, lambda: policy_owner_approved.evaluate(change, facts, rules)),
    )
    for control, enabled, judge in judges:
        if enabled:
            yield _of_unknown(change, control) or standard_change.apply(judge(), change, facts, policy)


def _undone(change: Change, control: str, by: str) -> Finding:
    return Finding(
        control=control,
        change=change.id,
        outcome=Outcome.NOT_APPLICABLE,
        reason=undone.REASON,
        observed=f"nothing of it is deployed: with {by[:10]} the content is again what it was before this change",
        required="what is deployed was judged",
    )


def _of_unknown(change: Change, control: str) -> Finding | None:
    """A change of which nobody can say what it is can be judged by no control."""
    if change.kind is not ChangeKind.UNKNOWN:
        return None
    return Finding(
        control=control,
        change=change.id,
        outcome=Outcome.UNKNOWN,
        reason="change-unknown",
        observed=change.unknown or "the forge doesn't say which change brought this commit",
        required="every commit belongs to exactly one change, merged to the deployed branch",
        remedy=Remedy(
            who="the author",
            step=land_again(change, "nothing missing: a change of its own, merged to the deployed branch"),
            link=change.url,
        ),
    )
