"""Changes of the gate's own rules and their owners: on a GitHub double over real HTTP, the command line as a pipeline calls it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles.github import MEMBERS_TOKEN, TOKEN, Account, GitHubServer, Hub, Pull, Repository
from support.gating import without_waiting
from support.gitlab_job import gitlab_job

from changegate.cli import run
from changegate.errors import ExitCode

RULES = "controls:\n  policy-owner-approved:\n    owners: [{}]\n"
LAX = RULES.format("bob, dave") + "  rollback-plan: {enabled: false}\n"
Gate = Callable[..., tuple[int, Any]]


class Shop:
    """A repository whose deployed policy names owners."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.alice, self.bob, self.carol = (self.hub.user(name) for name in ("alice", "bob", "carol"))
        self.repository: Repository = self.hub.repository(writers=(self.alice, self.bob, self.carol))
        self.rule("carol")

    def rule(self, owners: str) -> None:
        self.repository.push("main", author=self.alice, files={".changegate.yml": RULES.format(owners)})
        self.repository.deploy()

    def change(self, files: dict[str, str | bytes | None], author: Account | None = None) -> Pull:
        issue = self.repository.issue()
        body = f"Closes #{issue.number}\n\n## Rollback plan\nRevert it, and look at the dashboard for a while."
        return self.repository.pull(author=author or self.alice, files=files, body=body).check("tests")


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def gate(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Gate]:
    """Runs a command, and gives its exit code and report."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_TOKEN", TOKEN)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    assert run(["keys", "generate"]) == 0
    with GitHubServer(shop.hub) as server:
        without_waiting(server, monkeypatch)

        def gated(*arguments: str) -> tuple[int, Any]:
            command = arguments or ("gate", "--signing-key", "changegate-key.pem", "--store", "file:evidence", "--head", shop.repository.head)
            capsys.readouterr()
            where = ("--forge", "github", "--repository", "acme/shop", "--api-url", server.url, "--timeout", "20", "--format", "json")
            code = run([*command, *where])
            out = capsys.readouterr().out
            return code, json.loads(out) if out.startswith("{") else out

        yield gated


@pytest.mark.parametrize(
    ("files", "by", "code", "reasons"),
    [
        ({".changegate.yml": LAX}, "carol", ExitCode.ALLOWED, []),
        ({".changegate.yml": LAX}, "bob", ExitCode.BLOCKED, ["policy-owner-approved/not-approved"]),
        ({".changegate.yml": None}, "bob", ExitCode.BLOCKED, ["policy-owner-approved/not-approved"]),
        ({".github/workflows/deploy.yml": "on: push\n"}, "bob", ExitCode.BLOCKED, ["policy-owner-approved/not-approved"]),
        ({"CODEOWNERS": "* @bob\n"}, "bob", ExitCode.BLOCKED, ["policy-owner-approved/not-approved"]),
        ({"app.py": "1"}, "bob", ExitCode.ALLOWED, []),
    ],
    ids=["the owner", "another", "taken away", "a workflow", "code owners", "nothing of it"],
)
def test_who_approves_what(
    shop: Shop, gate: Gate, files: dict[str, str | bytes | None], by: str, code: int, reasons: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.change(files).approve({"bob": shop.bob, "carol": shop.carol}[by]).merge("squash")
    ended, report = gate()
    assert (ended, report["reasons"]) == (code, reasons)
    assert run(["replay", report["record"]["id"], "--store", "file:evidence"]) == 0
    assert "the same decision" in capsys.readouterr().out


def test_an_owners_own_change_needs_another(shop: Shop, gate: Gate) -> None:
    shop.change({".changegate.yml": LAX}, author=shop.carol).approve(shop.bob).merge("squash")
    assert gate()[1]["reasons"] == ["policy-owner-approved/not-approved"]


def test_a_direct_push_stops(shop: Shop, gate: Gate) -> None:
    shop.repository.push("main", author=shop.carol, files={".changegate.yml": LAX})
    code, report = gate()
    assert code == ExitCode.NOT_JUDGED
    assert "policy-owner-approved/files-unknown" in report["reasons"]


@pytest.mark.parametrize(
    ("token", "files", "code", "reasons"),
    [
        (MEMBERS_TOKEN, {"CODEOWNERS": "x"}, ExitCode.ALLOWED, []),
        (TOKEN, {"CODEOWNERS": "x"}, ExitCode.NOT_JUDGED, ["policy-owner-approved/owner-unknown"]),
        (TOKEN, {"app.py": "x"}, ExitCode.ALLOWED, []),
    ],
    ids=["a member", "a token that sees no teams", "which is asked for nothing else"],
)
def test_a_team_owns_it(
    shop: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch, token: str, files: dict[str, str | bytes | None], code: int, reasons: list[str]
) -> None:
    shop.rule("acme/platform")
    shop.hub.team("acme/platform", shop.carol)
    monkeypatch.setenv("CHANGEGATE_TOKEN", token)
    shop.change(files).approve(shop.carol).merge("squash")
    ended, report = gate()
    assert (ended, report["reasons"]) == (code, reasons)


def test_a_preview_asks_for_the_owner(shop: Shop, gate: Gate) -> None:
    pull = shop.change({".changegate.yml": LAX}).approve(shop.bob)
    code, report = gate("preview", "--change", str(pull.number))
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["policy-owner-approved/not-approved"])
    pull.approve(shop.carol)
    assert gate("preview", "--change", str(pull.number))[0] == ExitCode.ALLOWED


@pytest.mark.parametrize(
    ("owners", "by", "reasons"),
    [
        ("carol", "carol", []),
        ("carol", "bob", ["policy-owner-approved/not-approved"]),
        ("acme/platform", "carol", []),
        ("acme/platform", "bob", ["policy-owner-approved/not-approved"]),
    ],
)
def test_on_gitlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], owners: str, by: str, reasons: list[str]
) -> None:
    with gitlab_job(tmp_path, monkeypatch, capsys) as job:
        job.hub.groups["acme/platform"] = [job.carol]
        job.project.push("main", author=job.alice, files={".changegate.yml": RULES.format(owners)}, message="Policy")
        job.project.deploy()
        job.change(files={".gitlab-ci.yml": "deploy: {script: make}\n"}).approve({"bob": job.bob, "carol": job.carol}[by]).merge(by=job.alice)
        said = job.gate()
    assert said.report["reasons"] == reasons, said
