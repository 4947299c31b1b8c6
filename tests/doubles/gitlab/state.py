"""What a GitLab server would hold: accounts, projects with real commit graphs, merge requests with their versions, issues, deployments, statuses.

    hub = Hub()
    alice, bob = hub.user("alice"), hub.user("bob")
    project = hub.project("acme/shop", developers=[alice, bob])
    project.deploy("production")
    project.request(author=alice, description="Closes #1").status("test").approve(bob).merge(by=alice)

Every action moves the clock on by a minute. As on GitLab's free tier, anybody with a role may approve, the author too: what the gate must catch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from doubles.gitlab.request import Note, Request
from doubles.gitlab.setup import Setup
from doubles.history import Changes, History
from doubles.objects import Person

TOKEN = "glpat-doubles_api_token"
"""A project access token with the scope api and the role Developer."""
READER_TOKEN = "glpat-doubles_reader_token"
"""One with the scope read_api and the role Reporter."""
_JOB_TOKEN = "glcbt-64_"

REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40
HOST = "127.0.0.1"


@dataclass(eq=False)
class User:
    """An account. `public_email` is what everybody sees of its address."""

    id: int
    username: str
    email: str
    public_email: str = ""
    bot: bool = False
    state: str = "active"
    stand_in: User | None = None
    """Where the account is deleted: the ghost that GitLab shows in its place."""

    @property
    def shown(self) -> User:
        """Whom GitLab shows."""
        return self.stand_in or self

    @property
    def person(self) -> Person:
        """As whom its commits are made."""
        return Person(self.username, self.email)

    @property
    def private_email(self) -> str:
        """The address that GitLab gives out."""
        return f"{self.id}-{self.username}@users.noreply.{HOST}"


@dataclass
class Issue:
    """An issue of a project."""

    id: int
    iid: int
    title: str
    created_at: datetime
    state: str = "opened"
    confidential: bool = False
    description: str = ""
    labels: tuple[str, ...] = ()
    author: User | None = None
    """None: the account is gone."""
    type: str = "issue"


@dataclass
class Deployed:
    """A deployment; `job` None where the API made it."""

    id: int
    iid: int
    sha: str
    environment: str
    status: str
    at: datetime
    job: int | None
    ref: str = "main"


@dataclass
class Status:
    """A job of a pipeline, or a status that somebody set."""

    id: int
    sha: str
    name: str
    status: str
    at: datetime
    pipeline: int
    allow_failure: bool = False
    description: str | None = None
    target_url: str | None = None
    set_by: User | None = None
    """Who set it by the API; None for a job."""


class Hub:
    """A GitLab server."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
        self.users: dict[int, User] = {}
        self.projects: dict[str, Project] = {}
        self.groups: dict[str, list[User]] = {}
        self._ids = iter(range(1001, 10**9))
        self.tokens: dict[str, User] = {}
        self.moved: dict[str, str] = {}
        """Former paths of projects: GitLab goes on taking them, its GraphQL doesn't."""
        robot = self.user("project_1_bot", bot=True)
        for token in (TOKEN, READER_TOKEN):
            self.tokens[token] = robot
        self.ghost = self.user("ghost")
        self.approval_times = True
        """Whether approvals say when they were given, as newer versions do."""

    def next_id(self) -> int:
        """A number that nothing else has."""
        return next(self._ids)

    def tick(self) -> datetime:
        """The time of the next action."""
        self.now += timedelta(minutes=1)
        return self.now

    def user(self, username: str, *, public: bool = False, bot: bool = False) -> User:
        """An account, whose address everybody sees where it is `public`."""
        email = f"{username}@example.com"
        user = User(self.next_id(), username, email, email if public else "", bot)
        self.users[user.id] = user
        return user

    def by_email(self, email: str) -> User | None:
        """The account to which a confirmed address leads."""
        folded = email.casefold()
        alive = (user for user in self.users.values() if user.stand_in is None)
        return next((user for user in alive if folded in {user.email.casefold(), user.private_email.casefold()}), None)

    def delete(self, user: User) -> None:
        """An account deleted: what it said stays, under the ghost's name."""
        user.stand_in = self.ghost

    def project(self, path: str = "acme/shop", *, files: Mapping[str, str | bytes] | None = None, developers: Iterable[User] = ()) -> Project:
        """A new project whose `main` has one commit."""
        project = self.projects[path] = Project(self, path)
        for user in developers:
            project.members[user.id] = DEVELOPER
        founder = next(iter(developers), None) or next(iter(self.users.values()))
        project.push("main", author=founder, files=files or {"README.md": "# Shop\n"}, message="Begin")
        return project


