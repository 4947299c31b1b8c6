"""A second opinion on the double: python-gitlab's own objects, which know GitLab's paths and types, find in it what was put there."""

from collections.abc import Iterator

import gitlab
import pytest
from doubles.gitlab import TOKEN, GitLabServer
from doubles.gitlab.scenario import World, small_world
from doubles.gitlab.state import MAINTAINER


@pytest.fixture
def it() -> World:
    return small_world()


@pytest.fixture
def api(it: World) -> Iterator[gitlab.Gitlab]:
    with GitLabServer(it.hub) as server:
        made = gitlab.Gitlab(server.url, oauth_token=TOKEN, keep_base_url=True)
        yield made
        made.session.close()


def test_python_gitlabs_objects_find_what_is_there(it: World, api: gitlab.Gitlab) -> None:
    api.auth()
    project = api.projects.get("acme/shop")
    assert (project.id, project.path_with_namespace) == (it.project.id, "acme/shop")
    (listed,) = project.mergerequests.list(state="merged", get_all=True)
    request = project.mergerequests.get(listed.iid)
    assert (request.iid, request.state, request.sha) == (1, "merged", it.project.requests[1].head)
    assert [commit.id for commit in request.commits()] == [commit.sha for commit in reversed(it.project.requests[1].commits)]
    assert [each["user"]["username"] for each in request.approvals.get().approved_by] == ["bob"]
    versions = request.diffs.list(get_all=True)
    assert [version.head_commit_sha for version in versions] == [version.head for version in reversed(it.project.requests[1].versions)]
    assert request.diffs.get(versions[0].id).commits[0]["id"] == request.sha
    assert {note.system for note in request.notes.list(get_all=True)} == {True}
    assert [issue.iid for issue in request.closes_issues()] == [1]
    assert [(each.user["username"], each.state) for each in request.reviewer_details.list(get_all=True)] == [("carol", "requested_changes")]
    assert project.issues.get(2).title == "Sell pears"
    (deployment,) = project.deployments.list(environment="production", status="success", get_all=True)
    assert deployment.deployable["status"] == "success"
    commit = project.commits.get(request.squash_commit_sha)
    assert [status.name for status in commit.statuses.list(get_all=True)] == ["image"]
    assert [each["iid"] for each in project.commits.get(request.sha).merge_requests(get_all=True)] == [1]
    members = project.members_all.list(get_all=True)
    assert {member.username: member.access_level for member in members} == dict.fromkeys(("alice", "bob", "carol"), 30)
    assert project.files.get("README.md", ref=commit.id).decode() == b"# Shop\n"
    assert {entry["name"] for entry in project.repository_tree(ref=commit.id, get_all=True)} >= {"README.md", ".gitlab"}
    assert project.branches.get("main").commit["id"] == it.project.head


def test_and_can_write_to_it(it: World, api: gitlab.Gitlab) -> None:
    project = api.projects.get("acme/shop")
    note = project.mergerequests.get(1).notes.create({"body": "Hello"})
    note.body = "Hello again"
    note.save()
    assert it.project.requests[1].notes[-1].body == "Hello again"
    note.delete()
    status = project.commits.get(it.project.head).statuses.create({"state": "failed", "name": "preview"})
    assert (status.status, it.project.statuses[-1].status) == ("failed", "failed")
    made = it.project.deploy(status="running", job=None)
    deployment = project.deployments.list(order_by="id", sort="desc", get_all=True)[0]
    deployment.status = "success"
    deployment.save()
    assert made.status == "success"


def test_who_may_do_what(it: World, api: gitlab.Gitlab) -> None:
    it.project.members[it.hub.tokens[TOKEN].id] = MAINTAINER
    it.project.setup.inherited.add(it.carol.id)
    project = api.projects.get("acme/shop")
    assert {each.username for each in project.members.list(get_all=True)} >= {"alice", "bob"}
    assert "carol" not in {each.username for each in project.members.list(get_all=True)}
    assert [(each.title, each.can_push) for each in project.keys.list(get_all=True)] == [("mirror", True), ("backup", False)]
    assert [each.scopes for each in project.deploytokens.list(get_all=True)] == [["write_registry"], ["read_registry"]]
    assert next((each.name, each.access_level) for each in project.access_tokens.list(get_all=True)) == ("release bot", 40)
    assert [each.name for each in project.protectedbranches.list(get_all=True)] == ["main", "changegate-*"]
    assert [each.name for each in project.protected_environments.list(get_all=True)] == ["production"]
