"""What a failed exchange with GitHub means: try again (and when), or stop, with the exact step that helps.

Pure. Sources: "Troubleshooting the REST API" and "Rate limits for the REST/GraphQL API" on docs.github.com.
"""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from changegate.errors import ForgeError
from changegate.forges.patience import Retry, read_seconds

PERMISSIONS: Final = "permissions: {checks: read, contents: read, deployments: read, issues: read, pull-requests: read, statuses: read}"
"""What the job's token needs, as a workflow says it, on one line. `docs/github-permissions.md` says which fact needs which."""

_NEEDED_BY: Final = {  # the last of these names on an error's path, aliases as `queries` gives them
    "deployments": "deployments: read",
    "statuses": "deployments: read",
    "associatedPullRequests": "pull-requests: read",
    "reviews": "pull-requests: read",
    "pullRequest": "pull-requests: read",
    "closes": "issues: read",
    "linked": "issues: read",
    "it": "issues: read",
    "nodes": "pull-requests: read",
    "node": "pull-requests: read",
    "repository": "contents: read",
    "statusCheckRollup": "checks: read and statuses: read",
    "contexts": "checks: read and statuses: read",
}

_SECONDARY_WAIT: Final = 60.0  # the least that GitHub asks for where it names no time


class NotFoundError(ForgeError):
    """GitHub answers 404: there is no such thing, or the token may not see it."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"GitHub finds no such thing (404{': ' if said else ''}{said})",
            remedy="Either its name is wrong, or the token may not see it: GitHub says 404 for both. "
            + permission_remedy("contents: read, if the name is right"),
        )
        self.said = said


class ForbiddenError(ForgeError):
    """GitHub answers 403: the token may not do this. `needed` is the permission, where GitHub names it."""

    def __init__(self, said: str, needed: str) -> None:
        super().__init__(f"GitHub refuses the request (403{': ' if said else ''}{said})", remedy=permission_remedy(needed))
        self.said = said
        self.needed = needed


def permission_remedy(needed: str = "") -> str:
    """What to paste into the workflow; `needed` names what is missing, where that is known."""
    lead = f"The token lacks {needed}. Give" if needed else "Give"
    return f"{lead} the job in its workflow's YAML `{PERMISSIONS}`. A fine-grained token or an App needs the same repository permissions."


def explain_refusal(kind: str, path: list[str]) -> str:
    """The remedy for a GraphQL error of `kind` at `path`."""
    if kind == "NOT_FOUND":
        return "It doesn't exist, or the token may not see it. " + permission_remedy()
    if kind in {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
        needed = next((_NEEDED_BY[step] for step in reversed(path) if step in _NEEDED_BY), "")
        return permission_remedy(needed)
    return "Run the job again; if it stays, look at https://www.githubstatus.com."


def judge_status(status: int, headers: Mapping[str, str], body: Any) -> Retry | ForgeError | None:
    """What an answer's status means: None where it is a success. `headers` are lower-case; `body` is parsed JSON, or None."""
    message = str(body.get("message", "")) if isinstance(body, dict) else ""
    if status < 300:
        return _graphql_fault(headers, body)
    if status in {403, 429} and (wait := _limit(status, headers, message)):
        return wait
    if status >= 500:
        return Retry(f"GitHub answered {status}", read_seconds(headers.get("retry-after")), heavy=True)
    return _refused(status, headers, message)


def _graphql_fault(headers: Mapping[str, str], body: Any) -> Retry | None:
    """GraphQL's passing faults come with status 200: a used-up limit, and a query that was given up ("Something went wrong…")."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(errors, list) or not errors:
        return None
    if any(isinstance(error, dict) and error.get("type") == "RATE_LIMITED" for error in errors):
        return Retry("the token's rate limit is used up", _until_reset(headers))
    if body.get("data") is None and all(isinstance(error, dict) and not {"type", "path", "extensions"} & set(error) for error in errors):
        return Retry("GitHub gave the query up", heavy=True)
    return None


def _limit(status: int, headers: Mapping[str, str], message: str) -> Retry | None:
    asked = read_seconds(headers.get("retry-after"))
    if headers.get("x-ratelimit-remaining") == "0" and asked is None:
        return Retry("the token's rate limit is used up", _until_reset(headers))
    if asked is not None or status == 429 or "rate limit" in message.lower():
        return Retry("GitHub limits the rate of requests", _SECONDARY_WAIT if asked is None else asked)
    return None


def _refused(status: int, headers: Mapping[str, str], message: str) -> ForgeError:
    said = f": {message}" if message else ""
    if status == 401:
        return ForgeError(
            f"GitHub doesn't accept the token (401{said})",
            remedy="Give a valid token in CHANGEGATE_TOKEN, or as the action's input `token`; this one may have expired.",
        )
    if status == 403:
        needed = headers.get("x-accepted-github-permissions", "").replace("=", ": ").replace("_", "-")
        return ForbiddenError(message, needed)
    if status == 404:
        return NotFoundError(message)
    if 300 <= status < 400:
        return ForgeError(
            f"GitHub redirects the request ({status})",
            remedy="The repository was renamed or the API URL is not GitHub's: pass the present name and URL.",
        )
    return ForgeError(f"GitHub does not understand the request ({status}{said})", remedy="Report it with the output of -v; check the API URL.")


def _until_reset(headers: Mapping[str, str]) -> float:
    """Seconds until the limit is reset, by the server's own clock; both headers are GitHub's."""
    reset = read_seconds(headers.get("x-ratelimit-reset"))
    answered = _date(headers.get("date", ""))
    if reset is None or answered is None:
        return _SECONDARY_WAIT
    return max(reset - answered.timestamp(), 1.0)


def _date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value)
    except ValueError:
        return None
