"""`GitHub.resolve_range` and `resolve_head` against the double: which commits a deploy brings, and what is deployed now."""

from collections.abc import Iterator

import pytest
from doubles.github import GitHubServer
from doubles.github.scenario import World, deployment, forge, world
from doubles.github.state import Status

from changegate.errors import ForgeError, InputError
from changegate.facts import BaseSource, RangeOutcome
from changegate.forges import Baseline


@pytest.fixture
def it() -> World:
    return world()


@pytest.fixture
def server(it: World) -> Iterator[GitHubServer]:
    with GitHubServer(it.hub) as server:
        yield server


def test_from_the_last_success_of_the_same_environment(it: World, server: GitHubServer) -> None:
    base = it.repo.head
    it.repo.push("main", author=it.alice, files={"a": "1"})
    it.repo.deploy("production", states=("in_progress", "failure"))
    it.repo.deploy("production", states=("in_progress", "error"))
    it.repo.deploy("production", states=("queued",))
    it.repo.deploy("staging")
    it.repo.push("main", author=it.alice, files={"a": "2"})
    it.repo.deploy("production", states=("in_progress",))
    found = forge(server).resolve_range(deployment(it.repo), requested=None, logged=None)
    assert (found.outcome, found.base, found.base_source) == (RangeOutcome.AHEAD, base, BaseSource.DEPLOYMENT)
    assert len(found.commits) == 2
    assert found.base_url.startswith("https://github.com/acme/shop/actions/runs/")


def test_a_success_that_became_inactive_still_was_one(it: World, server: GitHubServer) -> None:
    base = it.repo.head
    it.repo.deployments[-1].statuses.append(Status("INACTIVE", it.hub.tick()))
    it.repo.push("main", author=it.alice, files={"a": "1"})
    assert forge(server).resolve_range(deployment(it.repo), requested=None, logged=None).base == base


@pytest.mark.parametrize("later", ["FAILURE", "ERROR"])
def test_a_success_that_failed_afterwards_is_none(it: World, server: GitHubServer, later: str) -> None:
    base = it.repo.head
    it.repo.push("main", author=it.alice, files={"a": "1"})
    it.repo.deploy("production").statuses.append(Status(later, it.hub.tick()))
    it.repo.push("main", author=it.alice, files={"a": "2"})
    assert forge(server).resolve_range(deployment(it.repo), requested=None, logged=None).base == base


def test_deployments_are_searched_over_all_pages(it: World, server: GitHubServer) -> None:
    base = it.repo.head
    it.repo.push("main", author=it.alice, files={"a": "1"})
    for _ in range(45):
        it.repo.deploy("production", states=("in_progress", "failure"))
    assert forge(server).resolve_range(deployment(it.repo), requested=None, logged=None).base == base
    assert len(server.requests) == 4


def test_statuses_are_read_over_all_pages(it: World, server: GitHubServer) -> None:
    it.repo.push("main", author=it.alice, files={"a": "1"})
    base = it.repo.head
    it.repo.deploy("production", states=("success", *["inactive"] * 140))
    it.repo.push("main", author=it.alice, files={"a": "2"})
    assert forge(server).resolve_range(deployment(it.repo), requested=None, logged=None).base == base


def test_the_full_ancestry_over_all_pages_parents_first(it: World, server: GitHubServer) -> None:
    for number in range(120):
        it.repo.push("main", author=it.alice, files={"a": str(number)})
    it.repo.branch("side", it.repo.deployments[0].sha)
    nested = [it.repo.push("side", author=it.bob, files={"b": str(number)}) for number in range(90)]
    it.repo.push_merge("main", it.repo.branches["side"], author=it.alice)
    found = forge(server).resolve_range(deployment(it.repo), requested=None, logged=None)
    assert len(found.commits) == 211
    place = {commit.sha: index for index, commit in enumerate(found.commits)}
    assert set(nested) <= set(place)
    assert all(place[parent] < place[commit.sha] for commit in found.commits for parent in commit.parents if parent in place)
    assert found.commits[-1].sha == it.repo.head
    assert found.commits[0].tree == it.repo.commits[found.commits[0].sha].tree


