"""The outcome as an action, after the gate in one job: on a GitHub double and a store in the repository's own evidence branch."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from actions_harness import ROOT, Runner, load
from doubles.github import TOKEN, GitHubServer, Hub, Repository
from support.exhaustive import some
from support.githttp import GitServer

OUTCOME = ROOT / "actions/outcome"


class Job:
    """A job of run 991 whose gate allowed the deploy."""

    def __init__(self, runner: Runner, shop: Repository, pem: str) -> None:
        self.runner, self.shop, self.pem = runner, shop, pem


@pytest.fixture
def job(tmp_path: Path, own_temp: Path) -> Iterator[Job]:
    served = tmp_path / "served/acme/shop"
    subprocess.run(["git", "init", "-q", "--bare", str(served)], check=True)
    subprocess.run(["git", "-C", str(served), "config", "http.receivepack", "true"], check=True)
    (tmp_path / "work space").mkdir()
    hub = Hub()
    alice, bob = hub.user("alice"), hub.user("bob")
    shop = hub.repository("acme/shop", files={"README.md": "shop\n"}, writers=(alice, bob))
    shop.deploy()
    body = f"Closes #{shop.issue().number}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
    shop.pull(author=alice, body=body).check("tests").approve(bob).merge("squash", by=alice)
    shop.deploy(states=("in_progress",), run=991)
    pem = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True, text=True).stdout
    with GitHubServer(hub) as api, GitServer(tmp_path / "served", token=TOKEN) as git_url:
        github = {
            "repository": "acme/shop", "sha": shop.head, "ref": "refs/heads/main", "api_url": api.url, "server_url": git_url, "token": TOKEN,
            "run_id": "991", "run_attempt": "1",
        }  # fmt: skip
        made = Job(Runner(tmp_path / "work space", own_temp, github=github), shop, pem)
        gate = made.runner.run_action(ROOT, signing_key=pem)
        assert gate.outcome == "success", gate.log
        yield made


@pytest.mark.parametrize(("said", "recorded", "state"), [("success", "success", "SUCCESS"), ("cancelled", "failure", "FAILURE")])
def test_what_the_job_says_is_recorded(job: Job, said: str, recorded: str, state: str) -> None:
    ran = job.runner.run_action(OUTCOME, outcome=said, signing_key=job.pem, reason="")
    assert ran.outcome == "success", ran.log
    assert (ran.outputs["outcome"], ran.outputs["log-index"]) == (recorded, "1")
    assert Path(ran.outputs["receipt"]).read_text().startswith("c2sp.org/tlog-proof@v1")
    assert job.shop.deployments[-1].statuses[-1].state == state
    assert TOKEN not in ran.log
    assert not [each for each in ran.commands if each[0] in {"error", "warning"}]


@pytest.mark.parametrize("said", some(["$(touch pwned)", "skipped", "", "--help"], every=4))
def test_what_is_no_outcome_fails_the_step(job: Job, said: str) -> None:
    ran = job.runner.run_action(OUTCOME, outcome=said, signing_key=job.pem)
    assert (ran.outcome, ran.outputs["record-id"]) == ("failure", "")
    assert not (job.runner.workspace / "pwned").exists()


def test_every_option_is_an_input() -> None:
    action = load(OUTCOME / "action.yml")
    given = {name.removeprefix("CHANGEGATE_").lower().replace("_", "-") for name in action["runs"]["steps"][1]["env"]}
    assert given - {"command"} == set(action["inputs"]) - {"python", "extras"}
