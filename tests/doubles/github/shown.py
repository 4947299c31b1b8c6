"""What can be shown on a pull request over REST: comments and check runs. The shapes follow GitHub's published OpenAPI description."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

from doubles.github.pull import Comment, Pull
from doubles.github.rest import error, simple_user
from doubles.github.state import Account, Hub, Issue, Reported, Repository

Answered: TypeAlias = tuple[int, Any, Mapping[str, str]]

CONCLUSIONS = {"success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"}
_COMMENTS = re.compile(r"/repos/([^/]+/[^/]+)/issues/(\d+)/comments")
_EVENTS = re.compile(r"/repos/([^/]+/[^/]+)/issues/(\d+)/events")
_COMMENT = re.compile(r"/repos/([^/]+/[^/]+)/issues/comments/(\d+)")
_CHECKS = re.compile(r"/repos/([^/]+/[^/]+)/check-runs")
_CHECK = re.compile(r"/repos/([^/]+/[^/]+)/check-runs/(\d+)")
_CHECKS_OF = re.compile(r"/repos/([^/]+/[^/]+)/commits/([^/]+)/check-runs")


class Request(NamedTuple):
    """A REST request."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any


def answer(hub: Hub, permissions: frozenset[str], asked: Request, by: Account, api: str) -> Answered:
    """Status, body and headers besides."""
    for method, pattern, needed, handle in _ROUTES:
        match = pattern.fullmatch(asked.path)
        if match and method == asked.method:
            repo = hub.repositories.get(match[1].lower())
            if repo is None or repo.private:
                break
            if needed not in permissions:
                return 403, error(403, "Resource not accessible by integration"), {"X-Accepted-GitHub-Permissions": needed.replace(":", "=")}
            return handle(repo, match.groups()[-1], asked, by, api)
    return 404, error(404, "Not Found"), {}


def _create_comment(repo: Repository, number: str, asked: Request, by: Account, api: str) -> Answered:
    pull = repo.pulls.get(int(number))
    if pull is None:
        return 404, error(404, "Not Found"), {}
    if not _is_text(asked.body.get("body")):
        return 422, error(422, "Validation Failed"), {}
    pull.say(by, asked.body["body"])
    return 201, _comment(pull, pull.comments[-1], api), {}


def _update_comment(repo: Repository, number: str, asked: Request, _by: Account, api: str) -> Answered:
    found = _find(repo, int(number))
    if found is None:
        return 404, error(404, "Not Found"), {}
    if not _is_text(asked.body.get("body")):
        return 422, error(422, "Validation Failed"), {}
    found[1].body = asked.body["body"]
    return 200, _comment(*found, api), {}


def _delete_comment(repo: Repository, number: str, _asked: Request, _by: Account, _api: str) -> Answered:
    found = _find(repo, int(number))
    if found is None:
        return 404, error(404, "Not Found"), {}
    found[0].comments.remove(found[1])
    return 204, None, {}


def _find(repo: Repository, number: int) -> tuple[Pull, Comment] | None:
    return next(((pull, comment) for pull in repo.pulls.values() for comment in pull.comments if comment.id == number), None)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 65536


def _list_checks(repo: Repository, sha: str, asked: Request, _by: Account, api: str) -> Answered:
    runs = [each for each in repo.reported.get(unquote(sha), []) if each.kind == "run" and each.name == asked.query.get("check_name", each.name)]
    return 200, {"total_count": len(runs), "check_runs": [_check(repo, unquote(sha), each, api) for each in runs]}, {}


def _create_check(repo: Repository, _match: str, asked: Request, _by: Account, api: str) -> Answered:
    sha = asked.body.get("head_sha")
    if sha not in repo.commits or not _is_completed(asked.body):
        return 422, error(422, "Validation Failed"), {}
    repo.report(sha, asked.body["name"])
    made = repo.reported[sha][-1]
    return 201, _set(repo, sha, made, asked.body, api), {}


def _update_check(repo: Repository, number: str, asked: Request, _by: Account, api: str) -> Answered:
    found = next(((sha, each) for sha, runs in repo.reported.items() for each in runs if each.id == int(number)), None)
    if found is None:
        return 404, error(404, "Not Found"), {}
    if not _is_completed(asked.body):
        return 422, error(422, "Validation Failed"), {}
    return 200, _set(repo, *found, asked.body, api), {}


def _is_completed(body: Any) -> bool:
    output = body.get("output", {})
    return body.get("status") == "completed" and body.get("conclusion") in CONCLUSIONS and _is_text(output.get("summary")) and bool(output["title"])


def _set(repo: Repository, sha: str, run: Reported, body: Any, api: str) -> dict[str, Any]:
    run.state, run.at = body["conclusion"].upper(), repo.hub.tick()
    run.external_id, run.details_url = body.get("external_id", ""), body.get("details_url", "")
    run.title, run.summary = body["output"]["title"], body["output"]["summary"]
    return _check(repo, sha, run, api)


