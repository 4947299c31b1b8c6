"""The preview as an action: in an empty workspace, for there is no checkout, on a GitHub double over real HTTP."""

from pathlib import Path

import pytest
from actions_harness import ROOT, Runner
from doubles.github import ALL_PERMISSIONS, TOKEN, WRITES, GitHubServer, Hub, Pull

RUN = "991"


def open_change(hub: Hub) -> Pull:
    alice, bob = hub.user("alice"), hub.user("bob")
    shop = hub.repository("acme/shop", files={"README.md": "shop\n"}, writers=(alice, bob))
    shop.deploy()
    hub.tokens[TOKEN] = ALL_PERMISSIONS | WRITES
    plan = f"Closes #{shop.issue().number}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
    return shop.pull(author=alice, title='Round "prices" up | </td> ::error::x ##[error]y @bob', body=plan).check("tests")


def runner(tmp_path: Path, own_temp: Path, server: GitHubServer, number: str) -> Runner:
    workspace = tmp_path / "work space"
    workspace.mkdir()
    github = {"repository": "acme/shop", "sha": "0" * 40, "run_id": RUN, "token": TOKEN, "api_url": server.url, "server_url": server.url}
    return Runner(workspace, own_temp, github=github | {"event.pull_request.number": number})


@pytest.mark.parametrize("approved", [True, False])
def test_a_pull_request(tmp_path: Path, own_temp: Path, *, approved: bool) -> None:
    hub = Hub()
    pull = open_change(hub)
    if approved:
        pull.approve(hub.accounts["bob"])
    with GitHubServer(hub) as server:
        ran = runner(tmp_path, own_temp, server, str(pull.number)).run_action(ROOT / "actions/preview")
    assert ran.outcome == ("success" if approved else "failure"), ran.log
    assert ran.outputs["decision"] == ("allowed" if approved else "blocked")
    assert ran.outputs["reasons"] == ("[]" if approved else '["peer-approved/not-approved"]')
    word = "✅ WOULD BE ALLOWED" if approved else "❌ WOULD BE BLOCKED"
    assert ran.summary.startswith(f"## {word}")
    assert word in pull.comments[0].body
    assert "preview: nothing is recorded" in ran.log
    assert [name for name, _, _ in ran.commands if name == "error"] == ([] if approved else ["error"])
    assert TOKEN not in ran.log


def test_the_switches_are_options(tmp_path: Path, own_temp: Path) -> None:
    hub = Hub()
    pull = open_change(hub).approve(hub.accounts["bob"])
    with GitHubServer(hub) as server:
        ran = runner(tmp_path, own_temp, server, str(pull.number)).run_action(ROOT / "actions/preview", no_check="true", no_comment="true")
        assert ran.outcome == "success", ran.log
        assert not pull.comments
        assert {asked.path for asked in server.requests} == {"/graphql"}


def test_outside_a_pull_request_a_number_is_asked_for(tmp_path: Path, own_temp: Path) -> None:
    hub = Hub()
    open_change(hub)
    with GitHubServer(hub) as server:
        ran = runner(tmp_path, own_temp, server, "").run_action(ROOT / "actions/preview")
    assert ran.outcome == "failure"
    assert "--change is missing" in ran.log
    assert ran.outputs["decision"] == ""
