"""Which merge request brought a commit to the deployed branch: approvals rules 6 to 9, by what GitLab says and by the range's own graph. Pure.

GitLab keeps of a merged request the merge commit, the squash commit and the final head; which of them exist says how it was merged:

- merge commit: it brought what it introduced to the branch, as far as that is the request's own (or its squash commit);
- squash without a merge commit: the squash commit alone;
- fast-forward: the final head and, before it on the branch, the request's own commits.

A commit outside these came by other means, whatever request it is also in.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from changegate.facts import RangeCommit
from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.client import Answer
from changegate.forges.graph import introduced_by, mainline


class Request(NamedTuple):
    """A merge request, as a list names it."""

    number: int
    """Its number in the project (`iid`)."""
    state: str
    target_project: int
    target_branch: str
    merge_commit: str
    """Empty where there is none, as the two below."""
    squash_commit: str
    head: str

    @property
    def tip(self) -> str:
        """The commit with which it arrived on its branch."""
        return self.merge_commit or self.squash_commit or self.head


class Landing(NamedTuple):
    """Where the range's commits landed."""

    project: int
    branch: str
    introduced: Mapping[str, str]
    line: Mapping[str, int]
    """The branch's own commits and their places, the oldest first."""

    @classmethod
    def of(cls, project: int, branch: str, commits: Sequence[RangeCommit], head: str) -> "Landing":
        """The landing of a range."""
        return cls(project, branch, introduced_by(commits, head), {sha: place for place, sha in enumerate(mainline(commits, head))})

    def holds(self, request: Request) -> bool:
        """Whether the request was merged into this branch, within the range."""
        return is_merged_here(request, self) and request.tip in self.introduced


def read_request(answer: Answer) -> Request:
    """A merge request of a list or by itself. Raises `UnreadableError` where a merged one has nothing by which it arrived."""
    request = Request(
        number=answer.number("iid"),
        state=answer.text("state"),
        target_project=answer.number("target_project_id"),
        target_branch=answer.text("target_branch"),
        merge_commit=_optional(answer, "merge_commit_sha"),
        squash_commit=_optional(answer, "squash_commit_sha"),
        head=_optional(answer, "sha"),
    )
    if request.state == "merged" and not (request.tip and request.head):
        raise UnreadableError(f"GitLab doesn't say what !{request.number} was when it was merged", remedy="Run the job again.")
    return request


def _optional(answer: Answer, key: str) -> str:
    return answer.text(key) if answer.get(key) is not None else ""


def is_merged_here(request: Request, landing: Landing) -> bool:
    """Whether it was merged into the deployed branch of this very project."""
    return (request.state, request.target_project, request.target_branch) == ("merged", landing.project, landing.branch)


def brought_by(request: Request, own: Collection[str], landing: Landing) -> frozenset[str]:
    """The commits of the range that the request brought. `own` are its commits, as reviewed."""
    tip = request.tip
    if tip not in landing.introduced:
        return frozenset()
    mine = {tip, request.squash_commit} if request.squash_commit else {tip, *own}
    if request.merge_commit and request.merge_commit in landing.line:
        return frozenset(sha for sha in mine if landing.introduced.get(sha) == tip)
    if request.merge_commit or request.squash_commit or tip not in landing.line:
        return frozenset({tip})
    return frozenset(sha for sha in mine if sha in landing.line and landing.line[sha] <= landing.line[tip])


class Settled(NamedTuple):
    """For each commit the request that brought it; and the commits that several claim, with their numbers."""

    by_commit: Mapping[str, int]
    disputed: Mapping[str, tuple[int, ...]]


def settle(requests: Sequence[Request], own: Mapping[int, Collection[str]], landing: Landing) -> Settled:
    """Which request brought which commit.

    The one whose tip a commit is goes before all; else the one that arrived first, for the commit came with it. Several that fit are none.
    """
    place = {request.number: landing.line.get(request.tip, len(landing.line)) for request in requests}
    claims: dict[str, list[int]] = {}
    tips: dict[str, list[int]] = {}
    for request in requests:
        for sha in brought_by(request, own.get(request.number, ()), landing):
            claims.setdefault(sha, []).append(request.number)
        tips.setdefault(request.tip, []).append(request.number)
    by_commit: dict[str, int] = {}
    disputed: dict[str, tuple[int, ...]] = {}
    for sha, claimed in claims.items():
        exact = [number for number in claimed if number in tips.get(sha, ())]
        first = min(place[number] for number in claimed)
        fitting = exact or [number for number in claimed if place[number] == first]
        if len(fitting) == 1:
            by_commit[sha] = fitting[0]
        else:
            disputed[sha] = tuple(sorted(fitting))
    return Settled(by_commit, disputed)


def explain(sha: str, requests: Sequence[Request], disputed: Mapping[str, tuple[int, ...]], landing: Landing) -> str:
    """Why no request is named for a commit that GitLab lists in `requests`, or that several claim."""
    if sha in disputed:
        return f"it is in {' and '.join(f'!{number}' for number in disputed[sha])}, and nothing says which of them brought it"
    here = [request for request in requests if is_merged_here(request, landing)]
    if here:
        return f"it is in {' and '.join(f'!{request.number}' for request in here)}, but did not come to {landing.branch} by that merge"
    return f"it is only in {', '.join(_standing(request, landing) for request in requests)}"


def _standing(request: Request, landing: Landing) -> str:
    if request.target_project != landing.project:
        return f"!{request.number} of another project"
    if request.state != "merged":
        return f"!{request.number}, which is {request.state} and not merged"
    return f"!{request.number}, which was merged into {request.target_branch} and not into {landing.branch}"


def unite(some: Sequence[Request], others: Sequence[Request]) -> tuple[Request, ...]:
    """Each request once. Raises `UnreadableError` where GitLab says two things about one."""
    found = {(request.target_project, request.number): request for request in some}
    for request in others:
        if found.setdefault((request.target_project, request.number), request) != request:
            raise UnreadableError(f"GitLab says different things about !{request.number}", remedy="Run the job again.")
    return tuple(found.values())
