"""One vocabulary over the doubles of both forges: a shop with a deployed release, and what people do to its changes.

People go by name: alice, bob and carol may write, dave may only read, and `updater` is a bot.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, Self

from doubles import github, gitlab
from doubles.history import Changes, History
from doubles.objects import Person
from doubles.serving import Double

PLAN = "Closes #{issue}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
WRITERS, READERS, BOT = ("alice", "bob", "carol"), ("dave",), "updater"


class Change(Protocol):
    """A pull or merge request; every method gives it back."""

    number: int
    head: str

    def push(
        self, author: str, files: Changes | None = None, *, co_authors: Sequence[str] = (), under: Person | None = None, by: str | None = None
    ) -> Self:
        """One more commit; `under` is the name that it bears where it isn't the author's, `by` who pushes it where it isn't the author."""

    def force_push(self, author: str, by: str | None = None) -> Self:
        """The branch made anew; `by` pushes it in the author's name."""

    def update(self, by: str) -> Self:
        """The target merged into it: GitHub's button; on GitLab, which has none, by hand."""

    def include(self, other: str, by: str) -> Self:
        """Another commit merged into it on somebody's machine."""

    def approve(self, by: str) -> Self: ...
    def withdraw(self, by: str) -> Self:
        """An approval taken back (GitLab), or dismissed (GitHub)."""

    def request_changes(self, by: str) -> Self: ...
    def comment(self, by: str) -> Self: ...
    def check(self, name: str = "tests", state: str = "success") -> Self:
        """`success`, `failure`, `neutral` or `pending`, on its head."""

    def close(self) -> Self: ...
    def retarget(self, branch: str, *, automatic: bool = False) -> Self:
        """Another target; `automatic`: by the forge, because the branch that it had was merged and deleted."""

    def ask_nobody(self, by: str, not_any_more: str) -> Self:
        """Somebody taken out of the reviewers."""

    def merge(self, by: str = "alice", method: str = "squash") -> Self:
        """By `merge`, `squash` or `rebase`."""

    def merge_by_hand(self, by: str, files: Mapping[str, bytes]) -> Self:
        """A merge with just these files made on somebody's machine and pushed: the forge takes it for merged."""

    def push_to_target(self, by: str) -> Self:
        """Its head pushed onto the target by hand: the forge takes it for merged."""


class Shop(Protocol):
    """A repository with everything around it."""

    name: str
    repo: History

    def change(
        self,
        author: str = "alice",
        *,
        body: str = PLAN,
        files: Changes | None = None,
        target: str = "main",
        fork: bool = False,
        checked: bool = True,
    ) -> Change:
        """A change with all that it needs but an approval; `{issue}` in its body is a new issue's number."""

    def issue(self, by: str = "") -> int:
        """A new issue, opened by somebody."""

    def number_of(self, name: str) -> int:
        """Of an account."""

    def refer(self, change: Change) -> str:
        """How a text names a change."""

    def deploy(self, sha: str | None = None, environment: str = "production", *, ended: bool = True) -> None: ...
    def report(self, sha: str, name: str, state: str) -> None:
        """A check on a commit."""

    def set_status(self, sha: str, name: str, state: str, by: str) -> None:
        """A commit status that somebody sets by the API, as anybody may who may write."""

    def delete(self, name: str) -> None:
        """The account deleted."""

    def team(self, *members: str) -> None:
        """acme/payments."""

    def serve(self) -> AbstractContextManager[Double]: ...
    def arguments(self, server: Double, folder: Path) -> list[str]:
        """The options by which the gate finds it."""

    @property
    def token(self) -> str: ...