def _comment(pull: Pull, comment: Comment, api: str) -> dict[str, Any]:
    url = f"{api}/repos/{pull.repository.name}"
    web = f"https://github.com/{pull.repository.name}/pull/{pull.number}#issuecomment-{comment.id}"
    at = comment.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": comment.id,
        "node_id": f"IssueComment|{pull.repository.name}|{comment.id}",
        "url": f"{url}/issues/comments/{comment.id}",
        "html_url": web,
        "issue_url": f"{url}/issues/{pull.number}",
        "body": comment.body,
        "user": simple_user(comment.author, url),
        "created_at": at,
        "updated_at": at,
        "author_association": "NONE",
    }


def _check(repo: Repository, sha: str, run: Reported, api: str) -> dict[str, Any]:
    url = f"{api}/repos/{repo.name}/check-runs/{run.id}"
    at = run.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    finished = run.state.lower() in CONCLUSIONS
    return {
        "id": run.id,
        "name": run.name,
        "node_id": f"CheckRun|{repo.name}|{run.id}",
        "head_sha": sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": f"https://github.com/{repo.name}/runs/{run.id}",
        "details_url": run.details_url or f"https://github.com/{repo.name}/runs/{run.id}",
        "status": "completed" if finished else "in_progress",
        "conclusion": run.state.lower() if finished else None,
        "started_at": at,
        "completed_at": at if finished else None,
        "output": {
            "title": run.title or None,
            "summary": run.summary or None,
            "text": None,
            "annotations_count": 0,
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run.id},
        "app": None,
        "pull_requests": [],
    }


def _issue(repo: Repository, issue: Issue) -> dict[str, Any]:
    url = f"https://github.com/{repo.name}/issues/{issue.number}"
    return {"number": issue.number, "title": issue.title, "body": issue.body or None, "state": issue.state.lower(), "html_url": url}


def _events(repo: Repository, number: str, asked: Request, _by: Account, api: str) -> Answered:
    pull = repo.pulls.get(int(number))
    if pull is None:
        return 404, error(404, "Not Found"), {}
    size, page = min(int(asked.query.get("per_page", 30)), 100), int(asked.query.get("page", 1))
    found = [
        {
            "id": at,
            "node_id": f"LabeledEvent|{repo.name}|{at}",
            "url": f"{api}/repos/{repo.name}/issues/events/{at}",
            "actor": None if by is None else simple_user(by, api),
            "event": event,
            "commit_id": None,
            "commit_url": None,
            "created_at": f"{when:%Y-%m-%dT%H:%M:%SZ}",
            "performed_via_github_app": None,
            **more,
        }
        for at, (when, by, event, more) in enumerate(sorted(_happened(pull), key=lambda each: each[0]), 1)
    ]
    return 200, found[(page - 1) * size : page * size], {}


def _happened(pull: Pull) -> Iterator[tuple[datetime, Account | None, str, dict[str, Any]]]:
    for each in pull.label_events:
        yield each.at, each.by, "labeled" if each.put else "unlabeled", {"label": {"name": each.name, "color": "ff0000"}}
    for at in pull.renamed_at:
        yield at, pull.author, "renamed", {"rename": {"from": "Before", "to": pull.title}}


def _list_issues(repo: Repository, _match: str, asked: Request, _by: Account, _api: str) -> Answered:
    found = [each for each in repo.issues.values() if asked.query["labels"] in each.labels and each.state.lower() == asked.query["state"]]
    return 200, [_issue(repo, each) for each in found], {}


def _create_issue(repo: Repository, _match: str, asked: Request, _by: Account, _api: str) -> Answered:
    issue = repo.issue(asked.body["title"])
    issue.body, issue.labels = asked.body["body"], tuple(asked.body["labels"])
    return 201, _issue(repo, issue), {}


def _update_issue(repo: Repository, number: str, asked: Request, _by: Account, _api: str) -> Answered:
    issue = repo.issues[int(number)]
    issue.title, issue.body, issue.state = asked.body["title"], asked.body["body"], asked.body["state"].upper()
    return 200, _issue(repo, issue), {}


_ISSUES = re.compile(r"/repos/([^/]+/[^/]+)/issues()")
_ISSUE = re.compile(r"/repos/([^/]+/[^/]+)/issues/([0-9]+)")
_ROUTES = (
    ("GET", _EVENTS, "pull_requests", _events),
    ("GET", _ISSUES, "issues", _list_issues),
    ("POST", _ISSUES, "issues:write", _create_issue),
    ("PATCH", _ISSUE, "issues:write", _update_issue),
    ("POST", _COMMENTS, "pull_requests:write", _create_comment),
    ("PATCH", _COMMENT, "pull_requests:write", _update_comment),
    ("DELETE", _COMMENT, "pull_requests:write", _delete_comment),
    ("GET", _CHECKS_OF, "checks", _list_checks),
    ("POST", _CHECKS, "checks:write", _create_check),
    ("PATCH", _CHECK, "checks:write", _update_check),
)
