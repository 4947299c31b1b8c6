"""The branch that is deployed, and the one that holds the evidence. Pure.

A rule holds where any set of rules says so. Where none of those that can be seen does and one can't be seen, it is unknown.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from changegate.doctor.check import Check, State, good
from changegate.facts import Unavailable
from changegate.settings import Branch, Protection


class Rule(NamedTuple):
    """What a branch should forbid or demand, and how to set it."""

    id: str
    words: str
    holds: Callable[[Protection], bool]
    lacking: State
    why: str
    setting: str


_REVIEWS: Final = "→ Require a pull request before merging"
DEPLOYED: Final = (
    Rule(
        "reviews",
        "requires an approval",
        lambda each: each.pull_request and each.approvals > 0,
        State.BAD,
        "without it anybody with write access puts code on the branch alone; the gate finds it only at the deploy",
        f"{_REVIEWS}; Required approvals: 1 or more",
    ),
    Rule(
        "stale",
        "dismisses approvals that new commits made stale",
        lambda each: each.pull_request and each.dismiss_stale,
        State.WEAK,
        "what was approved can be changed before it is merged; the gate then blocks the deploy, when it is late",
        f"{_REVIEWS} → Dismiss stale pull request approvals when new commits are pushed",
    ),
    Rule(
        "last-push",
        "requires an approval by somebody who did not push last",
        lambda each: each.pull_request and each.last_push,
        State.WEAK,
        "whoever pushes last to another's change can approve their own push",
        f"{_REVIEWS} → Require approval of the most recent reviewable push",
    ),
    Rule(
        "code-owners",
        "requires a review by code owners",
        lambda each: each.pull_request and each.code_owners,
        State.WEAK,
        "the policy and the workflows are then changed only with their owners' consent",
        f"{_REVIEWS} → Require review from Code Owners",
    ),
    Rule(
        "force-push",
        "forbids force pushes",
        lambda each: each.no_force_push,
        State.BAD,
        "a rewritten branch loses the commits that were reviewed; the gate can't judge such a range",
        "→ Block force pushes (in classic branch protection: clear Allow force pushes)",
    ),
    Rule(
        "deletion",
        "forbids its deletion",
        lambda each: each.no_deletion,
        State.BAD,
        "a deleted branch takes its history with it",
        "→ Restrict deletions (in classic branch protection: clear Allow deletions)",
    ),
)
EVIDENCE: Final = (
    DEPLOYED[4]._replace(why="a force push replaces the log; who kept an earlier checkpoint sees that, but the records are gone"),
    DEPLOYED[5]._replace(why="the records are gone with the branch"),
)
_SETTINGS: Final = "Settings → Rules → Rulesets → New branch ruleset, Enforcement: Active, Target branches: {branch} "


def judge_deployed(branch: Branch, url: str) -> Iterator[Check]:
    """The branch that is deployed."""
    for rule in DEPLOYED:
        yield _judge(rule, branch, "branch", url)
    yield _bypass(branch, DEPLOYED, "branch", url)


def judge_evidence(branch: Branch, url: str) -> Iterator[Check]:
    """The branch of the evidence: it only grows, and the gate can push to it."""
    for rule in EVIDENCE:
        yield _judge(rule, branch, "evidence", url)
    yield _bypass(branch, EVIDENCE, "evidence", url)
    why = "the gate pushes to it; where GitHub demands a pull request, nothing is recorded, and nothing deployed"
    demanding = [each.name for each in branch.protections if isinstance(each, Protection) and each.pull_request]
    if demanding:
        observed = f"{branch.name} demands pull requests ({', '.join(demanding)})"
        remedy = f"Settings → Rules → Rulesets → Target branches: exclude {branch.name}, and give it a ruleset of its own without that rule."
        yield Check("evidence-pull-request", "evidence", State.BAD, observed, why, remedy, f"{url}/settings/rules")
        return
    hidden = next((each for each in branch.protections if isinstance(each, Unavailable)), None)
    if hidden is not None:
        yield Check("evidence-pull-request", "evidence", State.UNKNOWN, hidden.why, why, hidden.remedy, f"{url}/settings/rules", important=False)
    else:
        yield good("evidence-pull-request", "evidence", f"{branch.name} can be pushed to without a pull request", why)


def _judge(rule: Rule, branch: Branch, area: str, url: str) -> Check:
    id_ = f"{area}-{rule.id}"
    seen = [each for each in branch.protections if isinstance(each, Protection)]
    hidden = [each for each in branch.protections if isinstance(each, Unavailable)]
    by = [each.name for each in seen if rule.holds(each)]
    if by:
        return good(id_, area, f"{branch.name} {rule.words} ({', '.join(by)})", rule.why)
    if hidden:
        observed = f"nothing that is seen says that {branch.name} {rule.words}: {hidden[0].why}"
        return Check(id_, area, State.UNKNOWN, observed, rule.why, hidden[0].remedy, f"{url}/settings/rules", important=rule.lacking is State.BAD)
    remedy = _SETTINGS.format(branch=branch.name) + rule.setting
    return Check(id_, area, rule.lacking, f"nothing on {branch.name} {rule.words}", rule.why, remedy, f"{url}/settings/rules")


def _bypass(branch: Branch, rules: tuple[Rule, ...], area: str, url: str) -> Check:
    """Who need not obey. A rule that one set leaves open may be closed by another: only a rule that every set leaves open is."""
    why = "a rule binds only those who can't bypass it; a bypass leaves no review behind"
    id_ = f"{area}-bypass"
    seen = [each for each in branch.protections if isinstance(each, Protection) and any(rule.holds(each) for rule in rules)]
    open_: dict[str, None] = {}
    unknown: list[Unavailable] = []
    for rule in rules:
        held = [each for each in seen if rule.holds(each)]
        if any(each.bypass == () for each in held):
            continue
        unknown += [each.bypass for each in held if isinstance(each.bypass, Unavailable)]
        for each in held:
            if not isinstance(each.bypass, Unavailable):
                open_ |= dict.fromkeys(f"{name} ({each.name})" for name in each.bypass)
    unknown += [each for each in branch.protections if isinstance(each, Unavailable)] if not seen else []
    remedy = (
        "Settings → Rules → Rulesets → (the ruleset) → Bypass list: empty it "
        "(in classic branch protection: Do not allow bypassing the above settings)"
    )
    link = f"{url}/settings/rules"
    if open_:
        return Check(id_, area, State.WEAK, f"may bypass the rules of {branch.name}: {', '.join(open_)}", why, remedy, link)
    if unknown:
        return Check(id_, area, State.UNKNOWN, unknown[0].why, why, unknown[0].remedy, link)
    if not seen:
        return Check(id_, area, State.WEAK, f"{branch.name} has no rules that anybody must obey", why, "Set the rules above first.", link)
    return good(id_, area, f"nobody is seen who may bypass the rules of {branch.name}", why)
