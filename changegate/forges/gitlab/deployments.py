"""What is deployed to an environment, by GitLab's deployments; and how a deploy ended. Source: "Deployments API"."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from changegate.errors import ForgeError
from changegate.facts import BaseSource
from changegate.forges import Baseline
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.faults import ForbiddenError, NotFoundError


class Succeeded(NamedTuple):
    """A deployment that succeeded."""

    baseline: Baseline
    at: datetime


def successes(client: Client, project: str, environment: str) -> Iterator[Succeeded]:
    """The deployments to `environment` that succeeded, the newest first. This job's own is still running. Raises `ForgeError`."""
    seen: set[int] = set()
    wanted = {"environment": environment, "status": "success", "order_by": "id", "sort": "desc"}
    counted = ""
    for page, total in client.pages(f"/projects/{project}/deployments", **wanted):
        counted = total
        for deployment in page:
            number = deployment.number("id")
            if number in seen:
                raise ForgeError("GitLab's list of deployments repeats one", remedy="Run the job again.")
            seen.add(number)
            # The filters are GitLab's, so they are checked.
            if deployment.at("environment").text("name") == environment and deployment.text("status") == "success":
                yield Succeeded(Baseline(deployment.text("sha"), BaseSource.DEPLOYMENT, _url(deployment)), _when(deployment))
    if counted and counted != str(len(seen)):
        raise ForgeError(f"GitLab's list of deployments brought {len(seen)} of {counted}", remedy="Run the job again; if it stays, report it.")


def _job(deployment: Answer) -> Answer | None:
    """The job that deployed; None where the deployment was made by the API."""
    return deployment.get("deployable") if "deployable" in deployment.value else None


def _url(deployment: Answer) -> str:
    job = _job(deployment)
    url = job.value.get("web_url") if job is not None else None
    return url if isinstance(url, str) else ""


def _when(deployment: Answer) -> datetime:
    job = _job(deployment)
    if job is not None and job.value.get("finished_at") is not None:
        return job.time("finished_at")
    return deployment.time("updated_at")


class Ended(NamedTuple):
    """A deploy that ended, as its gate decision and its outcome say."""

    outcome: str
    """`success`, `failure` or `rolled-back`."""
    environment: str
    sha: str


class StatusSet(NamedTuple):
    """What was written: to which deployment, and its state."""

    deployment: int
    state: str


_STATES: Final = {"success": "success", "failure": "failed", "rolled-back": "failed"}
_UNFINISHED: Final = frozenset({"created", "running"})


def set_status(client: Client, project: str, ended: Ended) -> StatusSet | None:
    """Say how a deploy ended on the deployment that the API made for it; None where none is certainly its own.

    GitLab itself follows the deployments of its jobs, and takes nobody else's word for them. Raises `ForgeError`.
    """
    path, state = f"/projects/{project}/deployments", _STATES[ended.outcome]
    listed = Answer({"list": client.get(path, environment=ended.environment, order_by="id", sort="desc", per_page=100).value}).items("list")
    may_be = _UNFINISHED | ({"success"} if ended.outcome == "rolled-back" else set())
    found = [
        each.number("id")
        for each in listed
        if _job(each) is None
        and (each.at("environment").text("name"), each.text("sha")) == (ended.environment, ended.sha)
        and each.text("status") in may_be
    ]
    if len(found) != 1:  # a wrong one is worse than none
        return None
    try:
        client.send("put", f"{path}/{found[0]}", {"status": state})
    except (ForbiddenError, NotFoundError) as refused:
        raise ForgeError(
            f"the token may not update a deployment ({refused.message})",
            remedy="Give a token with the role Developer (Maintainer, where the environment is protected) and the scope api in CHANGEGATE_TOKEN.",
        ) from None
    return StatusSet(found[0], state)
