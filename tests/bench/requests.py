"""Requests that a deploy costs on GitHub and on GitLab, for ranges of 1 to 1,000 changes, with the bound beside each.

    PYTHONPATH=tests python -m bench.requests

The double answers without latency, so the seconds are changegate's own work and the double's; what a user waits is requests × the forge's time
(on GitLab an eighth of it: so many are under way at once).
"""

import time
from itertools import product
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from doubles.github import GitHubServer
from doubles.github.scenario import deployment, forge, gather, world
from doubles.gitlab import GitLabServer
from doubles.gitlab.scenario import deployment as gitlab_deployment
from doubles.gitlab.scenario import forge as open_gitlab
from doubles.gitlab.scenario import gather as gather_gitlab
from doubles.gitlab.scenario import world as gitlab_world

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


def gitlab_bound(changes: int, people: int) -> int:
    """The most requests that such a range may cost on GitLab, with one ticket and one version to a change."""
    return 3 + ceil(changes / 100) + ceil(changes / 10) + 9 * changes + 2 * people


def measure_on_gitlab(changes: int, method: str = "squash") -> Measured:
    """The same on GitLab."""
    it = gitlab_world()
    ticket = it.project.issue()
    for number in range(changes):
        request = it.project.request(author=it.alice, files={"a.txt": str(number)}, description=f"Closes #{ticket.iid}\n\n## Rollback plan\nRevert.")
        request.status().approve(it.bob).merge(it.carol, "ff" if method == "squash" else "merge", squash=method == "squash")
    with GitLabServer(it.hub) as server, TemporaryDirectory() as folder:
        forge = open_gitlab(server, it.project.write(Path(folder)))
        began = time.perf_counter()
        found = gather_gitlab(forge, gitlab_deployment(it.project))
        seconds = time.perf_counter() - began
        if len(found.changes) != changes:
            raise AssertionError(f"{len(found.changes)} of {changes} changes")
        return Measured(changes, len(found.range.commits), len(server.requests), gitlab_bound(changes, 3), seconds)


def main() -> None:
    """Print the table."""
    print(f"{'forge':8}{'method':8}{'changes':>9}{'commits':>9}{'requests':>10}{'bound':>7}{'seconds':>9}")
    for (name, ask), method, size in product((("github", measure), ("gitlab", measure_on_gitlab)), ("squash", "merge"), SIZES):
        it = ask(size, method)
        print(f"{name:8}{method:8}{it.changes:>9}{it.commits:>9}{it.requests:>10}{it.bound:>7}{it.seconds:>9.2f}")


if __name__ == "__main__":
    main()
