"""What is known about a deploy: frozen values, each with where it came from.

Facts are fetched once by a forge adapter and never change. Everything after them (findings, decision, record) is a pure function
of them, so that a recorded decision can be made again from its recorded facts.

Two types say that a value is not there, and they are never confused:

- `Missing`: the source answered, and there is none. A change without a ticket has no ticket.
- `Unavailable`: the source didn't answer, or not completely. Nobody knows. A control that needs the value ends as *unknown*, which blocks.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict


class Fact(BaseModel):
    """Base of all facts: frozen, closed, comparable by value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _valid_text(value: Any) -> Any:
    # JSON may carry lone surrogates ("\ud800"), which no UTF-8 can; they become U+FFFD here, once, for every adapter.
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Text = Annotated[str, BeforeValidator(_valid_text)]
"""Text from outside: data, to be escaped by whoever prints it."""

Time = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A moment, in UTC."""


class Missing(Fact):
    """The source answered, and there is none."""

    fact: Literal["missing"] = "missing"
    why: Text = ""


class Unavailable(Fact):
    """The source could not be asked or did not answer completely: the value is unknown."""

    fact: Literal["unavailable"] = "unavailable"
    why: Text
    remedy: Text = ""


T = TypeVar("T")
Known: TypeAlias = T | Unavailable
"""A value that there always is, if only one could see it."""
Maybe: TypeAlias = T | Missing | Unavailable
"""A value that there may not be."""

MISSING: Final = Missing()
NOT_ASKED: Final = Unavailable(why="it was not asked for", remedy="Run the gate with the policy that needs it.")
"""Stands for a fact that costs requests of its own, and that the policy did not need."""


class Assurance(StrEnum):
    """Who vouches for a fact."""

    ASSERTED = "asserted"
    """Somebody with push access wrote it (a commit trailer)."""
    FORGE = "forge"
    """The forge's API says so, about an authenticated account."""

    def meets(self, demanded: "Assurance") -> bool:
        """Whether this level is at least the demanded one."""
        return self is demanded or self is Assurance.FORGE


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


class RangeOutcome(StrEnum):
    """How the commit to deploy stands to the one that is deployed."""

    AHEAD = "ahead"
    FIRST_DEPLOY = "first-deploy"
    REDEPLOY = "redeploy"
    ROLLBACK = "rollback"
    REWRITTEN = "rewritten"


class BaseSource(StrEnum):
    """Who says what is deployed now."""

    DEPLOYMENT = "deployment"
    LOG = "log"
    OPTION = "option"


class RangeCommit(Fact):
    """A commit between base and head."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    subject: Text
    by_forge: bool = False
    """Whether the forge itself made it, by its own verified identity."""
    restored_at: tuple[str, ...] = ()
    """Later commits of the deployed branch at which every file that this one changed is again exactly as before it. Empty where nobody looked."""
    clean: bool = False
    """For a merge of two: whether it holds just what git makes of its parents, with nothing slipped in and no conflict resolved."""


class DeployRange(Fact):
    """Every commit that this deploy brings (`commits`) or takes away (`removed`), over the full ancestry."""

    outcome: RangeOutcome
    base: str
    head: str
    base_source: BaseSource
    base_url: Text = ""
    base_tree: str = ""
    """The tree of the base, where it is known."""
    deployed: str = ""
    """The commit that is known to be deployed, where a wider range was asked for: what is trusted is read there, not at the base."""
    assurance: Assurance = Assurance.ASSERTED
    """Who vouches that these are the commits."""
    head_deployed_at: Maybe[Time] = MISSING
    """For a rollback: when the forge says that the head was deployed here, for the first time."""
    commits: tuple[RangeCommit, ...] = ()
    removed: tuple[RangeCommit, ...] = ()


class Version(Fact):
    """A version that was deployed to this environment before, and may be returned to."""

    commit: str
    names: tuple[Text, ...] = ()


class Run(Fact):
    """The pipeline run that deploys."""

    id: Text
    attempt: int = 1
    url: Text = ""
    workflow: Text = ""
    workflow_ref: Text = ""
    workflow_sha: Text = ""
    trigger: Text = ""


class Artifact(Fact):
    """Something that is deployed, by the digest of its bytes."""

    name: Text
    sha256: str


class Deployment(Fact):
    """Which deploy this is, as the pipeline says."""

    forge: Text
    repository: Text
    repository_id: Text = ""
    server_url: Text = ""
    environment: Text
    head: str
    ref: Text = ""
    deployer: Maybe[Identity] = MISSING
    run: Run
    artifacts: tuple[Artifact, ...] = ()


class Facts(Fact):
    """All that was fetched for one deploy."""

    deployment: Deployment
    range: DeployRange
    changes: tuple[Change, ...]
    templates: Known[tuple[Text, ...]] = ()
    """The repository's templates for a change's description, as they stand at the base."""
    deployed: tuple[Version, ...] = ()
    """Versions deployed before, newest first, the base among them."""
    code_owners: Maybe[CodeOwnersFile] = NOT_ASKED
    teams: tuple[Team, ...] = ()
    """The teams that the policy or the code owners ask for, each once."""
    fetched_at: Time
