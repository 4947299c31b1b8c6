"""Deployments from a file, as the vendors write them and as somebody types them."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.cli import exported
from changegate.deploys import State
from changegate.errors import ForgeError, InputError

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def on_github(number: int = 1, statuses: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """REST, "List deployments"; the statuses newest first, as "List deployment statuses" gives them."""
    listed = [
        {"state": state, "created_at": f"2026-01-05T09:0{at}:00Z", "log_url": "https://github.com/acme/shop/actions/runs/77/job/1", "target_url": ""}
        for at, state in enumerate(statuses or [])
    ][::-1]
    made = {
        "id": number,
        "node_id": f"DE_{number}",
        "sha": "c" * 40,
        "ref": "main",
        "environment": "production",
        "created_at": "2026-01-05T09:00:00Z",
        "repository_url": "https://api.github.com/repos/acme/shop",
    }
    return made | ({"statuses": listed} if statuses is not None else {}) | more


def on_gitlab(number: int = 1, status: str = "success", job: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Deployments API, "List project deployments"."""
    made = {
        "id": 40 + number,
        "iid": number,
        "ref": "main",
        "sha": "c" * 40,
        "created_at": "2026-01-05T09:00:00.000Z",
        "updated_at": "2026-01-05T09:09:00.000Z",
        "status": status,
        "environment": {"id": 9, "name": "production"},
        "deployable": job,
    }
    return made | more


def parse(*items: Any) -> exported.Exported:
    return exported.parse(json.dumps(list(items)).encode(), "acme/shop")


@pytest.mark.parametrize(
    ("statuses", "state", "last"),
    [
        (None, State.UNKNOWN, State.UNKNOWN),
        ([], State.UNKNOWN, State.UNKNOWN),
        (["pending"], State.UNKNOWN, State.UNKNOWN),
        (["inactive"], State.UNKNOWN, State.UNKNOWN),
        (["queued"], State.NOT_STARTED, State.UNKNOWN),
        (["queued", "waiting"], State.NOT_STARTED, State.UNKNOWN),
        (["waiting", "failure"], State.NOT_STARTED, State.FAILED),
        (["waiting", "in_progress", "failure"], State.FAILED, State.FAILED),
        (["in_progress"], State.RUNNING, State.UNKNOWN),
        (["in_progress", "error"], State.FAILED, State.FAILED),
        (["in_progress", "success"], State.SUCCEEDED, State.SUCCEEDED),
        (["in_progress", "success", "inactive"], State.SUCCEEDED, State.SUCCEEDED),
        (["in_progress", "success", "failure", "inactive"], State.SUCCEEDED, State.FAILED),
    ],
)
def test_what_githubs_statuses_say(statuses: list[str] | None, state: State, last: State) -> None:
    (found,) = parse(on_github(statuses=statuses)).deploys
    assert (found.state, found.last, found.said) == (state, last, ", ".join(statuses or []))
    assert (found.repository, found.runs) == ("acme/shop", ("77",) if statuses else ())


JOB = {
    "id": 8,
    "started_at": "2026-01-05T09:01:00.000Z",
    "finished_at": None,
    "web_url": "https://gitlab.com/acme/shop/-/jobs/8",
    "pipeline": {"id": 3},
}


@pytest.mark.parametrize(
    ("status", "job", "state"),
    [
        ("created", JOB, State.NOT_STARTED),
        ("blocked", JOB, State.NOT_STARTED),
        ("skipped", JOB, State.NOT_STARTED),
        ("running", JOB, State.RUNNING),
        ("success", None, State.SUCCEEDED),
        ("failed", JOB, State.FAILED),
        ("canceled", JOB, State.FAILED),
        ("canceled", {**JOB, "started_at": None}, State.NOT_STARTED),
        ("canceled", None, State.UNKNOWN),
    ],
)
def test_what_gitlabs_status_says(status: str, job: dict[str, Any] | None, state: State) -> None:
    (found,) = parse(on_gitlab(status=status, job=job)).deploys
    assert (found.state, found.number, found.runs) == (state, 1, ("8", "pipeline-3") if job else ())


