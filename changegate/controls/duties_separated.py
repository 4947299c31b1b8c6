"""duties-separated: this change may deploy if whoever deploys it neither wrote it nor gave the approval that it needs."""

from enum import StrEnum
from typing import Final

from changegate.approvals import contributors, judge_reviews
from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Change, Facts, Identity, Unavailable
from changegate.policy import Controls, DutiesSeparated

ID: Final = "duties-separated"


class Reason(StrEnum):
    """Why; each is explained in docs/controls/duties-separated.md."""

    SEPARATED = "separated"
    DEPLOYER_WROTE = "deployer-wrote"
    DEPLOYER_APPROVED = "deployer-approved"
    DEPLOYER_UNKNOWN = "deployer-unknown"
    AUTHORS_UNKNOWN = "authors-unknown"


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
    return _finding(change, own, Outcome.PASS, Reason.SEPARATED, f"deployed by {deployer.login}")


def _fail(change: Change, own: DutiesSeparated, reason: Reason, observed: str, who: str) -> Finding:
    return _finding(change, own, Outcome.FAIL, reason, observed, Remedy(who=who, step="start the deploy, as a run of their own", link=change.url))


def _finding(change: Change, own: DutiesSeparated, outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = f"deployed by somebody who is not its {' nor its '.join(own.deployer_is_not)}"
    return Finding(control=ID, change=change.id, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)
