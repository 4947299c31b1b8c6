"""The token and the repository. Each permission is tried with the cheapest request that needs it.

Sources: docs.github.com, "Permissions required for fine-grained personal access tokens"; "Behind GitHub's new authentication token formats".
"""

from functools import partial
from typing import Any, Final
from urllib.parse import quote

from changegate.facts import Known, Unavailable
from changegate.forges.github.answer import Answer
from changegate.forges.github.client import Client
from changegate.forges.github.range import Repository
from changegate.forges.github.settings.look import give, look
from changegate.settings import NEEDED, Permission, RepositoryState, Token

_KINDS: Final = {
    "ghs_": "a GitHub App's installation token, such as a job's own",
    "github_pat_": "a fine-grained personal access token",
    "ghu_": "a GitHub App's token for a user",
    "gho_": "an OAuth App's token",
    "ghp_": "a classic personal access token",
}
_PERSONAL: Final = ("gho_", "ghp_")
_PROBES: Final = {
    "contents: read": "commits",
    "deployments: read": "deployments",
    "pull-requests: read": "pulls",
    "issues: read": "issues",
    "checks: read": "commits/{branch}/check-runs",
    "statuses: read": "commits/{branch}/status",
}


def token_kind(token: str) -> tuple[str, bool]:
    """What kind of token it is, by its prefix, and whether it does all that a person may do."""
    prefix = next((each for each in _KINDS if token.startswith(each)), "")
    return _KINDS.get(prefix, "a token of an unknown kind"), prefix in _PERSONAL


def read_repository(client: Client, given: Repository) -> tuple[RepositoryState, Answer]:
    """The repository under its present name, wherever the given one leads, and the answer itself. Raises `ForgeError`."""
    answer = client.get(f"/repos/{given.owner}/{given.name}", {})
    state = RepositoryState(
        given=f"{given.owner}/{given.name}",
        name=answer.text("full_name"),
        url=answer.text("html_url"),
        default_branch=answer.text("default_branch"),
        archived=answer.flag("archived"),
        public=not answer.flag("private"),
    )
    return state, answer


def read_token(client: Client, repository: Repository, answer: Answer, branch: str, kind: tuple[str, bool]) -> Token:
    """The token and what it may do. `answer` is the repository's."""
    root = f"/repos/{repository.owner}/{repository.name}/"
    granted = []
    for need in NEEDED:
        path = root + _PROBES[need.permission].format(branch=quote(branch, safe=""))
        found = look(partial(client.get, path, {"per_page": 1}), need.permission)
        granted.append(Permission(need, found if isinstance(found, Unavailable) else True))
    return Token(kind[0], kind[1], tuple(granted), _may_push(answer))


def _may_push(answer: Answer) -> Known[bool]:
    """GitHub says what a user's token may do; of a job's own it says nothing, and only a push would show it."""
    permissions: Any = answer.value.get("permissions") if isinstance(answer.value, dict) else None
    push = permissions.get("push") if isinstance(permissions, dict) else None
    if isinstance(push, bool):
        return push
    return Unavailable(why="GitHub doesn't say whether this token may push", remedy=give("contents: write"))
