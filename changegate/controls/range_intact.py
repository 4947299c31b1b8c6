"""range-intact: this deploy may go if it is known what it brings, all of it, on the word of a source that the policy takes."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Facts, RangeOutcome
from changegate.policy import EffectivePolicy

ID: Final = "range-intact"


class Reason(StrEnum):
    """Why; each is explained in docs/controls/range-intact.md."""

    AHEAD = "ahead"
    FIRST_DEPLOY = "first-deploy"
    REDEPLOY = "redeploy"
    ROLLBACK = "rollback"
    NEVER_DEPLOYED = "never-deployed"
    REWRITTEN = "rewritten"
    COMMITS_UNACCOUNTED = "commits-unaccounted"
    ASSURANCE_TOO_LOW = "assurance-too-low"


def evaluate(facts: Facts, policy: EffectivePolicy) -> Iterator[Finding]:
    """Judge the range as a whole: history intact, every commit in exactly one change, every change vouched for as the policy demands."""
    found = facts.range
    reason = Reason(found.outcome.value)
    if found.outcome is RangeOutcome.REWRITTEN:
        step = (
            "deploy a commit that holds everything deployed now; or, if the branch was rewritten on purpose, record why and start from a new baseline"
        )
        observed = (
            f"{_short(found.base)}, which is deployed now, is no ancestor of {_short(found.head)}: history was rewritten, or this is another branch"
        )
        yield _finding(Outcome.FAIL, reason, observed, Remedy(who="whoever runs the pipeline", step=step, link=found.base_url))
        return
    if found.outcome is RangeOutcome.ROLLBACK and found.head not in {version.commit for version in facts.deployed}:
        observed = f"{_short(found.head)} lies before {_short(found.base)}, which is deployed now, but nothing says that it was ever deployed here"
        step = "go back to a version that was deployed; or have it judged: --base with the last deployed version before it"
        yield _finding(Outcome.FAIL, Reason.NEVER_DEPLOYED, observed, Remedy(who="whoever runs the pipeline", step=step, link=found.base_url))
        return
    landed = Counter(sha for change in facts.changes for sha in change.landed)
    odd = [commit.sha for commit in found.commits if landed[commit.sha] != 1] + sorted(landed.keys() - {commit.sha for commit in found.commits})
    if odd:
        observed = f"{len(odd)} of {len(found.commits)} commits are not in exactly one change, the first is {_short(odd[0])}"
        yield _finding(
            Outcome.UNKNOWN,
            Reason.COMMITS_UNACCOUNTED,
            observed,
            Remedy(who="whoever runs the pipeline", step="run the gate again; if it stays, report it"),
        )
        return
    weak = [level for level in (found.assurance, *(change.assurance for change in facts.changes)) if not level.meets(policy.assurance)]
    if weak:
        observed = (
            f"the range and its {len(facts.changes)} changes are only {weak[0].value}, by commit trailers that anybody with push access can write"
        )
        step = f"let the gate ask the forge's API (--forge), which gives the assurance '{policy.assurance.value}'"
        required = f"facts with the assurance '{policy.assurance.value}'"
        remedy = Remedy(who="whoever runs the pipeline", step=step)
        yield _finding(Outcome.FAIL, Reason.ASSURANCE_TOO_LOW, observed, remedy).model_copy(update={"required": required})
        return
    yield _finding(Outcome.PASS, reason, _observe(facts))


def _observe(facts: Facts) -> str:
    found = facts.range
    base, head = _short(found.base), _short(found.head)
    match found.outcome:
        case RangeOutcome.REDEPLOY:
            return f"{head} is deployed already"
        case RangeOutcome.ROLLBACK:
            return f"back from {base} to {head}, which takes {_count(len(found.removed), 'commit')} away"
        case RangeOutcome.FIRST_DEPLOY:
            return f"first deploy, from the given baseline {base}: {_count(len(found.commits), 'commit')} in {_count(len(facts.changes), 'change')}"
        case _:
            return f"{_count(len(found.commits), 'commit')} in {_count(len(facts.changes), 'change')} since {base}"


def _finding(outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = "the deployed commit is an ancestor of the one to deploy, and every commit between them belongs to one change"
    return Finding(control=ID, change=None, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)


def _short(sha: str) -> str:
    return sha[:10]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
