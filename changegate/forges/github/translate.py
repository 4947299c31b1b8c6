"""GitHub's JSON as `Change`s: each fact read by itself, so that one that can't be read leaves the others whole. Pure but for further pages."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from changegate.facts import (
    MISSING,
    Assurance,
    Change,
    ChangeKind,
    Check,
    Commit,
    Identity,
    Known,
    Maybe,
    Review,
    ReviewState,
    Ticket,
    Unavailable,
)
from changegate.forges.caps import cut_line
from changegate.forges.github.answer import Answer, UnreadableError, known
from changegate.forges.github.association import Pull, Unsettled
from changegate.forges.github.checks import read_checks
from changegate.forges.github.commits import read_commit, read_sha
from changegate.forges.github.pages import Ask, read_all
from changegate.forges.github.people import read_actor
from changegate.forges.github.queries import COMMITS, LABELS, REVIEWS, Reference
from changegate.forges.github.tickets import References, read_tickets
from changegate.forges.github.timeline import read_timeline

_STATES: Final = {
    "APPROVED": ReviewState.APPROVED,
    "CHANGES_REQUESTED": ReviewState.CHANGES_REQUESTED,
    "DISMISSED": ReviewState.DISMISSED,
    "COMMENTED": ReviewState.COMMENTED,
}


class Source(NamedTuple):
    """Where the answers come from, and whose checks are not asked about."""

    ask: Ask
    repository: str
    host: str
    run: str


def pull_change(
    source: Source, pull: Pull, holder: Answer, landed: tuple[str, ...], named: References, resolved: Mapping[Reference, Ticket | None]
) -> Change:
    """A pull request as a change. `holder` has GitHub's answer under `pull`."""
    node = known(lambda: _find(holder, pull))
    if isinstance(node, Unavailable):
        return _unread(pull, landed, node)
    read = node
    head = known(lambda: _read_head(read))
    timeline = known(lambda: read_timeline(source.ask, read, pull.base_ref))
    return Change(
        id=f"#{pull.number}",
        kind=ChangeKind.PULL_REQUEST,
        assurance=Assurance.FORGE,
        title=pull.title,
        url=pull.url,
        author=read_actor(read, "author"),
        description=pull.body,
        labels=known(lambda: tuple(cut_line(label.text("name")) for label in read_all(source.ask, read, LABELS))),
        base_ref=pull.base_ref,
        head_ref=pull.head_ref,
        commits=known(lambda: _read_commits(source, read)),
        pushers=timeline if isinstance(timeline, Unavailable) else timeline.force_pushers,
        landed=landed,
        head=known(lambda: read_sha(read, "headRefOid")),
        head_tree=head if isinstance(head, Unavailable) else known(lambda: read_sha(head.at("tree"), "oid")),
        created_at=known(lambda: read.time("createdAt")),
        merged_at=known(lambda: read.time("mergedAt")),
        merged_by=read_actor(read, "mergedBy"),
        reviews=known(lambda: read_reviews(source, read)),
        force_pushed_at=timeline if isinstance(timeline, Unavailable) else timeline.force_pushed_at,
        retargeted=timeline if isinstance(timeline, Unavailable) else timeline.retargeted,
        tickets=known(lambda: read_tickets(source.ask, read, named, resolved)),
        checks=known(lambda: _read_both_checks(source, read)),
    )


def _find(holder: Answer, pull: Pull) -> Answer:
    node = holder.at("pull")
    if node.text("id") != pull.id:
        raise UnreadableError(f"GitHub answered for another pull request than #{pull.number}", remedy="Run the job again.")
    return node


def commit_change(source: Source, answer: Answer, sha: str, unsettled: Unsettled) -> Change:
    """A commit that no change brought: a direct push where GitHub lists no pull request, else unknown."""
    commit = known(lambda: read_commit(source.ask, answer, source.host))
    direct = unsettled.lists_none
    gap = Unavailable(why=unsettled.why, remedy="Revert the commit and bring it by a pull request of its own, into the deployed branch.")
    author: Known[Identity] = commit if isinstance(commit, Unavailable) else commit.author
    return Change(
        id=sha,
        kind=ChangeKind.DIRECT_PUSH if direct else ChangeKind.UNKNOWN,
        assurance=Assurance.FORGE,
        title="" if isinstance(commit, Unavailable) else commit.subject,
        unknown="" if direct else unsettled.why,
        author=author,
        commits=commit if isinstance(commit, Unavailable) else (commit,),
        landed=(sha,),
        head=sha,
        head_tree=commit if isinstance(commit, Unavailable) else commit.tree,
        reviews=() if direct else gap,
        tickets=() if direct else gap,
        checks=_read_own_checks(source, answer, sha, gap),
    )


