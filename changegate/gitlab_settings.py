"""How a project on GitLab is set up around the gate, as far as a token may see it. Facts for `changegate doctor`; nothing here judges.

What GitLab did not show is `Unavailable` and says which role would show it; what is not there is `Missing`. Sources: GitLab's REST API, the pages
"Projects", "Protected branches", "Protected environments", "Merge request approvals", "Project-level CI/CD variables", "Job token scopes", "CI Lint".
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from changegate.facts import Known, Maybe
from changegate.settings import File

NO_ONE: Final = 0
REPORTER: Final = 20
DEVELOPER: Final = 30
MAINTAINER: Final = 40


class Access(NamedTuple):
    """Who may do a thing: everybody of a role, or (`level` None) the one user, group or key that `words` names."""

    level: int | None
    words: str


@dataclass(frozen=True)
class Token:
    """The token and whose it is."""

    bot: Known[bool]
    scopes: Known[tuple[str, ...]]
    role: Known[int]
    expires: Known[date | None]


@dataclass(frozen=True)
class ProjectState:
    """The project. `premium`: whether its tier has approval rules and protected environments."""

    given: str
    name: str
    url: str
    default_branch: str
    archived: bool
    visibility: str
    premium: bool
    public_jobs: Known[bool]
    merge_method: Known[str]
    squash: Known[str]
    pipelines_must_succeed: Known[bool]
    skipped_suffice: Known[bool]
    threads_resolved: Known[bool]
    pipeline_variables: Known[str]
    """The least role that may start a pipeline with variables: `no_one_allowed`, `developer`, `maintainer`, `owner`."""


@dataclass(frozen=True)
class ProtectedBranch:
    """A rule for the branches that `pattern` matches."""

    pattern: str
    push: tuple[Access, ...]
    merge: tuple[Access, ...]
    force_push: bool
    code_owners: bool


@dataclass(frozen=True)
class ApprovalSettings:
    """What merge requests need, for the deployed branch, by the project's settings."""

    required: int
    by_author: bool
    by_committers: bool
    reset_on_push: bool
    rules_editable: bool


@dataclass(frozen=True)
class ProtectedEnvironment:
    """Who deploys to an environment, and how many others must consent."""

    deploy: tuple[Access, ...]
    approvals: int


class Variable(NamedTuple):
    """A CI/CD variable, without its value."""

    key: str
    kind: str
    """`env_var` or `file`."""
    protected: bool
    masked: bool
    scope: str


class Include(NamedTuple):
    """A file that the pipeline's configuration takes from elsewhere. `ref`: as which version; empty where none is named."""

    kind: str
    location: str
    ref: str


@dataclass(frozen=True)
class PipelineFile:
    """The configuration of the pipelines at the branch's head, with all that it includes; `errors` where GitLab runs nothing of it."""

    merged: bytes
    includes: tuple[Include, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True)
class RepositoryFiles:
    """What the repository holds at the branch's head."""

    commit: str
    policy: Maybe[bytes]
    templates: Known[tuple[str, ...]]
    owners: Maybe[File]


@dataclass(frozen=True)
class GitLabSettings:
    """All of it."""

    token: Token
    project: ProjectState
    branch: str
    evidence: str
    """The branch that holds the evidence; empty where it lies elsewhere."""
    protected: Known[tuple[ProtectedBranch, ...]]
    approvals: Known[ApprovalSettings]
    environment: Known[bool]
    """Whether there is an environment of the name."""
    protected_environment: Maybe[ProtectedEnvironment]
    variables: Known[tuple[Variable, ...]]
    job_token_limited: Known[bool]
    maintainers: Known[tuple[str, ...]]
    pipeline: Known[PipelineFile]
    files: Known[RepositoryFiles]
