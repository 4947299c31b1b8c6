"""What a preview shows on a pull request: one check run on its head, and one comment that is kept up to date.

Sources: REST "Check runs" and "Issue comments"; for the conclusions, "Troubleshooting required status checks" (docs.github.com): a required check
is met by `success`, `skipped` and `neutral` alike.
"""

import contextlib
from typing import Any, Final
from urllib.parse import quote

from changegate.errors import ForgeError
from changegate.forges import Notice, Standing
from changegate.forges.github.answer import Answer
from changegate.forges.github.checks import PREVIEW
from changegate.forges.github.client import Client
from changegate.forges.github.commits import read_sha
from changegate.forges.github.faults import ForbiddenError, NotFoundError
from changegate.forges.github.pages import read_all
from changegate.forges.github.queries import COMMENTED, COMMENTS
from changegate.forges.github.range import Repository

MARKER: Final = "<!-- changegate preview -->"
_CONCLUSIONS: Final = {
    Standing.GOOD: "success",
    Standing.BAD: "failure",
    Standing.UNKNOWN: "action_required",  # not `neutral`, which would let a branch that requires the check be merged into (ADR 0041)
    Standing.ADVICE: "neutral",
}
_PAGE: Final = 100


def put_check(client: Client, repository: Repository, head: str, notice: Notice) -> str:
    """The protocol's `put_check`: every check run that an earlier preview made on this commit says the same, or a new one is made."""
    body: dict[str, Any] = {
        "name": PREVIEW,
        "external_id": PREVIEW,
        "status": "completed",
        "conclusion": _CONCLUSIONS[notice.standing],
        "output": {"title": notice.title, "summary": notice.text},
        **({"details_url": notice.url} if notice.url else {}),
    }
    root = f"/repos/{repository.owner}/{repository.name}"
    try:
        shown = [client.send("PATCH", f"{root}/check-runs/{number}", body) for number in _own_checks(client, root, head)]
        answer = shown[-1] if shown else client.send("POST", f"{root}/check-runs", {**body, "head_sha": head})
    except (ForbiddenError, NotFoundError) as refused:
        raise _lacking("checks: write", "make a check run", refused) from None
    if read_sha(answer, "head_sha") != head or answer.text("conclusion") != body["conclusion"]:
        raise ForgeError("GitHub shows another check run than the one that was made", remedy="Run the job again.")
    return answer.text("html_url") if answer.get("html_url") is not None else ""


def _own_checks(client: Client, root: str, head: str) -> list[int]:
    """The check runs of earlier previews; another App's, which can't be changed, are told apart by their external id."""
    found = client.get(f"{root}/commits/{quote(head, safe='')}/check-runs", {"check_name": quote(PREVIEW), "per_page": _PAGE})
    return [run.number("id") for run in found.items("check_runs") if run.text("name") == PREVIEW and run.value.get("external_id") == PREVIEW]


def put_comment(client: Client, repository: Repository, number: int, notice: Notice) -> str:
    """The protocol's `put_comment`.

    1. Of all comments, those are ours which the token's own account wrote and which begin with the marker; a marker in anybody else's is text.
    2. Where there is none, one is made, and all are read again: of two runs at the same time each sees what the other made.
    3. The oldest stays and says this; younger ones are deleted. One that somebody deleted meanwhile is made anew, once.
    """
    body = f"{MARKER}\n{notice.text}"
    try:
        for _ in range(2):
            own = _own_comments(client, repository, number) or _make_comment(client, repository, number, body)
            for duplicate in own[1:]:
                _delete(client, repository, duplicate)
            try:
                return _say(client, repository, own[0], body)
            except NotFoundError:
                continue  # deleted since it was read
    except (ForbiddenError, NotFoundError) as refused:
        raise _lacking("pull-requests: write", "comment", refused) from None
    raise ForgeError("the comment was deleted while it was written, twice", remedy="Run the job again.")


def _own_comments(client: Client, repository: Repository, number: int) -> list[Answer]:
    pull = client.query(COMMENTED, {**repository.variables(), "number": number}).at("repository").at("pullRequest")
    own = [each for each in read_all(client.query, pull, COMMENTS) if each.flag("viewerDidAuthor") and each.text("body").startswith(MARKER)]
    return sorted(own, key=_number)


def _make_comment(client: Client, repository: Repository, number: int, body: str) -> list[Answer]:
    client.send("POST", f"/repos/{repository.owner}/{repository.name}/issues/{number}/comments", {"body": body})
    own = _own_comments(client, repository, number)
    if not own:
        raise ForgeError("the comment was made, and is not among the comments", remedy="Run the job again.")
    return own


def _say(client: Client, repository: Repository, comment: Answer, body: str) -> str:
    if comment.text("body") != body:
        client.send("PATCH", _path(repository, comment), {"body": body})
    return comment.text("url")


def _delete(client: Client, repository: Repository, comment: Answer) -> None:
    with contextlib.suppress(NotFoundError):  # then the other run has done it
        client.send("DELETE", _path(repository, comment), {})


def _path(repository: Repository, comment: Answer) -> str:
    return f"/repos/{repository.owner}/{repository.name}/issues/comments/{_number(comment)}"


def _number(comment: Answer) -> int:
    """GraphQL hands its 64-bit numbers out as texts."""
    text = comment.text("fullDatabaseId")
    if not (text.isascii() and text.isdigit()):
        raise ForgeError(f"GitHub gives a comment the number {text!r}", remedy="Run the job again; if it stays, report it with the output of -v.")
    return int(text)


def _lacking(permission: str, what: str, refused: ForgeError) -> ForgeError:
    return ForgeError(
        f"the token may not {what}: it lacks `{permission}` ({refused.message})",
        remedy=f"Give the job `{permission}` under `permissions:`. A pull request from a fork runs with a token that only reads, whatever is given.",
    )
