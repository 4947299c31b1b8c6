"""The log against the platform's own deployments, by the command line: over both doubles, from files, and with a clone."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from doubles.github.faults import KINDS as GITHUB_FAULTS
from doubles.gitlab.faults import KINDS as GITLAB_FAULTS
from doubles.serving import Double
from support.exhaustive import some
from support.shops import SHOPS, OnGitHub, OnGitLab

from changegate.cli import run

NOW = datetime.now(UTC)
PERIOD = ("--from", f"{NOW - timedelta(days=20):%Y-%m-%d}", "--to", f"{NOW + timedelta(days=1):%Y-%m-%d}")


class Released:
    """A shop whose releases go through the gate, or past it."""

    def __init__(self, shop: Any, server: Double, capsys: pytest.CaptureFixture[str]) -> None:
        self.shop, self.server, self.capsys = shop, server, capsys
        self.outcome = "success"

    def merge(self, *, approved: bool = True) -> str:
        """A change on main; its commit."""
        self.shop.hub.now = datetime.now(UTC) - timedelta(minutes=50)
        change = self.shop.change()
        if approved:
            change.approve("bob")
        change.merge()
        return str(self.shop.repo.head)

    def gate(self, *, code: int = 0) -> str:
        """The gate, of main's tip; its record."""
        arguments = self.shop.arguments(self.server, Path("clone.git"))
        said = self.run("gate", *arguments, "--head", self.shop.repo.head, "--signing-key", "changegate-key.pem", "--format", "json", code=code)
        return str(json.loads(said)["record"]["digest"])

    def deploy(self, sha: str | None = None, environment: str = "production", *, ended: bool = True) -> str:
        """The platform deploys; its number."""
        self.shop.hub.now = datetime.now(UTC)
        self.shop.deploy(sha, environment, ended=ended)
        return str(self.shop.repo.deployments[-1].id)

    def end(self, outcome: str = "success") -> None:
        words = ["--forge", "git", "--repository", "acme/shop", "--head", self.shop.repo.head, "--signing-key", "changegate-key.pem"]
        self.run("outcome", outcome, *words)

    def release(self) -> str:
        """All as it should be; the deployment's number."""
        self.merge()
        self.gate()
        number = self.deploy()
        self.end()
        return number

    def run(self, *words: str, code: int = 0) -> str:
        self.capsys.readouterr()
        ended = run([*words, "--store", "file:evidence"])
        printed = self.capsys.readouterr()
        assert ended == code, printed.out + printed.err
        return printed.out + (printed.err if code > 1 else "")

    def reconcile(self, *words: str, code: int) -> Any:
        """What the API's deployments make of it."""
        arguments = self.shop.arguments(self.server, Path("clone.git"))[:6]
        self.run("audit", "reconcile", *PERIOD, *arguments, "--out", "found.json", *words, code=code)
        return json.loads(Path("found.json").read_text())

    def codes(self, *words: str) -> list[str]:
        return [each["code"] for each in self.reconcile(*words, code=1)["exceptions"]]


