"""Freezes and calendars from the repository to the record: on a bare history and on a GitHub double, the command line as a pipeline calls it."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from doubles.github import TOKEN, Account, GitHubServer, Hub, Pull, Repository
from doubles.github.setup import Started
from doubles.github.state import ALL_PERMISSIONS
from repositories import History
from support.gating import without_waiting
from support.gitlab_job import gitlab_job

from changegate.cli import run
from changegate.errors import ExitCode

PLAN = "Rollback plan: switch the flag off; prices are back within a minute"
PLANNED = f"Round prices up\n\n{PLAN}\n\nReviewed-by: Bob <bob@example.com>\nTicket: SHOP-1"
TODAY = datetime.now(UTC)
WINDOW = "      - {kind: freeze, name: year end, reason: the books are closed, "
CALENDAR_RULES = f"controls:\n  deploy-window:\n    time-zone: America/New_York\n    calendars:\n{WINDOW}path: ops/holidays.ics}}\n"

Gate = Callable[..., tuple[int, Any]]
Shop = tuple[Repository, tuple[Account, ...], Gate]


def calendar(*, begins: timedelta, ends: timedelta, lines: str = "") -> str:
    moments = f"DTSTART:{TODAY + begins:%Y%m%dT%H%M%SZ}\nDTEND:{TODAY + ends:%Y%m%dT%H%M%SZ}"
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nSUMMARY:Alice's holidays\n{moments}\n{lines}END:VEVENT\nEND:VCALENDAR\n"


NOW = calendar(begins=-timedelta(days=1), ends=timedelta(days=2))
LATER = calendar(begins=timedelta(days=30), ends=timedelta(days=31))


def dated(begins: timedelta, ends: timedelta) -> str:
    return f"controls:\n  deploy-window:\n    dates:\n{WINDOW}from: {TODAY + begins:%Y-%m-%d %H:%M}, to: {TODAY + ends:%Y-%m-%d %H:%M}}}\n"


def encoded(files: Mapping[str, str | None]) -> dict[str, bytes | None]:
    return {path: None if text is None else text.encode() for path, text in files.items()}


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Gate]:
    """Makes a history whose first commit brings `files`, and its second one `brought`; gives what runs the gate on it."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    assert run(["keys", "generate"]) == 0

    def build(files: dict[str, str], brought: dict[str, str | None] | None = None) -> Gate:
        history = History()
        first = history.commit("Begin", files=encoded(files))
        last = history.commit(PLANNED, files=encoded(brought or {"app.py": "1"}))
        built = history.write(tmp_path / "shop")

        def gated(*arguments: str) -> tuple[int, Any]:
            command = ["gate", "--forge", "git", "--workspace", str(built.path), "--base", built.ids[first], "--head", built.ids[last]]
            capsys.readouterr()
            code = run([*command, "--signing-key", "changegate-key.pem", "--store", "file:evidence", "--format", "json", *arguments])
            printed = capsys.readouterr()
            return code, json.loads(printed.out) if printed.out.startswith("{") else printed.err

        return gated

    return build


def replay(record: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run(["replay", record, "--store", "file:evidence"]) == 0
    return capsys.readouterr().out


def test_a_freeze_of_the_policy_stops_a_deploy(gate: Callable[..., Gate], capsys: pytest.CaptureFixture[str]) -> None:
    ends = TODAY + timedelta(hours=9)
    gated = gate({".changegate.yml": dated(-timedelta(hours=1), timedelta(hours=9))})
    code, report = gated()
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["deploy-window/frozen"])
    assert f"run the gate again at {ends:%Y-%m-%d %H:%M} UTC or later" in json.dumps(report)
    assert "the same decision, blocked (deploy-window/frozen)" in replay(report["record"]["id"], capsys)


def test_a_freeze_that_is_over_stops_nothing(gate: Callable[..., Gate]) -> None:
    assert gate({".changegate.yml": dated(-timedelta(hours=9), -timedelta(hours=1))})()[0] == ExitCode.ALLOWED


def test_a_calendar_is_read_where_the_policy_is_and_its_digest_is_recorded(gate: Callable[..., Gate], capsys: pytest.CaptureFixture[str]) -> None:
    gated = gate({".changegate.yml": CALENDAR_RULES, "ops/holidays.ics": NOW}, {"ops/holidays.ics": LATER})
    code, report = gated()
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["deploy-window/frozen"]), report
    assert "the same decision, blocked" in replay(report["record"]["id"], capsys)
    assert run(["show", report["record"]["id"], "--store", "file:evidence", "--json"]) == 0
    recorded = json.loads(capsys.readouterr().out)
    statement = recorded.get("statement", recorded)
    (said,) = statement["predicate"]["decision"]["calendars"]
    assert (said["path"], said["sha256"]) == ("ops/holidays.ics", hashlib.sha256(NOW.encode()).hexdigest())
    observed = json.dumps(statement["predicate"]["changes"][0]["findings"])
    assert "Alice's holidays; the books are closed; ops/holidays.ics, sha256" in observed
    assert "in America/New_York (" in observed


