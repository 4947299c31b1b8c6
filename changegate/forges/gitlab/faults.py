"""What a failed exchange with GitLab means: try again (and when), or stop, with the exact step that helps.

Pure. Sources: "REST API", "Rate limits" and "REST API authentication" on docs.gitlab.com.
"""

from email.utils import parsedate_to_datetime
from typing import Final

from changegate.errors import ForgeError
from changegate.forges.answer import UnreadableError
from changegate.forges.patience import Reply, Retry, read_seconds

NEEDED: Final = (
    "Give a project or group access token with the role Reporter and the scope read_api (api to write a preview's note or status) "
    "in CHANGEGATE_TOKEN, a masked and protected CI/CD variable."
)
_LIMIT_WAIT: Final = 60.0
"""Seconds, where GitLab limits the rate and names no time."""


class NotFoundError(UnreadableError):
    """GitLab answers 404: there is no such thing, or the token may not see it."""


class ForbiddenError(UnreadableError):
    """GitLab answers 403: the token may not do this."""


def judge(reply: Reply) -> Retry | ForgeError | None:
    """What an answer means: None where it is a success with JSON (or without content)."""
    status = reply.status
    if status == 204:
        return None
    if 200 <= status < 300:
        return None if reply.body is not None else Retry("GitLab's answer is not JSON")
    if status == 429:
        return Retry("GitLab limits the rate of requests", _limit(reply))
    if status >= 500:
        return Retry(f"GitLab answered {status}", read_seconds(reply.headers.get("retry-after")), heavy=True)
    return _refused(status, _message(reply.body))


def _refused(status: int, said: str) -> ForgeError:
    told = f": {said}" if said else ""
    if status == 401:
        return ForgeError(f"GitLab doesn't accept the token (401{told})", remedy=f"It may have expired, or be another server's. {NEEDED}")
    if status == 403:
        return ForbiddenError(f"GitLab refuses the request (403{told})", remedy=NEEDED)
    if status == 404:
        return NotFoundError(
            f"GitLab finds no such thing (404{told})",
            remedy=f"Either its name is wrong, or the token may not see it: GitLab says 404 for both. {NEEDED}",
        )
    if 300 <= status < 400:
        return ForgeError(
            f"GitLab redirects the request ({status})",
            remedy="The project was moved or the API URL is not GitLab's: pass the present path (--repository) and URL (--api-url).",
        )
    return ForgeError(f"GitLab does not understand the request ({status}{told})", remedy="Report it with the output of -v; check the API URL.")


def _message(body: object) -> str:
    """GitLab's `message` or `error`: a text, or a structure of texts."""
    if not isinstance(body, dict):
        return ""
    said = body.get("message", body.get("error_description", body.get("error", "")))
    return str(said)[:500]


def _limit(reply: Reply) -> float:
    """GitLab names the wait (`Retry-After`), else when the limit is reset (`RateLimit-Reset`, by its own clock)."""
    asked = read_seconds(reply.headers.get("retry-after"))
    if asked is not None:
        return asked
    reset = read_seconds(reply.headers.get("ratelimit-reset"))
    try:
        answered = parsedate_to_datetime(reply.headers.get("date", ""))
    except ValueError:
        return _LIMIT_WAIT
    return _LIMIT_WAIT if reset is None else max(reset - answered.timestamp(), 1.0)
