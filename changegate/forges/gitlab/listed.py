"""Every deployment that GitLab lists, in the form of `changegate.deploys`: from its API, or as the API writes them to a file.

Source: "Deployments API": "List project deployments"; a deployment's `iid` counts those of its project, without holes.
"""

import re
from datetime import datetime
from typing import Final

from changegate.deploys import PlatformDeploy, State
from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.client import Answer, Client

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PAGE: Final = 100
_STATES: Final = {
    "created": State.NOT_STARTED,
    "blocked": State.NOT_STARTED,
    "skipped": State.NOT_STARTED,
    "running": State.RUNNING,
    "success": State.SUCCEEDED,
    "failed": State.FAILED,
}


def list_deploys(client: Client, project: str, path: str, since: datetime) -> tuple[PlatformDeploy, ...]:
    """The project's deployments to every environment that were made at `since` or later, the newest first. `project` is its path, quoted for a URL.

    Raises `ForgeError` where the list can't be shown to be whole. A hole in the numbers is left for whoever reads them: deployments can be deleted.
    """
    found: list[PlatformDeploy] = []
    counted, seen = "", 0
    for items, total in client.pages(f"/projects/{project}/deployments", order_by="id", sort="desc"):
        counted = total
        for item in items:
            deploy = read_exported(item, path)
            if found and int(deploy.id) >= int(found[-1].id):
                raise _odd("repeats a deployment, or isn't in order")
            if deploy.created < since:
                return tuple(found)
            found.append(deploy)
        seen += len(items)
        if len(items) != _PAGE and counted and counted != str(seen):
            raise _odd(f"brought {seen} of {counted}")
    return tuple(found)


def _odd(how: str) -> UnreadableError:
    return UnreadableError(f"GitLab's list of deployments {how}: it can't be trusted to be whole", remedy="Run it again; if it stays, report it.")


def read_exported(item: Answer, path: str) -> PlatformDeploy:
    """A deployment as REST gives it; it doesn't name its project, `path` does. Raises `UnreadableError`."""
    sha, said = item.text("sha"), item.text("status")
    if not _SHA.fullmatch(sha):
        raise UnreadableError(f"GitLab's answer holds no object id at {item.where}.sha", remedy="Check that the API URL is GitLab's.")
    job = item.get("deployable") if "deployable" in item.value else None
    created = item.time("created_at")
    started = _moment(job, "started_at")
    state = _state(said, job=job is not None, started=started is not None)
    ended = state in {State.SUCCEEDED, State.FAILED}
    pipeline = job.value.get("pipeline") if job is not None and isinstance(job.value, dict) else None
    runs = [str(job.number("id"))] if job is not None else []
    url = job.value.get("web_url") if job is not None else None
    if isinstance(pipeline, dict) and isinstance(pipeline.get("id"), int):
        runs.append(f"pipeline-{pipeline['id']}")
    return PlatformDeploy(
        id=str(item.number("id")),
        repository=path,
        environment=item.at("environment").text("name"),
        commit=sha,
        created=created,
        state=state,
        said=said,
        last=state if ended else State.UNKNOWN,
        started=started,
        finished=(_moment(job, "finished_at") or _moment(item, "updated_at")) if ended else None,
        ref=item.text("ref"),
        runs=tuple(runs),
        url=url if isinstance(url, str) else "",
        number=item.number("iid"),
    )


def _state(said: str, *, job: bool, started: bool) -> State:
    if said == "canceled":
        return State.FAILED if started else State.NOT_STARTED if job else State.UNKNOWN
    if said not in _STATES:
        raise UnreadableError(f"GitLab says {said[:40]!r} of a deployment, which isn't known here", remedy="Use a newer changegate.")
    return _STATES[said]


def _moment(item: Answer | None, key: str) -> datetime | None:
    if item is None or not isinstance(item.value, dict) or item.value.get(key) is None:
        return None
    return item.time(key)
