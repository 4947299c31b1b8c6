"""Trackers on doubles over real HTTP: what is there, what isn't, and every fault on the way; then the gate, from the key in a title to the record."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from doubles.github import TOKEN as FORGE_TOKEN
from doubles.github import GitHubServer, Hub
from doubles.github.state import ALL_PERMISSIONS
from doubles.tracked_issues import GitHubIssuesServer, GitLabIssuesServer
from doubles.trackers import BASIC, KINDS, TOKEN, USER, Issue, JiraServer, LinearServer, ServiceNowServer, Tracker
from support.gating import without_waiting

from changegate.cli import run
from changegate.errors import ExitCode
from changegate.facts import Lookup, Ticket, TicketKind
from changegate.trackers.github import GitHubIssues
from changegate.trackers.gitlab import GitLabIssues
from changegate.trackers.http import Client
from changegate.trackers.jira import Jira
from changegate.trackers.linear import Linear
from changegate.trackers.servicenow import ServiceNow

Fetch = Callable[..., Mapping[str, Ticket]]
CREATED = "2025-01-05 09:15:03"


def client(server: Tracker, authorization: str) -> Client:
    clock = iter(range(10**6))
    return Client(
        "The tracker",
        server.url,
        authorization,
        timeout=1000,
        now=lambda: float(next(clock)),
        sleep=server.sleep,
        on_request=lambda *_: None,
    )


def jira_cloud(server: Tracker, authorization: str = BASIC) -> Fetch:
    return Jira(client(server, authorization), url="https://acme.atlassian.net", cloud=True, plan_field="customfield_10042").fetch


def jira_data_center(server: Tracker, authorization: str = f"Bearer {TOKEN}") -> Fetch:
    return Jira(client(server, authorization), url="https://jira.example.com", cloud=False, plan_field="").fetch


def servicenow(server: Tracker, authorization: str = BASIC) -> Fetch:
    return ServiceNow(client(server, authorization), url="https://acme.service-now.com", plan_field="backout_plan").fetch


def linear(server: Tracker, authorization: str = f"lin_api_{TOKEN}") -> Fetch:
    return Linear(client(server, authorization)).fetch


def github(server: Tracker, authorization: str = f"Bearer {TOKEN}") -> Fetch:
    return GitHubIssues(client(server, authorization)).fetch


def gitlab(server: Tracker, authorization: str = f"Bearer {TOKEN}") -> Fetch:
    return GitLabIssues(client(server, authorization)).fetch


KINDS_OF_TRACKERS: dict[str, tuple[Callable[[], Tracker], Callable[..., Fetch], str]] = {
    "Jira Cloud": (lambda: JiraServer("SHOP", "OPS"), jira_cloud, "SHOP-12"),
    "Jira Data Center": (lambda: JiraServer("SHOP", "OPS", cloud=False), jira_data_center, "SHOP-12"),
    "ServiceNow": (lambda: ServiceNowServer("CHG"), servicenow, "CHG0030042"),
    "Linear": (lambda: LinearServer("SHOP", "OPS"), linear, "SHOP-12"),
    "GitHub": (lambda: GitHubIssuesServer("acme/planning", "acme/other"), github, "acme/planning#12"),
    "GitLab": (lambda: GitLabIssuesServer("acme/planning", "acme/group/other"), gitlab, "acme/planning#12"),
}
every_kind = pytest.mark.parametrize("kind", KINDS_OF_TRACKERS)
moving_kind = pytest.mark.parametrize("kind", ["Jira Cloud", "Jira Data Center", "Linear"])
project_kind = pytest.mark.parametrize("kind", [kind for kind in KINDS_OF_TRACKERS if kind != "ServiceNow"])


@pytest.fixture
def server(kind: str) -> Iterator[Tracker]:
    with KINDS_OF_TRACKERS[kind][0]() as made:
        yield made


@every_kind
def test_a_ticket_that_is_there(kind: str, server: Tracker) -> None:
    _, fetch, key = KINDS_OF_TRACKERS[kind]
    server.issue(key)
    found = fetch(server)([key])[key]
    assert (found.lookup, found.kind, found.title, found.moved) == (Lookup.FOUND, TicketKind.ISSUE, "Round prices up", "")
    assert found.state in {"In Progress", "Implement", "open"}
    assert str(found.created_at).startswith(CREATED)
    assert found.url.startswith("https://")


@every_kind
def test_one_that_is_not(kind: str, server: Tracker) -> None:
    _, fetch, key = KINDS_OF_TRACKERS[kind]
    server.issue(key)
    other = key[:-1] + "3"
    found = fetch(server)([key, other])
    assert (found[key].lookup, found[other].lookup) == (Lookup.FOUND, Lookup.MISSING)


@project_kind
def test_one_of_a_project_that_the_account_may_not_see(kind: str, server: Tracker) -> None:
    _, fetch, good = KINDS_OF_TRACKERS[kind]
    key = "acme/secret#1" if "#" in good else "SECRET-1"
    server.issue(key)
    server.issue(good)
    found = fetch(server)([key, good])
    assert (found[key].lookup, found[good].lookup) == (Lookup.FORBIDDEN, Lookup.FOUND)
    assert found[key].why


@moving_kind
def test_one_that_was_moved(kind: str, server: Tracker) -> None:
    server.issue("OPS-7", former="SHOP-12")
    found = KINDS_OF_TRACKERS[kind][1](server)(["SHOP-12"])["SHOP-12"]
    assert (found.lookup, found.key, found.moved) == (Lookup.FOUND, "SHOP-12", "OPS-7")


@every_kind
def test_many_are_asked_for_at_once(kind: str, server: Tracker) -> None:
    _, fetch, key = KINDS_OF_TRACKERS[kind]
    prefix = "SHOP-" if "-" in key else "acme/planning#" if "#" in key else "CHG00300"
    keys = [f"{prefix}{number}" for number in range(10, 260) if prefix[-1] in "-#" or number > 99]
    for each in keys:
        server.issue(each)
    found = fetch(server)(keys)
    assert {each.lookup for each in found.values()} == {Lookup.FOUND}
    assert set(found) == set(keys)
    assert len(server.requests) <= (5 if kind == "GitHub" else 3)


@every_kind
def test_wrong_credentials(kind: str, server: Tracker) -> None:
    _, fetch, key = KINDS_OF_TRACKERS[kind]
    server.issue(key)
    found = fetch(server, "Bearer wrong")([key])[key]
    assert found.lookup is Lookup.CREDENTIALS
    assert TOKEN not in found.why


@pytest.mark.parametrize("kind", ["Jira Cloud", "Jira Data Center"])
def test_credentials_that_are_no_good_are_said_where_everybody_is_answered(kind: str, server: JiraServer) -> None:
    """An expired token is answered as nobody is: 200, and what isn't public isn't there. Neither says anything of the ticket."""
    server.public = True
    server.issue("SHOP-12")
    fetch = KINDS_OF_TRACKERS[kind][1]
    found = fetch(server, "Bearer expired")(["SHOP-12", "SHOP-13"])
    assert {each.lookup for each in found.values()} == {Lookup.CREDENTIALS}
    assert "as to anybody" in found["SHOP-12"].why
    assert fetch(server)(["SHOP-12"])["SHOP-12"].lookup is Lookup.FOUND


@pytest.mark.parametrize("empty_is_404", [False, True])
def test_a_change_request_that_the_account_may_not_read_is_no_missing_one(empty_is_404: bool) -> None:
    good, hidden, missing = "CHG0030042", "CHG0030043", "CHG0030044"
    with ServiceNowServer("CHG") as server:
        server.empty_is_404 = empty_is_404
        server.issue(good)
        server.issue(hidden, hidden=True)
        found = servicenow(server)([good, hidden, missing])
        assert [found[key].lookup for key in (good, hidden, missing)] == [Lookup.FOUND, Lookup.FORBIDDEN, Lookup.MISSING]
        assert servicenow(server)([hidden])[hidden].lookup is Lookup.FORBIDDEN
        assert servicenow(server)([missing])[missing].lookup is Lookup.MISSING


@every_kind
def test_one_that_hangs_is_not_waited_for(kind: str, server: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    _, fetch, key = KINDS_OF_TRACKERS[kind]
    server.issue(key)
    monkeypatch.setattr("changegate.trackers.http.ONE_ANSWER", 0.05)
    server.stall(at=0)
    found = fetch(server)([key])[key]
    server.release()
    assert (found.lookup, "did not answer in time" in found.why) == (Lookup.DOWN, True)


EXPECTED: dict[str, set[Lookup]] = {
    "401": {Lookup.CREDENTIALS},
    "403": {Lookup.FORBIDDEN},
    "captcha": {Lookup.CREDENTIALS},
    "redirect": {Lookup.CREDENTIALS},
    "403 limit": {Lookup.DOWN},
    "429": {Lookup.DOWN},
    "500": {Lookup.DOWN},
    "html": {Lookup.DOWN},
    "html 503": {Lookup.DOWN},
    "cut": {Lookup.DOWN},
    "cut in the middle": {Lookup.DOWN},
    "huge": {Lookup.DOWN},
    "null": {Lookup.DOWN},
    "404": {Lookup.UNREADABLE, Lookup.FORBIDDEN},
}


@every_kind
@pytest.mark.parametrize("fault", KINDS)
def test_no_fault_makes_a_ticket_that_counts(kind: str, server: Tracker, fault: str) -> None:
    _, fetch, key = KINDS_OF_TRACKERS[kind]
    server.issue(key)
    server.fail(fault, times=100)
    found = fetch(server)([key])[key]
    assert found.lookup in EXPECTED.get(fault, {Lookup.UNREADABLE, Lookup.MISSING, Lookup.FORBIDDEN})
    assert found.why


@every_kind
@pytest.mark.parametrize("fault", ["403 limit", "429", "500", "html", "html 503", "cut"])
def test_what_passes_is_waited_for(kind: str, server: Tracker, fault: str) -> None:
    _, fetch, key = KINDS_OF_TRACKERS[kind]
    server.issue(key)
    server.fail(fault, times=2)
    assert fetch(server)([key])[key].lookup is Lookup.FOUND
    assert len(server.slept) == 2
    if fault == "429":
        assert server.slept == [3.0, 3.0]


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("Jira Cloud", {"created": "yesterday"}),
    ("Jira Cloud", {"created": "2025-01-05T10:15:03"}),
    ("Jira Cloud", {"fields": {"status": None}}),
    ("Jira Cloud", {"fields": {"issuetype": {}}}),
    ("Jira Data Center", {"fields": {"created": 7}}),
    ("ServiceNow", {"fields": {"sys_created_on": ""}}),
    ("ServiceNow", {"fields": {"sys_created_on": None}}),
    ("ServiceNow", {"fields": {"approval": None}}),
    ("ServiceNow", {"fields": {"start_date": "soon"}}),
]


@pytest.mark.parametrize(("kind", "differs"), BROKEN)
def test_a_field_that_can_not_be_read(kind: str, server: Tracker, differs: dict[str, Any]) -> None:
    _, fetch, key = KINDS_OF_TRACKERS[kind]
    server.issue(key, **differs)
    found = fetch(server)([key])[key]
    assert (found.lookup, "can't be read" in found.why) == (Lookup.UNREADABLE, True)


def test_the_credentials_are_sent_to_no_other_host_and_no_netrc_takes_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with JiraServer("SHOP") as server:
        server.issue("SHOP-12")
        assert jira_cloud(server)(["SHOP-12"])["SHOP-12"].lookup is Lookup.FOUND
        server.fail("redirect", times=9)
        found = jira_cloud(server)(["SHOP-12"])["SHOP-12"]
        assert "login.example.com" in found.why


# The gate.

POLICY = """
assurance: forge
trackers:
- {{kind: jira-cloud, url: "{jira}", projects: [SHOP], statuses: [In Progress], plan-field: customfield_10042}}
- {{kind: servicenow, url: "{now}", projects: [CHG], approvals: [approved], within-window: true}}
"""
PLAN = "## Rollback plan\nSwitch the flag off; prices are back within a minute."
Gate = Callable[..., tuple[int, Any]]


@pytest.fixture
def jira() -> Iterator[JiraServer]:
    with JiraServer("SHOP") as server:
        server.issue("SHOP-12")
        yield server


@pytest.fixture
def now() -> Iterator[ServiceNowServer]:
    with ServiceNowServer("CHG") as server:
        yield server


@pytest.fixture
def gate(
    jira: JiraServer, now: ServiceNowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Gate]:
    """Merges a change of this title and description, and runs the gate on it."""
    monkeypatch.chdir(tmp_path)
    hub = Hub()
    hub.tokens[FORGE_TOKEN] = ALL_PERMISSIONS
    alice, bob = hub.user("alice"), hub.user("bob")
    policy = POLICY.format(jira=jira.url, now=now.url)
    repository = hub.repository("acme/shop", files={"README.md": "shop\n", ".changegate.yml": policy}, writers=(alice, bob))
    repository.deploy()
    assert run(["keys", "generate"]) == 0
    with GitHubServer(hub) as server:
        without_waiting(server, monkeypatch)
        monkeypatch.setattr("time.sleep", server.sleep)
        environment = {"TOKEN": FORGE_TOKEN, "JIRA_USER": USER, "JIRA_TOKEN": TOKEN, "SERVICENOW_USER": USER, "SERVICENOW_TOKEN": TOKEN}
        for name, value in environment.items():
            monkeypatch.setenv(f"CHANGEGATE_{name}", value)
        actions = {"ACTIONS": "true", "REPOSITORY": "acme/shop", "RUN_ID": "1", "RUN_ATTEMPT": "1", "API_URL": server.url}
        for name, value in actions.items():
            monkeypatch.setenv(f"GITHUB_{name}", value)
        for name in ("STEP_SUMMARY", "OUTPUT"):
            monkeypatch.delenv(f"GITHUB_{name}", raising=False)

        def gated(title: str, body: str = PLAN) -> tuple[int, Any]:
            repository.pull(author=alice, title=title, body=body).check("tests").approve(bob).merge("squash")
            capsys.readouterr()
            command = ["gate", "--signing-key", "changegate-key.pem", "--store", "file:evidence", "--format", "json", "--head", repository.head]
            code = run(command)
            printed = capsys.readouterr().out
            assert TOKEN not in printed
            return code, json.JSONDecoder().raw_decode(printed)[0]

        yield gated


def test_a_key_in_the_title_is_looked_up_and_recorded(jira: JiraServer, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = gate("SHOP-12: Round prices up (UTF-8, CVE-2026-1)")
    assert (code, report["verdict"]) == (ExitCode.ALLOWED, "allowed")
    record = report["record"]["id"]
    asked = len(jira.requests)
    assert asked == 1
    assert run(["replay", record, "--store", "file:evidence"]) == 0
    assert len(jira.requests) == asked, "replay asks nobody"
    capsys.readouterr()
    assert run(["show", record, "--store", "file:evidence", "--json"]) == 0
    (change,) = json.loads(capsys.readouterr().out)["statement"]["predicate"]["changes"]
    (ticket,) = change["tickets"]
    assert (ticket["key"], ticket["state"], ticket["type"], ticket["assurance"]) == ("SHOP-12", "In Progress", "Story", "forge")


def test_a_plan_in_the_tickets_field(jira: JiraServer, gate: Gate) -> None:
    jira.issues["SHOP-12"].fields = {"customfield_10042": "Switch the flag off; prices are back within a minute."}
    code, report = gate("SHOP-12: Round prices up", body="")
    assert (code, report["verdict"]) == (ExitCode.ALLOWED, "allowed")
    jira.issues["SHOP-12"].fields = {"customfield_10042": "TBD"}
    code, report = gate("SHOP-12: Round prices down", body="")
    assert (code, "rollback-plan/no-plan" in report["reasons"]) == (ExitCode.BLOCKED, True)


@pytest.mark.parametrize(
    ("title", "code", "reason"),
    [
        ("Round prices up", ExitCode.BLOCKED, "no-ticket"),
        ("SHOP-13: Round prices up", ExitCode.BLOCKED, "no-such-ticket"),
        ("SHOP-14: Round prices up", ExitCode.BLOCKED, "wrong-status"),
        ("SHOP-15: Round prices up", ExitCode.BLOCKED, "created-late"),
        ("UTF-8: Round prices up", ExitCode.BLOCKED, "no-ticket"),
        ("CHG0030042: Round prices up", ExitCode.ALLOWED, ""),
        ("CHG0030043: Round prices up", ExitCode.BLOCKED, "not-approved"),
        ("CHG0030044: Round prices up", ExitCode.BLOCKED, "outside-window"),
        ("CHG0030045: Round prices up", ExitCode.BLOCKED, "no-such-ticket"),
        ("SHOP-13, SHOP-12: Round prices up", ExitCode.ALLOWED, ""),
    ],
)
def test_what_the_tracker_says_decides(jira: JiraServer, now: ServiceNowServer, gate: Gate, title: str, code: ExitCode, reason: str) -> None:
    jira.issue("SHOP-14", status="Done")
    jira.issue("SHOP-15", created="2099-01-05T10:15:03.000+0100")
    now.issue("CHG0030042")
    now.issue("CHG0030043", fields={"approval": "requested"})
    now.issue("CHG0030044", fields={"end_date": "2025-01-06 08:00:00"})
    ended, report = gate(title)
    assert (ended, [each for each in report["reasons"] if "ticket" in each]) == (code, [f"ticket-linked/{reason}"] if reason else [])


@pytest.mark.parametrize(
    ("fault", "reason"), [("401", "tracker-credentials"), ("403", "tracker-forbids"), ("500", "tracker-down"), ("no fields", "ticket-unknown")]
)
def test_a_tracker_that_does_not_answer_stops_the_deploy_and_is_not_the_authors(jira: JiraServer, gate: Gate, fault: str, reason: str) -> None:
    jira.fail(fault, times=100)
    code, report = gate("SHOP-12: Round prices up")
    assert (code, report["reasons"]) == (ExitCode.NOT_JUDGED, [f"ticket-linked/{reason}"])
    (finding,) = (each for each in report["findings"] if each["control"] == "ticket-linked" and each["outcome"] == "unknown")
    assert finding["remedy"]["who"] == "whoever runs the pipeline"


def test_without_credentials_it_is_said_and_all_else_is_judged(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHANGEGATE_JIRA_TOKEN")
    code, report = gate("SHOP-12: Round prices up", body="")
    assert (code, set(report["reasons"])) == (ExitCode.NOT_JUDGED, {"ticket-linked/tracker-credentials", "rollback-plan/ticket-unknown"})


def test_a_ticket_that_many_changes_name_is_asked_for_once(jira: JiraServer, gate: Gate) -> None:
    jira.fail("500", times=100)
    for _ in range(3):
        gate("SHOP-12: Round prices up")
    jira.reset()
    code, _ = gate("SHOP-12: Round prices up")
    assert (code, len(jira.requests)) == (ExitCode.ALLOWED, 1)
    assert isinstance(jira.issues["SHOP-12"], Issue)
