"""How a deploy ended, said on GitHub's own deployment, where there is one.

Sources: REST "List deployments", "List deployment statuses", "Create a deployment status".
"""

import re
from typing import Final, NamedTuple
from urllib.parse import quote

from changegate.errors import ForgeError
from changegate.forges.github.answer import Answer
from changegate.forges.github.client import Client
from changegate.forges.github.faults import ForbiddenError, NotFoundError
from changegate.forges.github.range import Repository

MAX_DESCRIPTION: Final = 140
_PAGE: Final = 100
_MAX_PAGES: Final = 10
_UNFINISHED: Final = frozenset({"queued", "pending", "in_progress", "waiting"})
_STATES: Final = {
    "success": ("success",),
    "failure": ("failure",),
    # A success followed by `inactive` alone is what every older deployment looks like; `failure` says that it is not what is deployed (`range`).
    "rolled-back": ("failure", "inactive"),
}


class Ended(NamedTuple):
    """A deploy that ended, as its gate decision and its outcome say."""

    outcome: str
    """`success`, `failure` or `rolled-back`."""
    sha: str
    environment: str
    ref: str
    run: str
    """The id of the workflow run that the gate judged."""
    description: str
    """Cut after 140 characters."""
    log_url: str = ""
    environment_url: str = ""


class StatusSet(NamedTuple):
    """What was written: to which deployment, and its last state."""

    deployment: int
    state: str


class _Found(NamedTuple):
    """A deployment with what its statuses say, the newest first."""

    id: int
    ref: str
    states: tuple[str, ...]
    urls: tuple[str, ...]


def set_status(client: Client, repository: Repository, ended: Ended) -> StatusSet | None:
    """Give the deploy's deployment its status; None where there is none that is certainly this deploy's. Raises `ForgeError`."""
    path = f"/repos/{repository.owner}/{repository.name}/deployments"
    try:
        number = _choose(_list(client, path, ended), ended)
        if number is None:
            return None
        for state in _STATES[ended.outcome]:
            body = {"state": state, "description": ended.description[:MAX_DESCRIPTION]}
            links = {"log_url": ended.log_url, "environment_url": ended.environment_url}
            client.send("POST", f"{path}/{number}/statuses", body | {name: url for name, url in links.items() if url})
    except (ForbiddenError, NotFoundError) as refused:
        raise ForgeError(refused.message, remedy="Give the job `deployments: write` in the workflow's `permissions`.") from None
    return StatusSet(number, _STATES[ended.outcome][-1])


def _list(client: Client, path: str, ended: Ended) -> list[_Found]:
    wanted = {"sha": quote(ended.sha, safe=""), "environment": quote(ended.environment, safe="")}
    return [
        _Found(number, each.text("ref"), *_read_statuses(client, f"{path}/{number}/statuses"))
        for each in _pages(client, path, wanted)
        for number in (each.number("id"),)
    ]


def _read_statuses(client: Client, path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    statuses = sorted(_pages(client, path, {}), key=lambda status: status.number("id"), reverse=True)
    urls = tuple(url.value for status in statuses for key in ("log_url", "target_url") if (url := _optional(status, key)) is not None)
    return tuple(status.text("state") for status in statuses), tuple(url for url in urls if isinstance(url, str))


def _optional(answer: Answer, key: str) -> Answer | None:
    """A value that GitHub's description doesn't require."""
    return answer.get(key) if isinstance(answer.value, dict) and key in answer.value else None


def _pages(client: Client, path: str, parameters: dict[str, str]) -> list[Answer]:
    found: list[Answer] = []
    for page in range(1, _MAX_PAGES + 1):
        got = Answer({"list": client.get(path, {**parameters, "per_page": _PAGE, "page": page}).value}).items("list")
        found += got
        if len(got) < _PAGE:
            break
    return found


def _choose(found: list[_Found], ended: Ended) -> int | None:
    """The newest that this run made or reported on; else the only unfinished one of the ref that names no run. A wrong one is worse than none."""
    run = re.compile(rf"/actions/runs/{re.escape(ended.run)}(?:[/?#]|\Z)")
    own = [each.id for each in found if any(run.search(url) for url in each.urls)]
    if own:
        return max(own)
    refs = {ended.ref.removeprefix("refs/heads/").removeprefix("refs/tags/"), ended.ref, ended.sha}
    open_ones = [
        each.id
        for each in found
        if each.ref in refs and (not each.states or each.states[0] in _UNFINISHED) and not any("/actions/runs/" in url for url in each.urls)
    ]
    return open_ones[0] if len(open_ones) == 1 else None
