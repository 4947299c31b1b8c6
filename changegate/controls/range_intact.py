"""range-intact: this deploy may go if it is known what it brings, all of it, on the word of a source that the policy takes."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import BaseSource, DeployRange, Facts, RangeOutcome
from changegate.policy import EffectivePolicy, Rewrite

ID: Final = "range-intact"


class Reason(StrEnum):
    """Why; each is explained in docs/controls/range-intact.md."""

    AHEAD = "ahead"
    FIRST_DEPLOY = "first-deploy"
    REDEPLOY = "redeploy"
    ROLLBACK = "rollback"
    NEVER_DEPLOYED = "never-deployed"
    REWRITTEN = "rewritten"
    REWRITE_ACCEPTED = "rewrite-accepted"
    COMMITS_UNACCOUNTED = "commits-unaccounted"
    ASSURANCE_TOO_LOW = "assurance-too-low"


def evaluate(facts: Facts, policy: EffectivePolicy) -> Iterator[Finding]:
    """Judge the range as a whole: history intact, every commit in exactly one change, every change vouched for as the policy demands."""
    found = facts.range
    reason = Reason(found.outcome.value)
    accepted = _find_accepted(found, policy)
    if found.outcome is RangeOutcome.REWRITTEN and accepted is None:
        observed = (
            f"{_short(found.base)}, which is deployed now, is no ancestor of {_short(found.head)}: history was rewritten, or this is another branch"
        )
        yield _finding(Outcome.FAIL, reason, observed, _accept_rewrite(found))
        return
    if found.outcome is RangeOutcome.ROLLBACK and found.head not in {version.commit for version in facts.deployed}:
        observed = f"{_short(found.head)} lies before {_short(found.base)}, which is deployed now, but nothing says that it was ever deployed here"
        step = "go back to a version that was deployed; or have it judged: --base with the last deployed version before it"
        yield _finding(Outcome.FAIL, Reason.NEVER_DEPLOYED, observed, Remedy(who="whoever runs the pipeline", step=step, link=found.base_url))
        return
    landed = Counter(sha for change in facts.changes for sha in change.landed)
    odd = [commit.sha for commit in found.commits if landed[commit.sha] != 1] + sorted(landed.keys() - {commit.sha for commit in found.commits})
    if odd:
        observed = f"{len(odd)} of {_count(len(found.commits), 'commit')}: not in exactly one change, the first is {_short(odd[0])}"
        yield _finding(
            Outcome.UNKNOWN,
            Reason.COMMITS_UNACCOUNTED,
            observed,
            Remedy(who="whoever runs the pipeline", step="run the gate again; if it stays, report it"),
        )
        return
    weak = [level for level in (found.assurance, *(change.assurance for change in facts.changes)) if not level.meets(policy.assurance)]
    if weak:
        amount = _count(len(facts.changes), "change")
        observed = f"the range ({amount}) is only {weak[0].value}, by commit trailers that anybody with push access can write"
        step = f"let the gate ask the forge's API (--forge), which gives the assurance '{policy.assurance.value}'"
        required = f"facts with the assurance '{policy.assurance.value}'"
        remedy = Remedy(who="whoever runs the pipeline", step=step)
        yield _finding(Outcome.FAIL, Reason.ASSURANCE_TOO_LOW, observed, remedy).model_copy(update={"required": required})
        return
    if accepted is not None:
        observed = f"{_observe(facts)}; accepted by the policy: {accepted.reason}"
        yield _finding(Outcome.PASS, Reason.REWRITE_ACCEPTED, observed)
        return
    yield _finding(Outcome.PASS, reason, _observe(facts))


def _find_accepted(found: DeployRange, policy: EffectivePolicy) -> Rewrite | None:
    """The policy's exception for exactly this: from what is deployed, to a commit that it brings. All of that must be known, to be judged."""
    brought = {commit.sha for commit in found.commits}
    if found.outcome is not RangeOutcome.REWRITTEN or found.head not in brought:
        return None
    return next((each for each in policy.rewrites if each.was == found.base and each.to in brought), None)


def _accept_rewrite(found: DeployRange) -> Remedy:
    if found.base_source is BaseSource.OPTION:
        return Remedy(who="whoever runs the pipeline", step="give --base the commit that runs there now, or one before it")
    if found.head not in {commit.sha for commit in found.commits}:
        step = (
            "what lies between them can't be seen. Push what is deployed again "
            f"(git push origin {found.base}:refs/heads/deployed-before) and run the gate again; "
            "if nobody has it any more, or the two have no commit in common, start a new environment name with --base"
        )
        return Remedy(who="whoever runs the pipeline", step=step, link=found.base_url)
    entry = f"{{from: {found.base}, to: {found.head}, reason: why it was rewritten}}"
    step = (
        "deploy a commit that holds what is deployed. Or, if it was rewritten on purpose, have this reviewed and added to the policy: "
        f"`rewrites: [{entry}]`; where the policy lies in this repository, on a branch from the deployed commit, and give it by "
        "--policy COMMIT:.changegate.yml. Then all that the new branch brings is judged"
    )
    return Remedy(who="whoever owns the policy", step=step, link=found.base_url)


def _observe(facts: Facts) -> str:
    found = facts.range
    base, head = _short(found.base), _short(found.head)
    amount = f"{_count(len(found.commits), 'commit')} in {_count(len(facts.changes), 'change')}"
    match found.outcome:
        case RangeOutcome.REDEPLOY:
            return f"{head} is deployed already"
        case RangeOutcome.ROLLBACK:
            return f"back from {base} to {head}, which takes {_count(len(found.removed), 'commit')} away"
        case RangeOutcome.FIRST_DEPLOY:
            return f"first deploy, from the given baseline {base}: {amount}"
        case RangeOutcome.REWRITTEN:
            return (
                f"history was rewritten from {base} to {head}: {amount} brought, {_count(len(found.removed), 'commit')} of what was deployed left out"
            )
        case _:
            return f"{amount} since {base}"


def _finding(outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = "the deployed commit is an ancestor of the one to deploy, and every commit between them belongs to one change"
    return Finding(control=ID, change=None, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def _short(sha: str) -> str:
    return sha[:10]