def test_the_first_page_again_for_the_second_is_noticed(it: World, server: GitHubServer) -> None:
    for number in range(150):
        it.repo.push("main", author=it.alice, files={"a": str(number)})
    forge(server).resolve_range(deployment(it.repo), requested=None, logged=None)
    assert [asked.method for asked in server.requests] == ["POST", "GET", "GET"]
    server.replace(server.answers[1], at=2)
    with pytest.raises(ForgeError, match="repeats commits"):
        forge(server).resolve_range(deployment(it.repo), requested=None, logged=None)


def test_redeploy(it: World, server: GitHubServer) -> None:
    found = forge(server).resolve_range(deployment(it.repo), requested=None, logged=None)
    assert (found.outcome, found.commits, found.removed) == (RangeOutcome.REDEPLOY, (), ())


def test_rollback_names_what_it_removes(it: World, server: GitHubServer) -> None:
    before = it.repo.head
    pushed = [it.repo.push("main", author=it.alice, files={"a": str(number)}) for number in range(3)]
    it.repo.deploy("production")
    found = forge(server).resolve_range(deployment(it.repo, head=before), requested=None, logged=None)
    assert (found.outcome, found.commits) == (RangeOutcome.ROLLBACK, ())
    assert [commit.sha for commit in found.removed] == pushed


def test_a_rewritten_branch_names_both(it: World, server: GitHubServer) -> None:
    it.repo.push("main", author=it.alice, files={"a": "1"})
    it.repo.deploy("production")
    base = it.repo.head
    it.repo.branches["main"] = it.repo.deployments[0].sha
    it.repo.push("main", author=it.alice, files={"a": "2"})
    found = forge(server).resolve_range(deployment(it.repo), requested=None, logged=None)
    assert (found.outcome, found.base, found.head) == (RangeOutcome.REWRITTEN, base, it.repo.head)
    assert ([each.sha for each in found.commits], [each.sha for each in found.removed]) == ([it.repo.head], [base])


def test_a_wider_range_does_not_hide_that_the_branch_was_rewritten(it: World, server: GitHubServer) -> None:
    fork = it.repo.deployments[0].sha
    it.repo.push("main", author=it.alice, files={"a": "1"})
    it.repo.deploy("production")
    base = it.repo.head
    it.repo.branches["main"] = fork
    it.repo.push("main", author=it.alice, files={"a": "2"})
    found = forge(server).resolve_range(deployment(it.repo), requested=fork, logged=None)
    assert (found.outcome, found.base) == (RangeOutcome.REWRITTEN, base)


def test_a_branch_begun_anew_is_rewritten(it: World, server: GitHubServer) -> None:
    it.repo.push("main", author=it.alice, files={"a": "2"}, force=True)
    assert forge(server).resolve_range(deployment(it.repo), requested=None, logged=None).outcome is RangeOutcome.REWRITTEN


def test_a_deployed_commit_that_is_gone_is_rewritten(it: World, server: GitHubServer) -> None:
    it.repo.deploy("production", sha="0" * 40)
    found = forge(server).resolve_range(deployment(it.repo), requested=None, logged=None)
    assert (found.outcome, found.base) == (RangeOutcome.REWRITTEN, "0" * 40)


def test_a_first_deploy_needs_a_baseline(it: World, server: GitHubServer) -> None:
    with pytest.raises(InputError) as caught:
        forge(server).resolve_range(deployment(it.repo, environment="new"), requested=None, logged=None)
    assert "--base" in caught.value.remedy


@pytest.mark.parametrize("revision", ["main~0", "v1"])
def test_a_first_deploy_from_a_named_baseline(it: World, server: GitHubServer, revision: str) -> None:
    base = it.repo.head
    it.repo.tags = {"v1": base, "main~0": base}
    it.repo.push("main", author=it.alice, files={"a": "1"})
    found = forge(server).resolve_range(deployment(it.repo, environment="new"), requested=revision, logged=None)
    assert (found.outcome, found.base, found.base_source) == (RangeOutcome.FIRST_DEPLOY, base, BaseSource.OPTION)
    assert [commit.sha for commit in found.commits] == [it.repo.head]


def test_a_first_deploy_from_a_later_commit_is_refused_as_rewritten(it: World, server: GitHubServer) -> None:
    head = it.repo.head
    it.repo.push("main", author=it.alice, files={"a": "1"})
    found = forge(server).resolve_range(deployment(it.repo, environment="new", head=head), requested=it.repo.head, logged=None)
    assert found.outcome is RangeOutcome.REWRITTEN


