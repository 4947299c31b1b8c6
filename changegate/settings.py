"""How a forge is set up around the gate, as far as a token may see it. Facts for `changegate doctor`; nothing here judges.

What a forge did not show is `Unavailable` and says which permission would show it; what is not there is `Missing`.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from changegate.facts import Known, Maybe


class Need(NamedTuple):
    """A permission of the job's token, and what the gate reads by it."""

    permission: str
    facts: str


NEEDED: Final = (
    Need("contents: read", "the commits, the policy and the templates"),
    Need("deployments: read", "what is deployed now"),
    Need("pull-requests: read", "authors, reviews and merges"),
    Need("issues: read", "tickets"),
    Need("checks: read", "the results of check runs"),
    Need("statuses: read", "the results of commit statuses"),
)
"""What the gate can't do without. `docs/github-permissions.md` has a row for each."""


@dataclass(frozen=True)
class Permission:
    """Whether the token may do what `need` says."""

    need: Need
    granted: Known[bool]


@dataclass(frozen=True)
class Token:
    """The token itself. `personal`: it belongs to a person and does all that they may do (GitHub's classic kind)."""

    kind: str
    personal: bool
    permissions: tuple[Permission, ...]
    may_push: Known[bool]
    """Whether it may write contents, which the branch of the evidence takes."""


@dataclass(frozen=True)
class RepositoryState:
    """The repository: the name that was given, its present one, and what it is."""

    given: str
    name: str
    url: str
    default_branch: str
    archived: bool
    public: bool


@dataclass(frozen=True)
class Protection:
    """One set of rules that hold on a branch: classic branch protection, or a ruleset."""

    name: str
    pull_request: bool
    approvals: int
    dismiss_stale: bool
    last_push: bool
    code_owners: bool
    no_force_push: bool
    no_deletion: bool
    bypass: Known[tuple[str, ...]]
    """Who need not obey it."""


@dataclass(frozen=True)
class Branch:
    """A branch, and every set of rules that may hold on it."""

    name: str
    protections: tuple[Known[Protection], ...]


@dataclass(frozen=True)
class EnvironmentState:
    """A deployment environment and what protects it."""

    name: str
    reviewers: int
    prevent_self_review: bool
    wait_minutes: int
    branches: Known[tuple[str, ...] | None]
    """The branches and tags that may deploy, as patterns; None: any. Protected branches alone are `PROTECTED`."""
    admins_bypass: Known[bool]


PROTECTED: Final = "(protected branches)"


class File(NamedTuple):
    """A file of the repository at the commit that was looked at."""

    path: str
    content: Known[bytes]


@dataclass(frozen=True)
class Files:
    """What the repository holds at the branch's head."""

    commit: str
    workflows: Known[tuple[File, ...]]
    policy: Maybe[bytes]
    templates: Known[tuple[str, ...]]
    owners: Maybe[File]
    """The file of code owners that the forge obeys."""


@dataclass(frozen=True)
class Settings:
    """All of it."""

    token: Token
    repository: RepositoryState
    branch: Branch
    evidence: Branch | None
    """The branch that holds the evidence; None where it lies elsewhere."""
    environment: Maybe[EnvironmentState]
    files: Known[Files]


class Wanted(NamedTuple):
    """What to look at. An empty `branch` is the repository's default branch."""

    environment: str
    branch: str
    evidence_branch: str
    policy_path: str


class SettingsReader(Protocol):
    """A forge that can show how it is set up."""

    def read_settings(self, wanted: Wanted) -> Settings:
        """Look, and change nothing. Raises `ForgeError` where not even the repository can be seen."""
