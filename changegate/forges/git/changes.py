"""From commits to changes: who wrote one, who is said to have reviewed it, which tickets it names. Pure.

Everything here is `Assurance.ASSERTED`: whoever could push could write it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from changegate.facts import Assurance, Change, ChangeKind, Commit, Identity, Missing, Review, ReviewState, Trailer, Unavailable
from changegate.forges import trailers
from changegate.forges.caps import MAX_MESSAGE, cut_description
from changegate.forges.git.history import CommitObject, Step, partition, short_ids

_NO_PERMISSIONS: Final = Unavailable(why="a git history doesn't say who may write", remedy="Judge by the forge's API (assurance: forge).")
_NO_CHECKS: Final = Missing(why="a git history records no checks")
_NO_OPENING: Final = Missing(why="a git history doesn't say when a change was opened")


def build_changes(head: str, commits: Mapping[str, CommitObject], with_content: frozenset[str]) -> tuple[Change, ...]:
    """The changes of a range, oldest first.

    `commits` is the range, parents before children; `with_content` names the merges that hold more than git's own merge of their parents.
    """
    read = {sha: () if commit.too_long else trailers.parse(commit.message) for sha, commit in commits.items()}
    steps = partition(head, {sha: commit.parents for sha, commit in commits.items()})
    ids = _name(steps, read, short_ids([step.landing for step in steps], commits))
    return tuple(_build(step, ids[step.landing], commits, read, with_content) for step in steps)


def _name(steps: Sequence[Step], read: Mapping[str, tuple[Trailer, ...]], short: Mapping[str, str]) -> dict[str, str]:
    """Each change's id: its `Change-Id:` where no other change of the range has the same, else its commit's short id."""
    own = {step.landing: trailers.find_change_id(read[step.landing]) for step in steps}
    taken = list(own.values())
    return {landing: found if found and taken.count(found) == 1 else short[landing] for landing, found in own.items()}


def _build(
    step: Step, change_id: str, commits: Mapping[str, CommitObject], read: Mapping[str, tuple[Trailer, ...]], with_content: frozenset[str]
) -> Change:
    landing = commits[step.landing]
    brought = [commits[sha] for sha in step.brought]
    written = [commit for commit in brought if len(commit.parents) < 2]
    own = [commit for commit in brought if len(commit.parents) < 2 or commit.sha in with_content]
    if any(commit.too_long for commit in brought):
        return _unread(step, change_id, landing, next(commit for commit in brought if commit.too_long))
    return Change(
        id=change_id,
        kind=ChangeKind.MERGE if len(landing.parents) > 1 else ChangeKind.COMMIT,
        assurance=Assurance.ASSERTED,
        title=landing.subject,
        # Not the merger, unless there is nobody else: merging makes nobody an author.
        author=(written or brought)[0].author.who,
        description=_describe(landing, brought[:-1]),
        commits=tuple(_commit(commit, read[commit.sha]) for commit in own),
        landed=step.brought,
        head=landing.sha,
        head_tree=landing.tree,
        created_at=_NO_OPENING,
        merged_at=landing.committer.at,
        merged_by=landing.committer.who,
        reviews=(
            *_landing_reviews(landing, read[landing.sha]),
            # Who reviewed each commit saw nothing of what a merge brought in besides.
            *(() if with_content.intersection(step.brought) else _common_reviews(landing, written, read)),
        ),
        tickets=trailers.find_tickets(trailer for sha in (landing.sha, *step.brought[:-1]) for trailer in read[sha]),
        checks=_NO_CHECKS,
    )


def _unread(step: Step, change_id: str, landing: CommitObject, long: CommitObject) -> Change:
    """A change of which a message is too long to be read: what it asserts, nobody knows."""
    gap = Unavailable(why=f"the message of {long.sha[:12]} has {len(long.message)} characters, more than the {MAX_MESSAGE} that are read")
    return Change(
        id=change_id,
        kind=ChangeKind.UNKNOWN,
        assurance=Assurance.ASSERTED,
        title=landing.subject,
        unknown=gap.why,
        author=landing.author.who,
        commits=gap,
        landed=step.brought,
        head=landing.sha,
        head_tree=landing.tree,
        created_at=_NO_OPENING,
        merged_at=landing.committer.at,
        merged_by=landing.committer.who,
        reviews=gap,
        tickets=gap,
        checks=_NO_CHECKS,
    )


def _commit(commit: CommitObject, found: tuple[Trailer, ...]) -> Commit:
    return Commit(
        sha=commit.sha,
        tree=commit.tree,
        parents=commit.parents,
        subject=commit.subject,
        author=commit.author.who,
        committer=commit.committer.who,
        co_authors=trailers.find_co_authors(trailers.co_author_lines(commit.message)),
        trailers=found,
    )


def _describe(landing: CommitObject, brought: Sequence[CommitObject]) -> str:
    """The landing commit's body, then those of the commits it brought.

    Each of these stands under a heading of the first level, which ends any section before it: a rollback plan that one commit leaves
    empty isn't filled by the next one's text.
    """
    bodies = [landing.body, *(f"# Commit {commit.sha}\n\n{commit.body}" for commit in brought if commit.body)]
    # No more is read of a plan, and what is cut can only be missed.
    return cut_description("\n\n".join(body for body in bodies if body))


def _landing_reviews(landing: CommitObject, found: tuple[Trailer, ...]) -> Iterator[Review]:
    for number, (via, reviewer) in enumerate(trailers.find_reviewers(found)):
        yield _review(f"{landing.sha}:{number}", via, reviewer, landing, landing)


def _common_reviews(landing: CommitObject, written: Sequence[CommitObject], read: Mapping[str, tuple[Trailer, ...]]) -> Iterator[Review]:
    """For a merge: who is named by the same trailer on every commit that it brought, merges aside. The last one to be committed dates it."""
    if len(landing.parents) < 2 or not written:
        return
    named = [list(trailers.find_reviewers(read[commit.sha])) for commit in written]
    carrier = max(written, key=_committed)
    for number, (via, reviewer) in enumerate(named[0]):
        if all(any(via == other_via and reviewer.keys & other.keys for other_via, other in others) for others in named[1:]):
            yield _review(f"{landing.sha}:commits:{number}", via, reviewer, landing, carrier)


def _committed(commit: CommitObject) -> tuple[bool, float]:
    """A commit without a readable date comes last, so that the review it carries has no date either."""
    at = commit.committer.at
    return (True, 0.0) if isinstance(at, Unavailable) else (False, at.timestamp())


def _review(review_id: str, via: str, reviewer: Identity, landing: CommitObject, carrier: CommitObject) -> Review:
    return Review(
        id=review_id,
        reviewer=reviewer,
        state=ReviewState.APPROVED,
        submitted_at=carrier.committer.at,
        commit=landing.sha,
        may_write=_NO_PERMISSIONS,
        via=via,
    )