class OnGitHub:
    """The shop on GitHub."""

    name = "github"

    def __init__(self) -> None:
        self.hub = github.Hub()
        self.people = {name: self.hub.user(name) for name in (*WRITERS, *READERS)}
        self.repo = self.hub.repository("acme/shop", files={"README.md": "shop\n"}, writers=[self.people[name] for name in WRITERS])
        self.people[BOT] = self.hub.bot(BOT)
        self.repo.deploy()
        self.token = github.MEMBERS_TOKEN

    def change(
        self,
        author: str = "alice",
        *,
        body: str = PLAN,
        files: Changes | None = None,
        target: str = "main",
        fork: bool = False,
        checked: bool = True,
    ) -> "_Pull":
        text = body.replace("{issue}", str(self.issue())) if "{issue}" in body else body
        signed = "github" if author == BOT else ""  # an App's commits are made by the API
        committer = self.hub.accounts["web-flow"] if author == BOT else None
        pull = self.repo.pull(
            author=self.people[author], title="Round prices up", body=text, files=files, base=target, fork=fork, committer=committer, signed=signed
        )
        made = _Pull(self, pull)
        return made.check() if checked else made

    def issue(self, by: str = "") -> int:
        return self.repo.issue(by=self.people.get(by)).number

    def number_of(self, name: str) -> int:
        return self.people[name].id

    def refer(self, change: Change) -> str:
        return f"#{change.number}"

    def deploy(self, sha: str | None = None, environment: str = "production", *, ended: bool = True) -> None:
        self.repo.deploy(environment, sha, states=("in_progress", "success" if ended else "failure"))

    def report(self, sha: str, name: str, state: str) -> None:
        self.repo.report(sha, name, {"pending": "in_progress"}.get(state, state))

    def set_status(self, sha: str, name: str, state: str, by: str) -> None:
        self.repo.report(sha, name, state, kind="status", by=self.people[by])

    def delete(self, name: str) -> None:
        self.people[name].deleted = True

    def team(self, *members: str) -> None:
        self.hub.team("acme/payments", *(self.people[name] for name in members))

    def serve(self) -> github.GitHubServer:
        return github.GitHubServer(self.hub)

    def arguments(self, server: Double, folder: Path) -> list[str]:  # noqa: ARG002 - the protocol's
        return ["--forge", "github", "--repository", "acme/shop", "--api-url", server.url]


class _Pull:
    def __init__(self, shop: OnGitHub, pull: github.Pull) -> None:
        self.shop, self.pull, self.people = shop, pull, shop.people
        self.number = pull.number

    @property
    def head(self) -> str:
        return self.pull.head

    @head.setter
    def head(self, value: str) -> None:
        self.pull.head = value

    def push(
        self,
        author: str,
        files: Changes | None = None,
        *,
        co_authors: Sequence[str] = (),
        under: Person | None = None,
        by: str | None = None,  # noqa: ARG002 - GitHub says of no push but a forced one who made it
    ) -> Self:
        self.pull.commit(under or self.people[author], files, co_authors=tuple(self.people[name] for name in co_authors))
        return self

    def force_push(self, author: str, by: str | None = None) -> Self:
        self.pull.force_push(self.people[author], by=self.people[by or author], keep_reviews=True)
        return self

    def update(self, by: str) -> Self:
        self.pull.update_branch(self.people[by])
        return self

    def include(self, other: str, by: str) -> Self:
        self.pull.head = self.shop.repo.merge_commit(self.pull.head, other, "Merge another", self.people[by]).sha
        return self

    def approve(self, by: str) -> Self:
        if self.people[by] is not self.pull.author:  # GitHub lets nobody do that
            self.pull.approve(self.people[by])
        return self

    def withdraw(self, by: str) -> Self:
        self.pull.dismiss(self.people[by])
        return self

    def request_changes(self, by: str) -> Self:
        self.pull.request_changes(self.people[by])
        return self

    def comment(self, by: str) -> Self:
        self.pull.comment(self.people[by])
        return self

    def check(self, name: str = "tests", state: str = "success") -> Self:
        self.shop.report(self.pull.head, name, state)
        return self

    def close(self) -> Self:
        self.pull.close()
        return self

    def retarget(self, branch: str, *, automatic: bool = False) -> Self:
        self.pull.retarget(branch, automatic=automatic)
        return self

    def ask_nobody(self, by: str, not_any_more: str) -> Self:  # noqa: ARG002 - a review stands, whoever is asked for one
        return self

    def merge(self, by: str = "alice", method: str = "squash") -> Self:
        self.pull.merge(method, by=self.people[by])
        return self

    def merge_by_hand(self, by: str, files: Mapping[str, bytes]) -> Self:
        self.pull.merge_by_hand(self.people[by], files)
        return self

    def push_to_target(self, by: str) -> Self:
        self.pull.push_to_base(self.people[by])
        return self


