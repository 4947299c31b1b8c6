"""Who approved what: every review of a change with its standing.

The rules, and why each is there, are in docs/controls/peer-approved.md. Facts in, values out; nothing is looked up.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from changegate.facts import Assurance, Change, Identity, IdentityKind, Known, Missing, Review, ReviewState, Unavailable
from changegate.policy import PeerApproved


class Standing(StrEnum):
    """What one review is worth."""

    COUNTS = "counts"
    POST_MERGE = "post-merge"
    """Counts, because the policy takes approvals of the final head until the deploy."""
    CHANGES_REQUESTED = "changes-requested"
    """Stands in the way until its author approves or it is dismissed."""
    # It doesn't count:
    SUPERSEDED = "superseded"
    DISMISSED = "dismissed"
    COMMENT = "comment"
    BY_CONTRIBUTOR = "by-contributor"
    BY_BOT = "by-bot"
    BY_READER = "by-reader"
    STALE = "stale"
    BEFORE_FORCE_PUSH = "before-force-push"
    BEFORE_RETARGET = "before-retarget"
    LATE = "late"
    TRAILER_NOT_TAKEN = "trailer-not-taken"
    # Nobody can tell whether it counts:
    REVIEWER_UNKNOWN = "reviewer-unknown"
    PERMISSION_UNKNOWN = "permission-unknown"
    TIME_UNKNOWN = "time-unknown"
    COMMIT_UNKNOWN = "commit-unknown"

    @property
    def counts(self) -> bool:
        """Whether it is an approval."""
        return self in (Standing.COUNTS, Standing.POST_MERGE)

    @property
    def unknown(self) -> bool:
        """Whether it might be one, for all that is known."""
        return self in (Standing.REVIEWER_UNKNOWN, Standing.PERMISSION_UNKNOWN, Standing.TIME_UNKNOWN, Standing.COMMIT_UNKNOWN)


class Judged(NamedTuple):
    """A review and its standing."""

    review: Review
    standing: Standing


class Contributors(NamedTuple):
    """Everybody who made a change: none of them may approve it."""

    known: tuple[Identity, ...]
    unresolved: tuple[Unavailable, ...]
    keys: frozenset[str]
    """Every key of everybody known."""

    @property
    def everyone(self) -> tuple[Identity | Unavailable, ...]:
        """Those known, then those who couldn't be resolved."""
        return (*self.known, *self.unresolved)

    def include(self, person: Identity) -> bool:
        """Whether this person made any of it."""
        return not self.keys.isdisjoint(person.keys)


def contributors(change: Change, rules: PeerApproved) -> Contributors:
    """The change's author, author, committer and co-authors of each commit that it has or had, and whoever is known to have pushed to it.

    The forge's own merge identity is none. Where the policy ignores update merges, pressing the button of one that is clean makes nobody a
    contributor: it holds nothing of theirs.
    """
    known: dict[str, Identity] = {}
    unresolved: dict[str, Unavailable] = {}
    for person in _people(change, rules):
        if isinstance(person, Unavailable):
            unresolved.setdefault(person.why, person)
        elif person.kind is not IdentityKind.PLATFORM:
            known.setdefault(person.key, person)
    keys = frozenset(key for each in known.values() for key in each.keys)
    return Contributors(tuple(known.values()), tuple(unresolved.values()), keys)


def _people(change: Change, rules: PeerApproved) -> Iterator[Identity | Unavailable]:
    yield change.author
    if isinstance(change.commits, Unavailable):
        yield change.commits
        return
    updates = _update_merges(change, rules)
    for commit in change.commits:
        if updates.get(commit.sha) is not True:
            yield from commit.people
    for more in (change.former, change.pushers):
        if isinstance(more, Unavailable):
            yield more
            return
        yield from more


def _update_merges(change: Change, rules: PeerApproved) -> dict[str, Known[bool]]:
    """Those commits that may be passed over, and whether they are clean. None where the policy doesn't ignore them."""
    if not rules.ignore_update_merges or isinstance(change.commits, Unavailable):
        return {}
    merges = [commit.sha for commit in change.commits if commit.merged_by_forge]
    if isinstance(change.update_merges, Unavailable):
        return dict.fromkeys(merges, change.update_merges)
    clean = {each.commit: each.clean for each in change.update_merges}
    return {sha: clean[sha] for sha in merges if sha in clean}


class _Heads(NamedTuple):
    """The commits whose approval is one of the final head."""

    certain: frozenset[str]
    possible: frozenset[str]
    """For all that is known."""


def _final_heads(change: Change, rules: PeerApproved) -> _Heads:
    """The head and, back from it, what update merges with nothing of their own were made on (their first parents, of the change itself)."""
    if isinstance(change.head, Unavailable):
        return _Heads(frozenset(), frozenset())
    updates = _update_merges(change, rules)
    own = {commit.sha: commit for commit in change.commits} if not isinstance(change.commits, Unavailable) else {}
    certain, possible = [change.head], [change.head]
    at, sure = change.head, True
    while updates.get(at, False) is not False and (before := own[at].parents[0]) in own and before not in possible:
        sure = sure and updates[at] is True
        at = before
        possible.append(at)
        if sure:
            certain.append(at)
    return _Heads(frozenset(certain), frozenset(possible))


def judge_reviews(change: Change, rules: PeerApproved) -> tuple[Judged, ...]:
    """Every review of the change with its standing, in the order given. An `Unavailable` list of reviews gives none: ask `change.reviews` first.

    1. Of each reviewer's verdicts (approved, changes requested, dismissed) only the latest has any standing; comments have none.
    2. A dismissal revives nothing.
    3. What is left is measured: who, on which head, when.
    """
    if isinstance(change.reviews, Unavailable):
        return ()
    latest = _latest(change.reviews)
    makers = contributors(change, rules)
    return tuple(
        Judged(review, _standing(review, change, makers, rules) if id(review) in latest else _set_aside(review)) for review in change.reviews
    )


