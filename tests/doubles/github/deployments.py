"""Deployments over REST: listed, and given a status. The shapes follow GitHub's published OpenAPI description."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from doubles.github.rest import error
from doubles.github.state import Deployed, Hub, Repository, Status

_STATES = frozenset({"error", "failure", "inactive", "in_progress", "queued", "pending", "success"})


def answer(
    hub: Hub, permissions: frozenset[str], path: re.Match[str], method: str, query: Mapping[str, str], body: Any, api: str
) -> tuple[int, Any, dict[str, str]]:
    """`GET …/deployments`, `GET` and `POST …/deployments/{id}/statuses`: status, body and headers besides."""
    repo = hub.repositories.get(path["repository"].lower())
    if repo is None or repo.private:
        return 404, error(404, "Not Found"), {}
    needed = "deployments:write" if method == "POST" else "deployments"
    if "deployments" not in permissions or needed not in permissions:
        return 403, error(403, "Resource not accessible by integration"), {"X-Accepted-GitHub-Permissions": f"deployments={needed[12:] or 'read'}"}
    url = f"{api}/repos/{repo.name}"
    size, page = min(int(query.get("per_page", "30")), 100), int(query.get("page", "1"))
    if path["id"] is None:
        wanted = [each for each in reversed(repo.deployments) if all(query.get(key, getattr(each, key)) == getattr(each, key) for key in _FILTERS)]
        return 200, [_deployment(each, url) for each in wanted[(page - 1) * size : page * size]], {}
    deployed = next((each for each in repo.deployments if each.id == int(path["id"])), None)
    if deployed is None:
        return 404, error(404, "Not Found"), {}
    if method == "POST":
        return _create(hub, repo, deployed, body, url)
    newest_first = list(reversed(list(enumerate(deployed.statuses))))
    return 200, [_status(repo, deployed, number, url) for number, _ in newest_first[(page - 1) * size : page * size]], {}


_FILTERS = ("sha", "ref", "environment")


def _create(hub: Hub, repo: Repository, deployed: Deployed, body: Any, url: str) -> tuple[int, Any, dict[str, str]]:
    if body.get("state") not in _STATES or len(body.get("description", "")) > 140:
        return 422, error(422, "Validation Failed"), {}
    status = Status(body["state"].upper(), hub.tick(), body.get("description", ""), body.get("log_url", ""), body.get("environment_url", ""))
    deployed.statuses.append(status)
    if status.state == "SUCCESS":
        for older in repo.deployments:
            if older is not deployed and older.environment == deployed.environment and older.succeeded:
                older.statuses.append(Status("INACTIVE", hub.now))
    return 201, _status(repo, deployed, len(deployed.statuses) - 1, url), {}


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _deployment(deployed: Deployed, url: str) -> dict[str, Any]:
    at = f"{url}/deployments/{deployed.id}"
    return {
        "url": at,
        "id": deployed.id,
        "node_id": f"Deployment||{deployed.id}",
        "sha": deployed.sha,
        "ref": deployed.ref,
        "task": "deploy",
        "payload": {},
        "original_environment": deployed.environment,
        "environment": deployed.environment,
        "description": None,
        "creator": None,
        "created_at": _iso(deployed.at),
        "updated_at": _iso(deployed.statuses[-1].at if deployed.statuses else deployed.at),
        "statuses_url": f"{at}/statuses",
        "repository_url": url,
        "transient_environment": False,
        "production_environment": False,
    }


def _status(repo: Repository, deployed: Deployed, number: int, url: str) -> dict[str, Any]:
    status, at = deployed.statuses[number], f"{url}/deployments/{deployed.id}"
    log_url = deployed.log_url("github.com", repo.name, status)
    return {
        "url": f"{at}/statuses/{deployed.id * 1000 + number}",
        "id": deployed.id * 1000 + number,
        "node_id": f"DeploymentStatus||{deployed.id}.{number}",
        "state": status.state.lower(),
        "creator": None,
        "description": status.description,
        "environment": deployed.environment,
        "target_url": log_url,
        "created_at": _iso(status.at),
        "updated_at": _iso(status.at),
        "deployment_url": at,
        "repository_url": url,
        "environment_url": status.environment_url,
        "log_url": log_url,
    }
