"""The commits of a range as a graph: their order, and which commit of the branch brought each. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from changegate.facts import RangeCommit


def oldest_first(commits: Sequence[RangeCommit]) -> tuple[RangeCommit, ...]:
    """The commits, parents before children; else in their order. Clocks play no part, for commit dates can be forged."""
    inside = {commit.sha: commit for commit in commits}
    done: dict[str, RangeCommit] = {}
    for start in commits:
        stack: list[tuple[RangeCommit, Iterator[str]]] = [(start, iter(start.parents))]
        while stack:
            commit, parents = stack[-1]
            parent = next((inside[sha] for sha in parents if sha in inside and sha not in done), None)
            if parent is not None:
                stack.append((parent, iter(parent.parents)))
                continue
            stack.pop()
            done.setdefault(commit.sha, commit)
    return tuple(done.values())


def mainline(commits: Sequence[RangeCommit], head: str) -> tuple[str, ...]:
    """The branch itself within the range: the head and its first parents, oldest first."""
    inside = {commit.sha: commit for commit in commits}
    line: list[str] = []
    at: str | None = head
    while at in inside:
        line.append(at)
        at = inside[at].parents[0] if inside[at].parents else None
    return tuple(reversed(line))


def introduced_by(commits: Sequence[RangeCommit], head: str) -> Mapping[str, str]:
    """For every commit of the range, the commit of the branch's mainline that brought it: itself, or the merge through which it came."""
    inside = {commit.sha: commit for commit in commits}
    brought: dict[str, str] = {}
    for landing in mainline(commits, head):
        stack = [landing]
        while stack:
            sha = stack.pop()
            if sha in inside and sha not in brought:
                brought[sha] = landing
                stack.extend(inside[sha].parents)
    return brought


def reaches(commits: Sequence[RangeCommit], head: str) -> bool:
    """Whether every commit is an ancestor of `head` or `head` itself: a list with holes in it is not."""
    return len(introduced_by(commits, head)) == len(commits)
