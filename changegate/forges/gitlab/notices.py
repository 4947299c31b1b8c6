"""What a preview shows on a merge request: one commit status on its head, and one note that is kept up to date.

Sources: "Commits API" (set the pipeline status of a commit), "Notes API" (merge requests).
"""

from contextlib import suppress
from typing import Final

from changegate.errors import ForgeError
from changegate.forges import Notice, Standing
from changegate.forges.gitlab.checks import MARK, PREVIEW
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.faults import ForbiddenError, NotFoundError

MARKER: Final = "<!-- changegate preview -->"
_STATES: Final = {Standing.GOOD: "success", Standing.BAD: "failed", Standing.UNKNOWN: "failed", Standing.ADVICE: "success"}
_DESCRIPTION: Final = 255


def put_check(client: Client, project: str, head: str, notice: Notice) -> str:
    """The protocol's `put_check`: a status of this name takes the place of the one before. GitLab shows one line of it; the note holds the text."""
    body = {
        "name": PREVIEW,
        "state": _STATES[notice.standing],
        "description": f"{MARK} {notice.title}"[:_DESCRIPTION],
        **({"target_url": notice.url} if notice.url else {}),
    }
    try:
        answer = client.send("post", f"/projects/{project}/statuses/{head}", body)
    except (ForbiddenError, NotFoundError) as refused:
        raise _lacking("set a commit status", refused) from None
    if answer.text("sha") != head or answer.text("status") != body["state"]:
        raise ForgeError("GitLab shows another status than the one that was set", remedy="Run the job again.")
    url = answer.get("target_url")
    return str(url.value) if url is not None else ""


def put_note(client: Client, project: str, number: int, notice: Notice, url: str) -> str:
    """The protocol's `put_comment`.

    Ours are the notes that the token's own account wrote and that begin with the marker. The oldest stays and says this; younger ones, of runs at the
    same time, are deleted.
    """
    path, body = f"/projects/{project}/merge_requests/{number}/notes", f"{MARKER}\n{notice.text}"
    try:
        account = client.get("/user").number("id")
        own = _own_notes(client, path, account)
        if not own:
            client.send("post", path, {"body": body})
            own = _own_notes(client, path, account)
        if not own:
            raise ForgeError("the note was made, and is not among the notes", remedy="Run the job again.")
        for duplicate in own[1:]:
            with suppress(NotFoundError):  # then the other run has done it
                client.send("delete", f"{path}/{duplicate.number('id')}", {})
        if own[0].text("body") != body:
            client.send("put", f"{path}/{own[0].number('id')}", {"body": body})
    except (ForbiddenError, NotFoundError) as refused:
        raise _lacking("write a note", refused) from None
    return f"{url}#note_{own[0].number('id')}"


def _own_notes(client: Client, path: str, account: int) -> list[Answer]:
    notes = client.list_all(path, sort="asc", order_by="created_at")
    own = [note for note in notes if not note.flag("system") and note.at("author").number("id") == account and note.text("body").startswith(MARKER)]
    return sorted(own, key=lambda note: note.number("id"))


def _lacking(what: str, refused: ForgeError) -> ForgeError:
    return ForgeError(
        f"the token may not {what} ({refused.message})",
        remedy="Give a project access token with the role Developer and the scope api in CHANGEGATE_TOKEN. "
        "A merge request from a fork runs in the fork's project, which has no such variable.",
    )
