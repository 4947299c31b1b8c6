"""duties-separated: this change may deploy if whoever deploys it neither wrote it nor gave the approval that it needs."""

from enum import StrEnum
from typing import Final

from changegate.approvals import contributors, judge_reviews
from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Change, Facts, Identity, TicketKind, Unavailable
from changegate.policy import Controls, DutiesSeparated

ID: Final = "duties-separated"


class Reason(StrEnum):
    """Why; each is explained in docs/controls/duties-separated.md."""

    SEPARATED = "separated"
    DEPLOYER_WROTE = "deployer-wrote"
    DEPLOYER_APPROVED = "deployer-approved"
    DEPLOYER_UNKNOWN = "deployer-unknown"
    AUTHORS_UNKNOWN = "authors-unknown"
    REQUESTER_WROTE = "requester-wrote"
    REQUESTER_APPROVED = "requester-approved"
    REQUESTER_DEPLOYS = "requester-deploys"
    REQUESTER_UNKNOWN = "requester-unknown"


def evaluate(change: Change, facts: Facts, rules: Controls) -> Finding:
    """Judge one change. Who deploys is who started the pipeline, as the CI says; approvals are those that count for peer-approved.

    A deployer who approved stands in nobody's way while enough others did.
    """
    own = rules.duties_separated
    deployer = facts.deployment.deployer
    if not isinstance(deployer, Identity):
        why = deployer.why if isinstance(deployer, Unavailable) else "no CI says so"
        remedy = Remedy(who="whoever runs the pipeline", step="run the gate in the job that deploys, started by a person")
        return _finding(change, own, Outcome.UNKNOWN, Reason.DEPLOYER_UNKNOWN, f"it can't be told who deploys: {why}", remedy)
    if "author" in own.deployer_is_not:
        makers = contributors(change, rules.peer_approved)
        if makers.include(deployer):
            return _fail(change, own, Reason.DEPLOYER_WROTE, f"{deployer.login} deploys, and made it or a part of it", "somebody who made none of it")
        if makers.unresolved or isinstance(change.commits, Unavailable):
            remedy = Remedy(who="the author", step="link the commits' e-mail addresses to accounts on the forge", link=change.url)
            observed = "it can't be told whether the deployer made any of it: " + "; ".join(each.why for each in makers.unresolved)
            return _finding(change, own, Outcome.UNKNOWN, Reason.AUTHORS_UNKNOWN, observed.removesuffix(": "), remedy)
    if "approver" in own.deployer_is_not:
        counting = [each.review.reviewer for each in judge_reviews(change, rules.peer_approved) if each.standing.counts]
        others = [each for each in counting if isinstance(each, Identity) and not deployer.keys & each.keys]
        if len(others) < len(counting) and len(others) < rules.peer_approved.approvals:
            observed = f"{deployer.login} deploys, and gave an approval that it needs"
            return _fail(change, own, Reason.DEPLOYER_APPROVED, observed, "somebody who approved none of it")
    return _judge_requesters(change, deployer, rules) or _finding(change, own, Outcome.PASS, Reason.SEPARATED, f"deployed by {deployer.login}")


def _judge_requesters(change: Change, deployer: Identity, rules: Controls) -> Finding | None:
    """Who opened its tickets on the forge, each of them, is none of what the policy names."""
    own = rules.duties_separated
    if not own.requester_is_not:
        return None
    tickets = () if isinstance(change.tickets, Unavailable) else [each for each in change.tickets if each.kind is TicketKind.ISSUE]
    opened = [each.requested_by for each in tickets]
    people = [each for each in opened if isinstance(each, Identity)]
    makers = contributors(change, rules.peer_approved)
    for person in people:
        asked = f"{person.login} opened its ticket"
        if "deployer" in own.requester_is_not and deployer.keys & person.keys:
            return _fail(change, own, Reason.REQUESTER_DEPLOYS, f"{asked}, and deploys", "somebody who didn't ask for it")
        if "author" in own.requester_is_not and makers.include(person):
            return _fail(
                change, own, Reason.REQUESTER_WROTE, f"{asked}, and made it or a part of it", "somebody who asks for it, by a ticket of their own"
            )
    if "approver" in own.requester_is_not and people:
        counting = [each.review.reviewer for each in judge_reviews(change, rules.peer_approved) if each.standing.counts]
        others = [each for each in counting if isinstance(each, Identity) and not any(each.keys & person.keys for person in people)]
        if len(others) < len(counting) and len(others) < rules.peer_approved.approvals:
            observed = "who opened its ticket gave an approval that it needs"
            remedy = Remedy(who="somebody who didn't ask for it", step="approve the final head of the change", link=change.url)
            return _finding(change, own, Outcome.FAIL, Reason.REQUESTER_APPROVED, observed, remedy)
    if not people or len(people) < len(opened):
        gap = next((each.why for each in opened if isinstance(each, Unavailable)), "no ticket of the forge says so")
        remedy = Remedy(who="the author", step="link the issue by which it was asked for, opened by an account that is there", link=change.url)
        return _finding(change, own, Outcome.UNKNOWN, Reason.REQUESTER_UNKNOWN, f"it can't be told who asked for it: {gap}", remedy)
    return None


def _fail(change: Change, own: DutiesSeparated, reason: Reason, observed: str, who: str) -> Finding:
    return _finding(change, own, Outcome.FAIL, reason, observed, Remedy(who=who, step="start the deploy, as a run of their own", link=change.url))


def _finding(change: Change, own: DutiesSeparated, outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = f"deployed by somebody who is not its {' nor its '.join(own.deployer_is_not)}"
    return Finding(control=ID, change=change.id, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)
