"""The controls: facts and policy in, findings out. One file each, under a permanent id.

A control's id completes "this change may deploy if …" and names it in the policy, the report, the record and the documentation.
"""

from collections.abc import Callable, Iterator
from typing import Final

from changegate.controls import checks_passed, peer_approved, range_intact, rollback_plan, ticket_linked
from changegate.decision import Decision, Finding, Outcome, Remedy, decide
from changegate.facts import Change, ChangeKind, Facts
from changegate.policy import EffectivePolicy
from changegate.undone import find_undone

CHANGE_CONTROLS: Final = (ticket_linked.ID, peer_approved.ID, rollback_plan.ID, checks_passed.ID)
"""The controls that judge each change, in the order of a report's columns."""


def evaluate(facts: Facts, policy: EffectivePolicy) -> Decision:
    """Judge a deploy: first the range as a whole, then every change by every control that the policy has on."""
    undone = find_undone(facts)
    findings = [*range_intact.evaluate(facts, policy)]
    for change in facts.changes:
        findings += evaluate_change(change, facts, policy, undone_by=undone.get(change.id))
    return decide(findings)


def evaluate_change(change: Change, facts: Facts, policy: EffectivePolicy, *, undone_by: str | None = None) -> Iterator[Finding]:
    """Judge one change by every control that is on. `undone_by`: the commit that made an end of all its content (`find_undone`)."""
    rules = policy.controls
    judges: tuple[tuple[str, bool, Callable[[], Finding]], ...] = (
        (ticket_linked.ID, rules.ticket_linked.enabled, lambda: ticket_linked.evaluate(change, facts, rules.ticket_linked, policy.assurance)),
        (peer_approved.ID, rules.peer_approved.enabled, lambda: peer_approved.evaluate(change, facts, rules.peer_approved)),
        (rollback_plan.ID, rules.rollback_plan.enabled, lambda: rollback_plan.evaluate(change, facts, rules.rollback_plan)),
        (checks_passed.ID, rules.checks_passed.enabled, lambda: checks_passed.evaluate(change, facts, rules.checks_passed)),
    )
    for control, enabled, judge in judges:
        if enabled:
            yield _undone(change, control, undone_by) if undone_by else _of_unknown(change, control) or judge()


def _undone(change: Change, control: str, by: str) -> Finding:
    return Finding(
        control=control,
        change=change.id,
        outcome=Outcome.NOT_APPLICABLE,
        reason="undone",
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
            step="bring the commit in by a change of its own, merged to the deployed branch; then run the gate again",
            link=change.url,
        ),
    )
