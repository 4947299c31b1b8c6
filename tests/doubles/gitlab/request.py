"""A merge request of the double; every method gives it back, so that they chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from doubles.history import Author, Changes, edited
from doubles.objects import Files, GitCommit, Person

if TYPE_CHECKING:
    from doubles.gitlab.state import Project, User


@dataclass
class Version:
    """The request as it was after a push."""

    id: int
    head: str
    base: str
    start: str
    at: datetime
    commits: list[GitCommit]


@dataclass
class Note:
    """A comment, or where `system` what GitLab noted by itself."""

    id: int
    author: User
    body: str
    at: datetime
    system: bool = False


@dataclass
class Approval:
    """An approval that stands."""

    user: User
    at: datetime


@dataclass
class Request:
    """A change: commits on a branch, their versions, what people said of it, and how it was merged."""

    project: Project
    iid: int
    author: User
    title: str
    description: str
    target: str
    source: str
    home: Project
    """The project that has its branch: its own, or a fork."""
    state: str = "opened"
    in_parent: bool = False
    draft: bool = False
    labels: list[str] = field(default_factory=list)
    label_events: list[tuple[User | None, str, str, datetime]] = field(default_factory=list)
    """By whom (None where the account is gone), which, `add` or `remove`, and when."""
    versions: list[Version] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    reviewers: dict[int, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    pipeline_sha: str | None = None
    """The merge of head and target on which its pipeline ran (merged results), where it did."""

    def __post_init__(self) -> None:
        self.id = self.project.hub.next_id()
        self.created_at = self.project.hub.tick()
        self.head = self.project.branches[self.target]

    # --- commits -------------------------------------------------------------------------------------------------------------

    def push(
        self,
        author: Author | None = None,
        files: Changes | None = None,
        *,
        message: str = "More",
        committer: Author | None = None,
        co_authors: tuple[Author, ...] = (),
        by: User | None = None,
    ) -> Request:
        """One more commit on its branch, pushed by its author, or by somebody else in their name."""
        people = [person if isinstance(person, Person) else person.person for person in co_authors]
        trailers = "".join(f"\nCo-authored-by: {name} <{email}>" for name, email in people)
        project = self.project
        changes = files or {f"change-{self.iid}.txt": f"{self.iid}.{len(project.commits)}\n"}
        before = project.commits[self.head]
        made = project.make_commit(
            edited(before.files, changes), (self.head,), message + ("\n" + trailers if trailers else ""), author or self.author, committer
        )
        return self._pushed(made.sha, by or self._account(author))

    def force_push(
        self, author: Author | None = None, files: Changes | None = None, *, same_content: bool = False, by: User | None = None
    ) -> Request:
        """The branch made anew from where it left its target; with `same_content` the same files once more."""
        project = self.project
        fork = project.merge_base(project.branches[self.target], self.head)
        content = (
            project.commits[self.head].files if same_content else edited(project.commits[fork].files, files or {f"change-{self.iid}.txt": "anew\n"})
        )
        return self._pushed(project.make_commit(content, (fork,), "Anew", author or self.author).sha, by or self._account(author))

    def rebase(self, by: User) -> Request:
        """GitLab's button: its commits made anew on the tip of its target, by whoever pressed it."""
        project = self.project
        made = project.rebase(project.branches[self.target], self.commits, by)
        return self._pushed(made[-1].sha, by)

    def update(self, by: User) -> Request:
        """The target merged into the change, on somebody's machine."""
        project = self.project
        message = f"Merge branch '{self.target}' into '{self.source}'"
        return self._pushed(project.merge_commit(self.head, project.branches[self.target], message, by).sha, by)

    def include(self, other: str, by: User) -> Request:
        """Another branch's commit merged into it on somebody's machine."""
        return self._pushed(self.project.merge_commit(self.head, other, "Merge another", by).sha, by)

    def _pushed(self, head: str, by: User) -> Request:
        """A push: GitLab makes a version of it, and notes who it was, but for the one with which the request is opened."""
        project, first, self.head = self.project, not self.versions, head
        self.home.branches[self.source] = head
        known = {commit.sha for version in self.versions for commit in version.commits}
        self._compare()
        added = [commit for commit in self.commits if commit.sha not in known]
        if added and not first:
            count = "1 commit" if len(added) == 1 else f"{len(added)} commits"
            items = "".join(f"<li>{commit.sha[:8]} - {commit.message.splitlines()[0]}</li>" for commit in added)
            body = f"added {count}\n\n<ul>{items}</ul>\n\n[Compare with previous version](/{project.path}/-/merge_requests/{self.iid}/diffs)"
            self.notes.append(Note(project.hub.next_id(), by, body, self.versions[-1].at, system=True))
        return self

    def _account(self, author: Author | None) -> User:
        """Whose account that is; the request's author's for a bare name, or none."""
        return next((user for user in self.project.hub.users.values() if user is author), self.author)

    def _compare(self) -> None:
        """A version: the head as it stands to its target now."""
        project = self.project
        tip = project.branches[self.target]
        base = project.merge_base(tip, self.head)
        self.versions.append(Version(project.hub.next_id(), self.head, base, tip, project.hub.tick(), project.between(tip, self.head)))

    @property
    def commits(self) -> list[GitCommit]:
        """Its commits as of the last push."""
        return self.versions[-1].commits

    # --- what people say -----------------------------------------------------------------------------------------------------

    def note(self, author: User, body: str, *, system: bool = False) -> Request:
        """A comment; with `system` one of GitLab's own."""
        hub = self.project.hub
        self.notes.append(Note(hub.next_id(), author, body, hub.tick(), system))
        return self

    def approve(self, by: User) -> Request:
        """An approval. GitLab notes it in the same moment."""
        self.note(by, "approved this merge request", system=True)
        self.approvals.append(Approval(by, self.notes[-1].at))
        if by.id in self.reviewers:
            self.reviewers[by.id] = "approved"
        return self

    def unapprove(self, by: User) -> Request:
        """The approval taken back."""
        self.approvals = [approval for approval in self.approvals if approval.user is not by]
        return self.note(by, "unapproved this merge request", system=True)

    def request_changes(self, by: User) -> Request:
        """Changes requested, which takes an approval back."""
        self.approvals = [approval for approval in self.approvals if approval.user is not by]
        self.reviewers[by.id] = "requested_changes"
        return self.note(by, "requested changes", system=True)

    def ask_nobody(self, by: User, not_any_more: User) -> Request:
        """Somebody taken out of the reviewers, which anybody may who may edit the request."""
        self.reviewers.pop(not_any_more.id, None)
        return self.note(by, f"removed review request for @{not_any_more.username}", system=True)

    def label(self, *names: str, by: User | None = None) -> Request:
        """Labels, put on by its author or somebody else."""
        self.labels += names
        self.label_events += [(by or self.author, name, "add", self.project.hub.tick()) for name in names]
        return self

    def unlabel(self, name: str, *, by: User) -> Request:
        """A label taken off."""
        self.labels.remove(name)
        self.label_events.append((by, name, "remove", self.project.hub.tick()))
        return self

    def edit(self, *, title: str = "", description: str = "") -> Request:
        """Another title or description. GitLab notes each."""
        if title:
            self.title = title
            self.note(self.author, f"changed title from **{{-before-}}** to **{{+{title}+}}**", system=True)
        if description:
            self.description = description
            self.note(self.author, "changed the description", system=True)
        return self

    def status(self, name: str = "test", status: str = "success", *, allow_failure: bool = False) -> Request:
        """A job on the present head."""
        self.runs_in.report(self.pipeline_sha or self.head, name, status, allow_failure=allow_failure)
        return self

    @property
    def runs_in(self) -> Project:
        """Where its pipelines run, and their statuses are."""
        return self.project if self.in_parent else self.home

    def run_in_parent(self) -> Request:
        """From now on a member runs its pipelines in the target's project ("Run pipelines in the parent project")."""
        self.in_parent = True
        return self

    def merged_result(self) -> Request:
        """Its pipelines from now on run on a merge of its head with its target (merged results; on a merge train, too)."""
        project = self.project
        self.pipeline_sha = project.merge_commit(project.branches[self.target], self.head, "Merged result", self.author).sha
        return self

    # --- the end -------------------------------------------------------------------------------------------------------------

    def close(self) -> Request:
        """Closed without a merge."""
        self.state = "closed"
        return self

    def merge(self, by: User | None = None, method: str = "merge", *, squash: bool = False) -> Request:
        """Merged by the project's method: `merge` (a merge commit), `semi-linear` (rebased before) or `ff` (fast-forward)."""
        project, by = self.project, by or self.author
        tip = project.branches[self.target]
        landed = self.head
        if squash:
            landed = self.squash_commit_sha = project.squash(tip, self.head, self.title, self.author, by).sha
        if method in {"merge", "semi-linear"}:
            message = f"Merge branch '{self.source}' into '{self.target}'\n\n{self.title}\n\nSee merge request {project.path}!{self.iid}"
            landed = self.merge_commit_sha = project.merge_commit(tip, landed, message, by).sha
        elif method != "ff" or (not squash and tip not in project.ancestors(self.head)):
            raise ValueError(f"GitLab can't merge that by {method}")
        return self._merged(landed, by)

    def retarget(self, target: str, by: User | None = None, *, automatic: bool = False) -> Request:
        """Another target branch, which makes a version; `automatic`: because its own was merged and deleted."""
        before, self.target = self.target, target
        self._compare()
        body = f"changed target branch from `{before}` to `{target}`"
        if automatic:
            body = f"deleted the `{before}` branch. This merge request now targets the `{target}` branch"
        return self.note(by or self.author, body, system=True)

    def push_to_target(self, by: User) -> Request:
        """Its head pushed onto the target by hand: GitLab takes it for merged."""
        return self._merged(self.head, by)

    def merge_by_hand(self, by: User, files: Changes | None = None) -> Request:
        """A merge made on somebody's machine (with content of its own where `files` says) and pushed: GitLab takes the request for merged."""
        project = self.project
        made = project.merge_commit(project.branches[self.target], self.head, "Merge by hand", by)
        return self.merge_with(by, edited(made.files, files or {}))

    def merge_with(self, by: User, files: Files) -> Request:
        """A merge with just these files, pushed by hand."""
        project = self.project
        self.merge_commit_sha = project.make_commit(dict(files), (project.branches[self.target], self.head), "Merge by hand", by).sha
        return self._merged(self.merge_commit_sha, by)

    def _merged(self, sha: str, by: User) -> Request:
        self.project.branches[self.target] = sha
        self.state, self.merged_by, self.merged_at = "merged", by, self.project.hub.tick()
        return self
