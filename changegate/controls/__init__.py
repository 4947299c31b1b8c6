"""The controls: facts and policy in, findings out. One file each, under a permanent id.

A control's id completes "this change may deploy if …" and names it in the policy, the report, the record and the documentation.
"""

from collections.abc import Iterator
from typing import Final

from changegate.controls import checks_passed, peer_approved, range_intact, rollback_plan, ticket_linked
from changegate.decision import Decision, Finding, Outcome, Remedy, decide
from changegate.facts import Change, ChangeKind, Facts
from changegate.policy import EffectivePolicy

CHANGE_CONTROLS: Final = (ticket_linked.ID, peer_approved.ID, rollback_plan.ID, checks_passed.ID)
"""The controls that judge each change, in the order of a report's columns."""


def evaluate(facts: Facts, policy: EffectivePolicy) -> Decision:
    """Judge a deploy: first the range as a whole, then every change by every control that the policy has on."""
    return decide([*range_intact.evaluate(facts, policy), *_judge_changes(facts, policy)])


def evaluate_change(change: Change, facts: Facts, policy: EffectivePolicy) -> Iterator[Finding]:
    """Judge one change by every control that is on."""
    rules = policy.controls
    if rules.ticket_linked.enabled:
        yield _of_known(change, ticket_linked.ID) or ticket_linked.evaluate(change, facts, rules.ticket_linked, policy.assurance)
    if rules.peer_approved.enabled:
        yield _of_known(change, peer_approved.ID) or peer_approved.evaluate(change, facts, rules.peer_approved)
    if rules.rollback_plan.enabled:
        yield _of_known(change, rollback_plan.ID) or rollback_plan.evaluate(change, facts, rules.rollback_plan)
    if rules.checks_passed.enabled:
        yield _of_known(change, checks_passed.ID) or checks_passed.evaluate(change, facts, rules.checks_passed)


def _judge_changes(facts: Facts, policy: EffectivePolicy) -> Iterator[Finding]:
    for change in facts.changes:
        yield from evaluate_change(change, facts, policy)


def _of_known(change: Change, control: str) -> Finding | None:
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
            step="bring the commit in by a change of its own, merged to the deployed branch; then run the gate again",
            link=change.url,
        ),
    )
