"""GitLab's REST API (v4), as far as changegate asks: one function a resource."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

from doubles.gitlab import shapes
from doubles.gitlab.request import Request
from doubles.gitlab.state import DEVELOPER, READER_TOKEN, Hub, Project, User
from doubles.objects import Files, entries, object_id
from doubles.serving import Reply

Json: TypeAlias = dict[str, Any]


class Call(NamedTuple):
    """A request, its path taken apart."""

    hub: Hub
    user: User
    token: str
    names: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    root: str

    @property
    def project(self) -> Project:
        """The project that the path names, by its path or its id. Raises KeyError."""
        name = unquote(self.names["project"])
        found = next((each for each in self.hub.projects.values() if str(each.id) == name), None)
        found = found or self.hub.projects[self.hub.moved.get(name, name)]
        if not found.visible:
            raise KeyError(name)
        return found

    @property
    def request(self) -> Request:
        """The merge request. Raises KeyError."""
        return self.project.requests[int(self.names["iid"])]


class RefusedError(Exception):
    """GitLab says no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"message": message}, {})


def answer(hub: Hub, token: str, method: str, path: str, query: Mapping[str, str], body: Any, root: str) -> Reply:
    """What GitLab would answer. A thing that isn't there, or that the token may not see, is a 404."""
    user = hub.tokens.get(token)
    if user is None:
        return Reply(401, {"message": "401 Unauthorized"}, {})
    if method != "GET" and token == READER_TOKEN:
        return Reply(403, {"error": "insufficient_scope", "error_description": "The request requires higher privileges", "scope": "api"}, {})
    for verb, pattern, handle in _ROUTES:
        found = pattern.fullmatch(path)
        if verb == method and found:
            try:
                made = handle(Call(hub, user, token, found.groupdict(), query, body or {}, root))
            except KeyError:
                return Reply(404, {"message": "404 Not found"}, {})
            except RefusedError as refused:
                return refused.reply
            return _page(made, query) if isinstance(made, list) else Reply(204 if made is None else 201 if method == "POST" else 200, made, {})
    return Reply(404, {"error": "404 Not Found"}, {})


def own_job(hub: Hub, number: int, root: str) -> Reply:
    """The job that a job's own token is of ("Get job token's job"), while it runs: then the token ends."""
    for project in hub.projects.values():
        if number in project.started and project.started[number][1] in {"running", "canceling"}:
            return Reply(200, _started(project, number, root), {})
    return Reply(401, {"message": "401 Unauthorized"}, {})


def _started(project: Project, number: int, root: str) -> Json:
    by, status, _ = project.started[number]
    shown = {"user": shapes.user_basic(by, root), "pipeline": {"id": number, "project_id": project.id}}
    return {"id": number, "status": status, "name": "gate", **shown}


