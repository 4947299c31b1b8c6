"""The one GraphQL query that changegate asks of GitLab, executed by graphql-core over the types and fields that it takes part in."""

from pathlib import Path
from typing import Any

import graphql

from doubles.gitlab.state import Hub, User
from doubles.objects import GitCommit

_SCHEMA = graphql.build_schema((Path(__file__).parent / "schema.graphql").read_text())


def execute(hub: Hub, body: Any) -> dict[str, Any]:
    """GitLab's answer to a query."""
    result = graphql.graphql_sync(_SCHEMA, body["query"], root_value=_Root(hub), variable_values=body.get("variables"))
    return {"data": result.data, **({"errors": [error.formatted for error in result.errors]} if result.errors else {})}


class _Root:
    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def project(self, _info: Any, fullPath: str) -> Any:  # noqa: N803 - GitLab's name
        project = self.hub.projects.get(fullPath)
        if project is None or not project.visible:
            return None

        def merge_requests(_info: Any, iids: list[str], first: int = 100) -> Any:
            found = [project.requests[int(number)] for number in iids if int(number) in project.requests][:first]
            return {"nodes": [{"iid": str(request.iid), "commits": _connection(self.hub, request.commits)} for request in found]}

        return {"mergeRequests": merge_requests}


def _connection(hub: Hub, commits: list[GitCommit]) -> Any:
    def page(_info: Any, first: int = 100, after: str | None = None) -> Any:
        first, start = min(first, 100), int(after or 0)
        nodes = [
            {"sha": commit.sha, "authorEmail": commit.author.email, "author": _user(hub.by_email(commit.author.email))}
            for commit in reversed(commits)
        ]
        end = start + first
        return {"pageInfo": {"hasNextPage": len(nodes) > end, "endCursor": str(end)}, "nodes": nodes[start:end]}

    return page


def _user(user: User | None) -> Any:
    return {"id": f"gid://gitlab/User/{user.id}", "username": user.username, "bot": user.bot} if user else None
