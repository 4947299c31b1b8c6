"""How a repository of the double is set up; `settings` answers from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Ruleset:
    """An active ruleset. `rules` are rule types; `pull_request` are that rule's parameters, None where there is no such rule."""

    id: int
    name: str
    branches: tuple[str, ...]
    rules: tuple[str, ...] = ("deletion", "non_fast_forward")
    pull_request: Mapping[str, Any] | None = None
    bypass: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Classic:
    """Classic branch protection."""

    approvals: int | None = 1
    dismiss_stale: bool = True
    last_push: bool = True
    code_owners: bool = True
    enforce_admins: bool = True
    force_pushes: bool = False
    deletions: bool = False
    allowances: tuple[str, ...] = ()


@dataclass
class Environment:
    """A deployment environment. `branches` None: any; `protected`: protected ones; else patterns."""

    name: str
    reviewers: int = 1
    prevent_self_review: bool = True
    wait: int = 0
    branches: tuple[str, ...] | str | None = ("main",)
    admins_bypass: bool | None = False


@dataclass
class Key:
    """A deploy key."""

    id: int
    title: str
    read_only: bool = False


@dataclass
class Installation:
    """An app that is installed on the organization."""

    slug: str
    permissions: dict[str, str]
    everywhere: bool = True
    suspended: bool = False


@dataclass
class Started:
    """A workflow run, and who started its attempt."""

    by: str
    event: str = "workflow_dispatch"
    attempt: int = 1
    status: str = "in_progress"


@dataclass
class Setup:
    """All of a repository's settings that the double knows."""

    archived: bool = False
    public: bool = False
    former_names: tuple[str, ...] = ()
    may_push: bool | None = True
    plan_has_protection: bool = True
    classic: dict[str, Classic] = field(default_factory=dict)
    rulesets: list[Ruleset] = field(default_factory=list)
    environments: dict[str, Environment] = field(default_factory=dict)
    runs: dict[int, Started] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    """By login: the role, where it isn't what the list of writers says."""
    personal: bool = False
    """Whether the owner is a person; else an organization."""
    collaborators: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By login: the role, and how they came by it (`direct`, `outside`, `team`)."""
    teams: dict[str, str] = field(default_factory=dict)
    """By slug: the role."""
    keys: list[Key] = field(default_factory=list)
    installations: list[Installation] = field(default_factory=list)


PULL_REQUEST = {
    "dismiss_stale_reviews_on_push": True,
    "require_code_owner_review": True,
    "require_last_push_approval": True,
    "required_approving_review_count": 1,
    "required_review_thread_resolution": False,
}
