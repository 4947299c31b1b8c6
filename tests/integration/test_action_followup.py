"""An emergency by the gate's action, then the follow-up's: on a GitHub double and a store in the repository's own evidence branch."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from actions_harness import ROOT, Runner, load
from doubles.github import TOKEN, GitHubServer, Hub, Pull
from doubles.github.setup import Started
from doubles.github.state import ALL_PERMISSIONS
from support.githttp import GitServer

FOLLOWUP = ROOT / "actions/followup"


class Job:
    """A job of run 991, which carol, who maintains the shop, started by hand."""

    def __init__(self, runner: Runner, pull: Pull, hub: Hub, pem: str) -> None:
        self.runner, self.pull, self.hub, self.pem = runner, pull, hub, pem


@pytest.fixture
def job(tmp_path: Path, own_temp: Path) -> Iterator[Job]:
    served = tmp_path / "served/acme/shop"
    subprocess.run(["git", "init", "-q", "--bare", str(served)], check=True)
    subprocess.run(["git", "-C", str(served), "config", "http.receivepack", "true"], check=True)
    (tmp_path / "work space").mkdir()
    hub = Hub()
    hub.tokens[TOKEN] = ALL_PERMISSIONS | {"actions", "issues:write"}
    alice, bob, carol = (hub.user(name) for name in ("alice", "bob", "carol"))
    shop = hub.repository("acme/shop", files={".changegate.yml": "emergency: {incident: [INC-#]}\n"}, writers=(alice, bob, carol))
    shop.setup.roles["carol"] = "maintain"
    shop.setup.runs[991] = Started("carol")
    shop.deploy()
    body = f"Closes #{shop.issue().number}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
    pull = shop.pull(author=alice, body=body).check("tests").merge("squash", by=alice).approve(bob)
    pem = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True, text=True).stdout
    with GitHubServer(hub) as api, GitServer(tmp_path / "served", token=TOKEN) as git_url:
        github = {
            "repository": "acme/shop", "sha": shop.head, "ref": "refs/heads/main", "api_url": api.url, "server_url": git_url, "token": TOKEN,
            "run_id": "991", "run_attempt": "1",
        }  # fmt: skip
        yield Job(Runner(tmp_path / "work space", own_temp, github=github), pull, hub, pem)


@pytest.mark.exhaustive
def test_an_emergency_and_its_review(job: Job) -> None:
    reason = 'the shop\'s down: $(touch pwned) "now"'
    gate = job.runner.run_action(ROOT, signing_key=job.pem, emergency=reason, incident="INC-7")
    assert (gate.outcome, gate.outputs["decision"]) == ("success", "allowed-as-emergency"), gate.log
    first = job.runner.run_action(FOLLOWUP, signing_key=job.pem, issue="true")
    assert (first.outcome, "1 to review, 0 of them overdue" in first.log) == ("success", True), first.log
    assert "tracking issue: https://" in first.log
    job.hub.now = datetime.now(UTC) + timedelta(minutes=1)
    job.pull.approve(job.hub.accounts["bob"])
    second = job.runner.run_action(FOLLOWUP, signing_key=job.pem, issue="true")
    assert (second.outcome, "1 reviewed now" in second.log) == ("success", True), second.log
    assert TOKEN not in first.log + second.log


def test_every_input_but_those_for_installing_reaches_the_command() -> None:
    action = load(FOLLOWUP / "action.yml")
    *_, step = action["runs"]["steps"]
    passed = {name for name in action["inputs"] if f"${{{{ inputs.{name} }}}}" in step["env"].values()}
    assert passed == action["inputs"].keys() - {"extras", "python"}
    assert step["run"].endswith("followup")
