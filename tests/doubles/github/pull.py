"""A pull request of the double; every method gives the pull request back, so that they chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from doubles.history import edited
from doubles.objects import GitCommit, Person

if TYPE_CHECKING:
    from doubles.github.state import Account, Issue, Repository


@dataclass
class Reviewed:
    """A review, in GitHub's words."""

    id: int
    author: Account
    state: str
    commit: str
    at: datetime


@dataclass
class Comment:
    """A comment on the conversation."""

    id: int
    author: Account
    body: str
    at: datetime


@dataclass
class Event:
    """What happened to one of its branches, in GitHub's words."""

    kind: str
    by: Account
    at: datetime
    before: str = ""
    after: str = ""


class Labelled(NamedTuple):
    """A label put on or taken off."""

    by: Account | None
    """None where the account is gone."""
    name: str
    put: bool
    at: datetime


class Pull:
    """A change: commits on a branch, what people said of it, and how it was merged."""

    def __init__(
        self, repository: Repository, number: int, author: Account, title: str, body: str, base: str, head_ref: str, at: datetime, *, fork: bool
    ) -> None:
        self.repository = repository
        self.number = number
        self.author = author
        self.title = title
        self.body = body
        self.base = base
        self.head_ref = head_ref
        self.fork = fork
        self.created_at = at
        self.fork_point = repository.branches[base]
        self.head = self.fork_point
        self.state = "OPEN"
        self.merged_at: datetime | None = None
        self.merged_by: Account | None = None
        self.merge_sha: str | None = None
        self.landed: list[str] = []
        self.reviews: list[Reviewed] = []
        self.events: list[Event] = []
        self.labels: list[str] = []
        self.label_events: list[Labelled] = []
        self.renamed_at: list[datetime] = []
        self.edited_at: datetime | None = None
        self.comments: list[Comment] = []
        self.draft = False
        self.linked: list[Issue] = []
        self._own: list[GitCommit] | None = None

    # --- commits -------------------------------------------------------------------------------------------------------------

    def commit(
        self,
        author: Account | Person | None = None,
        files: Mapping[str, str | bytes | None] | None = None,
        *,
        message: str = "More",
        co_authors: tuple[Account | Person, ...] = (),
        committer: Account | Person | None = None,
        signed: str = "",
    ) -> Pull:
        """One more commit on its branch."""

        people = [person if isinstance(person, Person) else person.person for person in co_authors]
        trailers = "".join(f"\nCo-authored-by: {name} <{email}>" for name, email in people)
        text = message + ("\n" + trailers if trailers else "")
        repo = self.repository
        changes = files or {f"change-{self.number}.txt": f"{self.number}.{len(repo.commits)}\n"}
        self.head = repo.make_commit(edited(repo.commits[self.head].files, changes), (self.head,), text, author or self.author, committer, signed).sha
        return self

    def update_branch(self, by: Account, *, signed: str = "github", resolved: Mapping[str, str | bytes | None] | None = None) -> Pull:
        """GitHub's button: the base merged into the change. `resolved`: what somebody wrote in its editor for conflicts."""
        from doubles.github.state import WEB_FLOW

        repo = self.repository
        tip, message = repo.branches[self.base], f"Merge branch '{self.base}' into {self.head_ref}"
        merged = repo.merge_commit(self.head, tip, message, by, WEB_FLOW, signed)
        if resolved:
            merged = repo.make_commit(edited(merged.files, resolved), merged.parents, message, by, WEB_FLOW, signed)
        self.head = merged.sha
        return self

    def include(self, other: Pull, by: Account) -> Pull:
        """The other's branch merged into this one's on somebody's machine."""
        self.head = self.repository.merge_commit(self.head, other.head, f"Merge {other.head_ref}", by).sha
        return self

    def force_push(
        self,
        author: Account | None = None,
        files: Mapping[str, str | bytes | None] | None = None,
        *,
        by: Account | None = None,
        keep_reviews: bool = False,
    ) -> Pull:
        """The branch made anew. With `keep_reviews` they move to the new head, as for a head of equal content."""
        before = self.head
        self.head = self.fork_point
        self.commit(author, files, message="Anew")
        self._happened("HeadRefForcePushedEvent", by or author or self.author)
        if keep_reviews:
            for review in self.reviews:
                review.commit = self.head if review.commit == before else review.commit
        return self

    @property
    def commits(self) -> list[GitCommit]:
        """Its own commits: what its branch has and its base has not."""
        return self._own if self._own is not None else self.repository.between(self.repository.branches[self.base], self.head)

    @property
    def files(self) -> list[tuple[str, str, str]]:
        """What its head changed since it left its base: path, GitHub's status, and the path before a rename (of equal content)."""
        repo = self.repository
        onto = repo.commits[self.merge_sha].parents[0] if self.merge_sha and self.merge_sha != self.head else repo.branches[self.base]
        before, after = repo.commits[repo.merge_base(onto, self.head)].files, repo.commits[self.head].files
        gone = {path for path in before if path not in after}
        found = []
        for path, content in after.items():
            if path not in before:
                was = next((each for each in sorted(gone) if before[each] == content), "")
                gone.discard(was)
                found.append((path, "renamed" if was else "added", was))
            elif before[path] != content:
                found.append((path, "modified", ""))
        return sorted([*found, *((path, "removed", "") for path in gone)])

    def contains(self, sha: str) -> bool:
        """Whether GitHub lists it for the commit."""
        return sha in self.landed or sha == self.merge_sha or any(commit.sha == sha for commit in self.commits)

    # --- what people say -----------------------------------------------------------------------------------------------------

    def review(self, by: Account, state: str, *, commit: str | None = None, at: datetime | None = None) -> Pull:
        """A review of the present head."""
        if by is self.author and state != "COMMENTED":
            raise ValueError("GitHub lets nobody approve their own pull request")
        hub = self.repository.hub
        self.reviews.append(Reviewed(hub.next_id(), by, state, commit or self.head, at or hub.tick()))
        return self

    def approve(self, by: Account) -> Pull:
        """An approval."""
        return self.review(by, "APPROVED")

    def request_changes(self, by: Account) -> Pull:
        """Changes requested."""
        return self.review(by, "CHANGES_REQUESTED")

    def comment(self, by: Account) -> Pull:
        """A comment, which says nothing about approval."""
        return self.review(by, "COMMENTED")

    def say(self, by: Account, body: str) -> Pull:
        """A comment on the conversation."""
        hub = self.repository.hub
        self.comments.append(Comment(3_000_000_000 + hub.next_id(), by, body, hub.tick()))  # GitHub's numbers are beyond 32 bits
        return self

    def dismiss(self, by: Account) -> Pull:
        """The last verdict of somebody dismissed. The review keeps its time."""
        last = [review for review in self.reviews if review.author is by and review.state != "COMMENTED"][-1]
        last.state = "DISMISSED"
        return self

    def label(self, *names: str, by: Account | None = None) -> Pull:
        """Labels, put on by its author or somebody else."""
        self.labels += names
        self.label_events += [Labelled(by or self.author, name, True, self.repository.hub.tick()) for name in names]
        return self

    def unlabel(self, name: str, *, by: Account) -> Pull:
        """A label taken off."""
        self.labels.remove(name)
        self.label_events.append(Labelled(by, name, False, self.repository.hub.tick()))
        return self

    def edit(self, *, title: str = "", body: str = "") -> Pull:
        """Another title or description."""
        if title:
            self.title = title
            self.renamed_at.append(self.repository.hub.tick())
        if body:
            self.body, self.edited_at = body, self.repository.hub.tick()
        return self

    def link(self, issue: Issue) -> Pull:
        """An issue linked by hand."""
        self.linked.append(issue)
        return self

    def check(self, name: str = "ci", state: str = "success", *, workflow: int = 1, run: int | None = None) -> Pull:
        """A check run on the present head."""
        self.repository.report(self.head, name, state, workflow=workflow, run=run)
        return self

    def status(self, name: str = "legacy", state: str = "success") -> Pull:
        """A commit status on the present head."""
        self.repository.report(self.head, name, state, kind="status")
        return self

    # --- the end -------------------------------------------------------------------------------------------------------------

    def close(self) -> Pull:
        """Closed without a merge."""
        self._own = self.commits
        self.state = "CLOSED"
        return self

    def retarget(self, base: str, by: Account | None = None, *, automatic: bool = False) -> Pull:
        """Another base; `automatic`: by GitHub itself, after its own was merged and deleted."""
        before, self.base = self.base, base
        kind = "AutomaticBaseChangeSucceededEvent" if automatic else "BaseRefChangedEvent"
        return self._happened(kind, by or self.author, before, base)

    def rewrite_base(self, tip: str, by: Account) -> Pull:
        """Its base force-pushed to another commit."""
        self.repository.branches[self.base] = tip
        return self._happened("BaseRefForcePushedEvent", by)

    def _happened(self, kind: str, by: Account, before: str = "", after: str = "") -> Pull:
        self.events.append(Event(kind, by, self.repository.hub.tick(), before, after))
        return self

    def merge(self, method: str = "squash", by: Account | None = None) -> Pull:
        """Merged by `merge`, `squash` or `rebase`, the way GitHub's button does it."""
        from doubles.github.state import WEB_FLOW

        repo, own = self.repository, self.commits
        tip, by = repo.branches[self.base], by or self.author
        if method == "merge":
            made = [repo.merge_commit(tip, self.head, f"Merge pull request #{self.number}\n\n{self.title}", by, WEB_FLOW, "github")]
        elif method == "squash":
            made = [repo.squash(tip, self.head, f"{self.title} (#{self.number})", self.author, WEB_FLOW, "github")]
        elif method == "rebase":
            made = repo.rebase(tip, own, by)
        else:
            raise ValueError(method)
        self._own = own
        self.landed = [commit.sha for commit in made]
        return self._merged(made[-1].sha, by)

    def push_to_base(self, by: Account) -> Pull:
        """The head pushed onto the base by hand: GitHub takes the pull request for merged."""
        self._own = self.commits
        return self._merged(self.head, by)

    def merge_by_hand(self, by: Account, files: Mapping[str, bytes]) -> Pull:
        """A merge commit with just these files, made on somebody's machine and pushed: GitHub takes the pull request for merged."""
        repo, self._own = self.repository, self.commits
        made = repo.make_commit(dict(files), (repo.branches[self.base], self.head), "Merge by hand", by)
        self.landed = [made.sha]
        return self._merged(made.sha, by)

    def _merged(self, sha: str, by: Account) -> Pull:
        self.repository.branches[self.base] = self.merge_sha = sha
        self.state, self.merged_by, self.merged_at = "MERGED", by, self.repository.hub.tick()
        return self
