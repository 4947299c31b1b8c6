"""The settings' resources of GitLab's REST API. What needs the role Maintainer is refused to others, what the tier hasn't is not there."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import yaml

from doubles.gitlab import shapes
from doubles.gitlab.rest import PROJECT, Call, Json, RefusedError, route
from doubles.gitlab.setup import Setup
from doubles.gitlab.state import MAINTAINER


def _as_maintainer(call: Call) -> Setup:
    project = call.project
    if project.members.get(call.user.id, 0) < MAINTAINER:
        raise RefusedError(403, "403 Forbidden")
    return project.setup


def _premium(call: Call) -> Setup:
    setup = _as_maintainer(call)
    if not setup.premium:
        raise KeyError("premium")
    return setup


@route("GET", "/personal_access_tokens/self")
def _token(call: Call) -> Json:
    return next(iter(call.hub.projects.values())).setup.token


@route("GET", f"{PROJECT}/protected_branches")
def _branches(call: Call) -> list[Json]:
    setup = _as_maintainer(call)
    without = {} if setup.premium else {"code_owner_approval_required"}
    return [{key: value for key, value in each.items() if key not in without} for each in setup.branches]


@route("GET", f"{PROJECT}/approvals")
def _approvals(call: Call) -> Json:
    return _premium(call).approvals


@route("GET", f"{PROJECT}/approval_rules")
def _rules(call: Call) -> list[Json]:
    return _premium(call).rules


@route("GET", f"{PROJECT}/environments")
def _environments(call: Call) -> list[Json]:
    names = [each for each in call.project.setup.environments if each == call.query.get("name", each)]
    return [{"id": index, "name": name, "slug": name, "state": "available", "tier": "production"} for index, name in enumerate(names)]


@route("GET", f"{PROJECT}/protected_environments")
def _protected_environments(call: Call) -> list[Json]:
    return _premium(call).protected_environments


@route("GET", f"{PROJECT}/protected_environments/(?P<name>[^/]+)")
def _protected_environment(call: Call) -> Json:
    found = {each["name"]: each for each in _premium(call).protected_environments}
    return dict(found[unquote(call.names["name"])])


@route("GET", f"{PROJECT}/variables")
def _variables(call: Call) -> list[Json]:
    return _as_maintainer(call).variables


@route("GET", f"{PROJECT}/job_token_scope")
def _job_token(call: Call) -> Json:
    return _as_maintainer(call).job_token


@route("GET", f"{PROJECT}/ci/lint")
def _lint(call: Call) -> Json:
    """The file at the branch; what it includes, the setup says. (No `extends` here: the double resolves none.)"""
    project = call.project
    content = project.commits[project.branches[call.query["content_ref"]]].files[".gitlab-ci.yml"]
    merged: Any = yaml.safe_load(content)
    merged.pop("include", None)
    return {
        "valid": not project.setup.errors,
        "errors": project.setup.errors,
        "warnings": [],
        "merged_yaml": yaml.safe_dump(merged),
        "includes": project.setup.includes,
    }


@route("GET", f"{PROJECT}/members")
def _direct_members(call: Call) -> list[Json]:
    project = call.project
    direct = [(call.hub.users[number], level) for number, level in project.members.items() if number not in project.setup.inherited]
    return [shapes.member(user, level, call.root) for user, level in direct if user.stand_in is None]


@route("GET", f"{PROJECT}/deploy_keys")
def _deploy_keys(call: Call) -> list[Json]:
    return _as_maintainer(call).deploy_keys


@route("GET", f"{PROJECT}/deploy_tokens")
def _deploy_tokens(call: Call) -> list[Json]:
    return _as_maintainer(call).deploy_tokens


@route("GET", f"{PROJECT}/access_tokens")
def _access_tokens(call: Call) -> list[Json]:
    return _as_maintainer(call).access_tokens
