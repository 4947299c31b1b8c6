"""What GitHub would hold: accounts, repositories with real commit graphs, pull requests, issues, deployments, checks.

    hub = Hub()
    alice, bob = hub.user("alice"), hub.user("bob")
    repo = hub.repository("acme/shop", writers=[alice, bob])
    repo.deploy("production")
    repo.pull(author=alice, files={"a.txt": "1"}, body="Fixes #1").check("ci").approve(bob).merge("squash")

Every action moves the clock on by a minute, so that orders are plain; `hub.now` may be set. GitHub's rules that nobody may break (one can't
approve one's own change) are kept; those that a repository chooses are not, so that tests can do what the gate must catch.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from doubles.github.pull import Pull
from doubles.github.setup import Setup
from doubles.history import History
from doubles.objects import Person

MEMBERS_TOKEN = "ghs_doubles_app_token"
ALL_PERMISSIONS = frozenset({"checks", "contents", "deployments", "deployments:write", "issues", "metadata", "pull_requests", "statuses"})
WRITES = frozenset({"checks:write", "pull_requests:write"})
"""What a token needs besides to show something on a pull request."""
ADMIN_PERMISSIONS = ALL_PERMISSIONS | {"actions", "administration"}
TOKEN = "ghs_doubles_own_token"
HOST = "127.0.0.1"
"""The host that the double is; GitHub's own addresses carry it."""
WEB_FLOW = Person("GitHub", "noreply@github.com")


@dataclass
class Account:
    """Somebody, or something, that GitHub knows by a number."""

    id: int
    login: str
    kind: str = "User"
    email: str = ""
    deleted: bool = False

    @property
    def person(self) -> Person:
        """As whom its commits are made."""
        return Person(self.login, self.email)


@dataclass
class Issue:
    """An issue."""

    number: int
    title: str
    created_at: datetime
    state: str = "OPEN"
    body: str = ""
    labels: tuple[str, ...] = ()
    author: Account | None = None
    """None: an App opened it."""


@dataclass
class Status:
    """One status of a deployment. `log_url` None: as GitHub Actions writes it."""

    state: str
    at: datetime
    description: str = ""
    log_url: str | None = None
    environment_url: str = ""


@dataclass
class Deployed:
    """A deployment with its statuses, the oldest first."""

    id: int
    sha: str
    environment: str
    at: datetime
    statuses: list[Status] = field(default_factory=list)
    ref: str = "main"
    run: int | None = None
    """The workflow run that made it; by default a number of its own."""

    def log_url(self, host: str, repository: str, status: Status) -> str:
        """Where a status says that more can be read."""
        return f"https://{host}/{repository}/actions/runs/{self.run or self.id}/job/1" if status.log_url is None else status.log_url

    @property
    def succeeded(self) -> bool:
        """Whether it was ever said to have succeeded."""
        return any(status.state == "SUCCESS" for status in self.statuses)


@dataclass
class Reported:
    """A check run, or a commit status where `workflow_run` is None and `kind` says so."""

    id: int
    kind: str
    name: str
    state: str
    at: datetime
    workflow: int = 1
    workflow_run: int | None = None
    external_id: str = ""
    title: str = ""
    summary: str = ""
    details_url: str = ""
    by: Account | None = None
    """Who set a commit status; GitHub Actions where nobody is named."""


class Hub:
    """GitHub, or one of its servers."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}
        self.tokens: dict[str, frozenset[str]] = {TOKEN: ALL_PERMISSIONS, MEMBERS_TOKEN: ALL_PERMISSIONS | {"members"}}
        self.teams: dict[str, list[Account]] = {}
        self._ids = iter(range(1001, 10**9))
        self.token_accounts: dict[str, Account] = {}
        """As whom a token acts; a job's own token as `github-actions`."""
        self.actions = Account(41898282, "github-actions", "Bot")
        self.accounts["web-flow"] = Account(19864447, "web-flow", "User", WEB_FLOW.email)

    def next_id(self) -> int:
        """A number that nothing else has."""
        return next(self._ids)

    def acting(self, token: str) -> Account:
        """As whom the token acts."""
        return self.token_accounts.get(token, self.actions)

    def tick(self) -> datetime:
        """The time of the next action."""
        self.now += timedelta(minutes=1)
        return self.now

    def user(self, login: str) -> Account:
        """A person's account."""
        return self._account(login, "User", f"{login}@example.com")

    def bot(self, login: str) -> Account:
        """An App's account; its login is without the `[bot]`, as GraphQL has it."""
        account = self._account(login, "Bot", "")
        account.email = f"{account.id}+{login}[bot]@users.noreply.{HOST}"
        return account

    def mannequin(self, login: str) -> Account:
        """The stand-in for somebody of an imported history."""
        return self._account(login, "Mannequin", f"{login}@imported.example")

    def team(self, name: str, *members: Account) -> None:
        """A team (`org/slug`) and all who are in it. Only a token with the permission `members` sees it."""
        self.teams[name.lower()] = list(members)

    def _account(self, login: str, kind: str, email: str) -> Account:
        account = self.accounts[login] = Account(self.next_id(), login, kind, email)
        return account

    def by_email(self, email: str) -> Account | None:
        """The account that an e-mail leads to."""
        return next((account for account in self.accounts.values() if account.email == email.lower() and not account.deleted), None)

    def repository(self, name: str = "acme/shop", *, files: Mapping[str, str | bytes] | None = None, writers: Iterable[Account] = ()) -> "Repository":
        """A new repository whose `main` has one commit."""
        repository = self.repositories[name.lower()] = Repository(self, name)
        for writer in writers:
            repository.permissions[writer.id] = "WRITE"
        founder = next(iter(writers), None) or self.accounts["web-flow"]
        repository.push("main", author=founder, files=files or {"README.md": "# Shop\n"}, message="Begin")
        return repository


