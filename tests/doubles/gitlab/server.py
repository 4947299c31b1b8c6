"""The double over real HTTP on loopback, and faults to order.

with GitLabServer(hub) as server:
    GitLab("acme/shop", TOKEN, api_url=server.api_url, workspace=hub.projects["acme/shop"].write(folder), sleep=server.sleep)
"""

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from doubles import faults
from doubles.gitlab import graphql, rest, settings
from doubles.gitlab.faults import KINDS
from doubles.gitlab.state import Hub, job_of
from doubles.serving import Asked, Double, Reply


class GitLabServer(Double):
    """Serves a `Hub`."""

    resources: ClassVar = (rest, settings)
    """Importing them registers their routes."""
    kinds: ClassVar[Mapping[str, faults.Fault]] = KINDS

    def __init__(self, hub: Hub, *, still: bool = False) -> None:
        super().__init__(still=still)
        self.hub = hub

    @property
    def api_url(self) -> str:
        """What `CI_API_V4_URL` says."""
        return f"{self.url}/api/v4"

    def sleep(self, seconds: float) -> None:
        """Stands in for `time.sleep`: notes the pause, and lets the association's lag pass by one."""
        super().sleep(seconds)
        for project in self.hub.projects.values():
            project.association_lag = max(0, project.association_lag - 1)

    def answer(self, asked: Asked, token: str) -> Reply:
        """What GitLab would answer."""
        parts = urlsplit(asked.path)
        if (job := job_of(token)) is not None:
            return rest.own_job(self.hub, job, self.url) if parts.path == "/api/v4/job" else Reply(404, {"message": "404 Not Found"}, {})
        if parts.path == "/api/graphql" and asked.method == "POST":
            return Reply(200, graphql.execute(self.hub, asked.body), {}) if token in self.hub.tokens else Reply(401, {"errors": []}, {})
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return rest.answer(self.hub, token, asked.method, parts.path.removeprefix("/api/v4"), query, asked.body, self.url)