def _page(items: list[Json], query: Mapping[str, str]) -> Reply:
    """One page of a list, with offset pagination's headers."""
    size, page = min(int(query.get("per_page", "20")), 100), int(query.get("page", "1"))
    pages = -(-len(items) // size)
    headers = {"X-Page": str(page), "X-Per-Page": str(size), "X-Total": str(len(items)), "X-Total-Pages": str(pages)}
    return Reply(200, items[(page - 1) * size : page * size], {**headers, "X-Next-Page": str(page + 1) if page < pages else ""})


Handler: TypeAlias = "Callable[[Call], Json | list[Json] | None]"
_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []
PROJECT = "/projects/(?P<project>[^/]+)"
_REQUEST = f"{PROJECT}/merge_requests/(?P<iid>[0-9]+)"


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        _ROUTES.append((method, re.compile(pattern), handler))
        return handler

    return keep


def _newest_first(items: Iterable[Json], call: Call) -> list[Json]:
    return sorted(
        items, key=lambda item: str(item.get(call.query.get("order_by", "id"), "")).zfill(40), reverse=call.query.get("sort", "desc") == "desc"
    )


@route("GET", "/user")
def _own_user(call: Call) -> Json:
    return shapes.user(call.user, call.root)


@route("GET", "/users/(?P<id>[0-9]+)")
def _user(call: Call) -> Json:
    return shapes.user(_existing(call), call.root)


def _existing(call: Call) -> User:
    """The account; a deleted one is none. Raises KeyError."""
    user = call.hub.users[int(call.names["id"])]
    if user.stand_in is not None:
        raise KeyError(user.id)
    return user


@route("GET", "/users")
def _users(call: Call) -> list[Json]:
    """A search finds names, and public addresses; private ones only for administrators."""
    if "username" in call.query:
        named = [user for user in call.hub.users.values() if user.username.casefold() == call.query["username"].casefold()]
        return [shapes.user_basic(user, call.root) for user in named if user.stand_in is None]
    wanted = call.query.get("search", "").casefold()
    found = [user for user in call.hub.users.values() if wanted in user.username.casefold() or (wanted and wanted == user.public_email.casefold())]
    return [shapes.user_basic(user, call.root) for user in found]


@route("GET", "/groups/(?P<group>[^/]+)/members/all")
def _group_members(call: Call) -> list[Json]:
    return [shapes.member(user, DEVELOPER, call.root) for user in call.hub.groups[unquote(call.names["group"])]]


@route("GET", PROJECT)
def _project(call: Call) -> Json:
    return shapes.project(call.project, call.root)


@route("GET", f"{PROJECT}/members/all")
def _members(call: Call) -> list[Json]:
    wanted = call.query.get("user_ids[]")
    members = [(call.hub.users[number], level) for number, level in call.project.members.items() if wanted in (None, str(number))]
    return [shapes.member(user, level, call.root) for user, level in members if user.stand_in is None]


@route("GET", f"{PROJECT}/deployments")
def _deployments(call: Call) -> list[Json]:
    project, query = call.project, call.query
    found = [
        deployed
        for deployed in project.deployments
        if query.get("environment", deployed.environment) == deployed.environment and query.get("status", deployed.status) == deployed.status
    ]
    return _newest_first((shapes.deployment(each, project, call.hub, call.root) for each in found), call)


@route("PUT", f"{PROJECT}/deployments/(?P<id>[0-9]+)")
def _update_deployment(call: Call) -> Json:
    project = call.project
    found = next((each for each in project.deployments if str(each.id) == call.names["id"]), None)
    if found is None:
        raise KeyError(call.names["id"])
    if found.job is not None:
        raise RefusedError(403, "403 Forbidden")  # a job's deployment is its own to end
    found.status = call.body["status"]
    return shapes.deployment(found, project, call.hub, call.root)


@route("GET", f"{PROJECT}/repository/branches/(?P<name>[^/]+)")
def _branch(call: Call) -> Json:
    project, name = call.project, unquote(call.names["name"])
    commit = project.commits[project.branches[name]]
    return {"name": name, "commit": shapes.commit(commit, project, call.root), "default": name == project.default_branch, "protected": True}


@route("GET", f"{PROJECT}/repository/commits/(?P<ref>[^/]+)")
def _commit(call: Call) -> Json:
    project, ref = call.project, unquote(call.names["ref"])
    return shapes.commit(project.commits[project.branches.get(ref) or project.tags.get(ref) or ref], project, call.root)


@route("GET", f"{PROJECT}/repository/tags")
def _tags(call: Call) -> list[Json]:
    project = call.project
    return [
        {"name": name, "message": "", "target": sha, "protected": False, "commit": shapes.commit(project.commits[sha], project, call.root)}
        for name, sha in project.tags.items()
    ]


@route("GET", f"{PROJECT}/repository/commits/(?P<sha>[0-9a-f]+)/merge_requests")
def _requests_of_commit(call: Call) -> list[Json]:
    """GitLab lists the requests that introduced a commit; by a squash or a fast-forward it doesn't always find them."""
    project, sha = call.project, call.names["sha"]
    _ = project.commits[sha]
    found = [request for request in project.requests.values() if sha == request.merge_commit_sha or any(each.sha == sha for each in request.commits)]
    return [shapes.merge_request(each, call.root) for each in found]


@route("GET", f"{PROJECT}/repository/commits/(?P<sha>[0-9a-f]+)/statuses")
def _statuses(call: Call) -> list[Json]:
    """With `all` every one; else the newest of each name in a pipeline, a job or not."""
    project = call.project
    every = [status for status in project.statuses if status.sha == call.names["sha"]]
    newest = every if call.query.get("all") == "true" else {(status.name, status.pipeline): status for status in every}.values()
    return [shapes.status(each, call.hub, call.root) for each in newest]


@route("GET", f"{PROJECT}/jobs/(?P<job>[0-9]+)")
def _job(call: Call) -> Json:
    project, number = call.project, int(call.names["job"])
    if number in project.started:
        return _started(project, number, call.root)
    pipelines = {status.id: status.pipeline for status in project.statuses if status.set_by is None} | project.child_jobs
    return {"id": number, "status": "running", "name": "gate", "pipeline": {"id": pipelines[number], "project_id": project.id}}


@route("GET", f"{PROJECT}/pipelines/(?P<pipeline>[0-9]+)")
def _pipeline(call: Call) -> Json:
    """Of the jobs that somebody started, each has a pipeline of its own number."""
    number = int(call.names["pipeline"])
    by, _, source = call.project.started[number]
    return {"id": number, "source": source, "user": shapes.user_basic(by, call.root)}


@route("GET", f"{PROJECT}/pipelines/(?P<pipeline>[0-9]+)/bridges")
def _bridges(call: Call) -> list[Json]:
    project, number = call.project, int(call.names["pipeline"])
    return [
        {
            "id": status.id,
            "name": status.name,
            "status": status.status,
            "pipeline": {"id": number, "project_id": project.id},
            "downstream_pipeline": {"id": project.children[status.id], "project_id": project.id} if status.id in project.children else None,
        }
        for status in project.statuses
        if status.pipeline == number and status.set_by is None
    ]


@route("POST", f"{PROJECT}/statuses/(?P<sha>[0-9a-f]+)")
def _set_status(call: Call) -> Json:
    project, sha = call.project, call.names["sha"]
    _ = project.commits[sha]
    name = call.body["name"]
    found = next((each for each in project.statuses if (each.sha, each.name) == (sha, name)), None)
    if found is None:
        found = project.report(sha, name, set_by=call.user)
    found.status, found.description, found.target_url = call.body["state"], call.body.get("description"), call.body.get("target_url")
    return shapes.status(found, call.hub, call.root)


def _folder(files: Files, path: str) -> Files:
    inside = {name.removeprefix(f"{path}/"): content for name, content in files.items() if name.startswith(f"{path}/")} if path else files
    if not inside:
        raise KeyError(path)
    return inside


@route("GET", f"{PROJECT}/repository/tree")
def _tree(call: Call) -> list[Json]:
    project, path = call.project, call.query.get("path", "")
    files = _folder(project.commits[call.query["ref"]].files, path)
    lead = f"{path}/" if path else ""
    return [
        {"id": entry.oid, "name": entry.name, "type": entry.kind, "path": lead + entry.name, "mode": f"{entry.mode:06o}"}
        for entry in sorted(entries(files), key=lambda entry: entry.kind != "tree")
    ]


@route("GET", f"{PROJECT}/repository/files/(?P<path>[^/]+)")
def _file(call: Call) -> Json:
    path, ref = unquote(call.names["path"]), call.query["ref"]
    content = call.project.commits[ref].files[path]
    return {
        "file_name": path.rpartition("/")[2],
        "file_path": path,
        "size": len(content),
        "encoding": "base64",
        "content": base64.b64encode(content).decode(),
        "ref": ref,
        "blob_id": object_id("blob", content),
        "commit_id": ref,
    }


@route("GET", f"{PROJECT}/merge_requests")
def _requests(call: Call) -> list[Json]:
    project, query = call.project, call.query
    found = [
        each
        for each in project.requests.values()
        if query.get("state", each.state) == each.state and query.get("target_branch", each.target) == each.target
    ]
    if project.association_lag and found:
        found = sorted(found, key=lambda each: (each.merged_at is None, each.merged_at or each.created_at))[:-1]
    return _newest_first((shapes.merge_request(each, call.root) for each in found), call)


@route("GET", _REQUEST)
def _request(call: Call) -> Json:
    return shapes.merge_request_alone(call.request, call.root)


@route("GET", f"{_REQUEST}/commits")
def _request_commits(call: Call) -> list[Json]:
    request = call.request
    return [shapes.commit(each, request.project, call.root) for each in reversed(request.commits)]


@route("GET", f"{_REQUEST}/versions")
def _versions(call: Call) -> list[Json]:
    return [shapes.version(each, call.request) for each in reversed(call.request.versions)]


@route("GET", f"{_REQUEST}/versions/(?P<version>[0-9]+)")
def _version(call: Call) -> Json:
    found = next((each for each in call.request.versions if str(each.id) == call.names["version"]), None)
    if found is None:
        raise KeyError(call.names["version"])
    return shapes.version_alone(found, call.request, call.root)


@route("GET", f"{_REQUEST}/approvals")
def _approvals(call: Call) -> Json:
    return shapes.approvals(call.request, call.hub, call.root)


@route("GET", f"{_REQUEST}/reviewers")
def _reviewers(call: Call) -> list[Json]:
    request = call.request
    return [
        {"user": shapes.user_basic(call.hub.users[number], call.root), "state": state, "created_at": shapes.moment(request.created_at)}
        for number, state in request.reviewers.items()
    ]


@route("GET", f"{_REQUEST}/notes")
def _notes(call: Call) -> list[Json]:
    request = call.request
    return _newest_first((shapes.note(each, request, call.root) for each in request.notes), call)


@route("POST", f"{_REQUEST}/notes")
def _make_note(call: Call) -> Json:
    call.request.note(call.user, call.body["body"])
    return shapes.note(call.request.notes[-1], call.request, call.root)


@route("PUT", f"{_REQUEST}/notes/(?P<note>[0-9]+)")
def _change_note(call: Call) -> Json:
    found = next((each for each in call.request.notes if str(each.id) == call.names["note"]), None)
    if found is None:
        raise KeyError(call.names["note"])
    if found.author is not call.user:
        raise RefusedError(403, "403 Forbidden")
    found.body = call.body["body"]
    return shapes.note(found, call.request, call.root)


@route("DELETE", f"{_REQUEST}/notes/(?P<note>[0-9]+)")
def _delete_note(call: Call) -> None:
    request = call.request
    if all(str(each.id) != call.names["note"] for each in request.notes):
        raise KeyError(call.names["note"])
    request.notes = [each for each in request.notes if str(each.id) != call.names["note"]]


_CLOSING = re.compile(r"\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?):? +#(\d+)", re.IGNORECASE)


@route("GET", f"{_REQUEST}/closes_issues")
def _closes(call: Call) -> list[Json]:
    request, project = call.request, call.project
    numbers = dict.fromkeys(int(number) for number in _CLOSING.findall(request.description))
    found = [project.issues[number] for number in numbers if number in project.issues]
    return [shapes.issue(each, project, call.root) for each in found if not each.confidential]


@route("GET", f"{_REQUEST}/diffs")
def _diffs(call: Call) -> list[Json]:
    version = call.request.versions[-1]
    before, after = (call.request.project.commits[sha].files for sha in (version.base, version.head))
    paths = shapes.changed_paths(call.request)[: shapes.MOST_FILES]
    return [
        {
            "old_path": path,
            "new_path": path,
            "a_mode": "100644",
            "b_mode": "100644",
            "diff": "",
            "new_file": path not in before,
            "renamed_file": False,
            "deleted_file": path not in after,
        }
        for path in paths
    ]


@route("GET", f"{_REQUEST}/resource_label_events")
def _label_events(call: Call) -> list[Json]:
    return [
        {
            "id": number,
            "user": None if user is None else shapes.user_basic(user, call.root),
            "created_at": shapes.moment(at),
            "resource_type": "MergeRequest",
            "resource_id": call.request.id,
            "label": {"id": 7, "name": name, "color": "#FF0000", "description": None},
            "action": action,
        }
        for number, (user, name, action, at) in enumerate(call.request.label_events, 1)
    ]


@route("GET", f"{PROJECT}/issues")
def _issues(call: Call) -> list[Json]:
    wanted, state = set(filter(None, call.query.get("labels", "").split(","))), call.query.get("state", "all")
    numbers = set(filter(None, call.query.get("iids[]", "").split(",")))
    listed = [each for each in call.project.issues.values() if not numbers or str(each.iid) in numbers]
    found = [each for each in listed if wanted <= set(each.labels) and state in ("all", each.state) and not each.confidential]
    return [shapes.issue(each, call.project, call.root) for each in reversed(found)]


@route("POST", f"{PROJECT}/issues")
def _new_issue(call: Call) -> Json:
    made = call.project.issue(call.body["title"])
    made.description, made.labels = call.body.get("description", ""), tuple(filter(None, call.body.get("labels", "").split(",")))
    return shapes.issue(made, call.project, call.root)


@route("PUT", f"{PROJECT}/issues/(?P<issue>[0-9]+)")
def _edit_issue(call: Call) -> Json:
    found = call.project.issues[int(call.names["issue"])]
    found.title, found.description = call.body.get("title", found.title), call.body.get("description", found.description)
    found.state = {"close": "closed", "reopen": "opened"}.get(call.body.get("state_event", ""), found.state)
    return shapes.issue(found, call.project, call.root)


@route("GET", f"{PROJECT}/issues/(?P<issue>[0-9]+)")
def _issue(call: Call) -> Json:
    project = call.project
    found = project.issues[int(call.names["issue"])]
    if found.confidential:
        raise KeyError(found.iid)
    return shapes.issue(found, project, call.root)
