"""policy-owner-approved: this change may deploy if what it changes of the gate itself was approved by an owner of that."""

from enum import StrEnum
from typing import Final

from changegate.approvals import contributors, judge_reviews
from changegate.codeowners import read_pattern
from changegate.controls.relanding import land_again
from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Assurance, Change, ChangeKind, Facts, Known, Unavailable
from changegate.owner_rules import PolicyOwnerApproved
from changegate.ownership import find_owners, paths_of
from changegate.policy import FILE_NAME, Controls

ID: Final = "policy-owner-approved"
_CODE_OWNERS: Final = ("CODEOWNERS", "docs/CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Every place in which one of the forges looks for it."""
_WORKFLOWS: Final = ".github/workflows/"
_LISTED: Final = 3


class Reason(StrEnum):
    """Why; each is explained in docs/controls/policy-owner-approved.md."""

    UNTOUCHED = "untouched"
    APPROVED = "approved"
    NOT_APPROVED = "not-approved"
    FILES_UNKNOWN = "files-unknown"
    REVIEWS_UNKNOWN = "reviews-unknown"
    OWNER_UNKNOWN = "owner-unknown"


def find_touched(change: Change, facts: Facts, rules: Controls) -> Known[tuple[str, ...]]:
    """What the change touches of the gate: the policy and its calendars, CODEOWNERS, the workflow that runs the gate, and what the policy adds."""
    if isinstance(change.files, Unavailable):
        return change.files
    calendars = (each.path for each in rules.deploy_window.calendars)
    exact = {FILE_NAME, facts.policy_path, _workflow_of(facts), *_CODE_OWNERS, *calendars}
    patterns = [read_pattern(each) for each in rules.policy_owner_approved.paths]
    return tuple(path for path in paths_of(change) if path in exact or any(each.matches(path) for each in patterns))


def _workflow_of(facts: Facts) -> str:
    """The file of the workflow that runs the gate, on GitHub: `owner/name/.github/workflows/deploy.yml@refs/heads/main`."""
    _, found, rest = facts.deployment.run.workflow_ref.partition(f"/{_WORKFLOWS}")
    return _WORKFLOWS + rest.partition("@")[0] if found else ""


def evaluate(change: Change, facts: Facts, rules: Controls) -> Finding:
    """Judge one change.

    1. What it touches must be known; where that is nothing of the gate, nothing is asked.
    2. Approvals that count are those that count for peer-approved: nobody approves what they made, owner or not.
    3. As many of them as the policy asks for are owners'. Where one may be for all that is known, it is unknown.
    """
    own, peers = rules.policy_owner_approved, rules.peer_approved
    touched = find_touched(change, facts, rules)
    if isinstance(touched, Unavailable):
        direct = change.kind is ChangeKind.DIRECT_PUSH
        step = land_again(change, "a change of its own, whose files are listed") if direct else touched.remedy or "run the gate again"
        observed = f"it can't be told whether it touches the policy: {touched.why}"
        return _finding(change, own, Outcome.UNKNOWN, Reason.FILES_UNKNOWN, observed, Remedy(who="the author", step=step, link=change.url))
    if not touched:
        return _finding(change, own, Outcome.NOT_APPLICABLE, Reason.UNTOUCHED, "touches neither the policy nor what runs the gate")
    what = f"touches {_few(touched)}"
    makers = contributors(change, peers)
    if isinstance(change.reviews, Unavailable) or isinstance(change.commits, Unavailable) or makers.unresolved:
        gaps = [each.why for each in (change.reviews, change.commits, *makers.unresolved) if isinstance(each, Unavailable)]
        remedy = Remedy(who="whoever runs the pipeline", step="run the gate again; `peer-approved` says what is missing", link=change.url)
        return _finding(change, own, Outcome.UNKNOWN, Reason.REVIEWS_UNKNOWN, f"{what}; who approved it can't be told: {gaps[0]}", remedy)
    judged = judge_reviews(change, peers)
    approvers = [each.review.reviewer for each in judged if each.standing.counts and not isinstance(each.review.reviewer, Unavailable)]
    found = find_owners(own.owners, facts, approvers)
    if len(found.people) >= own.approvals:
        who = ", ".join(each.login for each in found.people)
        return _finding(change, own, Outcome.PASS, Reason.APPROVED, f"{what}; approved by {who}")
    have = f"{what}; {len(found.people)} of {own.approvals} approvals by an owner" if own.approvals > 1 else f"{what}; no approval by an owner"
    if found.doubts or any(each.standing.unknown for each in judged):
        why = "; ".join(dict.fromkeys(each.why for each in found.doubts)) or "of a review it can't be told whether it counts"
        step = next((each.remedy for each in found.doubts if each.remedy), "") or "ask an owner whose approval counts beyond doubt"
        remedy = Remedy(who="whoever runs the pipeline", step=step, link=change.url)
        return _finding(change, own, Outcome.UNKNOWN, Reason.OWNER_UNKNOWN, f"{have}, as far as can be told: {why}", remedy)
    return _finding(change, own, Outcome.FAIL, Reason.NOT_APPROVED, have, _approve(change, rules))


def _approve(change: Change, rules: Controls) -> Remedy:
    if change.assurance is Assurance.ASSERTED or (change.landed and rules.peer_approved.approved_before == "merge"):
        return Remedy(who="the author, with an owner", step=land_again(change, "an owner's approval before the merge"), link=change.url)
    owners = " or ".join(rules.policy_owner_approved.owners)
    return Remedy(who=owners, role="an owner of the policy", step="approve the final head", link=change.url)


def _few(paths: tuple[str, ...]) -> str:
    return ", ".join(paths[:_LISTED]) + (f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else "")


def _finding(change: Change, own: PolicyOwnerApproved, outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    many = "an approval" if own.approvals == 1 else f"{own.approvals} approvals"
    required = f"what a change touches of the policy, or of what runs the gate, has {many} by its owners: {', '.join(own.owners)}"
    return Finding(control=ID, change=change.id, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)