def test_pages_in_any_form_are_one_list() -> None:
    pages = [[on_github(1), on_github(2)], [on_github(3)]]
    forms = [
        json.dumps(pages),
        "".join(json.dumps(page) for page in pages),
        "\n".join(json.dumps(page) for page in pages),
        json.dumps(pages[0] + pages[1]),
    ]
    assert len({exported.parse(form.encode(), "") for form in forms}) == 1


def test_a_table_that_somebody_typed() -> None:
    text = (
        "id,environment,commit,created,state,finished,runs,number\r\n"
        "a,production,cccc,2026-01-05T10:00:00+01:00,succeeded,2026-01-05T09:05:00Z,7 8,1\r\n"
        "b,production,dddd,2026-01-05T11:00:00Z,unknown,,,\r\n"
    )
    first, second = exported.parse(text.encode(), "acme/shop").deploys
    assert (first.created, first.state, first.runs, first.number) == (datetime(2026, 1, 5, 9, tzinfo=UTC), State.SUCCEEDED, ("7", "8"), 1)
    assert (second.repository, second.finished, second.number) == ("acme/shop", None, None)


CSV = "id,repository,environment,commit,created,state\n"


@pytest.mark.parametrize(
    "text",
    [
        "{", "[1]", "[{}]", "[[[{}]]]", "7", "", "id,commit\n1,2\n", CSV + "a,r,e,c,2026-01-05T10:00:00Z,live\n", CSV + "a,r,e,c,yesterday,failed\n",
        CSV + "a,r,e,c\n", CSV + ",r,e,c,2026-01-05T10:00:00Z,failed\n", CSV + "a,r,e,c,2026-01-05T10:00:00Z,failed,more\n", "\ufeffid,number\n",
        CSV + "a,r,e,c,2026-01-05T10:00:00Z,failed\n" * 2, CSV + "a,,e,c,2026-01-05T10:00:00Z,failed\n",
        json.dumps([on_github(), on_gitlab()]), json.dumps([on_github(statuses=["odd"])]), json.dumps([on_gitlab(status="odd")]),
        json.dumps([on_github(), on_github()]), json.dumps([on_github(sha="main")]), json.dumps([on_github(created_at="2026-01-05T09:00:00")]),
        json.dumps([on_github(statuses=[])  | {"statuses": {}}]), json.dumps([on_gitlab(iid=None)]), json.dumps([on_gitlab(sha="x")]),
        json.dumps([on_github(repository_url=None)]),
    ],
)  # fmt: skip
def test_what_is_no_list_of_deployments_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        exported.parse(text.encode(), "")


@given(st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*on_github(1, []), *on_gitlab(), "state"]), inner, max_size=9),
    max_leaves=20,
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_anything_is_a_list_of_deployments_or_refused(data: bytes) -> None:
    with suppress(InputError):
        exported.parse(data, "acme/shop")


@given(st.sampled_from([on_github(1, ["in_progress", "success"]), on_gitlab(1, job=JOB)]), st.data())
def test_any_value_put_in_a_deployment_is_read_or_refused(item: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(item)))
    value = data.draw(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.none() | st.dictionaries(st.text(max_size=3), st.none()))
    )
    with suppress(InputError):
        parse({**item, name: value})


@pytest.mark.parametrize(
    ("found", "all_of_it", "said"),
    [
        ([on_github(number) for number in range(29)], False, "end within a page"),
        ([*(on_github(number) for number in range(29)), on_github(99, created_at="2025-12-01T00:00:00Z")], False, "reaches back before the period"),
        ([on_github(number) for number in range(30)], True, "says that it is all"),
        ([on_gitlab(number) for number in range(1, 21)], False, "the project's first deployment"),
        ([], False, "0 deployments"),
    ],
)
def test_why_a_list_is_held_to_be_whole(found: list[dict[str, Any]], all_of_it: bool, said: str) -> None:
    assert said in exported.explain_reach(parse(*found), BEGIN, all_of_it=all_of_it)


@pytest.mark.parametrize(
    "found", [[on_github(number) for number in range(count)] for count in (30, 100, 200)] + [[on_gitlab(number) for number in range(2, 22)]]
)
def test_a_list_that_ends_as_a_full_page_does_may_have_been_cut_off(found: list[dict[str, Any]]) -> None:
    with pytest.raises(ForgeError, match="cut off"):
        exported.explain_reach(parse(*found), BEGIN, all_of_it=False)
