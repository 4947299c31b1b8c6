"""The gate as an action: on a GitHub double over real HTTP, and the self-test's own jobs, run here as GitHub runs them there."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from actions_harness import ROOT, Ran, Runner, load
from doubles.github import TOKEN, GitHubServer, Hub

SELFTEST = load(ROOT / ".github/workflows/selftest.yml")
PARTS = (".ci", "action.yml", "actions", "changegate", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture
def runner(tmp_path: Path, own_temp: Path) -> Runner:
    """A runner whose workspace is a repository that holds this action."""
    workspace = tmp_path / "work space"
    workspace.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, workspace / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, workspace / part)
    git = ["git", "-C", str(workspace), "-c", "user.name=carol", "-c", "user.email=carol@example.com"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "The deployed version"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    github = {
        "server_url": "https://forge.example",
        "repository": "acme/shop",
        "repository_id": "42",
        "sha": head,
        "ref": "refs/heads/main",
        "run_id": "991",
        "run_attempt": "1",
        "actor": "carol",
        "actor_id": "3",
        "token": "t0ken",
    }
    return Runner(workspace, own_temp, github=github)


def run(runner: Runner, job: str) -> Ran:
    ran = runner.run_job(SELFTEST["jobs"][job])
    assert ran.outcome == "success", ran.log
    return ran


@pytest.mark.parametrize("approved", [True, False])
def test_a_deploy_on_github(runner: Runner, *, approved: bool) -> None:
    hub = Hub()
    alice, bob = hub.user("alice"), hub.user("bob")
    shop = hub.repository("acme/shop", files={"README.md": "shop\n"}, writers=(alice, bob))
    shop.deploy()
    plan = f"Closes #{shop.issue().number}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
    pull = shop.pull(author=alice, title='Round "prices" up | </td> ::error::x ##[error]y', body=plan).check("tests")
    (pull.approve(bob) if approved else pull).merge("squash", by=alice)
    pem = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True, text=True).stdout
    with GitHubServer(hub) as server:
        runner.github |= {"sha": shop.head, "api_url": server.url, "token": TOKEN, "server_url": server.url}
        ran = runner.run_action(ROOT, signing_key=pem, store=f"file:{runner.temp}/evidence")
    assert ran.outcome == ("success" if approved else "failure"), ran.log
    assert ran.outputs["decision"] == ("allowed" if approved else "blocked")
    assert json.loads(ran.outputs["reasons"]) == ([] if approved else ["peer-approved/not-approved"])
    assert ran.outputs["log-index"] == "0"
    assert ran.outputs["record-digest"].startswith(ran.outputs["record-id"])
    assert Path(ran.outputs["receipt"]).read_text(encoding="utf-8").startswith("c2sp.org/tlog-proof@v1\n")
    assert [name for name, _, _ in ran.commands if name == "error"] == ([] if approved else ["error"])
    assert "&#124; &lt;/td&gt;" in ran.summary
    assert TOKEN not in ran.log
    assert "PRIVATE KEY" not in ran.log


def test_an_approved_change_may_go(runner: Runner) -> None:
    ran = run(runner, "allowed")
    assert "✓ ALLOWED to deploy to production: first deploy, the change passes" in ran.log
    assert ran.summary.startswith("## ✅ ALLOWED to deploy to production")
    assert "and lost nothing" in ran.log
    assert not [each for each in ran.commands if each[0] == "error"]
    assert ran.steps["gate"].outputs["record-digest"][:16] == ran.steps["gate"].outputs["record-id"]


@pytest.mark.exhaustive
def test_a_change_without_approval_is_stopped(runner: Runner) -> None:
    ran = run(runner, "blocked")
    assert "✗ BLOCKED from production: 1 thing to do, on 1 of 1 change" in ran.log
    assert ran.summary.startswith("## ❌ BLOCKED from production")
    (error,) = (each for each in ran.commands if each[0] == "error")
    assert error[1].startswith("title=BLOCKED%3A peer-approved%3A ")
    reasons = json.loads(ran.steps["gate"].outputs["reasons"])
    assert [reason.partition("/")[0] for reason in reasons] == ["peer-approved"]


@pytest.mark.exhaustive
def test_names_stay_names(runner: Runner) -> None:
    ran = run(runner, "names")
    assert {name for name, _, _ in ran.commands} <= {"add-mask", "group", "endgroup", "warning"}
    assert '"the" totals' in ran.log
    assert "&lt;/td&gt;" in ran.summary


def test_without_a_key_nothing_goes(runner: Runner) -> None:
    ran = run(runner, "no-key")
    assert "no signing key" in ran.log
    assert "changegate keys generate" in ran.log


def test_every_job_of_the_selftest_is_run_here() -> None:
    assert set(SELFTEST["jobs"]) == {"allowed", "blocked", "names", "no-key"}