@pytest.mark.parametrize(
    ("files", "brought", "code", "reasons"),
    [
        ({"ops/holidays.ics": LATER}, {"app.py": "1"}, ExitCode.ALLOWED, []),
        ({"ops/holidays.ics": LATER}, {"ops/holidays.ics": NOW}, ExitCode.ALLOWED, []),
        ({}, {"ops/holidays.ics": LATER}, ExitCode.BLOCKED, ["deploy-window/calendar-broken"]),
        ({"ops/holidays.ics": "no calendar"}, {"ops/holidays.ics": LATER}, ExitCode.BLOCKED, ["deploy-window/calendar-broken"]),
        ({"ops/holidays.ics": LATER}, {"ops/holidays.ics": "no calendar"}, ExitCode.BLOCKED, ["policy-readable/broken"]),
        ({"ops/holidays.ics": LATER}, {"ops/holidays.ics": None}, ExitCode.BLOCKED, ["policy-readable/broken"]),
    ],
    ids=["later", "brings a freeze", "isn't there yet", "mended", "brings a broken one", "takes it away"],
)
def test_which_calendar_counts(
    gate: Callable[..., Gate], files: dict[str, str], brought: dict[str, Any], code: int, reasons: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ended, report = gate({".changegate.yml": CALENDAR_RULES} | files, brought)()
    assert (ended, report["reasons"]) == (code, reasons), report
    assert "the same decision" in replay(report["record"]["id"], capsys)


def test_a_waiver_lifts_it_for_one_change(gate: Callable[..., Gate], capsys: pytest.CaptureFixture[str]) -> None:
    gated = gate({".changegate.yml": dated(-timedelta(hours=1), timedelta(hours=9))})
    judged = gated()[1]["changes"][0]
    change = judged["id"]
    who = (
        "--head",
        judged["head"],
        "--requested-by",
        "bob@example.com",
        "--approved-by",
        "carol@example.com",
        "--until",
        str(TODAY.date() + timedelta(days=1)),
    )
    signed = ("--signing-key", "changegate-key.pem", "--store", "file:evidence")
    assert run(["waive", "--repository", "shop", "--control", "deploy-window", "--change", change, *who, "--reason", "the law changes", *signed]) == 0
    code, report = gated()
    assert (code, report["verdict"]) == (ExitCode.ALLOWED, "allowed")
    assert [(each["control"], each["reason"]) for each in report["waivers"][0]["lifted"]] == [("deploy-window", "frozen")]
    assert "the same decision, allowed" in replay(report["record"]["id"], capsys)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    """A frozen repository on GitHub, in a run that carol, who maintains it, started by hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_TOKEN", TOKEN)
    assert run(["keys", "generate"]) == 0
    hub = Hub()
    hub.tokens[TOKEN] = ALL_PERMISSIONS | {"actions", "issues:write"}
    people = tuple(hub.user(name) for name in ("alice", "bob", "carol"))
    files = {".changegate.yml": f"emergency:\n  incident: [INC-#]\n{CALENDAR_RULES}", "ops/holidays.ics": NOW}
    repository = hub.repository("acme/shop", files=files, writers=people)
    repository.setup.roles["carol"] = "maintain"
    repository.deploy()
    runs = iter(range(100, 200))
    with GitHubServer(hub) as server:
        without_waiting(server, monkeypatch)
        monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        monkeypatch.delenv("GITHUB_OUTPUT", raising=False)

        def gated(*arguments: str, command: str = "gate") -> tuple[int, Any]:
            number = next(runs)
            repository.setup.runs[number] = Started("carol")
            for name, value in {"ACTIONS": "true", "REPOSITORY": "acme/shop", "RUN_ID": str(number), "RUN_ATTEMPT": "1", "ACTOR": "carol"}.items():
                monkeypatch.setenv(f"GITHUB_{name}", value)
            monkeypatch.setenv("GITHUB_API_URL", server.url)
            capsys.readouterr()
            if command == "gate":
                arguments = ("--signing-key", "changegate-key.pem", "--store", "file:evidence", "--head", repository.head, *arguments)
            code = run([command, "--timeout", "20", "--format", "json", *arguments])
            out = capsys.readouterr().out
            return code, json.JSONDecoder().raw_decode(out)[0] if out.startswith("{") else out

        yield repository, people, gated


def pull(repository: Repository, author: Account) -> Pull:
    issue = repository.issue()
    body = f"Closes #{issue.number}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
    return repository.pull(author=author, title="Round prices up", body=body).check("tests")


def test_an_emergency_goes_through_a_freeze(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    repository, people, gate = shop
    pull(repository, people[0]).approve(people[1]).merge("squash")
    code, report = gate()
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["deploy-window/frozen"])
    code, report = gate("--emergency", "the shop is down", "--incident", "INC-7")
    assert (code, report["verdict"]) == (ExitCode.ALLOWED, "allowed-as-emergency")
    assert [(each["control"], each["reason"]) for each in report["emergency"]["lifted"]] == [("deploy-window", "frozen")]
    assert [each["by"] for each in report["emergency"]["agreedBy"]] == ["bob"]
    assert "the same decision, allowed-as-emergency" in replay(report["record"]["id"], capsys)


def test_a_preview_notes_the_freeze_and_is_not_stopped_by_it(shop: Shop) -> None:
    repository, people, gate = shop
    change = pull(repository, people[0]).approve(people[1])
    code, report = gate("--change", str(change.number), command="preview")
    assert (code, report["reasons"]) == (ExitCode.ALLOWED, [])
    assert "production is frozen by 'year end'" in json.dumps(report)


@pytest.mark.parametrize(
    ("deployed", "code", "reasons"),
    [
        (NOW, ExitCode.BLOCKED, ["deploy-window/frozen"]),
        (LATER, ExitCode.ALLOWED, []),
        ("no calendar", ExitCode.BLOCKED, ["deploy-window/calendar-broken", "policy-readable/broken"]),
    ],
    ids=["now", "later", "broken"],
)
def test_on_gitlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], deployed: str, code: int, reasons: list[str]
) -> None:
    with gitlab_job(tmp_path, monkeypatch, capsys) as job:
        job.project.push("main", author=job.alice, files={".changegate.yml": CALENDAR_RULES, "ops/holidays.ics": deployed}, message="Policy")
        job.project.deploy()
        job.change().approve(job.bob).merge(by=job.alice)
        said = job.gate()
    assert (said.code, said.report["reasons"]) == (code, reasons), said