def _unread(pull: Pull, landed: tuple[str, ...], gap: Unavailable) -> Change:
    return Change(
        id=f"#{pull.number}",
        kind=ChangeKind.PULL_REQUEST,
        assurance=Assurance.FORGE,
        title=pull.title,
        url=pull.url,
        author=gap,
        description=pull.body,
        labels=gap,
        base_ref=pull.base_ref,
        head_ref=pull.head_ref,
        commits=gap,
        pushers=gap,
        landed=landed,
        head=gap,
        head_tree=gap,
        created_at=gap,
        merged_at=gap,
        merged_by=gap,
        reviews=gap,
        force_pushed_at=gap,
        retargeted=gap,
        tickets=gap,
        checks=gap,
    )


def open_change(source: Source, pull: Pull, holder: Answer, named: References, resolved: Mapping[Reference, Ticket | None]) -> Change:
    """A pull request that isn't merged, as a change. Raises `UnreadableError` where it was merged, or its head can't be told, meanwhile."""
    node = _find(holder, pull)
    if node.get("mergedAt") is not None:
        raise UnreadableError(f"#{pull.number} was merged while it was read", remedy="Nothing is left to do here: the gate judges what is merged.")
    checks = known(lambda: _read_checks(source, [_read_head(node)]))
    read = pull_change(source, pull, holder, (), named, resolved)
    return read.model_copy(update={"merged_at": MISSING, "merged_by": MISSING, "checks": checks})


def strays(change: Change, merge: str | None, *, true_merge: bool) -> tuple[str, ...]:
    """Those of the landed commits that can't have come by the merge: a squashed or rebased change's own commits, pushed by hand.

    A squash makes one new commit and a rebase makes all anew; only a true merge, or a plain push that GitHub took for the merge, lands
    the change's own commits. Where these can't be read the change ends as unknown anyway.
    """
    own = set() if isinstance(change.commits, Unavailable) else {commit.sha for commit in change.commits}
    return () if true_merge or merge in own else tuple(sha for sha in change.landed if sha in own and sha != merge)


def _read_commits(source: Source, pull: Answer) -> tuple[Commit, ...]:
    return tuple(read_commit(source.ask, item.at("commit"), source.host) for item in read_all(source.ask, pull, COMMITS))


def _read_head(pull: Answer) -> Answer:
    """The commit that is the change's final head. Raises `UnreadableError` where GitHub's list of commits ends in another."""
    last = pull.at("last").items("nodes")
    if len(last) != 1 or last[0].at("commit").text("oid") != pull.text("headRefOid"):
        raise UnreadableError(f"GitHub's list of commits of {pull.where} does not end in its head", remedy="Run the job again.")
    return last[0].at("commit")


def read_reviews(source: Source, pull: Answer) -> tuple[Review, ...]:
    """All submitted reviews. A pending one is its author's draft, which nobody else sees."""
    return tuple(_read_review(review) for review in read_all(source.ask, pull, REVIEWS) if review.text("state") != "PENDING")


def _read_review(review: Answer) -> Review:
    state = review.text("state")
    if state not in _STATES:
        raise UnreadableError(f"GitHub reports a review of the unknown state {state}", remedy="Update changegate.")
    return Review(
        id=review.text("id"),
        reviewer=read_actor(review, "author"),
        state=_STATES[state],
        submitted_at=known(lambda: review.time("submittedAt")),
        commit=known(lambda: read_sha(review.at("commit"), "oid")),
        may_write=known(lambda: review.flag("authorCanPushToRepository")),
        url=review.text("url"),
    )


def _read_both_checks(source: Source, pull: Answer) -> tuple[Check, ...]:
    """The checks of the final head and of the commit that landed."""
    return _read_checks(source, [_read_head(pull), pull.at("mergeCommit")])


def _read_checks(source: Source, commits: Sequence[Answer]) -> tuple[Check, ...]:
    found = {}
    for commit in commits:
        sha = read_sha(commit, "oid")
        found[sha] = read_checks(source.ask, commit, sha, own_run=source.run)
    return tuple(check for checks in found.values() for check in checks)


def _read_own_checks(source: Source, commit: Answer, sha: str, gap: Unavailable) -> Maybe[tuple[Check, ...]]:
    if "statusCheckRollup" not in commit.value:  # asked for only where the change stayed unsettled on a second look
        return gap
    return known(lambda: read_checks(source.ask, commit, sha, own_run=source.run))