class Repository(History):
    """A repository: its git objects and everything around them."""

    def __init__(self, hub: Hub, name: str) -> None:
        super().__init__(hub.tick)
        self.hub = hub
        self.name = name
        self.id = hub.next_id()
        self.annotated: set[str] = set()
        self.permissions: dict[int, str] = {}
        self.pulls: dict[int, Pull] = {}
        self.issues: dict[int, Issue] = {}
        self.deployments: list[Deployed] = []
        self.reported: dict[str, list[Reported]] = {}
        self.association_lag = 0
        """How many more answers know nothing yet of which change a commit is in."""
        self.private = False
        self.setup = Setup()

    def resolve(self, expression: str) -> str | None:
        """The commit that a revision names."""
        revision = expression.removeprefix("refs/heads/").removeprefix("refs/tags/")
        if revision in self.branches:
            return self.branches[revision]
        if revision in self.tags:
            return self.tags[revision]
        matches = [sha for sha in self.commits if len(revision) >= 7 and sha.startswith(revision)]
        return matches[0] if len(matches) == 1 else None

    # --- what is around ------------------------------------------------------------------------------------------------------

    def next_number(self) -> int:
        """Issues and pull requests share their numbers."""
        return len(self.issues) + len(self.pulls) + 1

    def issue(self, title: str = "Something is to be done", *, by: Account | None = None) -> Issue:
        """A new issue."""
        number = self.next_number()
        issue = self.issues[number] = Issue(number, title, self.hub.tick(), author=by)
        return issue

    def pull(
        self,
        *,
        author: Account,
        files: Mapping[str, str | bytes | None] | None = None,
        title: str = "Change something",
        body: str = "",
        base: str = "main",
        head_ref: str = "",
        committer: Account | Person | None = None,
        signed: str = "",
        fork: bool = False,
    ) -> Pull:
        """A new pull request with one commit of the author's; `Pull.commit` adds more."""
        number = self.next_number()
        pull = Pull(self, number, author, title, body, base, head_ref or f"change-{number}", self.hub.tick(), fork=fork)
        self.pulls[number] = pull
        return pull.commit(author, files or {f"change-{number}.txt": f"{number}\n"}, message=title, committer=committer, signed=signed)

    def merge_queue(self, pulls: Iterable[Pull], method: str = "merge", by: Account | None = None) -> None:
        """Several pull requests merged as one group: each on top of the one before."""
        for pull in pulls:
            pull.merge(method, by=by)

    def deploy(
        self, environment: str = "production", sha: str | None = None, states: Iterable[str] = ("in_progress", "success"), run: int | None = None
    ) -> Deployed:
        """A deployment and its statuses. A success makes the older ones of the environment inactive, as GitHub does."""
        deployed = Deployed(self.hub.next_id(), sha or self.head, environment, self.hub.tick(), run=run)
        for state in states:
            deployed.statuses.append(Status(state.upper(), self.hub.tick()))
        if deployed.succeeded:
            for older in self.deployments:
                if older.environment == environment and older.succeeded:
                    older.statuses.append(Status("INACTIVE", self.hub.now))
        self.deployments.append(deployed)
        return deployed

    def report(
        self,
        sha: str,
        name: str = "ci",
        state: str = "success",
        *,
        workflow: int = 1,
        run: int | None = None,
        kind: str = "run",
        by: Account | None = None,
    ) -> None:
        """A check run (`kind="run"`) or a commit status (`kind="status"`) on a commit."""
        number = self.hub.next_id()
        reported = Reported(number, kind, name, state.upper(), self.hub.tick(), workflow, run if run is not None else number, by=by)
        self.reported.setdefault(sha, []).append(reported)


CLOSING = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? +#(\d+)", re.IGNORECASE)
"""GitHub's closing keywords before an issue of the same repository."""
