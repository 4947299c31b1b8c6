"""Which change brought a commit: approvals rules 6 to 9, on what GitHub says about the commit and on the range's own graph. Pure.

GitHub lists every pull request that a commit is in. It brought the commit to the deployed branch only if it was merged into that very branch,
and if the commit came in by its merge; all else is unknown, or a direct push where GitHub lists none.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from changegate.facts import RangeCommit
from changegate.forges.caps import cut_description, cut_line
from changegate.forges.github.answer import Answer
from changegate.forges.github.commits import read_sha
from changegate.forges.graph import introduced_by, mainline


class Pull(NamedTuple):
    """A pull request, as a commit names it."""

    id: str
    number: int
    title: str
    url: str
    body: str
    state: str
    head_ref: str
    base_ref: str
    base_repository: int | None
    merge_commit: str | None


class Unsettled(NamedTuple):
    """No change could be named, and why. `lists_none`: GitHub says that the commit is in no pull request at all."""

    why: str
    lists_none: bool
    may_lag: bool
    """Whether the answer may be different a few seconds after a merge."""


class Landing(NamedTuple):
    """Where the range's commits landed."""

    repository: int
    branch: str
    introduced: Mapping[str, str]
    line: Mapping[str, int]
    """The mainline's commits and their places, the oldest first."""
    merges: frozenset[str]

    @classmethod
    def of(cls, repository: int, branch: str, commits: Sequence[RangeCommit], head: str) -> "Landing":
        """The landing of a range."""
        line = {sha: place for place, sha in enumerate(mainline(commits, head))}
        merges = frozenset(commit.sha for commit in commits if len(commit.parents) > 1)
        return cls(repository, branch, introduced_by(commits, head), line, merges)


def read_pull(answer: Answer) -> Pull:
    """A pull request of `associatedPullRequests`."""
    base, merged = answer.get("baseRepository"), answer.get("mergeCommit")
    return Pull(
        id=answer.text("id"),
        number=answer.number("number"),
        title=cut_line(answer.text("title")),
        url=answer.text("url"),
        body=cut_description(answer.text("body")),
        state=answer.text("state"),
        head_ref=answer.text("headRefName"),
        base_ref=answer.text("baseRefName"),
        base_repository=base.number("databaseId") if base is not None else None,
        merge_commit=read_sha(merged, "oid") if merged is not None else None,
    )


def settle(sha: str, pulls: Sequence[Pull], landing: Landing) -> Pull | Unsettled:
    """The change that brought `sha`. Prefers the one whose merge commit it is; several that fit are none."""
    here = [pull for pull in pulls if _merged_here(pull, landing)]
    exact = [pull for pull in here if pull.merge_commit == sha]
    fitting = exact or [pull for pull in here if _brought(sha, pull, landing)]
    if len(fitting) == 1:
        return fitting[0]
    if len(fitting) > 1:
        return Unsettled(f"it is in {_names(fitting)}, and nothing says which of them brought it", lists_none=False, may_lag=False)
    if here:
        return Unsettled(f"it is in {_names(here)}, but did not come to {landing.branch} by that merge", lists_none=False, may_lag=False)
    if pulls:
        return Unsettled(f"it is only in {', '.join(_standing(pull, landing) for pull in pulls)}", lists_none=False, may_lag=True)
    return Unsettled("GitHub knows no pull request with it", lists_none=True, may_lag=True)


def _merged_here(pull: Pull, landing: Landing) -> bool:
    return pull.state == "MERGED" and pull.base_repository == landing.repository and pull.base_ref == landing.branch


def _brought(sha: str, pull: Pull, landing: Landing) -> bool:
    """Whether the pull request's merge is what brought `sha` to the branch.

    A true merge brought what it introduced. A squash is alone (and is its own merge commit); the last commit of a rebase merge has the others
    before it on the branch. A commit outside both was pushed there by other means, whatever pull request it is also in.
    """
    merge = pull.merge_commit
    if merge is None or merge not in landing.introduced:
        return False
    if merge in landing.merges or merge not in landing.line:
        return landing.introduced.get(sha) == merge
    return sha in landing.line and landing.line[sha] < landing.line[merge] and sha not in landing.merges


def _names(pulls: Sequence[Pull]) -> str:
    return " and ".join(f"#{pull.number}" for pull in pulls)


def _standing(pull: Pull, landing: Landing) -> str:
    if pull.base_repository != landing.repository:
        return f"#{pull.number} of another repository"
    if pull.state != "MERGED":
        return f"#{pull.number}, which is {pull.state.lower()} and not merged"
    return f"#{pull.number}, which was merged into {pull.base_ref} and not into {landing.branch}"
