"""peer-approved: this change may deploy if somebody who didn't write it approved it, in time, as it landed."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from changegate.approvals import Contributors, Judged, Standing, contributors, judge_reviews
from changegate.controls.relanding import land_again
from changegate.decision import Finding, Outcome, Remedy
from changegate.exemption import find_exempt_bot
from changegate.facts import Assurance, Change, ChangeKind, Commit, Facts, Identity, Review, ReviewState, Unavailable
from changegate.ownership import Lack, find_gaps
from changegate.policy import PeerApproved

ID: Final = "peer-approved"


class Reason(StrEnum):
    """Why; each is explained in docs/controls/peer-approved.md."""

    APPROVED = "approved"
    NOT_APPROVED = "not-approved"
    SELF_APPROVED = "self-approved"
    BOT_APPROVED = "bot-approved"
    READER_APPROVED = "reader-approved"
    STALE_APPROVAL = "stale-approval"
    LATE_APPROVAL = "late-approval"
    DISMISSED_APPROVAL = "dismissed-approval"
    TOO_FEW_APPROVALS = "too-few-approvals"
    CHANGES_REQUESTED = "changes-requested"
    DIRECT_PUSH = "direct-push"
    TEAM_NOT_APPROVED = "team-not-approved"
    OWNER_NOT_APPROVED = "owner-not-approved"
    EXEMPT_BOT = "exempt-bot"
    NEWER_BASE = "newer-base"
    MERGED_BY_HAND = "merged-by-hand"
    LANDED_DIFFERS = "landed-differs"
    REVIEWS_UNKNOWN = "reviews-unknown"
    REVIEWER_UNKNOWN = "reviewer-unknown"
    CONTRIBUTOR_UNKNOWN = "contributor-unknown"
    COMMITS_UNKNOWN = "commits-unknown"
    TEAM_UNKNOWN = "team-unknown"
    OWNER_UNKNOWN = "owner-unknown"


_REJECTED: Final = (
    # The nearest miss first: what needs least to be mended says most about what to do.
    (Standing.LATE, Reason.LATE_APPROVAL),
    (Standing.STALE, Reason.STALE_APPROVAL),
    (Standing.BEFORE_RETARGET, Reason.STALE_APPROVAL),
    (Standing.BEFORE_FORCE_PUSH, Reason.STALE_APPROVAL),
    (Standing.BY_READER, Reason.READER_APPROVED),
    (Standing.DISMISSED, Reason.DISMISSED_APPROVAL),
    (Standing.BY_CONTRIBUTOR, Reason.SELF_APPROVED),
    (Standing.BY_BOT, Reason.BOT_APPROVED),
)
_WHO: Final = {
    Standing.BY_CONTRIBUTOR: "who made it",
    Standing.BY_BOT: "which is a bot",
    Standing.BY_READER: "who may not write to the repository",
}
_LACKS: Final = {
    Lack.TEAM: Reason.TEAM_NOT_APPROVED,
    Lack.OWNER: Reason.OWNER_NOT_APPROVED,
    Lack.TEAM_UNKNOWN: Reason.TEAM_UNKNOWN,
    Lack.OWNER_UNKNOWN: Reason.OWNER_UNKNOWN,
}
_PEER: Final = "a peer: someone who didn't write it"
_APPROVE: Final = "approve the final head"
_RETRY: Final = "run the gate again; if it stays, give the token read access to pull requests and contents"


def evaluate(change: Change, facts: Facts, rules: PeerApproved) -> Finding:
    """Judge one change.

    1. A commit that no change of its own brought fails by name.
    2. Commits or reviews that couldn't be read wholly are unknown.
    3. Requested changes stand in the way until withdrawn or dismissed.
    4. Enough approvals must count (`changegate.approvals`), and every contributor must be known, or an approval may be the author's own.
       What a bot made that the policy exempts (`changegate.exemption`) needs none.
    5. Among them must be those of the required teams and code owners, where the policy asks for them (`changegate.ownership`).
    6. What landed must be what was reviewed.
    """
    judged = judge_reviews(change, rules)
    makers = contributors(change, rules)
    counting = [each for each in judged if each.standing.counts]
    if change.kind is ChangeKind.DIRECT_PUSH:
        observed = f"pushed to the branch by {_name(change.author)} without a change of its own"
        return _fail(change, rules, Reason.DIRECT_PUSH, observed, _land_again(change))
    if isinstance(change.commits, Unavailable) or not change.commits:
        why = change.commits.why if isinstance(change.commits, Unavailable) else "the forge lists no commits for it"
        return _unknown(change, rules, Reason.COMMITS_UNKNOWN, f"its commits can't be read: {why}", _RETRY)
    if isinstance(change.reviews, Unavailable):
        return _unknown(change, rules, Reason.REVIEWS_UNKNOWN, f"its reviews can't be read: {change.reviews.why}", change.reviews.remedy or _RETRY)
    requests = [each for each in judged if each.standing is Standing.CHANGES_REQUESTED]
    if requests:
        return _requested(change, rules, requests)
    unknown = [each for each in judged if each.standing.unknown]
    requested = any(each.review.state is ReviewState.CHANGES_REQUESTED for each in unknown)
    bot = find_exempt_bot(change, rules.exempt_bots) if len(counting) < rules.approvals else None
    if bot is not None and not requested:
        exempt = f"made by {bot.login} alone ({bot.key}), every commit verified: the policy exempts it"
        return _lacking(change, facts, rules, judged, makers) or _landed(change, facts, rules, exempt, Reason.EXEMPT_BOT)
    if requested or len(counting) < rules.approvals <= len(counting) + len(unknown):
        observed = "; ".join(_describe(each, change) for each in unknown)
        return _unknown(change, rules, Reason.REVIEWER_UNKNOWN, observed, _ask_somebody(change, rules, makers))
    if len(counting) < rules.approvals:
        return _too_few(change, rules, judged, counting, makers)
    if makers.unresolved:
        return _contributor_unknown(change, rules, makers)
    return _lacking(change, facts, rules, judged, makers) or _landed(
        change, facts, rules, "; ".join(_describe(each, change) for each in counting), Reason.APPROVED
    )


def look_behind(finding: Finding, change: Change, facts: Facts, rules: PeerApproved) -> Finding:
    """What stands behind a failure of this control, should an exception lift it: without enough approvals nobody has compared what landed.

    The finding itself where that is in order; else one that says that it can't be told what landed, which nothing lifts.
    """
    if finding.outcome is not Outcome.FAIL or not change.landed:
        return finding
    behind = _landed(change, facts, rules, finding.observed, Reason.APPROVED)
    return behind if behind.outcome is Outcome.UNKNOWN else finding


def _requested(change: Change, rules: PeerApproved, requests: list[Judged]) -> Finding:
    names = _names(each.review.reviewer for each in requests)
    step = "answer the requested changes; then the reviewer approves, or somebody who may dismisses the review"
    if _too_late(change, rules):
        step = f"where other approvals are enough, somebody who may dismisses the review; else {_land_again(change).step}"
    remedy = Remedy(who=names, step=step, link=change.url)
    return _fail(change, rules, Reason.CHANGES_REQUESTED, f"changes requested by {names}, and not withdrawn", remedy)


def _contributor_unknown(change: Change, rules: PeerApproved, makers: Contributors) -> Finding:
    why = "; ".join(each.why for each in makers.unresolved)
    again = "make the commit again under an account's address"
    if change.landed:
        again = land_again(change, "commits whose authors are known")
    asserted = change.assurance is Assurance.ASSERTED
    step = again if asserted else f"link the commit's e-mail address to an account on the forge, or {again}"
    return _unknown(change, rules, Reason.CONTRIBUTOR_UNKNOWN, f"somebody who made it can't be told apart from its approvers: {why}", step)


def _lacking(change: Change, facts: Facts, rules: PeerApproved, judged: tuple[Judged, ...], makers: Contributors) -> Finding | None:
    """What the approvals that count leave open. An approval that may count for all that is known may be the one that is missing."""
    counting = [each.review.reviewer for each in judged if each.standing.counts]
    approvers = [person for person in counting if not isinstance(person, Unavailable)]
    gaps = find_gaps(change, facts, rules, approvers)
    if not gaps:
        return None
    approved = f"approved by {_names(approvers)}"
    unknown = [gap for gap in gaps if gap.lack.unknown]
    doubtful = [_describe(each, change) for each in judged if each.standing.unknown]
    if not unknown and not doubtful:
        who = " and ".join(dict.fromkeys(gap.who for gap in gaps))
        observed = "; ".join([approved, *(gap.observed for gap in gaps)])
        return _fail(change, rules, _LACKS[gaps[0].lack], observed, _approve_remedy(change, rules, who, role="those who are asked for"))
    reason = _LACKS[unknown[0].lack] if unknown else Reason.REVIEWER_UNKNOWN
    step = unknown[0].step if unknown and unknown[0].step else _ask_somebody(change, rules, makers)
    return _unknown(change, rules, reason, "; ".join([approved, *(gap.observed for gap in gaps), *doubtful]), step)


def _approve_remedy(change: Change, rules: PeerApproved, who: str, role: str) -> Remedy:
    if _too_late(change, rules):
        return _land_again(change)
    return Remedy(who=who, role=role, step=_APPROVE, link=change.url)


def _too_late(change: Change, rules: PeerApproved) -> bool:
    """Whether an approval given now would not count any more."""
    return change.assurance is Assurance.ASSERTED or (bool(change.landed) and rules.approved_before == "merge")


def _land_again(change: Change) -> Remedy:
    lack = "the reviewer's Reviewed-by: trailer" if change.assurance is Assurance.ASSERTED else "a peer's approval before the merge"
    return Remedy(who="the author, with a reviewer", step=land_again(change, lack))


def _ask_somebody(change: Change, rules: PeerApproved, makers: Contributors) -> str:
    return _land_again(change).step if _too_late(change, rules) else f"ask {_others(makers)} to approve the final head"


def _too_few(change: Change, rules: PeerApproved, judged: tuple[Judged, ...], counting: list[Judged], makers: Contributors) -> Finding:
    remedy = _approve_remedy(change, rules, _others(makers), _PEER)
    if counting:
        observed = f"{len(counting)} of {rules.approvals} approvals: " + "; ".join(
            _describe(each, change) for each in judged if each.standing is not Standing.COMMENT
        )
        return _fail(change, rules, Reason.TOO_FEW_APPROVALS, observed, remedy)
    for standing, reason in _REJECTED:
        matching = [each for each in judged if each.standing is standing]
        if matching:
            return _fail(change, rules, reason, "; ".join(_describe(each, change) for each in matching), remedy)
    return _fail(change, rules, Reason.NOT_APPROVED, "no approval", remedy)


def _landed(change: Change, facts: Facts, rules: PeerApproved, approved: str, good: Reason) -> Finding:
    """Compare what landed with what was approved (approval says nothing about content that came in by the merge)."""
    if change.kind is not ChangeKind.PULL_REQUEST:
        return _finding(change, rules, Outcome.PASS, good, approved)
    if not change.landed:
        return _would_land(change, facts, rules, approved, good)
    if isinstance(change.head_tree, Unavailable):
        return _unknown(change, rules, Reason.LANDED_DIFFERS, f"the reviewed content can't be read: {change.head_tree.why}", _RETRY)
    in_range = {commit.sha: commit for commit in facts.range.commits}
    landed = [in_range[sha] for sha in change.landed if sha in in_range]
    if len(landed) < len(change.landed):
        return _unknown(change, rules, Reason.LANDED_DIFFERS, "what landed is not all in the range that is deployed", _RETRY)
    tip = landed[-1]
    first = tip if len(tip.parents) > 1 else landed[0]
    moved = not first.parents or first.parents[0] not in _built_on(change)
    if moved and len(tip.parents) > 1 and not (tip.by_forge or tip.clean):
        observed = f"merged onto a newer base by hand ({tip.sha[:10]}), and such a merge may hold anything"
        step = f"compare it with a merge by the forge; {land_again(change, 'a merge by the forge (button, queue or API)')}"
        return _unknown(change, rules, Reason.MERGED_BY_HAND, observed, step)
    if tip.tree == change.head_tree:
        return _finding(change, rules, Outcome.PASS, good, approved)
    if moved:
        if rules.newer_base == "allow":
            return _finding(change, rules, Outcome.PASS, Reason.NEWER_BASE, f"{approved}; merged onto a newer base")
        step = land_again(change, "an approval of what it is on the newest base: bring it up to date, then have it approved, then merge it")
        observed = f"{approved}; but merged onto a newer base than the one that was reviewed"
        return _fail(change, rules, Reason.NEWER_BASE, observed, Remedy(who="the author", step=step, link=change.url))
    observed = f"what landed ({tip.sha[:10]}) differs from what was approved ({_short(change.head)}), although its base had not moved"
    return _unknown(change, rules, Reason.LANDED_DIFFERS, observed, f"compare the two; {land_again(change, 'all of its content approved')}")


def _would_land(change: Change, facts: Facts, rules: PeerApproved, approved: str, good: Reason) -> Finding:
    """The same of an open change: merged now, it would land on the tip of its target, at which the range begins."""
    if facts.range.base in _built_on(change):
        return _finding(change, rules, Outcome.PASS, good, approved)
    if rules.newer_base == "allow":
        return _finding(change, rules, Outcome.PASS, Reason.NEWER_BASE, f"{approved}; to be merged onto a newer base")
    step = "bring it up to date with the branch that it goes to, then have it approved again, then merge it"
    observed = f"{approved}; but its base has moved: it would be merged onto a newer one than the one that was reviewed"
    return _fail(change, rules, Reason.NEWER_BASE, observed, Remedy(who="the author", step=step, link=change.url))


def _built_on(change: Change) -> set[str]:
    """The commits on which the reviewed head was built."""
    commits: tuple[Commit, ...] = change.commits if not isinstance(change.commits, Unavailable) else ()
    return {parent for commit in commits for parent in commit.parents} - {commit.sha for commit in commits}


def _finding(change: Change, rules: PeerApproved, outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    many = "an approval" if rules.approvals == 1 else f"{rules.approvals} approvals"
    required = f"{many} of the final head, before the {rules.approved_before}, by somebody who didn't write it"
    required += "".join(f", with a member of {team}" for team in rules.required_teams) + (", with the code owners" if rules.code_owners else "")
    return Finding(control=ID, change=change.id, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)


def _fail(change: Change, rules: PeerApproved, reason: Reason, observed: str, remedy: Remedy) -> Finding:
    linked = remedy if remedy.link else remedy.model_copy(update={"link": change.url})
    return _finding(change, rules, Outcome.FAIL, reason, observed, linked)


def _unknown(change: Change, rules: PeerApproved, reason: Reason, observed: str, step: str) -> Finding:
    return _finding(change, rules, Outcome.UNKNOWN, reason, observed, Remedy(who="whoever runs the pipeline", step=step, link=change.url))


def _describe(judged: Judged, change: Change) -> str:
    review = judged.review
    who, on = _name(review.reviewer), _short(review.commit)
    if judged.standing in _WHO:
        return f"approved by {who}, {_WHO[judged.standing]}"
    match judged.standing:
        case Standing.COUNTS:
            return f"approved by {who} on {on}"
        case Standing.POST_MERGE:
            return f"approved by {who} on {on}, post-merge"
        case Standing.STALE:
            return f"approved by {who} on {on}, {_pushed_since(review.commit, change)}"
        case Standing.BEFORE_FORCE_PUSH:
            return f"approved by {who} before the last force-push"
        case Standing.BEFORE_RETARGET:
            return f"approved by {who}, then {_base_changed(review, change)}"
        case Standing.LATE:
            return f"approved by {who} only after the merge"
        case Standing.DISMISSED:
            return f"the review by {who} was dismissed"
        case _:
            return f"{review.state.value.replace('-', ' ')} by {who}: {judged.standing.value.replace('-', ' ')}"


def _pushed_since(reviewed: str | Unavailable, change: Change) -> str:
    if isinstance(change.commits, Unavailable):
        return "then the head moved"
    shas = [commit.sha for commit in change.commits]
    if reviewed not in shas:
        return "which is no longer part of the change"
    after = change.commits[shas.index(reviewed) + 1 :]
    many = "1 commit" if len(after) == 1 else f"{len(after)} commits"
    return f"then {many} pushed by {_names(commit.author for commit in after)}"


def _base_changed(review: Review, change: Change) -> str:
    """What happened to the base after the approval: the last that can be named."""
    bases = () if isinstance(change.retargeted, Unavailable) else change.retargeted
    since = [each for each in bases if isinstance(review.submitted_at, Unavailable) or review.submitted_at <= each.at]
    named = [each for each in since if each.before or each.after]
    if not named:
        return "its base was changed"
    before, after = named[0].before, named[-1].after
    if all(each.before == each.after for each in named):
        return f"the base {after} was rewritten"
    return f"the base was changed from {before} to {after}"


def _others(makers: Contributors) -> str:
    return f"someone other than {_names(makers.known)}" if makers.known else "someone who didn't write it"


def _names(people: Iterable[Identity | Unavailable]) -> str:
    return " and ".join(dict.fromkeys(_name(person) for person in people)) or "nobody"


def _name(person: Identity | Unavailable) -> str:
    return "somebody unknown" if isinstance(person, Unavailable) else person.login


def _short(sha: str | Unavailable) -> str:
    return "an unknown commit" if isinstance(sha, Unavailable) else sha[:10]
