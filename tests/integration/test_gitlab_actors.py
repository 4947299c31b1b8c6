"""Who declares an emergency on GitLab, and the tracking issue: on the double over real HTTP."""

from collections.abc import Iterator

import pytest
from doubles.gitlab import READER_TOKEN, TOKEN, GitLabServer, Hub, job_token

from changegate.errors import ForgeError, InputError
from changegate.facts import Actor, Permission, Run, Unavailable
from changegate.forges.gitlab import GitLab

MAINTAINER, OWNER, REPORTER = 40, 50, 20


@pytest.fixture
def server() -> Iterator[GitLabServer]:
    hub = Hub()
    alice, bob = hub.user("alice"), hub.user("bob")
    project = hub.project("acme/shop", files={"README.md": "shop\n"}, developers=(alice, bob))
    project.members[alice.id] = MAINTAINER
    project.started[77] = (alice, "running", "web")
    with GitLabServer(hub) as made:
        yield made


def forge(server: GitLabServer, own: str = job_token(77)) -> GitLab:
    return GitLab("acme/shop", TOKEN, workspace=None, job_token=own, api_url=f"{server.url}/api/v4", sleep=server.sleep)


def test_who_started_the_job_declares(server: GitLabServer) -> None:
    found = forge(server).fetch_declarer(Run(id="77"))
    assert isinstance(found, Actor)
    assert (found.person.login, found.permission) == ("alice", Permission.MAINTAIN)


@pytest.mark.parametrize(
    ("status", "source", "why"),
    [
        ("success", "web", "doesn't say whose job this is"),
        ("canceling", "web", "isn't running"),
        ("running", "push", "started by push, not by hand"),
        ("running", "schedule", "by hand"),
    ],
)
def test_another_job_says_nothing(server: GitLabServer, status: str, source: str, why: str) -> None:
    project = server.hub.projects["acme/shop"]
    project.started[77] = (project.started[77][0], status, source)
    found = forge(server).fetch_declarer(Run(id="77"))
    assert isinstance(found, Unavailable)
    assert why in found.why


@pytest.mark.parametrize(
    ("own", "why"), [("", "no CI_JOB_TOKEN"), ("glpat-another", "doesn't accept the token"), (job_token(79), "GitLab says that this is the job 79")]
)
def test_a_job_is_whose_its_own_token_says(server: GitLabServer, own: str, why: str) -> None:
    project = server.hub.projects["acme/shop"]
    (bob,) = (user for user in server.hub.users.values() if user.username == "bob")
    project.started[79] = (bob, "running", "web")
    found = forge(server, own).fetch_declarer(Run(id="77"))
    assert isinstance(found, Unavailable)
    assert why in found.why


def test_a_job_that_is_not_there_says_nothing(server: GitLabServer) -> None:
    assert isinstance(forge(server, job_token(78)).fetch_declarer(Run(id="78")), Unavailable)
    with pytest.raises(InputError, match="no job of GitLab's"):
        forge(server).fetch_declarer(Run(id="local-1"))


@pytest.mark.parametrize(("level", "permission"), [(REPORTER, Permission.TRIAGE), (OWNER, Permission.ADMIN), (None, Permission.NONE)])
def test_what_an_account_may_do(server: GitLabServer, level: int | None, permission: Permission) -> None:
    project = server.hub.projects["acme/shop"]
    (bob,) = (user for user in server.hub.users.values() if user.username == "bob")
    if level is None:
        del project.members[bob.id]
    else:
        project.members[bob.id] = level
    found = forge(server).fetch_actor("bob")
    assert isinstance(found, Actor)
    assert found.permission is permission


def test_a_blocked_account_may_nothing(server: GitLabServer) -> None:
    (alice,) = (user for user in server.hub.users.values() if user.username == "alice")
    alice.state = "blocked"
    found = forge(server).fetch_actor("alice")
    assert isinstance(found, Actor)
    assert found.permission is Permission.NONE


def test_nobody_of_that_name(server: GitLabServer) -> None:
    for login in ("nobody", "../users"):
        with pytest.raises(InputError):
            forge(server).fetch_actor(login)


def test_who_put_a_label_on_a_merge_request(server: GitLabServer) -> None:
    project = server.hub.projects["acme/shop"]
    alice, bob = (next(user for user in server.hub.users.values() if user.username == name) for name in ("alice", "bob"))
    request = project.request(author=bob, title="Round prices up").label("urgent", by=alice).label("other", by=bob)
    found = forge(server).fetch_labeler(f"!{request.iid}", "urgent")
    assert isinstance(found, Actor)
    assert (found.person.login, found.permission) == ("alice", Permission.MAINTAIN)
    request.unlabel("urgent", by=bob)
    gone = forge(server).fetch_labeler(f"!{request.iid}", "urgent")
    assert isinstance(gone, Unavailable)
    assert "takes it off and puts it on again" in gone.remedy
    request.label_events = [(None, *request.label_events[0][1:])]
    assert isinstance(forge(server).fetch_labeler(f"!{request.iid}", "urgent"), Unavailable)


@pytest.mark.parametrize("edit", [{"title": "Urgent: round prices down"}, {"description": "I want it now"}])
def test_a_label_stands_for_the_words_that_stood_there(server: GitLabServer, edit: dict[str, str]) -> None:
    project = server.hub.projects["acme/shop"]
    alice, bob = (next(user for user in server.hub.users.values() if user.username == name) for name in ("alice", "bob"))
    request = project.request(author=bob, title="Round prices up").edit(description="The shop is down").label("urgent", by=alice)
    assert isinstance(forge(server).fetch_labeler(f"!{request.iid}", "urgent"), Actor)
    request.edit(**edit)
    found = forge(server).fetch_labeler(f"!{request.iid}", "urgent")
    assert isinstance(found, Unavailable)
    assert "were edited after the label was put on" in found.why
    request.label("urgent", by=alice)
    assert isinstance(forge(server).fetch_labeler(f"!{request.iid}", "urgent"), Actor)


def test_there_is_one_tracking_issue_and_nobody_elses_is_taken_for_it(server: GitLabServer) -> None:
    project, open_ = server.hub.projects["acme/shop"], forge(server)
    of_somebody = project.issue("Look here")
    of_somebody.description = "<!-- changegate followup -->\nall is reviewed"
    assert open_.put_issue("Reviews", "nothing", is_open=False) == ""
    first = open_.put_issue("Reviews", "one is open", is_open=True)
    assert open_.put_issue("Reviews", "two are open", is_open=True) == first
    (own,) = (each for each in project.issues.values() if each.labels == ("changegate-followup",))
    assert own.description.endswith("two are open")
    assert open_.put_issue("Reviews", "all is reviewed", is_open=False) == first
    assert own.state == "closed"
    assert open_.put_issue("Reviews", "one is open", is_open=True) != first
    assert of_somebody.title == "Look here"


def test_a_token_that_may_only_read_keeps_no_issue(server: GitLabServer) -> None:
    reader = GitLab("acme/shop", READER_TOKEN, workspace=None, api_url=f"{server.url}/api/v4", sleep=server.sleep)
    with pytest.raises(ForgeError, match="may not write issues"):
        reader.put_issue("Reviews", "one is open", is_open=True)