def _set_aside(review: Review) -> Standing:
    return Standing.COMMENT if review.state is ReviewState.COMMENTED else Standing.SUPERSEDED


def _latest(reviews: tuple[Review, ...]) -> set[int]:
    """Which reviews (by `id`) are their author's last verdict. A verdict of unknown author or time hides none and is hidden by none."""
    person = _one_key_each(reviews)
    last: dict[str, tuple[object, int, Review]] = {}
    kept: set[int] = set()
    for position, review in enumerate(reviews):
        if review.state is ReviewState.COMMENTED:
            continue
        if isinstance(review.reviewer, Unavailable) or isinstance(review.submitted_at, Unavailable):
            kept.add(id(review))
            continue
        key = person[review.reviewer.key]
        before = last.get(key)
        if before is None or (review.submitted_at, position) > before[:2]:
            last[key] = (review.submitted_at, position, review)
    return kept | {id(review) for _, _, review in last.values()}


def _one_key_each(reviews: tuple[Review, ...]) -> dict[str, str]:
    """For each key of the reviewers the same one for all that share any: nobody counts twice by a second address."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while (above := parent.setdefault(key, key)) != key:
            parent[key] = key = parent[above]
        return key

    for review in reviews:
        if not isinstance(review.reviewer, Unavailable):
            for key in review.reviewer.keys:
                parent[root(key)] = root(review.reviewer.key)
    return {key: root(key) for key in list(parent)}


def _standing(review: Review, change: Change, makers: Contributors, rules: PeerApproved) -> Standing:
    if review.state is ReviewState.DISMISSED:
        return Standing.DISMISSED
    if review.via != "review" and review.via.casefold() not in {trailer.casefold() for trailer in rules.trailers}:
        return Standing.TRAILER_NOT_TAKEN
    if review.state is ReviewState.CHANGES_REQUESTED:
        return _standing_of_request(review, change, rules)
    reasons = list(_objections(review, change, makers, rules))
    # A certain objection settles it, whatever else is unknown.
    certain = [reason for reason in reasons if not reason.unknown and not reason.counts]
    return (certain or [reason for reason in reasons if reason.unknown] or reasons or [Standing.COUNTS])[0]


def _standing_of_request(review: Review, change: Change, rules: PeerApproved) -> Standing:
    if isinstance(review.reviewer, Unavailable):
        return Standing.REVIEWER_UNKNOWN
    permitted = _permitted(review, change, rules)
    if isinstance(permitted, Unavailable):
        return Standing.PERMISSION_UNKNOWN
    return Standing.CHANGES_REQUESTED if permitted else Standing.BY_READER


def _permitted(review: Review, change: Change, rules: PeerApproved) -> bool | Unavailable:
    # A bare git history knows no permissions; whoever demands them demands the assurance of a forge.
    if rules.permission == "any" or change.assurance is Assurance.ASSERTED:
        return True
    return review.may_write


def _objections(review: Review, change: Change, makers: Contributors, rules: PeerApproved) -> Iterator[Standing]:
    """Everything that speaks against an approval, the plainest first; also that it came after the merge where that is taken."""
    reviewer = review.reviewer
    if isinstance(reviewer, Unavailable):
        yield Standing.REVIEWER_UNKNOWN
    elif reviewer.kind is not IdentityKind.HUMAN:
        yield Standing.BY_BOT
    elif makers.include(reviewer):
        yield Standing.BY_CONTRIBUTOR
    permitted = _permitted(review, change, rules)
    if isinstance(permitted, Unavailable):
        yield Standing.PERMISSION_UNKNOWN
    elif not permitted:
        yield Standing.BY_READER
    yield from _freshness(review, change, rules)
    yield from _lateness(review, change, rules)


def _freshness(review: Review, change: Change, rules: PeerApproved) -> Iterator[Standing]:
    heads = _final_heads(change, rules)
    if isinstance(review.commit, Unavailable) or isinstance(change.head, Unavailable):
        yield Standing.COMMIT_UNKNOWN
    elif review.commit not in heads.possible:
        yield Standing.STALE
    elif review.commit not in heads.certain:
        yield Standing.COMMIT_UNKNOWN
    # A force-push of a patch-identical head may move a review's commit forward, so that alone proves nothing.
    yield from _before(review, change.force_pushed_at, Standing.BEFORE_FORCE_PUSH)
    # The same head against another base is another difference: what a branch held unreviewed becomes part of the change.
    bases = change.retargeted
    yield from _before(review, bases if isinstance(bases, Unavailable) else tuple(each.at for each in bases), Standing.BEFORE_RETARGET)


def _before(review: Review, events: Known[tuple[datetime, ...]], standing: Standing) -> Iterator[Standing]:
    if isinstance(events, Unavailable):
        yield Standing.TIME_UNKNOWN
    elif events:
        if isinstance(review.submitted_at, Unavailable):
            yield Standing.TIME_UNKNOWN
        elif review.submitted_at <= max(events):
            yield standing


def _lateness(review: Review, change: Change, rules: PeerApproved) -> Iterator[Standing]:
    if isinstance(change.merged_at, Missing):
        return
    if isinstance(change.merged_at, Unavailable) or isinstance(review.submitted_at, Unavailable):
        yield Standing.TIME_UNKNOWN
    elif review.submitted_at > change.merged_at:
        yield Standing.POST_MERGE if rules.approved_before == "deploy" else Standing.LATE
