"""Requests that a deploy costs on GitHub, for ranges of 1 to 1,000 changes, with the bound beside each.

    PYTHONPATH=tests python -m bench.requests

The double answers without latency, so the seconds are changegate's own work and the double's; what a user waits is requests × GitHub's time.
"""

import time
from math import ceil
from typing import Final, NamedTuple

from doubles.github import GitHubServer
from doubles.github.scenario import deployment, forge, gather, world

SIZES: Final = (1, 10, 100, 1_000)


class Measured(NamedTuple):
    """What one deploy took."""

    changes: int
    commits: int
    requests: int
    bound: int
    seconds: float


def bound(commits: int, changes: int) -> int:
    """The most requests that a range without anything out of the ordinary may cost."""
    return 2 + 2 * ceil(commits / 100) + ceil(changes / 25)


def measure(changes: int, method: str = "squash") -> Measured:
    """Deploy a range of reviewed, checked changes with a ticket each."""
    it = world()
    ticket = it.repo.issue()
    for number in range(changes):
        pull = it.repo.pull(author=it.alice, files={"a.txt": str(number)}, body=f"Fixes #{ticket.number}\n\n## Rollback plan\nRevert.")
        pull.check().approve(it.bob).merge(method, by=it.carol)
    with GitHubServer(it.hub) as server:
        github = forge(server)
        began = time.perf_counter()
        found = gather(github, deployment(it.repo))
        seconds = time.perf_counter() - began
        if len(found.changes) != changes:
            raise AssertionError(f"{len(found.changes)} of {changes} changes")
        return Measured(changes, len(found.range.commits), len(server.requests), bound(len(found.range.commits), changes), seconds)


def main() -> None:
    """Print the table."""
    print(f"{'method':8}{'changes':>9}{'commits':>9}{'requests':>10}{'bound':>7}{'seconds':>9}")
    for method in ("squash", "merge"):
        for size in SIZES:
            it = measure(size, method)
            print(f"{method:8}{it.changes:>9}{it.commits:>9}{it.requests:>10}{it.bound:>7}{it.seconds:>9.2f}")


if __name__ == "__main__":
    main()
