"""The one tracking issue of open reviews. Source, docs.github.com: REST "Issues" (list, create and update an issue)."""

from typing import Final

from changegate.errors import ForgeError
from changegate.forges.github.answer import Answer
from changegate.forges.github.client import Client
from changegate.forges.github.faults import ForbiddenError, NotFoundError
from changegate.forges.github.range import Repository

LABEL: Final = "changegate-followup"
"""Only who may triage can put it on an issue: so a marker in anybody's issue is text."""
MARKER: Final = "<!-- changegate followup -->"
_PAGE: Final = 100


def put_issue(client: Client, repository: Repository, title: str, text: str, *, is_open: bool) -> str:
    """The protocol's `put_issue`. The oldest of ours stays and says this; where nothing is open, it is closed."""
    root, body = f"/repos/{repository.owner}/{repository.name}/issues", f"{MARKER}\n{text}"
    try:
        found = Answer({"list": client.get(root, {"labels": LABEL, "state": "open", "per_page": _PAGE}).value}).items("list")
        own = sorted((each for each in found if _is_own(each)), key=lambda each: each.number("number"))
        if own:
            state = "open" if is_open else "closed"
            return client.send("PATCH", f"{root}/{own[0].number('number')}", {"title": title, "body": body, "state": state}).text("html_url")
        if not is_open:
            return ""
        return client.send("POST", root, {"title": title, "body": body, "labels": [LABEL]}).text("html_url")
    except (ForbiddenError, NotFoundError) as refused:
        raise ForgeError(f"the token may not write issues ({refused.message})", remedy="Give the job `issues: write` under `permissions:`.") from None


def _is_own(issue: Answer) -> bool:
    body = issue.get("body")
    return body is not None and isinstance(body.value, str) and body.value.startswith(MARKER) and "pull_request" not in issue.value