class Project(History):
    """A project: its git objects and everything around them."""

    def __init__(self, hub: Hub, path: str) -> None:
        super().__init__(hub.tick)
        self.hub = hub
        self.path = path
        self.id = hub.next_id()
        self.members: dict[int, int] = {}
        self.requests: dict[int, Request] = {}
        self.issues: dict[int, Issue] = {}
        self.deployments: list[Deployed] = []
        self.statuses: list[Status] = []
        self.children: dict[int, int] = {}
        """Trigger jobs and the child pipelines that they began."""
        self.child_jobs: dict[int, int] = {}
        """Jobs of child pipelines, which no commit lists, and their pipelines."""
        self.started: dict[int, tuple[User, str, str]] = {}
        """Jobs of which GitLab says who started them: by whom, their status, and their pipeline's source."""
        self.visible = True
        """Whether the tokens may see it."""
        self.setup = Setup()
        self.association_lag = 0
        """How many more lists know nothing yet of what was merged last."""

    def issue(self, title: str = "Something is to be done", *, by: User | None = None) -> Issue:
        """A new issue."""
        number = len(self.issues) + 1
        issue = self.issues[number] = Issue(self.hub.next_id(), number, title, self.hub.tick(), author=by)
        return issue

    def request(
        self,
        *,
        author: User,
        files: Changes | None = None,
        title: str = "Change something",
        description: str = "",
        target: str = "main",
        source: str = "",
        committer: User | Person | None = None,
        fork: Project | None = None,
    ) -> Request:
        """A new merge request with one commit of the author's; `Request.push` adds more. Its branch is in `fork`, where one is given."""
        number = len(self.requests) + 1
        request = Request(self, number, author, title, description, target, source or f"change-{number}", home=fork or self)
        self.requests[number] = request
        return request.push(author, files or {f"change-{number}.txt": f"{number}\n"}, message=title, committer=committer)

    def fork(self, path: str, *, visible: bool = True) -> Project:
        """A fork, which shares the objects as GitLab's do."""
        fork = self.hub.projects[path] = Project(self.hub, path)
        fork.commits, fork.branches, fork.visible = self.commits, dict(self.branches), visible
        return fork

    def deploy(self, environment: str = "production", sha: str | None = None, status: str = "success", *, job: int | None = 0) -> Deployed:
        """A deployment by a job (of a number of its own), or by the API where `job` is None."""
        number = self.hub.next_id()
        deployed = Deployed(
            number, len(self.deployments) + 1, sha or self.head, environment, status, self.hub.tick(), self.hub.next_id() if job == 0 else job
        )
        self.deployments.append(deployed)
        return deployed

    def report(
        self,
        sha: str,
        name: str = "test",
        status: str = "success",
        *,
        pipeline: int | None = None,
        allow_failure: bool = False,
        job: int | None = None,
        set_by: User | None = None,
    ) -> Status:
        """A job, in a pipeline of its own where none is named; with `set_by` a status that somebody set."""
        number = job or self.hub.next_id()
        reported = Status(number, sha, name, status, self.hub.tick(), pipeline or self.hub.next_id(), allow_failure, set_by=set_by)
        self.statuses.append(reported)
        return reported


def job_token(number: int) -> str:
    """The token of a job's own (CI_JOB_TOKEN)."""
    return f"{_JOB_TOKEN}{number}"


def job_of(token: str) -> int | None:
    """The job that a token is of; None where it is no job's."""
    number = token.removeprefix(_JOB_TOKEN)
    return int(number) if number != token and number.isdigit() else None


__all__ = ["DEVELOPER", "READER_TOKEN", "TOKEN", "Hub", "Note", "Project", "Request", "User", "job_of", "job_token"]
