"""What trackers say, through every forge and in the preview: Linear on GitLab, Jira behind a bare git history and in a preview on GitHub."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles.github import ALL_PERMISSIONS, WRITES, GitHubServer, Hub
from doubles.github import TOKEN as FORGE_TOKEN
from doubles.tracked_issues import GitHubIssuesServer
from doubles.trackers import TOKEN, USER, JiraServer, LinearServer
from support.gating import without_waiting
from support.gitlab_job import Job, gitlab_job
from support.gitshop import GOOD, GitShop

from changegate.cli import run
from changegate.errors import ExitCode

PLAN = "## Rollback plan\nSwitch the flag off; prices are back within a minute."
LINEAR = 'trackers: [{{kind: linear, url: "{url}", projects: [SHOP], statuses: [In Progress]}}]\n'
JIRA = 'assurance: {assurance}\ntrackers: [{{kind: jira-data-center, url: "{url}", projects: [SHOP]}}]\n'


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


@pytest.fixture
def linear() -> Iterator[LinearServer]:
    with LinearServer("SHOP") as server:
        server.issue("SHOP-12")
        server.issue("SHOP-13", status="Backlog")
        yield server


@pytest.fixture
def jira() -> Iterator[JiraServer]:
    with JiraServer("SHOP", cloud=False) as server:
        server.issue("SHOP-12")
        yield server


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Job]:
    with gitlab_job(tmp_path, monkeypatch, capsys) as job:
        yield job


@pytest.mark.parametrize(
    ("title", "code", "reasons"),
    [
        ("SHOP-12: Round prices up", ExitCode.ALLOWED, []),
        ("SHOP-13: Round prices up", ExitCode.BLOCKED, ["ticket-linked/wrong-status"]),
        ("SHOP-14: Round prices up", ExitCode.BLOCKED, ["ticket-linked/no-such-ticket"]),
        ("UTF-8: Round prices up", ExitCode.BLOCKED, ["ticket-linked/no-ticket"]),
    ],
)
def test_linear_decides_on_gitlab(job: Job, linear: LinearServer, title: str, code: ExitCode, reasons: list[str]) -> None:
    Path("policy.yml").write_text(LINEAR.format(url=linear.url))
    job.set(CHANGEGATE_LINEAR_TOKEN=f"lin_api_{TOKEN}")
    job.change(title=title, body=PLAN).approve(job.bob).merge(by=job.alice)
    said = job.gate("--policy", "policy.yml")
    assert (said.code, said.report["reasons"]) == (code, reasons), said
    assert TOKEN not in said.out + said.err


def test_an_issue_of_gitlab_counts_beside_it_where_the_policy_says_so(job: Job, linear: LinearServer) -> None:
    job.set(CHANGEGATE_LINEAR_TOKEN=f"lin_api_{TOKEN}")
    job.change(body="Closes #{issue}\n\n" + PLAN).approve(job.bob).merge(by=job.alice)
    policy = LINEAR.format(url=linear.url)
    Path("policy.yml").write_text(policy)
    assert job.gate("--policy", "policy.yml").report["reasons"] == ["ticket-linked/other-project"]
    Path("policy.yml").write_text(policy + "controls: {ticket-linked: {forge-issues: true}}\n")
    assert job.gate("--policy", "policy.yml").code == ExitCode.ALLOWED
    assert linear.requests == []


@pytest.mark.parametrize(
    ("title", "reasons"),
    [
        ("Round prices up (acme/planning#12)", []),
        ("Round prices up (Acme/Planning#12)", []),
        ("Round prices up: https://github.com/acme/planning/issues/12", []),
        ("Round prices up (acme/planning#13)", ["ticket-linked/wrong-status"]),
        ("Round prices up (acme/planning#14)", ["ticket-linked/no-such-ticket"]),
        ("Round prices up (acme/planning#{pull})", ["ticket-linked/not-a-ticket"]),
        ("Round prices up (acme/planning#9999999999)", ["ticket-linked/no-such-ticket"]),
        ("Round prices up (acme/other#12)", ["ticket-linked/no-ticket"]),
    ],
)
def test_issues_of_github_decide_on_gitlab(job: Job, title: str, reasons: list[str]) -> None:
    with GitHubIssuesServer("acme/planning") as planning:
        planning.issue("acme/planning#12")
        planning.issue("acme/planning#13", status="CLOSED")
        pull = planning.repositories["acme/planning"].pull(author=planning.alice)
        rules = f'{{kind: github-issues, url: "{planning.url}", projects: [acme/planning], statuses: [Open]}}'
        Path("policy.yml").write_text(f"assurance: forge\ntrackers: [{rules}]\n")
        job.set(CHANGEGATE_GITHUB_ISSUES_TOKEN=TOKEN)
        job.change(title=title.format(pull=pull.number), body=PLAN).approve(job.bob).merge(by=job.alice)
        said = job.gate("--policy", "policy.yml")
    assert said.report["reasons"] == reasons, said


@pytest.mark.parametrize(
    ("ticket", "reasons"), [("SHOP-12", []), ("SHOP-13", ["ticket-linked/no-such-ticket"]), ("OPS-12", ["ticket-linked/other-project"])]
)
def test_jira_is_asked_for_the_trailers_of_a_bare_history(
    jira: JiraServer, ticket: str, reasons: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CHANGEGATE_JIRA_TOKEN", TOKEN)
    shop = GitShop(tmp_path / "shop", capsys)
    Path("policy.yml").write_text(JIRA.format(url=jira.url, assurance="asserted"))
    # The commit is of this minute: the ticket is older.
    shop.commit("Round prices up", GOOD.replace("SHOP-12", ticket))
    code = shop.gate("--base", "v1", "--policy", "policy.yml")
    report = json.JSONDecoder().raw_decode(capsys.readouterr().out)[0]
    assert (code, report["reasons"]) == (ExitCode.BLOCKED if reasons else ExitCode.ALLOWED, reasons)


@pytest.mark.parametrize(
    ("fault", "code", "reasons"),
    [("", ExitCode.ALLOWED, []), ("401", ExitCode.NOT_JUDGED, ["ticket-linked/tracker-credentials"])],
)
def test_the_preview_asks_too(
    jira: JiraServer, fault: str, code: ExitCode, reasons: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Hub()
    hub.tokens[FORGE_TOKEN] = ALL_PERMISSIONS | WRITES
    alice, bob = hub.user("alice"), hub.user("bob")
    policy = JIRA.format(url=jira.url, assurance="forge")
    repository = hub.repository("acme/shop", files={"README.md": "shop\n", ".changegate.yml": policy}, writers=(alice, bob))
    repository.deploy()
    pull = repository.pull(author=alice, title="SHOP-12: Round prices up", body=PLAN).check("tests").approve(bob)
    if fault:
        jira.fail(fault, times=99)
    with GitHubServer(hub) as server:
        without_waiting(server, monkeypatch)
        environment: dict[str, Any] = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_API_URL": server.url}
        environment |= {"GITHUB_RUN_ID": "1", "CHANGEGATE_TOKEN": FORGE_TOKEN, "CHANGEGATE_JIRA_TOKEN": TOKEN, "CHANGEGATE_JIRA_USER": ""}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        ended = run(["preview", "--change", str(pull.number), "--format", "json", "--timeout", "30"])
        report = json.JSONDecoder().raw_decode(capsys.readouterr().out)[0]
    assert (ended, report["reasons"]) == (code, reasons)
    assert USER not in json.dumps(report)
