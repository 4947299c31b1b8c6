"""Forges: where changes live. One port, one adapter a file; an adapter is the only importer of its vendor's library.

An adapter translates. It judges nothing, and it never leaves out what it could not read: a value that the forge did not give becomes
`Unavailable`, a failure that leaves nothing to judge becomes `ForgeError`.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from changegate.facts import (
    MISSING,
    Actor,
    BaseSource,
    Change,
    CodeOwnersFile,
    Deployment,
    DeployRange,
    Known,
    Maybe,
    Missing,
    Run,
    Team,
    Text,
    Version,
)


class Baseline(NamedTuple):
    """A commit that something besides the forge says is deployed now."""

    commit: str
    source: BaseSource
    url: str = ""


class TrustedFiles(NamedTuple):
    """What is read at the deployed commit, which nobody can change by the deploy being judged."""

    policy: bytes | Missing
    templates: Known[tuple[Text, ...]]
    tags: tuple[Version, ...] = ()
    """Tagged commits, the newest tags first, at least a hundred where there are as many. A version that isn't here has no name, which is safe."""
    next_policy: Maybe[bytes] = MISSING
    """The policy's file as it stands at the commit that was asked for besides."""


class Needs(NamedTuple):
    """Facts of a change that cost requests of their own: fetched only where the policy needs them, `NOT_ASKED` elsewhere."""

    update_merges: bool = False
    files: bool = False
    requesters: bool = False


NO_NEEDS: Final = Needs()


class Forge(Protocol):
    """What the gate asks of a forge. Every method raises `ForgeError` where it can't give a whole answer."""

    @property
    def name(self) -> str:
        """`git`, `github`…: the word in the record."""

    def fetch_declarer(self, run: Run) -> Known[Actor]:
        """As `Declaring.fetch_declarer`."""

    def fetch_labeler(self, change: str, label: str) -> Known[Actor]:
        """As `Declaring.fetch_labeler`."""

    def fetch_actor(self, login: str) -> Known[Actor]:
        """As `Declaring.fetch_actor`."""

    def clock(self) -> datetime | None:
        """What the forge's own clock shows, as its newest answer said; None where it has none, or didn't answer yet. Asks nothing, raises nothing."""

    def resolve_head(self, commit: str) -> str:
        """The full id of the commit that a revision names. Raises `InputError` where there is no such commit."""

    def resolve_range(
        self, deployment: Deployment, *, requested: str | None, logged: Baseline | None, believe_deployments: bool = True
    ) -> DeployRange:
        """Every commit between what is deployed and `deployment.head`, over the full ancestry.

        What is deployed is: the forge's last successful deployment of the environment, else `logged`, else `requested`. Where both a
        known baseline and `requested` are there, `requested` may only widen the range (be the baseline, or its ancestor); then the range's
        `deployed` names the known one. Without `believe_deployments` the forge's deployments are not asked: anybody who may write can make one.
        Raises `InputError` where nothing says what is deployed, where `requested` is no commit, or where it would narrow the range.
        """

    def read_trusted(self, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
        """The policy file and the description templates, as they stand at `commit`; and the policy file at `next_at`, which is not trusted."""

    def fetch_changes(self, deployment: Deployment, deploy_range: DeployRange, needs: Needs = NO_NEEDS) -> tuple[Change, ...]:
        """The changes that brought `deploy_range.commits`, oldest first. Every commit of the range is in the `landed` of exactly one."""

    def read_code_owners(self, commit: str) -> Maybe[CodeOwnersFile]:
        """The CODEOWNERS file at `commit`: the first of its three places that has one. `Unavailable` where that can't be told."""

    def fetch_teams(self, names: Sequence[str]) -> tuple[Team, ...]:
        """The teams (`org/team`) with their members, in the order asked; a team that can't be seen has `Unavailable` members."""


class Declaring(Protocol):
    """Who acts, by the forge's own word: asked only where somebody declares an emergency."""

    def fetch_declarer(self, run: Run) -> Known[Actor]:
        """Who started the pipeline run that is running now, and what they may do in the repository.

        Raises `InputError` where this forge knows no runs, or where the job is none of its; `ForgeError`.
        """

    def fetch_labeler(self, change: str, label: str) -> Known[Actor]:
        """Who put a label on the change (`#12`, `!12`), the last time. Raises `InputError` where this forge has no labels; `ForgeError`."""

    def fetch_actor(self, login: str) -> Known[Actor]:
        """The account of this login, and what it may do in the repository. Raises `InputError` where there is no such account; `ForgeError`."""


class Tracking(Protocol):
    """What a follow-up asks of a forge. Every method raises `ForgeError` where it can't do all of its work."""

    def fetch_changes(self, deployment: Deployment, deploy_range: DeployRange) -> tuple[Change, ...]:
        """As `Forge.fetch_changes`."""

    def fetch_actor(self, login: str) -> Known[Actor]:
        """As `Declaring.fetch_actor`."""

    def put_issue(self, title: str, text: str, *, is_open: bool) -> str:
        """Keep one tracking issue: made where something `is_open` and there is none, closed where nothing is. Gives its address, or nothing."""


class OpenChange(NamedTuple):
    """A change that is under review: not merged, not closed."""

    change: Change
    """Nothing of it has landed, and it was merged at no time; its checks are those of its head."""
    draft: bool
    head: str
    """Its head, known even where `change.head` says that it can't be trusted."""
    deployed: Known[str | Missing]
    """What is deployed to the environment now."""
    ref: str
    """The name under which the forge keeps its head."""


class Standing(StrEnum):
    """What a preview tells whoever merges."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    ADVICE = "advice"
    """Something is missing or unknown, and nothing stops for it (audit mode)."""


class Notice(NamedTuple):
    """What is shown on an open change. The texts are Markdown, and escaped already."""

    standing: Standing
    title: str
    text: str
    url: str = ""
    """The pipeline run that says so."""


class OwnersReader(Protocol):
    """Who owns which files, and who is in a team: asked only where the policy needs it."""

    def read_code_owners(self, commit: str) -> Maybe[CodeOwnersFile]:
        """As `Forge.read_code_owners`."""

    def fetch_teams(self, names: Sequence[str]) -> tuple[Team, ...]:
        """As `Forge.fetch_teams`."""


class Reviewing(OwnersReader, Protocol):
    """What a preview asks of a forge on which changes are reviewed. Every method raises `ForgeError` where it can't do all of its work."""

    @property
    def name(self) -> str:
        """The word in the report."""

    def resolve_head(self, commit: str) -> str:
        """As `Forge.resolve_head`."""

    def read_trusted(self, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
        """As `Forge.read_trusted`."""

    def find_target(self, number: int) -> str:
        """The tip of the branch into which an open change is to be merged: nobody can change what stands there by this change.

        Raises `InputError` where the change is not there, or not open.
        """

    def fetch_open_change(self, number: int, target: str, needs: Needs, *, environment: str, run: str) -> OpenChange:
        """The change of this number, which is to be merged onto `target`; the checks of the pipeline run `run` are not its own.

        Raises `InputError` where it is not open.
        """

    def put_check(self, head: str, notice: Notice) -> str:
        """Show the notice as a check on a commit, in place of an earlier one. Gives its address."""

    def put_comment(self, number: int, notice: Notice) -> str:
        """Show the notice as a comment on a change, in place of an earlier one. Gives its address."""
