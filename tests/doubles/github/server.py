"""The double over real HTTP on loopback, and faults to order.

    with GitHubServer(hub) as server:
        server.fail("cut", at=2)                  # the third request, once
        GitHub("acme/shop", TOKEN, api_url=server.url, sleep=server.sleep)
        server.requests                            # what was asked

The base URL is GitHub's; `server.enterprise_url` is the same under `/api/v3`, as a GitHub Enterprise Server has it.
"""

import re
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from doubles.github import access, deployments, faults, graphql, rest, settings, shown
from doubles.github.state import Hub
from doubles.serving import Asked, Double, Reply

_DEPLOYMENTS = re.compile(r"/repos/(?P<repository>[^/]+/[^/]+)/deployments(?:/(?P<id>[0-9]+)/statuses)?")


class GitHubServer(Double):
    """Serves a `Hub`."""

    kinds: ClassVar = faults.KINDS

    def __init__(self, hub: Hub, *, still: bool = False) -> None:
        super().__init__(still=still)
        self.hub = hub

    @property
    def enterprise_url(self) -> str:
        """The API's base URL as of a GitHub Enterprise Server."""
        return f"{self.url}/api/v3"

    def sleep(self, seconds: float) -> None:
        """Stands in for `time.sleep`: notes the pause, and lets the association's lag pass by one."""
        super().sleep(seconds)
        for repository in self.hub.repositories.values():
            repository.association_lag = max(0, repository.association_lag - 1)

    def answer(self, asked: Asked, token: str) -> Reply:
        """What GitHub would answer."""
        permissions = self.hub.tokens.get(token)
        if permissions is None:
            return Reply(401, rest.error(401, "Bad credentials"), {})
        parts = urlsplit(asked.path)
        path = parts.path.removeprefix("/api/v3")
        if asked.method == "POST" and parts.path in {"/graphql", "/api/graphql"}:
            return Reply(200, graphql.execute(self.hub, permissions, asked.body, "github.com", self.hub.acting(token)), {})
        resource = rest.compare if "/compare/" in path else rest.files if path.endswith("/files") else None
        if asked.method == "GET" and path.startswith("/repos/") and resource is not None:
            query = {name: int(values[-1]) for name, values in parse_qs(parts.query).items()}
            return Reply(*resource(self.hub, permissions, path, query.get("page", 1), min(query.get("per_page", 30), 100), self.url))
        filters = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if found := _DEPLOYMENTS.fullmatch(path):
            return Reply(*deployments.answer(self.hub, permissions, found, asked.method, filters, asked.body, self.url))
        if asked.method == "GET" and (found := access.PATH.fullmatch(path)):
            return Reply(*access.answer(self.hub, permissions, found, filters, self.url))
        if asked.method != "GET" or "check_name" in filters or "labels" in filters or path.endswith("/events"):
            request = shown.Request(asked.method, path, filters, asked.body)
            return Reply(*shown.answer(self.hub, permissions, request, self.hub.acting(token), self.url))
        if asked.method == "GET" and re.match(r"/repos(itories)?/", path):
            query = {name: int(values[-1]) for name, values in parse_qs(parts.query).items()}
            return Reply(*settings.answer(self.hub, permissions, path, query, self.url))
        return Reply(404, rest.error(404, "Not Found"), {})