def test_the_log_is_asked_where_github_knows_nothing(it: World, server: GitHubServer) -> None:
    logged = Baseline(it.repo.head, BaseSource.LOG, "log/7")
    it.repo.push("main", author=it.alice, files={"a": "1"})
    found = forge(server).resolve_range(deployment(it.repo, environment="new"), requested=None, logged=logged)
    assert (found.outcome, found.base, found.base_source, found.base_url) == (RangeOutcome.AHEAD, logged.commit, BaseSource.LOG, "log/7")


def test_github_goes_before_the_log(it: World, server: GitHubServer) -> None:
    base = it.repo.head
    later = Baseline(it.repo.push("main", author=it.alice, files={"a": "1"}), BaseSource.LOG)
    assert forge(server).resolve_range(deployment(it.repo), requested=None, logged=later).base == base


def test_base_may_widen(it: World, server: GitHubServer) -> None:
    first = it.repo.head
    it.repo.push("main", author=it.alice, files={"a": "1"})
    it.repo.deploy("production")
    it.repo.push("main", author=it.alice, files={"a": "2"})
    found = forge(server).resolve_range(deployment(it.repo), requested=first, logged=None)
    assert (found.outcome, found.base, found.base_source, len(found.commits)) == (RangeOutcome.AHEAD, first, BaseSource.OPTION, 2)


def test_base_may_name_what_is_deployed(it: World, server: GitHubServer) -> None:
    base = it.repo.head
    it.repo.push("main", author=it.alice, files={"a": "2"})
    assert forge(server).resolve_range(deployment(it.repo), requested=base, logged=None).base_source is BaseSource.DEPLOYMENT


def test_base_may_not_narrow(it: World, server: GitHubServer) -> None:
    later = it.repo.push("main", author=it.alice, files={"a": "1"})
    it.repo.push("main", author=it.alice, files={"a": "2"})
    with pytest.raises(InputError, match="would leave changes out"):
        forge(server).resolve_range(deployment(it.repo), requested=later, logged=None)


def test_base_may_not_be_beside(it: World, server: GitHubServer) -> None:
    it.repo.branch("side")
    beside = it.repo.push("side", author=it.alice, files={"b": "1"})
    it.repo.push("main", author=it.alice, files={"a": "2"})
    with pytest.raises(InputError, match="would leave changes out"):
        forge(server).resolve_range(deployment(it.repo), requested=beside, logged=None)


@pytest.mark.parametrize("revision", ["", "nowhere", "-x", "a\nb", "0" * 40])
def test_a_revision_that_is_no_commit(it: World, server: GitHubServer, revision: str) -> None:
    with pytest.raises(InputError, match="no commit"):
        forge(server).resolve_head(revision)
    with pytest.raises(InputError, match="no commit"):
        forge(server).resolve_range(deployment(it.repo), requested=revision, logged=None)


def test_a_revision_is_resolved_to_its_commit(it: World, server: GitHubServer) -> None:
    it.repo.tags["v1"] = it.repo.head
    assert {forge(server).resolve_head(revision) for revision in ("main", "v1", it.repo.head, it.repo.head[:10])} == {it.repo.head}


def test_a_head_that_github_lacks(it: World, server: GitHubServer) -> None:
    with pytest.raises(ForgeError, match="can't be compared"):
        forge(server).resolve_range(deployment(it.repo, head="1" * 40), requested=None, logged=None)


def test_a_base_of_the_log_that_github_lacks_is_said_to_be_the_logs(it: World, server: GitHubServer) -> None:
    for deployed in it.repo.deployments:
        deployed.statuses.clear()
    with pytest.raises(ForgeError, match="which the log in --store says is deployed, can't be compared"):
        forge(server).resolve_range(deployment(it.repo), requested=None, logged=Baseline("1" * 40, BaseSource.LOG))


def test_a_server_of_ones_own(it: World, server: GitHubServer) -> None:
    from doubles.github import TOKEN

    from changegate.forges.github import GitHub

    GitHub("acme/shop", TOKEN, api_url=server.enterprise_url, sleep=server.sleep).resolve_range(
        deployment(it.repo), requested=it.repo.head, logged=None
    )
    assert {asked.path for asked in server.requests if asked.method == "POST"} == {"/api/graphql"}
