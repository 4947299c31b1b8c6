"""The REST answers that show how a repository is set up. The shapes follow GitHub's published OpenAPI description.

What a token may not see is refused as GitHub refuses it: 403 with the permission in a header; a list that only those who may change it see is
left out. Lists that are only asked for to try a permission (issues, changes) are empty.
"""

import base64
import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from doubles.github.repository_fields import COUNTS, FLAGS, URLS
from doubles.github.setup import Environment, Setup
from doubles.objects import entries, object_id, tree_id

if TYPE_CHECKING:
    from doubles.github.state import Hub, Repository

Found: TypeAlias = tuple[int, Any, dict[str, str]]
DOCS = "https://docs.github.com/rest"
AT = "2026-01-05T09:00:00Z"


class _RefusedError(Exception):
    """Another answer than 200."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.found: Found = (
            status,
            {"message": message, "documentation_url": DOCS, "status": str(status)},
            {name.replace("_", "-"): value for name, value in headers.items()},
        )


@dataclass
class _Asked:
    """A request for one repository."""

    hub: "Hub"
    repo: "Repository"
    permissions: frozenset[str]
    query: Mapping[str, int]
    api: str

    @property
    def setup(self) -> Setup:
        return self.repo.setup

    @property
    def url(self) -> str:
        return f"{self.api}/repos/{self.repo.name}"

    def need(self, permission: str) -> None:
        if permission not in self.permissions:
            raise _RefusedError(403, "Resource not accessible by integration", X_Accepted_GitHub_Permissions=f"{permission}=read")

    def page(self, items: list[Any]) -> list[Any]:
        size, page = min(self.query.get("per_page", 30), 100), self.query.get("page", 1)
        return items[(page - 1) * size : page * size]


def answer(hub: "Hub", permissions: frozenset[str], path: str, query: Mapping[str, int], api: str) -> Found:
    """Any GET below `/repos/` or `/repositories/` but the comparison."""
    numbered = re.fullmatch(r"/repositories/(\d+)", path)
    if numbered:
        repo = next((each for each in hub.repositories.values() if each.id == int(numbered[1]) and not each.private), None)
        return (200, _repository(_Asked(hub, repo, permissions, query, api)), {}) if repo else _NOT_FOUND.found
    _, _, owner, name, *rest = path.split("/", 4)
    wanted = f"{owner}/{name}".lower()
    moved = next((each for each in hub.repositories.values() if wanted in each.setup.former_names), None)
    if moved is not None:
        return 301, {"message": "Moved Permanently", "url": f"{api}/repositories/{moved.id}"}, {"Location": f"{api}/repositories/{moved.id}"}
    repo = hub.repositories.get(wanted)
    if repo is None or repo.private:
        return _NOT_FOUND.found
    asked = _Asked(hub, repo, permissions, query, api)
    try:
        return 200, _route(asked, rest[0] if rest else ""), {}
    except _RefusedError as refused:
        return refused.found


_NOT_FOUND = _RefusedError(404, "Not Found")
_LISTS = {"pulls": "pull_requests", "issues": "issues"}


def _route(asked: _Asked, path: str) -> Any:
    if not path:
        return _repository(asked)
    if path in _LISTS:
        asked.need(_LISTS[path])
        return []
    for pattern, reply in _ROUTES:
        match = re.fullmatch(pattern, path)
        if match:
            return reply(asked, *(unquote(part) for part in match.groups()))
    raise _NOT_FOUND


def _commits(asked: _Asked) -> Any:
    from doubles.github.rest import commit

    asked.need("contents")
    return asked.page([commit(asked.hub, asked.repo, asked.repo.commits[asked.repo.head], asked.url)])


def _check_runs(asked: _Asked, ref: str) -> Any:
    asked.need("checks")
    if asked.repo.resolve(ref) is None:
        raise _RefusedError(422, f"No commit found for SHA: {ref}")
    return {"total_count": 0, "check_runs": []}


def _status(asked: _Asked, ref: str) -> Any:
    asked.need("statuses")
    sha = asked.repo.resolve(ref)
    if sha is None:
        raise _NOT_FOUND
    url = f"{asked.url}/commits/{sha}"
    return {
        "state": "pending",
        "statuses": [],
        "sha": sha,
        "total_count": 0,
        "repository": _repository(asked),
        "commit_url": url,
        "url": f"{url}/status",
    }


def _protection(asked: _Asked, branch: str) -> Any:
    if not asked.setup.plan_has_protection:
        raise _RefusedError(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")
    asked.need("administration")
    if branch not in asked.repo.branches:
        raise _RefusedError(404, "Branch not found")
    rules = asked.setup.classic.get(branch)
    if rules is None:
        raise _RefusedError(404, "Branch not protected")
    url = f"{asked.url}/branches/{branch}/protection"
    body: dict[str, Any] = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": rules.enforce_admins},
        **{
            key: {"enabled": value}
            for key, value in {
                "required_linear_history": False,
                "allow_force_pushes": rules.force_pushes,
                "allow_deletions": rules.deletions,
                "block_creations": False,
                "required_conversation_resolution": False,
                "lock_branch": False,
                "allow_fork_syncing": False,
            }.items()
        },
        "required_signatures": {"url": f"{url}/required_signatures", "enabled": False},
    }
    if rules.approvals is not None:
        body["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": rules.dismiss_stale,
            "require_code_owner_reviews": rules.code_owners,
            "require_last_push_approval": rules.last_push,
            "required_approving_review_count": rules.approvals,
        }
        if rules.allowances:
            users = [_user(asked, login) for login in rules.allowances]
            body["required_pull_request_reviews"]["bypass_pull_request_allowances"] = {"users": users, "teams": [], "apps": []}
    return body


def _user(asked: _Asked, login: str) -> Any:
    from doubles.github.rest import account

    return account(asked.hub, asked.hub.accounts[login].person, asked.url)


def _rules(asked: _Asked, branch: str) -> Any:
    found: list[dict[str, Any]] = []
    for ruleset in asked.setup.rulesets:
        if any(fnmatch.fnmatchcase(branch, pattern) for pattern in ruleset.branches):
            source = {"ruleset_source_type": "Repository", "ruleset_source": asked.repo.name, "ruleset_id": ruleset.id}
            found += [{"type": kind, **source} for kind in ruleset.rules]
            if ruleset.pull_request is not None:
                found.append({"type": "pull_request", "parameters": dict(ruleset.pull_request), **source})
    return asked.page(found)


def _ruleset(asked: _Asked, number: str) -> Any:
    ruleset = next((each for each in asked.setup.rulesets if each.id == int(number)), None)
    if ruleset is None:
        raise _NOT_FOUND
    shown: dict[str, Any] = {
        "id": ruleset.id,
        "name": ruleset.name,
        "target": "branch",
        "source_type": "Repository",
        "source": asked.repo.name,
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/heads/{each}" for each in ruleset.branches], "exclude": []}},
        "rules": [{"type": kind} for kind in ruleset.rules],
        "node_id": f"RRS_{ruleset.id}",
        "created_at": AT,
        "updated_at": AT,
    }
    if "administration" in asked.permissions:
        shown |= {"bypass_actors": ruleset.bypass, "current_user_can_bypass": "never"}
    return shown


def _environments(asked: _Asked) -> Any:
    asked.need("actions")
    return {
        "total_count": len(asked.setup.environments),
        "environments": asked.page([_shown(asked, each) for each in asked.setup.environments.values()]),
    }


def _environment(asked: _Asked, name: str) -> Any:
    asked.need("actions")
    return _shown(asked, _find_environment(asked, name))


def _find_environment(asked: _Asked, name: str) -> Environment:
    found = next((each for each in asked.setup.environments.values() if each.name.lower() == name.lower()), None)
    if found is None:
        raise _NOT_FOUND
    return found


def _shown(asked: _Asked, environment: Environment) -> Any:
    rules: list[dict[str, Any]] = []
    if environment.wait:
        rules.append({"id": 1, "node_id": "GA_1", "type": "wait_timer", "wait_timer": environment.wait})
    if environment.reviewers:
        people = [login for login in asked.hub.accounts if login != "web-flow"]
        reviewers = [{"type": "User", "reviewer": _user(asked, login)} for login in people[: environment.reviewers]]
        rules.append(
            {
                "id": 2,
                "node_id": "GA_2",
                "type": "required_reviewers",
                "prevent_self_review": environment.prevent_self_review,
                "reviewers": reviewers,
            }
        )
    policy = None
    if environment.branches is not None:
        rules.append({"id": 3, "node_id": "GA_3", "type": "branch_policy"})
        protected = environment.branches == "protected"
        policy = {"protected_branches": protected, "custom_branch_policies": not protected}
    return {
        "id": 10,
        "node_id": "EN_10",
        "name": environment.name,
        "url": f"{asked.url}/environments/{environment.name}",
        "html_url": f"https://github.com/{asked.repo.name}/deployments/activity_log?environments_filter={environment.name}",
        "created_at": AT,
        "updated_at": AT,
        "protection_rules": rules,
        "deployment_branch_policy": policy,
        **({} if environment.admins_bypass is None else {"can_admins_bypass": environment.admins_bypass}),
    }


def _branch_policies(asked: _Asked, name: str) -> Any:
    asked.need("actions")
    branches = _find_environment(asked, name).branches
    patterns = branches if isinstance(branches, tuple) else ()
    shown = [{"id": index, "node_id": f"GP_{index}", "name": each, "type": "branch"} for index, each in enumerate(patterns, 1)]
    return {"total_count": len(shown), "branch_policies": asked.page(shown)}


def _folders(files: Mapping[str, bytes]) -> list[Mapping[str, bytes]]:
    """A tree and all below it."""
    found = [files]
    for name in {path.partition("/")[0] for path in files if "/" in path}:
        found += _folders({path.partition("/")[2]: content for path, content in files.items() if path.startswith(f"{name}/")})
    return found


def _tree(asked: _Asked, sha: str) -> Any:
    asked.need("contents")
    commits = asked.repo.commits
    heads = [commits[sha]] if sha in commits else [commits[head] for head in asked.repo.branches.values()]
    for commit in heads:
        for files in _folders(commit.files):
            if sha in (tree_id(files), commit.sha):
                tree = [
                    {
                        "path": each.name,
                        "mode": f"{each.mode:06o}",
                        "type": each.kind,
                        "sha": each.oid,
                        "url": f"{asked.url}/git/{each.kind}s/{each.oid}",
                    }
                    for each in entries(files)
                ]
                return {"sha": tree_id(files), "url": f"{asked.url}/git/trees/{sha}", "tree": tree, "truncated": False}
    raise _NOT_FOUND


def _blob(asked: _Asked, sha: str) -> Any:
    asked.need("contents")
    for head in asked.repo.branches.values():
        for content in asked.repo.commits[head].files.values():
            if object_id("blob", content) == sha:
                return {
                    "sha": sha,
                    "node_id": f"B_{sha}",
                    "size": len(content),
                    "url": f"{asked.url}/git/blobs/{sha}",
                    "content": base64.encodebytes(content).decode(),
                    "encoding": "base64",
                }
    raise _NOT_FOUND


def _run(asked: _Asked, number: str) -> Any:
    from doubles.github.rest import simple_user

    started = asked.setup.runs.get(int(number))
    if started is None:
        raise _NOT_FOUND
    asked.need("actions")
    by = simple_user(asked.hub.accounts[started.by], asked.url)
    shown = {"id": int(number), "run_attempt": started.attempt, "status": started.status, "event": started.event, "head_sha": asked.repo.head}
    return {**shown, "actor": by, "triggering_actor": by}


def _permission(asked: _Asked, login: str) -> Any:
    """The role that the setup gives, else `write` for who may write."""
    from doubles.github.rest import simple_user

    account = asked.hub.accounts.get(login.removesuffix("[bot]"))
    if account is None:
        raise _NOT_FOUND
    role = asked.setup.roles.get(account.login, "write" if account.id in asked.repo.permissions else "read")
    base = {"maintain": "write", "triage": "read"}.get(role, role)
    user = simple_user(account, asked.url)
    return {"permission": base, "role_name": role, "user": {**(user or {}), "role_name": role}}


_ROUTES = (
    (r"actions/runs/(\d+)", _run),
    (r"collaborators/([^/]+)/permission", _permission),
    (r"commits", _commits),
    (r"commits/([^/]+)/check-runs", _check_runs),
    (r"commits/([^/]+)/status", _status),
    (r"branches/([^/]+)/protection", _protection),
    (r"rules/branches/([^/]+)", _rules),
    (r"rulesets/(\d+)", _ruleset),
    (r"environments", _environments),
    (r"environments/([^/]+)", _environment),
    (r"environments/([^/]+)/deployment-branch-policies", _branch_policies),
    (r"git/trees/([0-9a-f]+)", _tree),
    (r"git/blobs/([0-9a-f]+)", _blob),
)


def _repository(asked: _Asked) -> Any:
    repo, setup = asked.repo, asked.setup
    owner, _, name = repo.name.partition("/")
    web = f"https://github.com/{repo.name}"
    at = f"{asked.api}/users/{owner}"
    links = ("followers", "subscriptions", "organizations", "repos", "received_events")
    allowed = {"admin": False, "maintain": False, "push": setup.may_push, "triage": False, "pull": True}
    return {
        "id": repo.id,
        "node_id": f"R_{repo.id}",
        "name": name,
        "full_name": repo.name,
        "owner": {
            "login": owner,
            "id": 9,
            "node_id": "O_9",
            "avatar_url": "https://avatars.githubusercontent.com/u/9",
            "gravatar_id": "",
            "url": at,
            "html_url": f"https://github.com/{owner}",
            **{f"{link}_url": f"{at}/{link}" for link in links},
            "following_url": f"{at}/following{{/other_user}}",
            "gists_url": f"{at}/gists{{/gist_id}}",
            "starred_url": f"{at}/starred{{/owner}}{{/repo}}",
            "events_url": f"{at}/events{{/privacy}}",
            "type": "User" if setup.personal else "Organization",
            "site_admin": False,
        },
        "private": not setup.public,
        "visibility": "public" if setup.public else "private",
        "archived": setup.archived,
        "default_branch": repo.default_branch,
        "url": asked.url,
        "html_url": web,
        "clone_url": f"{web}.git",
        "svn_url": web,
        "git_url": f"git://github.com/{repo.name}.git",
        "ssh_url": f"git@github.com:{repo.name}.git",
        **{key: f"{asked.url}/{path}" for key, path in URLS.items()},
        **dict.fromkeys(COUNTS, 0),
        **dict.fromkeys(FLAGS, False),
        **dict.fromkeys(("watchers", "watchers_count"), 0),
        **dict.fromkeys(("description", "homepage", "language", "license", "mirror_url")),
        **dict.fromkeys(("created_at", "pushed_at", "updated_at"), AT),
        "has_issues": True,
        **({} if setup.may_push is None else {"permissions": allowed}),
    }
