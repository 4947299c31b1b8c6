"""Every deployment that GitHub lists, with its statuses, in the form of `changegate.deploys`: from GraphQL, or as its REST API writes them to a file.

Sources: GraphQL `Repository.deployments`; REST "List deployments", "List deployment statuses"; "Deployments" for what the states mean.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from changegate.deploys import PlatformDeploy, State
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.client import Client
from changegate.forges.github.commits import read_sha
from changegate.forges.github.pages import read_all
from changegate.forges.github.queries import EVERY_DEPLOYMENT, LISTED, STATUSES
from changegate.forges.github.range import Repository

_RUN: Final = re.compile(r"/actions/runs/([0-9]+)(?:[/?#]|\Z)")
_ENDS: Final = {"success": State.SUCCEEDED, "failure": State.FAILED, "error": State.FAILED}
_BEFORE: Final = frozenset({"queued", "waiting"})
"""What GitHub itself says of a job's deployment before the job begins. `pending` is what others begin with, and may leave so."""
_STATES: Final = frozenset({*_ENDS, *_BEFORE, "pending", "in_progress", "inactive"})


class Status(NamedTuple):
    """One status of a deployment."""

    state: str
    at: datetime
    url: str


def list_deploys(client: Client, repository: Repository, since: datetime) -> tuple[PlatformDeploy, ...]:
    """The repository's deployments to every environment that were made at `since` or later, the newest first.

    Raises `ForgeError` where the list, or a deployment's statuses, can't be shown to be whole.
    """
    found: dict[str, PlatformDeploy] = {}
    after: str | None = None
    before: datetime | None = None
    while True:
        page = client.query(EVERY_DEPLOYMENT, repository.variables(after=after)).at("repository").at(LISTED.name)
        total, more = page.number(LISTED.counted), page.at("pageInfo").flag("hasNextPage")
        nodes = page.items("nodes")
        if more and len(nodes) != LISTED.first:
            raise _odd(f"has {len(nodes)} on a page of {LISTED.first}, and more after it")
        for node in nodes:
            created = node.time("createdAt")
            if before is not None and created > before:
                raise _odd("isn't in the order of time")
            before = created
            if created < since:
                return tuple(found.values())
            deploy = _of_node(client, repository, node, created)
            if deploy.id in found:
                raise _odd("repeats a deployment")
            found[deploy.id] = deploy
        if not more:
            if len(found) != total:
                raise _odd(f"brought {len(found)} of {total}")
            return tuple(found.values())
        if len(found) >= total:
            raise _odd(f"goes on after {len(found)} of {total}")
        after = page.at("pageInfo").text("endCursor")


def _odd(how: str) -> UnreadableError:
    return UnreadableError(f"GitHub's list of deployments {how}: it can't be trusted to be whole", remedy="Run it again; if it stays, report it.")


def _of_node(client: Client, repository: Repository, node: Answer, created: datetime) -> PlatformDeploy:
    statuses = [
        Status(each.text("state").lower(), each.time("createdAt"), each.text("logUrl") if each.get("logUrl") is not None else "")
        for each in read_all(client.query, node, STATUSES)
    ]
    environment = node.text("environment") if node.get("environment") is not None else ""
    return _deploy(node.text("id"), f"{repository.owner}/{repository.name}", environment, read_sha(node, "commitOid"), created, statuses)


def read_exported(item: Answer, repository: str) -> PlatformDeploy:
    """A deployment as REST gives it, its statuses added under `statuses`; without them nobody says what became of it.

    `repository` stands where the deployment doesn't name its own. Raises `UnreadableError`.
    """
    named = item.value.get("repository_url")
    own = "/".join(named.rstrip("/").split("/")[-2:]) if isinstance(named, str) else repository
    listed = item.items("statuses") if "statuses" in item.value else []
    statuses = [Status(each.text("state"), each.time("created_at"), _text(each, "log_url") or _text(each, "target_url")) for each in listed]
    return _deploy(str(item.number("id")), own, item.text("environment"), read_sha(item, "sha"), item.time("created_at"), statuses, item.text("ref"))


def _text(item: Answer, key: str) -> str:
    value = item.value.get(key) if isinstance(item.value, dict) else None
    return value if isinstance(value, str) else ""


def _deploy(name: str, repository: str, environment: str, sha: str, created: datetime, statuses: Sequence[Status], ref: str = "") -> PlatformDeploy:
    oldest_first = statuses[::-1]  # GitHub gives the newest first; of the same second, this order holds
    ordered = sorted(oldest_first, key=lambda each: each.at)
    unknown = {each.state for each in ordered} - _STATES
    if unknown:
        raise UnreadableError(f"deployment {name}: GitHub says {min(unknown)[:40]!r}, which isn't known here", remedy="Use a newer changegate.")
    ends = [each for each in ordered if each.state in _ENDS]
    started = next((each.at for each in ordered if each.state == "in_progress"), None)
    return PlatformDeploy(
        id=name,
        repository=repository,
        environment=environment,
        commit=sha,
        created=created,
        state=_state([each.state for each in ordered]),
        said=", ".join(each.state for each in ordered),
        last=_ENDS[ends[-1].state] if ends else State.UNKNOWN,
        started=started,
        finished=ends[0].at if ends else None,
        ref=ref,
        runs=tuple(dict.fromkeys(run[1] for each in ordered if (run := _RUN.search(each.url)))),
        url=next((each.url for each in reversed(ordered) if each.url), ""),
    )


def _state(states: Sequence[str]) -> State:
    """What the statuses, the oldest first, make of a deployment. GitHub's own `inactive` follows upon a newer deployment and says nothing more."""
    said = set(states) - {"inactive"}
    if "success" in said:
        return State.SUCCEEDED
    if said & {"failure", "error"}:
        # `waiting` is said of a protected environment; who refuses it there ends a deploy that never began.
        return State.NOT_STARTED if "waiting" in said and "in_progress" not in said else State.FAILED
    if "in_progress" in said:
        return State.RUNNING
    return State.NOT_STARTED if said and said <= _BEFORE else State.UNKNOWN