class OnGitLab:
    """The shop on GitLab: squash without a merge commit, and `rebase` is its fast-forward."""

    name = "gitlab"

    def __init__(self) -> None:
        self.hub = gitlab.Hub()
        self.people = {name: self.hub.user(name) for name in (*WRITERS, *READERS)}
        self.repo = self.hub.project("acme/shop", files={"README.md": "shop\n"}, developers=[self.people[name] for name in WRITERS])
        self.people[BOT] = self.hub.user(BOT, bot=True)
        self.repo.deploy()
        self.token = gitlab.READER_TOKEN

    def change(
        self,
        author: str = "alice",
        *,
        body: str = PLAN,
        files: Changes | None = None,
        target: str = "main",
        fork: bool = False,
        checked: bool = True,
    ) -> "_Request":
        text = body.replace("{issue}", str(self.issue())) if "{issue}" in body else body
        home = self.repo.fork(f"{author}/shop") if fork else None
        request = self.repo.request(author=self.people[author], title="Round prices up", description=text, files=files, target=target, fork=home)
        made = _Request(self, request.run_in_parent())
        return made.check() if checked else made

    def issue(self, by: str = "") -> int:
        return self.repo.issue(by=self.people.get(by)).iid

    def number_of(self, name: str) -> int:
        return self.people[name].id

    def refer(self, change: Change) -> str:
        return f"!{change.number}"

    def deploy(self, sha: str | None = None, environment: str = "production", *, ended: bool = True) -> None:
        self.repo.deploy(environment, sha, "success" if ended else "failed")

    def report(self, sha: str, name: str, state: str) -> None:
        self._report(self.repo, sha, name, state)

    def _report(self, project: gitlab.Project, sha: str, name: str, state: str) -> None:
        status = {"failure": "failed", "neutral": "failed", "pending": "running"}.get(state, state)
        project.report(sha, name, status, allow_failure=state == "neutral")

    def set_status(self, sha: str, name: str, state: str, by: str) -> None:
        self.repo.report(sha, name, {"failure": "failed"}.get(state, state), set_by=self.people[by])

    def delete(self, name: str) -> None:
        self.hub.delete(self.people[name])

    def team(self, *members: str) -> None:
        self.hub.groups["acme/payments"] = [self.people[name] for name in members]

    def serve(self) -> gitlab.GitLabServer:
        return gitlab.GitLabServer(self.hub)

    def arguments(self, server: Double, folder: Path) -> list[str]:
        api = f"{server.url}/api/v4"
        return ["--forge", "gitlab", "--repository", "acme/shop", "--api-url", api, "--workspace", str(self.repo.write(folder))]


class _Request:
    def __init__(self, shop: OnGitLab, request: gitlab.Request) -> None:
        self.shop, self.request, self.people = shop, request, shop.people
        self.number = request.iid

    @property
    def head(self) -> str:
        return self.request.head

    @head.setter
    def head(self, value: str) -> None:
        self.request.head = value

    def push(
        self, author: str, files: Changes | None = None, *, co_authors: Sequence[str] = (), under: Person | None = None, by: str | None = None
    ) -> Self:
        made_by = under or self.people[author]
        self.request.push(made_by, files, co_authors=tuple(self.people[name] for name in co_authors), by=self.people[by or author])
        return self

    def force_push(self, author: str, by: str | None = None) -> Self:
        self.request.force_push(self.people[author], by=self.people[by or author])
        return self

    def update(self, by: str) -> Self:
        self.request.update(self.people[by])
        return self

    def include(self, other: str, by: str) -> Self:
        self.request.include(other, self.people[by])
        return self

    def approve(self, by: str) -> Self:
        self.request.approve(self.people[by])
        return self

    def withdraw(self, by: str) -> Self:
        self.request.unapprove(self.people[by])
        return self

    def request_changes(self, by: str) -> Self:
        self.request.request_changes(self.people[by])
        return self

    def comment(self, by: str) -> Self:
        self.request.note(self.people[by], "approved this merge request")
        return self

    def check(self, name: str = "tests", state: str = "success") -> Self:
        self.shop._report(self.request.runs_in, self.request.head, name, state)
        return self

    def close(self) -> Self:
        self.request.close()
        return self

    def retarget(self, branch: str, *, automatic: bool = False) -> Self:
        self.request.retarget(branch, automatic=automatic)
        return self

    def ask_nobody(self, by: str, not_any_more: str) -> Self:
        self.request.ask_nobody(self.people[by], self.people[not_any_more])
        return self

    def merge(self, by: str = "alice", method: str = "squash") -> Self:
        if method == "rebase" and self.shop.repo.head not in self.shop.repo.ancestors(self.request.head):
            self.request.rebase(self.people[by])  # GitLab fast-forwards only, so somebody presses its button before; the pipeline runs anew
            self.check()
        self.request.merge(self.people[by], "merge" if method == "merge" else "ff", squash=method == "squash")
        return self

    def merge_by_hand(self, by: str, files: Mapping[str, bytes]) -> Self:
        self.request.merge_with(self.people[by], files)
        return self

    def push_to_target(self, by: str) -> Self:
        self.request.push_to_target(self.people[by])
        return self


SHOPS: Mapping[str, Callable[[], Any]] = {"github": OnGitHub, "gitlab": OnGitLab}
