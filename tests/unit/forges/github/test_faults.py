"""What each failed exchange means, as a table."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import ForgeError
from changegate.forges.github.faults import PERMISSIONS, NotFoundError, explain_refusal, judge_status
from changegate.forges.patience import Retry

DATE = "Mon, 05 Jan 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "headers", "body", "after"),
    [
        (500, {}, None, None),
        (502, {}, None, None),
        (503, {"retry-after": "3"}, None, 3.0),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, None),
        (429, {"retry-after": "7"}, {}, 7.0),
        (429, {}, {}, 60.0),
        (403, {"retry-after": "7"}, {"message": "You have exceeded a secondary rate limit."}, 7.0),
        (403, {}, {"message": "You have exceeded a secondary rate limit."}, 60.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767603630", "date": DATE}, {"message": "API rate limit exceeded"}, 30.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1", "date": DATE}, {}, 1.0),
        (403, {"x-ratelimit-remaining": "0"}, {}, 60.0),
        (200, {}, {"data": None, "errors": [{"message": "Something went wrong while executing your query."}]}, None),
        (200, {}, {"errors": [{"message": "Something went wrong"}]}, None),
        (200, {"x-ratelimit-reset": "1767603605", "date": DATE}, {"data": None, "errors": [{"type": "RATE_LIMITED"}]}, 5.0),
    ],
)
def test_passing_faults(status: int, headers: dict[str, str], body: Any, after: float | None) -> None:
    verdict = judge_status(status, headers, body)
    assert isinstance(verdict, Retry)
    assert verdict.after == after


@pytest.mark.parametrize(
    ("status", "headers", "remedy"),
    [
        (401, {}, "CHANGEGATE_TOKEN"),
        (403, {"x-accepted-github-permissions": "pull_requests=read"}, "The token lacks pull-requests: read"),
        (403, {}, PERMISSIONS),
        (404, {}, "Either its name is wrong, or the token may not see it"),
        (301, {}, "renamed"),
        (422, {}, "Report it"),
    ],
)
def test_lasting_faults(status: int, headers: dict[str, str], remedy: str) -> None:
    verdict = judge_status(status, headers, {"message": "As GitHub says"})
    assert isinstance(verdict, ForgeError)
    assert remedy in verdict.remedy


@pytest.mark.parametrize(
    "body",
    [
        {"data": {}},
        {"commits": []},
        [],
        None,
        {"errors": None},
        {"errors": [{"message": "no such field", "extensions": {}}]},
        {"data": {}, "errors": [{"message": "x"}]},
    ],
)
def test_a_success_is_no_fault(body: Any) -> None:
    assert judge_status(200, {}, body) is None


def test_a_404_keeps_what_was_said() -> None:
    verdict = judge_status(404, {}, {"message": "No common ancestor between a and b."})
    assert isinstance(verdict, NotFoundError)
    assert verdict.said == "No common ancestor between a and b."


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        (["repository", "deployments"], "deployments: read"),
        (["repository", "c0", "associatedPullRequests"], "pull-requests: read"),
        (["nodes", "0", "closes"], "issues: read"),
        (["repository", "r0", "it"], "issues: read"),
        (["nodes", "3", "last", "nodes", "0", "commit", "statusCheckRollup"], "checks: read and statuses: read"),
        (["repository", "f0"], "contents: read"),
        (["answer", "repository", "pullRequest"], "pull-requests: read"),
        (["repository", "c7"], "contents: read"),
        (["nodes", "2"], "pull-requests: read"),
    ],
)
def test_a_refusal_names_the_permission(path: list[str], needed: str) -> None:
    assert explain_refusal("FORBIDDEN", path).startswith(f"The token lacks {needed}.")


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "date"]), st.text()),
    st.text(),
)
def test_any_answer_is_judged(status: int, headers: dict[str, str], message: str) -> None:
    verdict = judge_status(status, headers, {"message": message})
    assert (verdict is None) == (status < 300)
