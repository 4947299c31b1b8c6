"""Forges: where changes live. One port, one adapter a file; an adapter is the only importer of its vendor's library.

An adapter translates. It judges nothing, and it never leaves out what it could not read: a value that the forge did not give becomes
`Unavailable`, a failure that leaves nothing to judge becomes `ForgeError`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from changegate.facts import BaseSource, Change, CodeOwnersFile, Deployment, DeployRange, Known, Maybe, Missing, Team, Text, Version


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


class Needs(NamedTuple):
    """Facts of a change that cost requests of their own: fetched only where the policy needs them, `NOT_ASKED` elsewhere."""

    update_merges: bool = False
    files: bool = False


NO_NEEDS: Final = Needs()


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

    def fetch_changes(self, deployment: Deployment, deploy_range: DeployRange, needs: Needs = NO_NEEDS) -> tuple[Change, ...]:
        """The changes that brought `deploy_range.commits`, oldest first. Every commit of the range is in the `landed` of exactly one."""

    def read_code_owners(self, commit: str) -> Maybe[CodeOwnersFile]:
        """The CODEOWNERS file at `commit`: the first of its three places that has one. `Unavailable` where that can't be told."""

    def fetch_teams(self, names: Sequence[str]) -> tuple[Team, ...]:
        """The teams (`org/team`) with their members, in the order asked; a team that can't be seen has `Unavailable` members."""
