"""The one tracking issue of open reviews. Source: "Issues API" (list, new and edit an issue)."""

from typing import Final

from changegate.errors import ForgeError
from changegate.forges.gitlab.client import Client
from changegate.forges.gitlab.faults import ForbiddenError, NotFoundError

LABEL: Final = "changegate-followup"
"""Only who may plan can put it on an issue: so a marker in anybody's issue is text."""
MARKER: Final = "<!-- changegate followup -->"


def put_issue(client: Client, project: str, title: str, text: str, *, is_open: bool) -> str:
    """The protocol's `put_issue`. The oldest of ours stays and says this; where nothing is open, it is closed."""
    path, body = f"/projects/{project}/issues", f"{MARKER}\n{text}"
    try:
        found = client.list_all(path, labels=LABEL, state="opened")
        own = sorted((each for each in found if (each.value.get("description") or "").startswith(MARKER)), key=lambda each: each.number("iid"))
        if own:
            change = {"title": title, "description": body, **({} if is_open else {"state_event": "close"})}
            return client.send("put", f"{path}/{own[0].number('iid')}", change).text("web_url")
        if not is_open:
            return ""
        return client.send("post", path, {"title": title, "description": body, "labels": LABEL}).text("web_url")
    except (ForbiddenError, NotFoundError) as refused:
        raise ForgeError(
            f"the token may not write issues ({refused.message})", remedy="Give a project access token with the role Reporter and the scope api."
        ) from None
