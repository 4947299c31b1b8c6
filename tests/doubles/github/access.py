"""The REST answers that show who may do what: collaborators, teams, deploy keys, installed apps. Shapes as in GitHub's OpenAPI description."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from doubles.github.rest import error, simple_user

if TYPE_CHECKING:
    from doubles.github.state import Hub, Repository

Found: TypeAlias = tuple[int, Any, dict[str, str]]
PATH = re.compile(r"/repos/(?P<repository>[^/]+/[^/]+)/(?P<what>collaborators|teams|keys)|/orgs/(?P<organization>[^/]+)/installations")
AT = "2026-01-05T09:00:00Z"
ROLES = ("pull", "triage", "push", "maintain", "admin")
NAMES = {"pull": "read", "push": "write"}


def answer(hub: "Hub", permissions: frozenset[str], found: re.Match[str], filters: Mapping[str, str], url: str) -> Found:
    """What GitHub would answer to a GET of one of these lists."""
    if found["organization"]:
        if "organization_administration" not in permissions:
            return _refused("Resource not accessible by integration", "organization_administration=read")
        installed = [
            each for repo in hub.repositories.values() if repo.name.startswith(f"{found['organization']}/") for each in repo.setup.installations
        ]
        shown = [_installation(each, index, found["organization"], url) for index, each in enumerate(installed, 1)]
        return 200, {"total_count": len(shown), "installations": _page(shown, filters)}, {}
    repo = hub.repositories.get(found["repository"].lower())
    if repo is None:
        return 404, error(404, "Not Found"), {}
    if found["what"] == "collaborators":
        if not repo.setup.may_push:
            return _refused("Must have push access to view repository collaborators.", "metadata=read")
        return 200, _page(_collaborators(hub, repo, filters.get("affiliation", "all"), url), filters), {}
    if "administration" not in permissions:
        return _refused("Resource not accessible by integration", "administration=read")
    items = [_team(repo, slug, index, url) for index, slug in enumerate(repo.setup.teams, 1)] if found["what"] == "teams" else _keys(repo, url)
    return 200, _page(items, filters), {}


def _refused(message: str, permission: str) -> Found:
    return 403, error(403, message), {"X-Accepted-GitHub-Permissions": permission}


def _page(items: list[Any], filters: Mapping[str, str]) -> list[Any]:
    size, page = min(int(filters.get("per_page", 30)), 100), int(filters.get("page", 1))
    return items[(page - 1) * size : page * size]


def _allowed(role: str) -> dict[str, bool]:
    return {each: ROLES.index(each) <= ROLES.index(role) for each in ROLES}


def _collaborators(hub: "Hub", repo: "Repository", affiliation: str, url: str) -> list[Any]:
    wanted = {"all": {"direct", "outside", "team"}, "direct": {"direct", "outside"}, "outside": {"outside"}}[affiliation]
    found = []
    for login, (role, way) in repo.setup.collaborators.items():
        if way in wanted:
            shown = simple_user(hub.accounts[login], f"{url}/repos/{repo.name}")
            found.append({**(shown or {}), "permissions": _allowed(role), "role_name": NAMES.get(role, role)})
    return found


def _team(repo: "Repository", slug: str, number: int, url: str) -> Any:
    organization, role = repo.name.partition("/")[0], repo.setup.teams[slug]
    at = f"{url}/organizations/9/team/{number}"
    return {
        "id": number,
        "node_id": f"T_{number}",
        "name": slug.title(),
        "slug": slug,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": role,
        "permissions": _allowed(role) if role in ROLES else _allowed("pull"),
        "url": at,
        "html_url": f"https://github.com/orgs/{organization}/teams/{slug}",
        "members_url": f"{at}/members{{/member}}",
        "repositories_url": f"{at}/repos",
        "type": "organization",
        "organization_id": 9,
        "parent": None,
    }


def _keys(repo: "Repository", url: str) -> list[Any]:
    return [
        {
            "id": each.id,
            "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVzZWQtaW4tdGVzdHMtb25seQ",
            "url": f"{url}/repos/{repo.name}/keys/{each.id}",
            "title": each.title,
            "verified": True,
            "created_at": AT,
            "read_only": each.read_only,
            "added_by": "alice",
            "last_used": None,
            "enabled": True,
        }
        for each in repo.setup.keys
    ]


def _installation(each: Any, number: int, organization: str, url: str) -> Any:
    return {
        "id": number,
        "account": None,
        "repository_selection": "all" if each.everywhere else "selected",
        "access_tokens_url": f"{url}/app/installations/{number}/access_tokens",
        "repositories_url": f"{url}/installation/repositories",
        "html_url": f"https://github.com/organizations/{organization}/settings/installations/{number}",
        "app_id": number,
        "app_slug": each.slug,
        "target_id": 9,
        "target_type": "Organization",
        "permissions": each.permissions,
        "events": [],
        "created_at": AT,
        "updated_at": AT,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": AT if each.suspended else None,
        "contact_email": None,
    }
