"""The jobs and external statuses of a commit, the newest of each name. Source: "Commits API", list commit statuses; "CI/CD job statuses"."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, NamedTuple

from changegate.facts import MISSING, Check, CheckState, Maybe
from changegate.forges.answer import UnreadableError
from changegate.forges.caps import cut_line
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.faults import NotFoundError

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
_GOOD: Final = frozenset({CheckState.SUCCESS, CheckState.NEUTRAL, CheckState.SKIPPED})
_NOT_BEGUN: Final = frozenset({"created", "manual", "scheduled"})
_CHILD_DEPTH: Final = 2
"""How deep child pipelines may be nested ("Downstream pipelines", Nested child pipelines)."""


def read_checks(client: Client, project: str, sha: str, *, own_job: str, named: str = "") -> tuple[Check, ...]:
    """The checks of a commit; `named` is the commit they are told as, where they ran on a merge of it.

    Of the pipeline that deploys, the gate's own job is left out, and what has not begun: that comes after the gate. Of each name the newest
    counts, but for a success that can't stand for the failure before it (`_find_hidden`). Raises `UnreadableError`, `ForgeError`.
    """
    # With the older ones: a status that somebody sets marks a job of its name as retried, and GitLab's list of the newest lacks that job.
    statuses = client.list_all(f"/projects/{project}/repository/commits/{sha}/statuses", all="true")
    deploying = _deploying(client, project, own_job, statuses)
    named_so: dict[str, list[tuple[int, Answer]]] = {}
    for status in statuses:
        number, state, name = status.number("id"), status.text("status"), status.text("name")
        if status.text("sha") != sha:
            raise UnreadableError(f"GitLab answered for another commit than {sha}", remedy="Run the job again.")
        comes_after = state in _NOT_BEGUN and status.value.get("pipeline_id") == deploying.pipeline
        if number == deploying.job or comes_after or _is_preview(status):
            continue
        named_so.setdefault(name, []).append((number, status))
    return tuple(_newest(client, project, sorted(named_so[name], key=lambda each: each[0]), named or sha) for name in sorted(named_so))


def _newest(client: Client, project: str, runs: Sequence[tuple[int, Answer]], sha: str) -> Check:
    *older, newest = (status for _, status in runs)
    check = _read(newest, sha)
    failed = [status for status in older if _read(status, sha).state is CheckState.FAILURE]
    hidden = _find_hidden(client, project, newest, failed) if check.state in _GOOD and failed else None
    return check if hidden is None else _read(hidden, sha)


def _find_hidden(client: Client, project: str, newest: Answer, failed: Sequence[Answer]) -> Answer | None:
    """The last failure that a later good result of its name doesn't make good, if there is one.

    A job stands for whatever ran before it under its name. Anybody who may push can set a status by the API: it stands only for statuses that the
    same account set.
    """
    if _is_job(client, project, newest):
        return None
    return next((each for each in reversed(failed) if _author(each) != _author(newest) or _is_job(client, project, each)), None)


def _author(status: Answer) -> int:
    author = status.get("author")
    return 0 if author is None else author.number("id")


def _is_job(client: Client, project: str, status: Answer) -> bool:
    """Whether it is a job of a pipeline, trigger jobs included, and not a status that somebody set. Source: "Jobs API"."""
    number, pipeline = status.number("id"), status.value.get("pipeline_id")
    with suppress(NotFoundError):
        return client.get(f"/projects/{project}/jobs/{number}").number("id") == number
    with suppress(NotFoundError):
        return any(bridge.number("id") == number for bridge in client.list_all(f"/projects/{project}/pipelines/{pipeline}/bridges"))
    return False


class _Deploying(NamedTuple):
    """The pipeline in which the gate runs, among those of a commit, and its job there: the gate's, or the one that waits for its child pipeline."""

    pipeline: int | None = None
    job: int | None = None


def _deploying(client: Client, project: str, own_job: str, statuses: Sequence[Answer]) -> _Deploying:
    """A child pipeline's jobs aren't among a commit's: then it is looked for below those pipelines that have not ended."""
    if not own_job.isascii() or not own_job.isdigit():
        return _Deploying()
    own = int(own_job)
    for status in statuses:
        if status.number("id") == own and _STATES.get(status.text("status")) is CheckState.PENDING:  # we are running
            return _Deploying(status.number("pipeline_id"), own)
    waiting = {each.number("pipeline_id") for each in statuses if _STATES.get(each.text("status")) is CheckState.PENDING and not _is_preview(each)}
    if waiting:
        with suppress(NotFoundError):  # a job of another project
            child = client.get(f"/projects/{project}/jobs/{own}").at("pipeline").number("id")
            for pipeline in sorted(waiting):
                bridge = _bridge_to(client, project, child, pipeline, _CHILD_DEPTH)
                if bridge is not None:
                    return _Deploying(pipeline, bridge)
    return _Deploying()


def _bridge_to(client: Client, project: str, child: int, pipeline: int, depth: int) -> int | None:
    """The trigger job of a pipeline below which `child` runs. Source: "Jobs API", list pipeline trigger jobs."""
    for bridge in client.list_all(f"/projects/{project}/pipelines/{pipeline}/bridges"):
        below = bridge.get("downstream_pipeline")
        if below is not None and str(below.value.get("project_id", "")) == str(bridge.at("pipeline").number("project_id")):
            number = below.number("id")
            if number == child or (depth > 1 and _bridge_to(client, project, child, number, depth - 1) is not None):
                return bridge.number("id")
    return None


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
    return Check(name=cut_line(status.text("name")), commit=sha, state=state, url=str(url.value) if url is not None else "", completed_at=completed)


def _settled(status: Answer) -> bool:
    return status.text("status") in {"failed", "manual"}
