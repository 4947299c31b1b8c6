"""The gate as an action with its default store: a branch of the repository itself, over HTTP, with the job's token."""

import subprocess
from pathlib import Path

import pytest
from actions_harness import ROOT, Runner
from doubles.github import TOKEN, GitHubServer, Hub
from support.githttp import GitServer


@pytest.mark.exhaustive
def test_two_deploys_are_one_log_in_the_evidence_branch(tmp_path: Path, own_temp: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "served/acme/shop")], check=True)
    subprocess.run(["git", "-C", str(tmp_path / "served/acme/shop"), "config", "http.receivepack", "true"], check=True)
    (tmp_path / "work space").mkdir()
    hub = Hub()
    alice, bob = hub.user("alice"), hub.user("bob")
    shop = hub.repository("acme/shop", files={"README.md": "shop\n"}, writers=(alice, bob))
    shop.deploy()
    pem = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True, text=True).stdout
    with GitHubServer(hub) as api, GitServer(tmp_path / "served", token=TOKEN) as git_url:
        for number in range(2):
            plan = f"Closes #{shop.issue().number}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
            shop.pull(author=alice, title="Round prices up", body=plan).check("tests").approve(bob).merge("squash", by=alice)
            github = {"repository": "acme/shop", "sha": shop.head, "api_url": api.url, "server_url": git_url, "token": TOKEN, "run_id": str(number)}
            ran = Runner(tmp_path / "work space", own_temp, github=github).run_action(ROOT, signing_key=pem)
            assert ran.outcome == "success", ran.log
            assert ran.outputs["log-index"] == str(number)
            assert TOKEN not in ran.log
    branches = subprocess.run(["git", "-C", str(tmp_path / "served/acme/shop"), "branch"], check=True, capture_output=True, text=True).stdout
    assert "changegate-evidence" in branches
