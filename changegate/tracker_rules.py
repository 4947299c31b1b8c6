"""The policy's rules for trackers: where tickets are kept, and what must be true of one. Models only."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from changegate.policy_defects import FIELD, PROJECT_OR_REPOSITORY, URL
from changegate.rules import Name, Rules
from changegate.tickets import KeyForm

_OTHERS: Final = ("jira-cloud", "jira-data-center", "linear", "github-issues", "gitlab-issues")
_FOREIGN: Final = {
    ("linear", "types"): "issues of Linear have no types",
    ("github-issues", "types"): "GitHub's published schema has no types of issues",
    **{(kind, "plan_field"): "its issues have no such fields" for kind in ("linear", "github-issues", "gitlab-issues")},
    **{(kind, "approvals"): "only change requests of ServiceNow have an approval" for kind in _OTHERS},
    **{(kind, "within_window"): "only change requests of ServiceNow have a planned time" for kind in _OTHERS},
}
"""What a kind of tracker doesn't know: asked for, no ticket would ever do."""


class TrackerRules(Rules):
    """A tracker that is asked for the tickets that a change names. Its credentials are in the environment: docs/trackers.md."""

    kind: Literal["jira-cloud", "jira-data-center", "servicenow", "linear", "github-issues", "gitlab-issues"]
    url: Annotated[str, Field(pattern=URL)] = Field(
        description="Where it is: https://acme.atlassian.net, https://acme.service-now.com; of GitHub and GitLab the API's: https://api.github.com."
    )
    projects: tuple[Annotated[str, Field(pattern=PROJECT_OR_REPOSITORY)], ...] = Field(
        strict=False,
        min_length=1,
        max_length=200,
        description="Its projects, teams, the prefix of its numbers, or its repositories: [SHOP], [CHG], [acme/planning].",
    )
    types: tuple[Name, ...] = Field((), strict=False, max_length=50, description="Types of tickets that count. Empty: all.")
    statuses: tuple[Name, ...] = Field((), strict=False, max_length=50, description="Statuses, as people see them, that count. Empty: all.")
    approvals: tuple[Name, ...] = Field(
        (), strict=False, max_length=10, description="How a change request's approval must stand: [approved]. Empty: however it stands."
    )
    within_window: bool = Field(default=False, description="A change request counts only within its planned start and end.")
    plan_field: str = Field(
        "",
        pattern=FIELD,
        description="The field with the rollback plan, which counts as one in the description does: backout_plan, customfield_10042.",
    )

    @field_validator("projects")
    @classmethod
    def _are_of_its_kind(cls, value: tuple[str, ...], about: ValidationInfo) -> tuple[str, ...]:
        wanted = str(about.data.get("kind", "")).endswith("-issues")
        if any(("/" in each) is not wanted for each in value):
            that = "repositories, such as [acme/planning]" if wanted else "keys in capitals, such as [SHOP]"
            raise PydanticCustomError("projects", "{that}", {"that": that})
        return value

    @field_validator("types", "approvals", "within_window", "plan_field")
    @classmethod
    def _is_known_to_its_kind(cls, value: Any, about: ValidationInfo) -> Any:
        why = _FOREIGN.get((about.data.get("kind", ""), about.field_name or ""))
        if value and why:
            raise PydanticCustomError("left_out", "{why}", {"why": why})
        return value

    @property
    def credentials(self) -> str:
        """Whose account it takes, as the environment's variables have it: both kinds of Jira are one."""
        return "JIRA" if self.kind.startswith("jira") else self.kind.upper().replace("-", "_")

    @property
    def key_form(self) -> KeyForm:
        """How its tickets are named."""
        return KeyForm.NUMBER if self.kind == "servicenow" else KeyForm.ISSUE if self.kind.endswith("-issues") else KeyForm.KEY

    def keeps(self, project: str) -> bool:
        """Whether this project is among its own. Names of repositories are the same in any case."""
        return any(project == each or ("/" in each and project.casefold() == each.casefold()) for each in self.projects)

    @property
    def lowers_keys(self) -> bool:
        """Whether the names that it proposes for branches have keys in lower case: `alice/shop-12-round-up`."""
        return self.kind == "linear"


def check_together(trackers: tuple[TrackerRules, ...]) -> tuple[TrackerRules, ...]:
    """Each project has one tracker, and each vendor's credentials go to one address: a token must not be sent to another's server."""
    seen: set[str] = set()
    addresses: dict[str, str] = {}
    for each in trackers:
        names = {project.casefold() for project in each.projects}
        twice = seen & names
        if twice:
            raise PydanticCustomError(
                "trackers", "{that}", {"that": f"of which one alone has the project {min(twice).upper() if '/' not in min(twice) else min(twice)}"}
            )
        seen |= names
        if addresses.setdefault(each.credentials, each.url.rstrip("/")) != each.url.rstrip("/"):
            that = f"with one address for CHANGEGATE_{each.credentials}_TOKEN: a token must not be sent to another's server"
            raise PydanticCustomError("trackers", "{that}", {"that": that})
    return trackers
