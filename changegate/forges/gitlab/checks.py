"""The jobs and external statuses of a commit, the newest of each name. Source: "Commits API", list commit statuses; "CI/CD job statuses"."""

from datetime import datetime
from typing import Final

from changegate.facts import MISSING, Check, CheckState, Maybe
from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.client import Answer, Client

PREVIEW: Final = "changegate preview"
"""The name of the status that a preview makes: the gate, which judges again, must not wait for it. Its description begins with `MARK`."""
MARK: Final = "changegate:"
_STATES: Final = {
    "success": CheckState.SUCCESS,
    "failed": CheckState.FAILURE,
    "canceled": CheckState.CANCELLED,
    "canceling": CheckState.CANCELLED,
    "skipped": CheckState.SKIPPED,
    "manual": CheckState.PENDING,
    **dict.fromkeys(("created", "pending", "running", "preparing", "scheduled", "waiting_for_resource", "waiting_for_callback"), CheckState.PENDING),
}
_NOT_BEGUN: Final = frozenset({"created", "manual", "scheduled"})


def read_checks(client: Client, project: str, sha: str, *, own_job: str, named: str = "") -> tuple[Check, ...]:
    """The checks of a commit; `named` is the commit they are told as, where they ran on a merge of it.

    Of the pipeline that deploys, the gate's own job is left out, and what has not begun: that comes after the gate. Raises `UnreadableError`,
    `ForgeError`.
    """
    statuses = client.list_all(f"/projects/{project}/repository/commits/{sha}/statuses", all="false")
    deploying = {each.value.get("pipeline_id") for each in statuses if own_job and str(each.number("id")) == own_job}
    newest: dict[str, tuple[int, Answer]] = {}
    for status in statuses:
        number, state, name = status.number("id"), status.text("status"), status.text("name")
        if status.text("sha") != sha:
            raise UnreadableError(f"GitLab answered for another commit than {sha}", remedy="Run the job again.")
        if str(number) == own_job or _is_preview(status) or (state in _NOT_BEGUN and status.value.get("pipeline_id") in deploying):
            continue
        if name not in newest or number > newest[name][0]:
            newest[name] = (number, status)
    return tuple(_read(newest[name][1], named or sha) for name in sorted(newest))


def _is_preview(status: Answer) -> bool:
    said = status.value.get("description")
    return status.text("name") == PREVIEW and isinstance(said, str) and said.startswith(MARK)


def _read(status: Answer, sha: str) -> Check:
    state = _STATES.get(status.text("status"), CheckState.UNKNOWN)
    if status.flag("allow_failure"):  # GitLab's own word for a job that may fail, and for a manual one that nobody has to start
        state = {CheckState.FAILURE: CheckState.NEUTRAL, CheckState.PENDING: CheckState.SKIPPED}.get(state, state) if _settled(status) else state
    finished = status.get("finished_at")
    completed: Maybe[datetime] = status.time("finished_at") if finished is not None else MISSING
    url = status.get("target_url")
    return Check(name=status.text("name"), commit=sha, state=state, url=str(url.value) if url is not None else "", completed_at=completed)


def _settled(status: Answer) -> bool:
    return status.text("status") in {"failed", "manual"}
