"""How a project of the double is set up: what the settings' resources show, as GitLab's documentation has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

NO_ONE: Json = {"id": 1, "access_level": 0, "access_level_description": "No one"}
DEVELOPERS: Json = {"id": 2, "access_level": 30, "access_level_description": "Developers + Maintainers"}
MAINTAINERS: Json = {"id": 3, "access_level": 40, "access_level_description": "Maintainers"}
DEPLOY_KEY: Json = {"id": 4, "access_level": 40, "access_level_description": "Deploy key", "deploy_key_id": 1}


def branch(name: str, *, push: Json = NO_ONE, force: bool = False, owners: bool = True) -> Json:
    """A protected branch."""
    return {
        "id": 1,
        "name": name,
        "push_access_levels": [push],
        "merge_access_levels": [DEVELOPERS],
        "allow_force_push": force,
        "code_owner_approval_required": owners,
    }


def variable(key: str, *, kind: str = "env_var", protected: bool = True, masked: bool = True, scope: str = "production") -> Json:
    """A variable of the project, with a value that must not be shown."""
    return {
        "key": key,
        "value": "s3cret-of-the-variable",
        "variable_type": kind,
        "protected": protected,
        "masked": masked,
        "hidden": masked,
        "raw": False,
        "environment_scope": scope,
        "description": None,
    }


def deploy_token(number: int, name: str, *scopes: str) -> Json:
    """A deploy token ("Deploy tokens")."""
    username = f"gitlab+deploy-token-{number}"
    return {"id": number, "name": name, "username": username, "expires_at": None, "scopes": list(scopes), "revoked": False, "expired": False}


def access_token(number: int, name: str, level: int, *scopes: str) -> Json:
    """A project access token ("Project access tokens")."""
    return {
        "id": number,
        "name": name,
        "revoked": False,
        "created_at": "2026-01-05T09:00:00.000Z",
        "description": "",
        "scopes": list(scopes),
        "user_id": 100 + number,
        "last_used_at": None,
        "active": True,
        "expires_at": "2026-12-31",
        "access_level": level,
    }


@dataclass
class Setup:
    """Well set up, on GitLab Premium, for tests to weaken."""

    premium: bool = True
    project: Json = field(
        default_factory=lambda: {
            "public_jobs": False,
            "merge_method": "merge",
            "squash_option": "default_off",
            "only_allow_merge_if_pipeline_succeeds": True,
            "allow_merge_on_skipped_pipeline": None,
            "only_allow_merge_if_all_discussions_are_resolved": True,
            "restrict_user_defined_variables": True,
            "ci_pipeline_variables_minimum_override_role": "no_one_allowed",
        }
    )
    branches: list[Json] = field(default_factory=lambda: [branch("main"), branch("changegate-*", push=MAINTAINERS, owners=False)])
    approvals: Json = field(
        default_factory=lambda: {
            "approvers": [],
            "approver_groups": [],
            "approvals_before_merge": 0,
            "reset_approvals_on_push": True,
            "selective_code_owner_removals": False,
            "disable_overriding_approvers_per_merge_request": True,
            "merge_requests_author_approval": False,
            "merge_requests_disable_committers_approval": True,
            "require_password_to_approve": False,
        }
    )
    rules: list[Json] = field(
        default_factory=lambda: [{"id": 1, "name": "All", "rule_type": "any_approver", "approvals_required": 1, "protected_branches": []}]
    )
    environments: list[str] = field(default_factory=lambda: ["production"])
    protected_environments: list[Json] = field(
        default_factory=lambda: [
            {"name": "production", "deploy_access_levels": [MAINTAINERS], "required_approval_count": 0, "approval_rules": [{"required_approvals": 1}]}
        ]
    )
    variables: list[Json] = field(
        default_factory=lambda: [
            variable("CHANGEGATE_TOKEN"),
            variable("CHANGEGATE_KEY_PASSPHRASE"),
            variable("CHANGEGATE_SIGNING_KEY", kind="file", masked=False),
            variable("CHANGEGATE_SIGNING_KEY", kind="file", masked=False, scope="staging"),
        ]
    )
    job_token: Json = field(default_factory=lambda: {"inbound_enabled": True, "outbound_enabled": False})
    inherited: set[int] = field(default_factory=set)
    """Members by a group, by their ids."""
    deploy_keys: list[Json] = field(
        default_factory=lambda: [
            {"id": 1, "title": "mirror", "key": "ssh-ed25519 AAAA", "created_at": "2026-01-05T09:00:00.000Z", "expires_at": None, "can_push": True},
            {"id": 2, "title": "backup", "key": "ssh-ed25519 AAAB", "created_at": "2026-01-05T09:00:00.000Z", "expires_at": None, "can_push": False},
        ]
    )
    deploy_tokens: list[Json] = field(default_factory=lambda: [deploy_token(1, "images", "write_registry"), deploy_token(2, "pull", "read_registry")])
    access_tokens: list[Json] = field(
        default_factory=lambda: [
            access_token(1, "release bot", 40, "api"),
            access_token(2, "gate", 20, "read_api"),
            access_token(3, "pusher", 30, "write_repository"),
            access_token(4, "old", 40, "api") | {"active": False, "revoked": True},
        ]
    )
    includes: list[Json] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    token: Json = field(
        default_factory=lambda: {
            "id": 7,
            "name": "doctor",
            "revoked": False,
            "scopes": ["read_api"],
            "user_id": 1,
            "active": True,
            "expires_at": "2099-01-01",
        }
    )
