"""Check runs and commit statuses of a commit: the newest of each, changegate's own left out. Pure but for further pages."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from changegate.facts import MISSING, Check, CheckState, Maybe, Unavailable
from changegate.forges.caps import cut_line
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.pages import Ask, read_all
from changegate.forges.github.people import read_actor
from changegate.forges.github.queries import CONTEXTS

_CONCLUSIONS: Final = {
    "SUCCESS": CheckState.SUCCESS,
    "SKIPPED": CheckState.SKIPPED,
    "NEUTRAL": CheckState.NEUTRAL,
    "FAILURE": CheckState.FAILURE,
    "TIMED_OUT": CheckState.FAILURE,
    "STARTUP_FAILURE": CheckState.FAILURE,
    "ACTION_REQUIRED": CheckState.PENDING,
    "CANCELLED": CheckState.CANCELLED,
    "STALE": CheckState.UNKNOWN,
}
PREVIEW: Final = "changegate preview"
"""Name and external id of the check run that a preview makes. It says what it then knew, so the gate, which asks again, must not wait for it.
A job of a workflow can take the name, but not the external id, which GitHub gives jobs itself.
"""
_RUNNING: Final = frozenset({"QUEUED", "IN_PROGRESS", "WAITING", "PENDING", "REQUESTED"})
_STATUSES: Final = {
    "SUCCESS": CheckState.SUCCESS,
    "FAILURE": CheckState.FAILURE,
    "ERROR": CheckState.FAILURE,
    "PENDING": CheckState.PENDING,
    "EXPECTED": CheckState.PENDING,
}
_WORST_FIRST: Final = (
    CheckState.FAILURE,
    CheckState.UNKNOWN,
    CheckState.CANCELLED,
    CheckState.PENDING,
    CheckState.NEUTRAL,
    CheckState.SKIPPED,
    CheckState.SUCCESS,
)
_NOT_BEGUN: Final = datetime.max.replace(tzinfo=UTC)
"""A queued run has no start yet: it is newer than all that have."""


class _Seen(NamedTuple):
    """One run, and what tells it from runs that it doesn't replace: who reports it, and under which workflow."""

    source: tuple[str, str, int, str]
    order: tuple[datetime, int]
    check: Check


def read_checks(ask: Ask, commit: Answer, sha: str, *, own_run: str) -> tuple[Check, ...]:
    """The checks of `commit`, one a name. GitHub says null where it has none. Raises `UnreadableError` where one can't be read.

    The newest run of each reporter counts. Where two reporters (a job of the same name in two workflows, a check run and a commit status, two
    accounts that set one status) use one name, the worse result stands for both, so that none is hidden.
    """
    rollup = commit.get("statusCheckRollup")
    contexts = [] if rollup is None else read_all(ask, rollup, CONTEXTS)
    newest: dict[tuple[str, str, int, str], _Seen] = {}
    for context in contexts:
        seen = _read_context(context, sha, own_run)
        if seen is not None and (seen.source not in newest or _replaces(seen, newest[seen.source])):
            newest[seen.source] = seen
    named: dict[str, Check] = {}
    for seen in newest.values():
        other = named.get(seen.check.name)
        if other is None or _is_worse(seen.check, other):
            named[seen.check.name] = seen.check
    return tuple(named[name].model_copy(update={"name": cut_line(name)}) for name in sorted(named))


def _replaces(seen: _Seen, other: _Seen) -> bool:
    return seen.order > other.order or (seen.order == other.order and _is_worse(seen.check, other.check))


def _is_worse(check: Check, other: Check) -> bool:
    return _WORST_FIRST.index(check.state) < _WORST_FIRST.index(other.state)


def _read_context(context: Answer, sha: str, own_run: str) -> _Seen | None:
    kind = context.text("__typename")
    if kind == "StatusContext":
        return _read_status(context, sha)
    if kind == "CheckRun":
        return _read_run(context, sha, own_run)
    raise UnreadableError(f"GitHub reports a check of the unknown kind {kind}", remedy="Update changegate.")


def _read_status(context: Answer, sha: str) -> _Seen:
    name, created = context.text("context"), context.time("createdAt")
    state = _STATUSES.get(context.text("state"), CheckState.UNKNOWN)
    check = Check(name=name, commit=sha, state=state, url=_optional_text(context, "targetUrl"), completed_at=created)
    creator = read_actor(context, "creator")
    return _Seen(("status", creator.key if not isinstance(creator, Unavailable) else "", 0, name), (created, 0), check)


def _read_run(context: Answer, sha: str, own_run: str) -> _Seen | None:
    suite = context.at("checkSuite")
    run = suite.get("workflowRun")
    if run is not None and own_run and _is_run(run, own_run):
        return None
    name = context.text("name")
    if name == PREVIEW and _optional_text(context, "externalId") == PREVIEW:
        return None
    app = suite.get("app")
    reporter = app.number("databaseId") if app is not None else 0
    workflow = run.at("workflow").number("databaseId") if run is not None else 0
    started = context.time("startedAt") if context.get("startedAt") is not None else _NOT_BEGUN
    completed: Maybe[datetime] = context.time("completedAt") if context.get("completedAt") is not None else MISSING
    check = Check(name=name, commit=sha, state=_state(context), url=context.text("url"), completed_at=completed)
    return _Seen(("run", str(reporter), workflow, name), (started, _optional_number(context)), check)


def _state(context: Answer) -> CheckState:
    status = context.text("status")
    if status in _RUNNING:
        return CheckState.PENDING
    if status != "COMPLETED" or context.get("conclusion") is None:
        return CheckState.UNKNOWN
    return _CONCLUSIONS.get(context.text("conclusion"), CheckState.UNKNOWN)


def _is_run(run: Answer, number: str) -> bool:
    """By its id, or by its address: GraphQL's numbers end at 2³¹, and run ids don't."""
    if run.get("databaseId") is not None and str(run.number("databaseId")) == number:
        return True
    return run.text("url").rstrip("/").endswith(f"/actions/runs/{number}")


def _optional_number(answer: Answer) -> int:
    return answer.number("databaseId") if answer.get("databaseId") is not None else 0


def _optional_text(answer: Answer, key: str) -> str:
    return answer.text(key) if answer.get(key) is not None else ""
