"""Asking which merge request brought each commit: the rules are `association`'s, here is what is asked, and how often.

Requests merged into the branch are listed, the latest first, and only commits that are left over cost a request each.
Only they are asked about again.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.association import Landing, Request, explain, is_merged_here, read_request, settle, unite
from changegate.forges.gitlab.client import Answer, Client

_LAG: Final = (1.0, 2.0, 4.0)
"""Seconds between the attempts to learn a commit's change: GitLab finishes a merge in the background."""
_MOST_PAGES: Final = 10
"""Pages of merged requests that are looked through before GitLab is asked about each commit that is left."""


class Associated(NamedTuple):
    """Every commit of a range, with the request that brought it or without one."""

    brought: Mapping[int, frozenset[str]]
    """For each merge request the commits that it brought."""
    left: tuple[str, ...]
    """The commits that none brought."""
    why: Mapping[str, str]
    """For those of them that are in some request all the same: why it isn't the one. The others are in none."""
    commits: Mapping[int, Sequence[Answer]]
    """Each request's own commits, the newest first."""


def associate(client: Client, project: str, landing: Landing) -> Associated:
    """Every commit of the range with its request; asked again, with a bound, where the answer may lag. Raises `ForgeError`."""
    asking = _Asking(client, project, landing)
    found = asking.settle(asking.merged(_MOST_PAGES))
    for pause in _LAG:
        if not found.left or not client.patience.wait(pause):
            break
        found = asking.settle(asking.merged(1))
    return found


class _Asking:
    """What was learned of a range so far."""

    def __init__(self, client: Client, project: str, landing: Landing) -> None:
        self._client, self._project, self._landing = client, project, landing
        self._here: tuple[Request, ...] = ()
        self._own: dict[int, Sequence[Answer]] = {}

    def merged(self, pages: int) -> list[Request]:
        """Requests merged into the branch, the latest first, until every commit of the branch itself has one or there are too many.

        Raises `UnreadableError` where the list isn't whole.
        """
        wanted = {"state": "merged", "target_branch": self._landing.branch, "order_by": "updated_at", "sort": "desc"}
        due = set(self._landing.line).difference(request.tip for request in self._here)
        found: dict[int, Request] = {}
        first_total = ""
        for number, (page, total) in enumerate(self._client.pages(f"/projects/{self._project}/merge_requests", **wanted), 1):
            requests = [read_request(each) for each in page]
            found |= {request.number: request for request in requests}
            due.difference_update(request.tip for request in requests)
            first_total = first_total or total
            if not due or number == pages:
                break
        else:  # the list has ended; it may have grown meanwhile
            if first_total and len(found) < int(first_total):
                raise UnreadableError(f"GitLab's list of merged requests brought {len(found)} of {first_total}", remedy="Run the job again.")
        return [request for request in found.values() if is_merged_here(request, self._landing)]

    def settle(self, listed: Sequence[Request]) -> Associated:
        """Which request brought which commit, for all that is known with these besides."""
        by_commit, disputed = self._settled(listed)
        left = [sha for sha in self._landing.introduced if sha not in by_commit]
        said = dict(zip(left, self._client.gather(self._requests_of, left), strict=True))
        more = [request for requests in said.values() for request in requests]
        if any(self._landing.holds(request) for request in more):
            by_commit, disputed = self._settled(more)
        brought: dict[int, set[str]] = {}
        for sha, number in by_commit.items():
            brought.setdefault(number, set()).add(sha)
        left = [sha for sha in self._landing.introduced if sha not in by_commit]
        why = {sha: explain(sha, said.get(sha, ()), disputed, self._landing) for sha in left if said.get(sha) or sha in disputed}
        return Associated({number: frozenset(shas) for number, shas in brought.items()}, tuple(left), why, self._own)

    def _settled(self, more: Sequence[Request]) -> tuple[Mapping[str, int], Mapping[str, tuple[int, ...]]]:
        self._here = unite(self._here, [request for request in more if self._landing.holds(request)])
        asked = [request.number for request in self._here if request.number not in self._own]
        self._own.update(zip(asked, self._client.gather(self._own_commits, asked), strict=True))
        own = {number: [commit.text("id") for commit in commits] for number, commits in self._own.items()}
        return settle(self._here, own, self._landing)

    def _own_commits(self, number: int) -> Sequence[Answer]:
        return self._client.list_all(f"/projects/{self._project}/merge_requests/{number}/commits")

    def _requests_of(self, sha: str) -> tuple[Request, ...]:
        return tuple(read_request(each) for each in self._client.list_all(f"/projects/{self._project}/repository/commits/{sha}/merge_requests"))