@pytest.fixture(params=SHOPS)
def released(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Released]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name == "CI" or name.startswith(("CHANGEGATE_", "GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(name)
    shop = SHOPS[request.param]()
    monkeypatch.setenv("CHANGEGATE_TOKEN", shop.token)
    assert run(["keys", "generate"]) == 0
    with shop.serve() as server:
        from changegate.forges.github import GitHub
        from changegate.forges.gitlab import GitLab

        for forge in (GitHub, GitLab):
            clock = {"sleep": server.sleep, "now": lambda: sum(server.slept)}
            monkeypatch.setattr(forge.__init__, "__kwdefaults__", {**(forge.__init__.__kwdefaults__ or {}), **clock})
        yield Released(shop, server, capsys)


def test_what_went_through_the_gate_is_whole(released: Released) -> None:
    released.release()
    released.release()
    found = released.reconcile(code=0)
    assert (found["whole"], found["exceptions"], found["counts"]["deployments"], found["counts"]["paired"]) == (True, [], 2, 2)
    assert found["entriesExamined"] == 4
    assert found["checkpoint"].splitlines()[1] == "4"


def test_a_deploy_past_the_gate_is_named(released: Released) -> None:
    released.release()
    released.merge(approved=False)
    past = released.deploy()
    (exception,) = released.reconcile(code=1)["exceptions"]
    assert exception["code"] == "deploy-without-record"
    assert exception["deployment"].endswith(past)
    assert exception["evidence"]["deployment"]["commit"] == released.shop.repo.head


def test_each_other_way_to_go_wrong(released: Released) -> None:
    released.merge(approved=False)
    released.gate(code=1)
    released.deploy()
    assert released.codes() == ["deployed-though-blocked"]
    released.merge()
    released.deploy(None, "staging", ended=False)
    assert sorted(released.codes()) == ["deploy-without-record", "deployed-though-blocked"]
    assert released.codes("--environment", "production") == ["deployed-though-blocked"]


def test_a_record_without_a_deploy_and_a_deploy_without_an_end(released: Released) -> None:
    released.merge()
    record = released.gate()
    (exception,) = released.reconcile(code=1)["exceptions"]
    assert (exception["code"], exception["record"]) == ("record-without-deploy", record)
    released.deploy()
    assert released.codes() == ["outcome-missing"]
    released.end("failure")
    assert released.codes() == ["outcome-differs"]


def test_what_reached_the_branch_and_was_never_deployed(released: Released) -> None:
    released.release()
    missed = released.merge()
    released.shop.repo.write(Path("clone.git"))
    (exception,) = released.reconcile("--workspace", "clone.git", "--branch", "main", code=1)["exceptions"]
    assert (exception["code"], exception["commit"]) == ("never-deployed", missed)
    assert released.codes("--workspace", "clone.git", "--branch", "main", "--environment", "production") == ["never-deployed"]


def test_more_deployments_than_a_page(released: Released) -> None:
    released.release()
    for _ in range(120):
        released.deploy(environment="staging")
    found = released.reconcile(code=1)
    assert len(found["exceptions"]) == 120
    assert "every page was read" in found["platforms"][0]["reaches"]


def test_a_deployment_that_was_deleted_on_gitlab_leaves_a_hole(released: Released) -> None:
    released.release()
    released.deploy(environment="staging")
    released.deploy(environment="review/1")
    del released.shop.repo.deployments[-2]
    codes = released.codes("--environment", "production") if isinstance(released.shop, OnGitLab) else ["id-gap"]
    assert codes == ["id-gap"]


@pytest.mark.parametrize("kind", some(sorted({*GITHUB_FAULTS, *GITLAB_FAULTS}), every=3))
def test_whatever_the_platform_answers_nothing_missing_is_whole(released: Released, kind: str) -> None:
    if kind not in type(released.server).kinds:
        return
    released.release()
    released.merge(approved=False)
    released.deploy()
    released.server.reset()
    released.server.fail(kind, at=0, times=1000)
    arguments = released.shop.arguments(released.server, Path("clone.git"))[:6]
    released.capsys.readouterr()
    code = run(["audit", "reconcile", *PERIOD, *arguments, "--store", "file:evidence", "--trust", "changegate-trust.yml"])
    printed = released.capsys.readouterr()
    assert code in {1, 3}, printed.out + printed.err
    assert code != 1 or "deploy-without-record" in printed.out
    assert released.shop.token not in printed.out + printed.err


@pytest.mark.parametrize("released", ["github"], indirect=True)
def test_a_run_that_deployed_another_commit_than_it_judged(released: Released, monkeypatch: pytest.MonkeyPatch) -> None:
    released.merge()
    for name, value in {
        "ACTIONS": "true",
        "REPOSITORY": "acme/shop",
        "SERVER_URL": "https://github.com",
        "RUN_ID": "991",
        "RUN_ATTEMPT": "1",
    }.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    arguments = released.shop.arguments(released.server, Path("clone.git"))
    released.run("gate", *arguments, "--head", released.shop.repo.head, "--signing-key", "changegate-key.pem")
    released.shop.hub.now = datetime.now(UTC)
    released.shop.repo.deploy(sha=released.shop.repo.deployments[0].sha, run=991)
    (exception,) = released.reconcile(code=1)["exceptions"]
    assert (exception["code"], exception["evidence"]["pairedBy"]) == ("commit-differs", "run")
    assert exception["evidence"]["judged"] == released.shop.repo.head
    assert exception["evidence"]["deployment"]["url"].startswith("https://github.com/acme/shop/actions/runs/991")


# --- from a file -----------------------------------------------------------------------------------------------------------------


def pulled(released: Released) -> list[Any]:
    """What an auditor pulls by himself, with the vendor's own command line."""
    import urllib.request

    def get(path: str) -> Any:
        root = released.server.url + ("/api/v4" if isinstance(released.shop, OnGitLab) else "")
        names = {"PRIVATE-TOKEN": released.shop.token} if isinstance(released.shop, OnGitLab) else {}
        asked = urllib.request.Request(root + path, headers={"Authorization": f"Bearer {released.shop.token}", **names})
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)

    if isinstance(released.shop, OnGitLab):
        return list(get("/projects/acme%2Fshop/deployments?per_page=100"))
    assert isinstance(released.shop, OnGitHub)
    listed = get("/repos/acme/shop/deployments?per_page=100")
    return [{**each, "statuses": get(f"/repos/acme/shop/deployments/{each['id']}/statuses?per_page=100")} for each in listed]


def test_a_file_says_the_same_as_the_api(released: Released) -> None:
    released.release()
    released.merge()
    past = released.deploy()
    Path("deployments.json").write_text(json.dumps(pulled(released)))
    words = ["audit", "reconcile", *PERIOD, "--deployments", "deployments.json", "--repository", "acme/shop"]
    released.run(*words, "--out", "by-file.json", code=1)
    by_file, by_api = json.loads(Path("by-file.json").read_text()), released.reconcile(code=1)
    assert by_file["counts"] == by_api["counts"]
    assert [each["deployment"] for each in by_file["exceptions"]] == [past]
    assert by_file["platforms"][0]["sha256"]
    assert "reaches back before the period" in by_file["platforms"][0]["reaches"]
    table = released.run(*words, code=1)
    assert f"deployment {past}" in table
    assert "✗ EXCEPTIONS" in table
    released.run(*words, "--out", "by-file.csv", code=1)
    assert Path("by-file.csv").read_text().startswith("id,code,repository,environment,at,commit,deployment,record,meaning,evidence")
    assert json.loads(Path("by-file.csv.ipe.json").read_text())["counts"]["exceptions"] == 1


@pytest.mark.parametrize(
    ("content", "words", "code", "said"),
    [
        ("[]", [], 2, "doesn't say of which repository"),
        ("{}", [], 2, "no deployments as a platform lists them"),
        ("[]", ["--max-gap", "0"], 2, "--max-gap"),
        ("[]", ["--from", "2026-03-02"], 2, "Missing option"),
    ],
)
def test_bad_input_is_named(released: Released, content: str, words: list[str], code: int, said: str) -> None:
    released.release()
    Path("deployments.json").write_text(content)
    period = PERIOD if "--from" not in words else ()
    released.capsys.readouterr()
    assert run(["audit", "reconcile", *period, "--deployments", "deployments.json", "--store", "file:evidence", *words]) == code
    assert said in released.capsys.readouterr().err


def test_an_environment_that_neither_side_knows_is_named(released: Released) -> None:
    released.release()
    Path("deployments.json").write_text(json.dumps(pulled(released)))
    words = ["audit", "reconcile", *PERIOD, "--deployments", "deployments.json", "--repository", "acme/shop", "--environment"]
    assert "Known are: production." in released.run(*words, "prodd", code=2)
    released.run(*words, "Production")


def test_without_a_platform_nothing_is_said(released: Released) -> None:
    released.release()
    assert "whose deployments?" in released.run("audit", "reconcile", *PERIOD, code=2)
    full = [
        {"id": number, "environment": "production", "sha": "c" * 40, "created_at": f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "ref": "main"} for number in range(30)
    ]
    Path("deployments.json").write_text(json.dumps(full))
    words = ["audit", "reconcile", *PERIOD, "--deployments", "deployments.json", "--repository", "acme/shop"]
    assert "may have been cut off" in released.run(*words, code=3)
    released.run(*words, "--all-of-it", code=1)
