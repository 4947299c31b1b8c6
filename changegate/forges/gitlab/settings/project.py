"""The token, the project itself, its variables and the people who may change all that."""

from datetime import date
from typing import TypeVar

from changegate.facts import Known, Unavailable
from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.people import is_bot
from changegate.forges.gitlab.settings.look import give, look
from changegate.gitlab_settings import MAINTAINER, ProjectState, Token, Variable

T = TypeVar("T", bool, str)


def read_project(client: Client, project: str, given: str) -> ProjectState:
    """The project ("Get a single project"). A setting that GitLab leaves out for this token is `Unavailable`. Raises `ForgeError`."""
    answer = client.get(f"/projects/{project}")
    return ProjectState(
        given=given,
        name=answer.text("path_with_namespace"),
        url=answer.text("web_url"),
        default_branch=answer.text("default_branch"),
        archived=answer.flag("archived"),
        visibility=answer.text("visibility"),
        # Shown where the tier has approval rules, to whomever; the deprecated number itself says nothing.
        premium=isinstance(answer.value, dict) and "approvals_before_merge" in answer.value,
        public_jobs=_shown(answer, "public_jobs", bool),
        merge_method=_shown(answer, "merge_method", str),
        squash=_shown(answer, "squash_option", str),
        pipelines_must_succeed=_shown(answer, "only_allow_merge_if_pipeline_succeeds", bool),
        skipped_suffice=_shown(answer, "allow_merge_on_skipped_pipeline", bool, empty=False),
        threads_resolved=_shown(answer, "only_allow_merge_if_all_discussions_are_resolved", bool, empty=False),
        pipeline_variables=_variables(answer),
    )


def _variables(answer: Answer) -> Known[str]:
    """Before GitLab 17.10 the role holds only where the restriction is on (gitlab-org/gitlab#514243); later ones answer that it always is."""
    restricted = _shown(answer, "restrict_user_defined_variables", bool)
    return "developer" if restricted is False else _shown(answer, "ci_pipeline_variables_minimum_override_role", str)


def _shown(answer: Answer, key: str, kind: type[T], *, empty: T | None = None) -> Known[T]:
    """`empty`: what GitLab's null means."""
    value = answer.value.get(key, Ellipsis) if isinstance(answer.value, dict) else Ellipsis
    if value is None and empty is not None:
        return empty
    return (
        value
        if isinstance(value, kind)
        else Unavailable(why=f"GitLab doesn't show {key} to this token, or not in this version", remedy=give("Maintainer"))
    )


def read_token(client: Client, root: str) -> Token:
    """The token itself ("Personal access tokens", self) and its account. An access token of a project or group belongs to a bot."""
    itself = look(lambda: client.get("/personal_access_tokens/self"), "Reporter")
    user = look(lambda: client.get("/user"), "Reporter")

    def role() -> int:
        own = _there(user).number("id")
        members = client.list_all(f"{root}/members/all", **{"user_ids[]": str(own)})
        return max((each.number("access_level") for each in members if each.number("id") == own), default=0)

    return Token(
        bot=look(lambda: is_bot(_there(user)), "Reporter"),
        scopes=look(lambda: _texts(_there(itself), "scopes"), "Reporter"),
        role=look(role, "Reporter"),
        expires=look(lambda: _day(_there(itself)), "Reporter"),
    )


def _there(answer: Known[Answer]) -> Answer:
    """Raises `UnreadableError` where it isn't."""
    if isinstance(answer, Unavailable):
        raise UnreadableError(answer.why, remedy=answer.remedy)
    return answer


def _texts(answer: Answer, key: str) -> tuple[str, ...]:
    value = answer.at(key).value
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UnreadableError(f"GitLab's answer holds no list of texts as {key}", remedy="Run it again.")
    return tuple(value)


def _day(answer: Answer) -> date | None:
    shown = answer.get("expires_at")
    if shown is None:
        return None
    try:
        return date.fromisoformat(str(shown.value))
    except ValueError:
        raise UnreadableError("GitLab's answer holds no day as expires_at", remedy="Run it again.") from None


def read_variables(client: Client, root: str) -> tuple[Variable, ...]:
    """The project's variables. GitLab sends their values along; none is kept. Raises `ForgeError`."""
    found = []
    for page, _ in client.pages(f"{root}/variables"):  # one key may stand in several scopes
        found += [
            Variable(each.text("key"), each.text("variable_type"), each.flag("protected"), each.flag("masked"), each.text("environment_scope"))
            for each in page
        ]
    return tuple(found)


def read_maintainers(client: Client, root: str) -> tuple[str, ...]:
    """Who may change the settings: maintainers and owners, inherited ones included. Raises `ForgeError`."""
    members = client.list_all(f"{root}/members/all")
    return tuple(sorted(each.text("username") for each in members if each.number("access_level") >= MAINTAINER))
