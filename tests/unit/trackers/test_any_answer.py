"""Whatever a tracker answers, the lookup of a ticket ends with a ticket that says how it went. Nothing escapes, and nothing counts by accident."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from changegate.facts import Lookup
from changegate.forges.patience import Reply
from changegate.trackers import Tracker
from changegate.trackers.http import Client
from changegate.trackers.jira import Jira
from changegate.trackers.linear import Linear
from changegate.trackers.servicenow import ServiceNow


class Says(Client):
    """A client that gets the same answer to everything."""

    def __init__(self, reply: Reply) -> None:
        self.name, self._reply = "It", reply

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Reply:
        del path, query
        return self._reply

    def post(self, path: str, body: Mapping[str, Any]) -> Reply:
        del path, body
        return self._reply


TRACKERS: Final[Mapping[str, tuple[Callable[[Client], Tracker], str]]] = {
    "Jira Cloud": (lambda client: Jira(client, url="https://acme.atlassian.net", cloud=True, plan_field="customfield_1"), "SHOP-12"),
    "Jira Data Center": (lambda client: Jira(client, url="https://jira.example.com", cloud=False, plan_field=""), "SHOP-12"),
    "ServiceNow": (lambda client: ServiceNow(client, url="https://acme.service-now.com", plan_field="backout_plan"), "CHG0030042"),
    "Linear": (Linear, "SHOP-12"),
}
WORDS: Final = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["SHOP-12", "OPS-7", "CHG0030042", "2025-01-05 09:15:03", "2025-01-05T09:15:03.000Z", "\ud800", "\0", "\u202e", "https://linear.app/x"]
    ),
)
NAMES: Final = st.sampled_from(
    [
        "issues",
        "fields",
        "key",
        "status",
        "name",
        "issuetype",
        "created",
        "summary",
        "customfield_1",
        "result",
        "number",
        "value",
        "display_value",
        "sys_id",
        "type",
        "state",
        "approval",
        "start_date",
        "sys_created_on",
        "backout_plan",
        "data",
        "nodes",
        "issue",
        "identifier",
        "createdAt",
        "url",
        "title",
        "errors",
        "message",
        "extensions",
        "code",
        "teams",
        "error",
    ]
)
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
JIRA_ISSUE: Final = {
    "key": "SHOP-12",
    "fields": {
        "status": {"name": "\ud800"},
        "issuetype": {"name": "Bug"},
        "created": "2025-01-05T09:15:03Z",
        "summary": "\udfff",
        "customfield_1": "\ud800",
    },
}
ROW: Final = {
    name: {"value": value, "display_value": "\ud800"}
    for name, value in {
        "number": "CHG0030042",
        "sys_id": "a",
        "type": "\ud800",
        "state": "1",
        "approval": "\x07",
        "start_date": "",
        "sys_created_on": "2025-01-05 09:15:03",
        "backout_plan": "\ud800",
    }.items()
}
LINEAR_ISSUE: Final = {
    "identifier": "SHOP-12",
    "url": "https://linear.app/\ud800",
    "title": "\0",
    "createdAt": "2025-01-05T09:15:03Z",
    "state": {"name": "\x1b"},
}


@pytest.mark.parametrize("kind", TRACKERS)
@settings(max_examples=200)
@given(status=st.sampled_from([200, 200, 200, 400, 404]), body=st.dictionaries(NAMES, JSON, max_size=5) | JSON)
@example(status=200, body={"issues": [JIRA_ISSUE]})
@example(status=200, body={"result": [ROW]})
@example(status=200, body={"data": {"issues": {"nodes": [LINEAR_ISSUE]}}})
def test_any_answer_makes_a_ticket_that_says_how_it_went(kind: str, status: int, body: Any) -> None:
    made, key = TRACKERS[kind]
    found = made(Says(Reply(status, {}, body))).fetch([key])
    assert list(found) == [key]
    ticket = found[key]
    assert ticket.lookup is not None
    assert (ticket.lookup is Lookup.FOUND) == (not ticket.why)
    if ticket.lookup is Lookup.FOUND:
        assert status == 200
        assert ticket.state
        assert isinstance(ticket.created_at, datetime)
    ticket.model_dump_json()
