"""What is known about a change: who made it, what it holds, who reviewed it, its tickets and its checks."""

from collections.abc import Iterator
from enum import StrEnum

from changegate.facts.values import MISSING, NOT_ASKED, Assurance, Fact, Known, Maybe, Text, Time, Unavailable


class IdentityKind(StrEnum):
    """What acts under an identity."""

    HUMAN = "human"
    BOT = "bot"
    PLATFORM = "platform"
    """The forge itself, on a commit whose signature it verified (GitHub's web-flow). Neither contributor nor approver."""


class Identity(Fact):
    """Somebody, under the key by which their source tells people apart.

    `key` is `github:<numeric id>` or `email:<lower-case address>`. `aliases` are further keys of the same person; two identities are
    the same person if any key of one is a key of the other.
    """

    key: Text
    login: Text
    kind: IdentityKind = IdentityKind.HUMAN
    aliases: tuple[Text, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """Every key of this person."""
        return frozenset((self.key, *self.aliases))


class Trailer(Fact):
    """One `Key: value` line at the end of a commit message (git-interpret-trailers)."""

    key: Text
    value: Text


class Commit(Fact):
    """One commit: what it holds and who made it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    subject: Text
    author: Known[Identity]
    committer: Known[Identity]
    co_authors: tuple[Known[Identity], ...] = ()
    verified: bool = False
    """Whether the forge verified its signature."""
    trailers: tuple[Trailer, ...] = ()

    @property
    def merged_by_forge(self) -> bool:
        """Whether it is a merge of two that the forge itself made and signed, whoever pressed the button."""
        committer = self.committer
        by_forge = not isinstance(committer, Unavailable) and committer.kind is IdentityKind.PLATFORM
        return by_forge and self.verified and len(self.parents) == 2

    @property
    def people(self) -> Iterator[Known[Identity]]:
        """Author, committer and co-authors."""
        yield self.author
        yield self.committer
        yield from self.co_authors


class UpdateMerge(Fact):
    """A merge of the base branch into a change, made and signed by the forge (`Commit.merged_by_forge`)."""

    commit: str
    clean: Known[bool]
    """Whether nothing had to be combined: every path is as in the only parent that changed it, or as in both. False says no more than that
    both parents changed a path: how they were brought together, by whom, is not to be seen."""


class ChangedFile(Fact):
    """A path that a change touches."""

    path: Text
    was: Text = ""
    """Its path before, where it was renamed."""
    removed: bool = False
    """Whether it is gone by the change."""


class Team(Fact):
    """A team of an organization, with everybody who is in it now, child teams included."""

    name: Text
    """`org/team`, as it was asked for."""
    members: Known[tuple[Identity, ...]]


class CodeOwnersFile(Fact):
    """The CODEOWNERS file that holds, as it stands at a trusted commit."""

    path: Text
    commit: str
    text: Text


class ReviewState(StrEnum):
    """What a review says. A comment says nothing about approval."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes-requested"
    DISMISSED = "dismissed"
    COMMENTED = "commented"


class Review(Fact):
    """One verdict on a change."""

    id: Text
    reviewer: Known[Identity]
    state: ReviewState
    submitted_at: Known[Time]
    commit: Known[str]
    """The head that was reviewed."""
    may_write: Known[bool]
    """Whether the reviewer may push to the repository, now."""
    via: Text = "review"
    """`review`, or the key of the trailer that asserts it."""
    url: Text = ""


class Retarget(Fact):
    """The change got another base: from here on it is compared with something else, so whoever approved it before saw another difference."""

    at: Time
    before: Text = ""
    """The branch before; empty where only the difference shows it."""
    after: Text = ""
    """The branch since; the same where the branch itself was rewritten."""


class TicketKind(StrEnum):
    """What stands behind a ticket's key."""

    ISSUE = "issue"
    CHANGE = "change"
    """A pull request: no ticket."""
    ASSERTED = "asserted"
    """Named, and not looked up."""


class Lookup(StrEnum):
    """What a tracker answered when it was asked for a ticket."""

    FOUND = "found"
    MISSING = "missing"
    """There is none of this key that the account may see."""
    FORBIDDEN = "forbidden"
    """The account may not see the project, or anything."""
    CREDENTIALS = "credentials"
    """The tracker doesn't know the account, or there are no credentials."""
    DOWN = "down"
    """No usable answer in the time that there was."""
    UNREADABLE = "unreadable"
    """An answer without what is needed, or more tickets than are looked up."""


class Ticket(Fact):
    """A ticket that a change names."""

    key: Text
    kind: TicketKind
    assurance: Assurance
    source: Text
    """Where the change names it: `closing-keyword`, `linked`, `trailer:Ticket`, `title`…"""
    title: Text = ""
    url: Text = ""
    state: Text = ""
    created_at: Maybe[Time] = MISSING
    requested_by: Maybe[Identity] = MISSING
    """Who opened it, by the forge's account. A tracker's accounts are none of the forge's."""
    lookup: Lookup | None = None
    """What the policy's tracker answered; None where none was asked."""
    why: Text = ""
    """Why it wasn't found."""
    moved: Text = ""
    """The key that it has now, where it was moved."""
    type: Text = ""
    approval: Text = ""
    """Of a change request: how its approval stands (`approved`, `requested`…)."""
    starts: Time | None = None
    """Of a change request: from when it is planned…"""
    ends: Time | None = None
    """…and until when."""
    plan: Known[Text] = ""
    """The rollback plan in the field that the policy names."""


class CheckState(StrEnum):
    """How a check ended, or that it hasn't. The values are GitHub's, lower-case."""

    SUCCESS = "success"
    SKIPPED = "skipped"
    NEUTRAL = "neutral"
    FAILURE = "failure"
    PENDING = "pending"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Check(Fact):
    """The newest run of one named check on one commit."""

    name: Text
    commit: str
    state: CheckState
    url: Text = ""
    completed_at: Maybe[Time] = MISSING


class ChangeKind(StrEnum):
    """How commits came to the deployed branch."""

    PULL_REQUEST = "pull-request"
    MERGE = "merge"
    """A merge commit of a git history (git forge)."""
    COMMIT = "commit"
    """A single commit of a git history (git forge)."""
    DIRECT_PUSH = "direct-push"
    """The forge says that no change of its own landed this commit."""
    UNKNOWN = "unknown"
    """Which change this is can't be told; `Change.unknown` says why."""


class PlanFile(Fact):
    """A file that a change brings, and that the policy takes for its rollback plan."""

    path: Text
    text: Text


class Change(Fact):
    """One change of the deploy range, with all that the controls ask about it."""

    id: Text
    kind: ChangeKind
    assurance: Assurance
    title: Text
    url: Text = ""
    unknown: Text = ""
    """For `ChangeKind.UNKNOWN`: why the association is not known."""
    author: Known[Identity]
    description: Text = ""
    labels: tuple[Text, ...] | Unavailable = ()
    base_ref: Text = ""
    head_ref: Text = ""
    commits: Known[tuple[Commit, ...]]
    """The change's own commits, as reviewed; a squash commit is not among them."""
    former: Known[tuple[Known[Identity], ...]] = ()
    """Who made commits that the change doesn't have any more (GitLab keeps those of every push): contributors like those of `commits`."""
    pushers: Known[tuple[Known[Identity], ...]] = ()
    """Who pushed to it, as far as the forge says so, whatever names the commits bear: contributors, too."""
    landed: tuple[str, ...]
    """The commits of the range that this change brought, oldest first."""
    head: Known[str]
    head_tree: Known[str]
    created_at: Maybe[Time] = MISSING
    merged_at: Maybe[Time] = MISSING
    merged_by: Maybe[Identity] = MISSING
    reviews: Known[tuple[Review, ...]]
    force_pushed_at: Known[tuple[Time, ...]] = ()
    retargeted: Known[tuple[Retarget, ...]] = ()
    """When its base changed, the oldest first."""
    tickets: Known[tuple[Ticket, ...]]
    checks: Maybe[tuple[Check, ...]]
    """`Missing` where the source knows no checks at all (a bare git history)."""
    update_merges: Known[tuple[UpdateMerge, ...]] = NOT_ASKED
    """Those of its commits that are update merges."""
    files: Known[tuple[ChangedFile, ...]] = NOT_ASKED
    """All that it touches."""
    plan_files: tuple[PlanFile, ...] = ()
