"""Forges: where changes live. One port, one adapter a file; an adapter is the only importer of its vendor's library.

An adapter translates. It judges nothing, and it never leaves out what it could not read: a value that the forge did not give becomes
`Unavailable`, a failure that leaves nothing to judge becomes `ForgeError`.
"""

from enum import StrEnum
from typing import NamedTuple, Protocol

from changegate.facts import BaseSource, Change, Deployment, DeployRange, Known, Missing, Text, Version


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


class Forge(Protocol):
    """What the gate asks of a forge. Every method raises `ForgeError` where it can't give a whole answer."""

    @property
    def name(self) -> str:
        """`git`, `github`…: the word in the record."""

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

    def read_trusted(self, commit: str, policy_path: str) -> TrustedFiles:
        """The policy file and the description templates, as they stand at `commit`."""

    def fetch_changes(self, deployment: Deployment, deploy_range: DeployRange) -> tuple[Change, ...]:
        """The changes that brought `deploy_range.commits`, oldest first. Every commit of the range is in the `landed` of exactly one."""


class OpenChange(NamedTuple):
    """A change that is under review: not merged, not closed."""

    change: Change
    """Nothing of it has landed, and it was merged at no time; its checks are those of its head."""
    draft: bool
    head: str
    """Its head, known even where `change.head` says that it can't be trusted."""
    base: str
    """The tip of the branch into which it is to be merged: nobody can change what stands there by this change."""
    deployed: Known[str | Missing]
    """What is deployed to the environment now."""


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


class Reviewing(Protocol):
    """What a preview asks of a forge on which changes are reviewed. Every method raises `ForgeError` where it can't do all of its work."""

    @property
    def name(self) -> str:
        """The word in the report."""

    def resolve_head(self, commit: str) -> str:
        """As `Forge.resolve_head`."""

    def read_trusted(self, commit: str, policy_path: str) -> TrustedFiles:
        """As `Forge.read_trusted`."""

    def fetch_open_change(self, number: int, *, environment: str, run: str) -> OpenChange:
        """The change of this number; the checks of the pipeline run `run` are not its own. Raises `InputError` where none of it is open."""

    def put_check(self, head: str, notice: Notice) -> str:
        """Show the notice as a check on a commit, in place of an earlier one. Gives its address."""

    def put_comment(self, number: int, notice: Notice) -> str:
        """Show the notice as a comment on a change, in place of an earlier one. Gives its address."""
