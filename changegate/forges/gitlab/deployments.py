"""What is deployed to an environment, by GitLab's deployments; and how a deploy ended. Source: "Deployments API"."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from changegate.errors import ForgeError
from changegate.facts import BaseSource
from changegate.forges import Baseline
from changegate.forges.gitlab.client import Answer, Client


class Succeeded(NamedTuple):
    """A deployment that succeeded."""

    baseline: Baseline
    at: datetime


def successes(client: Client, project: str, environment: str) -> Iterator[Succeeded]:
    """The deployments to `environment` that succeeded, the newest first. This job's own is still running. Raises `ForgeError`."""
    seen: set[int] = set()
    wanted = {"environment": environment, "status": "success", "order_by": "id", "sort": "desc"}
    for page, _ in client.pages(f"/projects/{project}/deployments", **wanted):
        for deployment in page:
            number = deployment.number("id")
            if number in seen:
                raise ForgeError("GitLab's list of deployments repeats one", remedy="Run the job again.")
            seen.add(number)
            # The filters are GitLab's, so they are checked.
            if deployment.at("environment").text("name") == environment and deployment.text("status") == "success":
                yield Succeeded(Baseline(deployment.text("sha"), BaseSource.DEPLOYMENT, _url(deployment)), _when(deployment))


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
    """How a deploy ended, for GitLab: the commit and the environment, and one of its states."""

    environment: str
    sha: str
    state: str


_UNFINISHED: Final = frozenset({"created", "running"})


def set_status(client: Client, project: str, ended: Ended) -> bool:
    """Say how a deploy ended on the deployment that the API made for it. False where there is none: GitLab itself follows those of its jobs.

    Raises `ForgeError`.
    """
    path = f"/projects/{project}/deployments"
    listed = Answer({"list": client.get(path, environment=ended.environment, order_by="id", sort="desc", per_page=100).value}).items("list")
    found = [each for each in listed if _job(each) is None and each.text("sha") == ended.sha and each.text("status") in _UNFINISHED]
    if len(found) != 1:  # a wrong one is worse than none
        return False
    client.send("put", f"{path}/{found[0].number('id')}", {"status": ended.state})
    return True
