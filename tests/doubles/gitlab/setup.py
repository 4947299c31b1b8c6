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
