"""Checks: every state that GitHub knows, the newest run of each, and what isn't read."""

from typing import Any

import pytest

from changegate.facts import CheckState
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.checks import read_checks

SHA = "a" * 40


def run(
    number: int, name: str = "ci", conclusion: str | None = "SUCCESS", status: str = "COMPLETED", started: str | None = "09:00", **more: Any
) -> dict[str, Any]:
    return {
        "__typename": "CheckRun",
        "id": f"CR{number}",
        "databaseId": number,
        "name": name,
        "status": status,
        "conclusion": conclusion,
        "startedAt": started and f"2026-01-05T{started}:00Z",
        "completedAt": None,
        "url": "https://github.com/acme/shop/runs/1",
        "checkSuite": {"app": {"databaseId": 1}, "workflowRun": None},
        **more,
    }


def status(state: str, name: str = "ci", created: str = "09:00", by: int | None = 1) -> dict[str, Any]:
    return {
        "__typename": "StatusContext",
        "id": f"SC{name}{created}{by}",
        "context": name,
        "state": state,
        "createdAt": f"2026-01-05T{created}:00Z",
        "targetUrl": None,
        "creator": by and {"__typename": "User", "login": f"user{by}", "databaseId": by},
    }


def states(*contexts: dict[str, Any], own_run: str = "") -> dict[str, CheckState]:
    page = {"totalCount": len(contexts), "pageInfo": {"hasNextPage": False}, "nodes": list(contexts)}
    commit = Answer({"statusCheckRollup": {"id": "R", "contexts": page}})
    checks = read_checks(lambda _document, _variables: commit, commit, SHA, own_run=own_run)
    assert {check.commit for check in checks} <= {SHA}
    return {check.name: check.state for check in checks}


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        ("SUCCESS", CheckState.SUCCESS),
        ("SKIPPED", CheckState.SKIPPED),
        ("NEUTRAL", CheckState.NEUTRAL),
        ("FAILURE", CheckState.FAILURE),
        ("TIMED_OUT", CheckState.FAILURE),
        ("STARTUP_FAILURE", CheckState.FAILURE),
        ("ACTION_REQUIRED", CheckState.PENDING),
        ("CANCELLED", CheckState.CANCELLED),
        ("STALE", CheckState.UNKNOWN),
        ("BRAND_NEW", CheckState.UNKNOWN),
        (None, CheckState.UNKNOWN),
    ],
)
def test_conclusions(conclusion: str | None, state: CheckState) -> None:
    assert states(run(1, conclusion=conclusion)) == {"ci": state}


@pytest.mark.parametrize("word", ["QUEUED", "IN_PROGRESS", "WAITING", "PENDING", "REQUESTED"])
def test_what_runs_is_pending(word: str) -> None:
    assert states(run(1, status=word, conclusion=None)) == {"ci": CheckState.PENDING}


def test_an_unknown_status_is_not_known() -> None:
    assert states(run(1, status="BRAND_NEW")) == {"ci": CheckState.UNKNOWN}


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SUCCESS", CheckState.SUCCESS),
        ("FAILURE", CheckState.FAILURE),
        ("ERROR", CheckState.FAILURE),
        ("PENDING", CheckState.PENDING),
        ("EXPECTED", CheckState.PENDING),
        ("NEW", CheckState.UNKNOWN),
    ],
)
def test_statuses(word: str, state: CheckState) -> None:
    assert states(status(word)) == {"ci": state}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("older", "newer", "state"),
    [
        (run(1, conclusion="FAILURE"), run(2, started="09:05"), CheckState.SUCCESS),
        (run(1), run(2, conclusion="FAILURE", started="09:05"), CheckState.FAILURE),
        (run(1, conclusion="FAILURE"), run(2), CheckState.SUCCESS),
        (run(3), run(2, status="QUEUED", conclusion=None, started=None), CheckState.PENDING),
        (run(1), run(1, id="other", conclusion="FAILURE"), CheckState.FAILURE),
        (status("FAILURE"), status("SUCCESS", created="09:01"), CheckState.SUCCESS),
        (run(1), status("FAILURE"), CheckState.FAILURE),
    ],
)
def test_the_newest_counts(older: dict[str, Any], newer: dict[str, Any], state: CheckState, turned: bool) -> None:
    assert states(*((newer, older) if turned else (older, newer))) == {"ci": state}


@pytest.mark.parametrize(
    ("workflow_run", "left_out"),
    [
        ({"databaseId": 42, "url": "https://github.com/a/b/actions/runs/42", "workflow": {"databaseId": 1}}, True),
        ({"databaseId": None, "url": "https://github.com/a/b/actions/runs/42", "workflow": {"databaseId": 1}}, True),
        ({"databaseId": None, "url": "https://github.com/a/b/actions/runs/142", "workflow": {"databaseId": 1}}, False),
        ({"databaseId": 43, "url": "https://github.com/a/b/actions/runs/43", "workflow": {"databaseId": 1}}, False),
        (None, False),
    ],
)
def test_the_gates_own_run(workflow_run: Any, left_out: bool) -> None:
    suite = {"app": None, "workflowRun": workflow_run}
    assert (states(run(1, checkSuite=suite), own_run="42") == {}) is left_out


def test_a_check_of_an_unknown_kind_is_not_read() -> None:
    with pytest.raises(UnreadableError, match="unknown kind"):
        states({"__typename": "Omen", "id": "1"})


@pytest.mark.parametrize(
    ("contexts", "state"),
    [
        ((run(1, conclusion="FAILURE"), status("SUCCESS", created="09:05")), CheckState.FAILURE),
        ((status("FAILURE"), run(1, started="09:05")), CheckState.FAILURE),
        ((status("FAILURE", by=1), status("SUCCESS", created="09:05", by=2)), CheckState.FAILURE),
        ((status("FAILURE", by=1), status("SUCCESS", created="09:05", by=None)), CheckState.FAILURE),
        ((status("FAILURE", by=1), status("SUCCESS", created="09:05", by=1)), CheckState.SUCCESS),
    ],
)
def test_what_another_reports_under_its_name_hides_no_failure(contexts: tuple[dict[str, Any], ...], state: CheckState) -> None:
    assert states(*contexts) == states(*reversed(contexts)) == {"ci": state}
