"""The policy's rules for `policy-owner-approved`: whose approval a change of the gate itself needs. A model only."""

from typing import Annotated

from pydantic import Field

from changegate.policy_defects import OWNER
from changegate.rules import PathPattern, Rules


class PolicyOwnerApproved(Rules):
    """What changes the gate itself was approved by an owner of that."""

    enabled: bool = Field(default=True, description="Judged only where there are owners.")
    owners: tuple[Annotated[str, Field(pattern=OWNER)], ...] = Field(
        (),
        strict=False,
        max_length=50,
        description="Logins, and teams (`org/team`, on GitLab groups): [alice, acme/platform]. Two at least: none approves their own.",
    )
    approvals: Annotated[int, Field(ge=1, le=20)] = Field(1, description="How many owners must have approved.")
    paths: tuple[PathPattern, ...] = Field(
        ("/.github/workflows/", "/.github/actions/", "/.gitlab-ci.yml", "/.gitlab/ci/"),
        strict=False,
        max_length=50,
        description="What is guarded besides the policy, its calendars, CODEOWNERS and the workflow that runs the gate; patterns as in CODEOWNERS.",
    )

    @property
    def is_on(self) -> bool:
        """Whether anything is judged."""
        return self.enabled and bool(self.owners)
