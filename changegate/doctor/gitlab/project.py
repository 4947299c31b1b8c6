"""The token, the project and its maintainers. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from changegate.doctor.check import Check, State, good
from changegate.facts import Known, Unavailable
from changegate.gitlab_settings import DEVELOPER, MAINTAINER, REPORTER, ProjectState, Token

_AREA = "access"
_SOON = timedelta(days=14)
_MORE = {"sudo", "admin_mode", "write_registry", "create_runner", "manage_runner", "k8s_proxy", "ai_features"}
_ROLES = {10: "Guest", 15: "Planner", 20: "Reporter", 30: "Developer", 40: "Maintainer", 50: "Owner"}
_LISTED = 20


def unseen(id_: str, area: str, gap: Unavailable, why: str, link: str = "", *, important: bool = True) -> Check:
    """The check of what can't be seen."""
    return Check(id_, area, State.UNKNOWN, gap.why, why, gap.remedy, link, important=important)


def judge_token(token: Token, at: datetime) -> Iterator[Check]:
    """Whose it is, what it may, and until when. The doctor's own token may well be another one than the pipeline's."""
    why = "a person's token does all that they may do, in every project, and ends with their employment"
    remedy = "Settings → Access tokens → Add new token: role Reporter, scope read_api, in the project."
    if isinstance(token.bot, Unavailable):
        yield unseen("token-kind", _AREA, token.bot, why, important=False)
    elif token.bot:
        yield good("token-kind", _AREA, "an access token of a project or group", why)
    else:
        yield Check("token-kind", _AREA, State.WEAK, "a person's token", why, remedy)
    yield _judge_scopes(token.scopes)
    yield _judge_role(token.role)
    why = "when it has expired, every deploy stops"
    if isinstance(token.expires, Unavailable):
        yield unseen("token-expiry", _AREA, token.expires, why, important=False)
    elif token.expires is not None and token.expires - at.date() <= _SOON:
        yield Check("token-expiry", _AREA, State.WEAK, f"it expires on {token.expires}", why, f"{remedy} Then replace the variable CHANGEGATE_TOKEN.")
    else:
        yield good("token-expiry", _AREA, f"it expires on {token.expires}" if token.expires else "it does not expire", why)


def _judge_scopes(scopes: Known[tuple[str, ...]]) -> Check:
    why = "the gate reads by read_api; without it every deploy stops, and with more, whoever takes it over can do more"
    if isinstance(scopes, Unavailable):
        return unseen("token-scopes", _AREA, scopes, why)
    held = ", ".join(scopes) or "none"
    if not {"api", "read_api"} & set(scopes):
        return Check("token-scopes", _AREA, State.BAD, f"scopes: {held}", why, "Make a token with the scope read_api.")
    if _MORE & set(scopes):
        return Check(
            "token-scopes", _AREA, State.WEAK, f"scopes: {held}", why, "Make a token with the scope read_api, and write_repository for the log."
        )
    return good("token-scopes", _AREA, f"scopes: {held}", why)


def _judge_role(role: Known[int]) -> Check:
    why = "a Reporter sees merge requests and approvals; a Maintainer's token can change the settings that are looked at here"
    if isinstance(role, Unavailable):
        return unseen("token-role", _AREA, role, why)
    name = _ROLES.get(role, f"level {role}")
    if role < REPORTER:
        return Check("token-role", _AREA, State.BAD, name, why, "Make a token with the role Reporter.")
    if role > DEVELOPER:
        return Check(
            "token-role", _AREA, State.WEAK, name, why, "Keep such a token for the doctor, out of the pipeline's variables: role Reporter there."
        )
    return good("token-role", _AREA, name, why)


def judge_project(state: ProjectState, job_token_limited: Known[bool]) -> Iterator[Check]:
    """Archived, renamed, visibility; who sees pipelines, who starts them with variables, whose job tokens get in."""
    general, ci = f"{state.url}/edit", f"{state.url}/-/settings/ci_cd"
    why = "an archived project takes no evidence and no deployment"
    if state.archived:
        remedy = "Settings → General → Advanced → Unarchive project; or gate the project that took its place."
        yield Check("repository-archived", _AREA, State.BAD, f"{state.name} is archived", why, remedy, general)
    else:
        yield good("repository-archived", _AREA, f"{state.name} is not archived", why)
    why = "records carry the path; an old path is led on only until another project takes it"
    if state.given.casefold() != state.name.casefold():
        remedy = f"Write {state.name} instead of {state.given}: in --repository and in the store's address."
        yield Check("repository-name", _AREA, State.WEAK, f"{state.given} was moved to {state.name}", why, remedy, state.url)
    else:
        yield good("repository-name", _AREA, f"{state.name} is its present path", why)
    why = "the evidence names people and shows what a change needed; a branch of a public project shows it to everybody"
    if state.visibility == "public":
        remedy = "If the evidence must not be public, keep it in a private project: store: git:https://HOST/GROUP/EVIDENCE.git."
        yield Check("repository-visibility", _AREA, State.WEAK, "public", why, remedy, general)
    else:
        yield good("repository-visibility", _AREA, state.visibility, why)
    why = "the gate's log names people and what was missing; its artifacts, too"
    if isinstance(state.public_jobs, Unavailable):
        yield unseen("pipelines-visibility", _AREA, state.public_jobs, why, ci, important=False)
    elif state.public_jobs and state.visibility != "private":
        remedy = "Settings → CI/CD → General pipelines: clear Project-based pipeline visibility."
        yield Check("pipelines-visibility", _AREA, State.WEAK, "whoever sees the project sees its pipelines", why, remedy, ci)
    else:
        yield good("pipelines-visibility", _AREA, "only members see pipelines", why)
    yield _judge_pipeline_variables(state.pipeline_variables, ci)
    why = "where it isn't limited, a job of any other project gets in with its job token, as far as its starter may"
    if isinstance(job_token_limited, Unavailable):
        yield unseen("job-token", _AREA, job_token_limited, why, ci, important=False)
    elif job_token_limited:
        yield good("job-token", _AREA, "job tokens of other projects need to be on the allowlist", why)
    else:
        remedy = "Settings → CI/CD → Job token permissions → Only this project and any groups and projects in the allowlist."
        yield Check("job-token", _AREA, State.WEAK, "job tokens of every project get in", why, remedy, ci)


def _judge_pipeline_variables(role: Known[str], link: str) -> Check:
    why = "such variables win over a job's own and GitLab's: with CI_COMMIT_SHA or BASH_ENV of one's choice the gate judges another deploy"
    id_ = "pipeline-variables"
    remedy = "Settings → CI/CD → Variables → Minimum role to use pipeline variables: No one allowed."
    if isinstance(role, Unavailable):
        return unseen(id_, _AREA, role, why, link)
    if role == "no_one_allowed":
        return good(id_, _AREA, "nobody starts a pipeline with variables of their own", why)
    state = State.WEAK if role in ("maintainer", "owner") else State.BAD
    return Check(id_, _AREA, state, f"whoever has the role {role} may start a pipeline with variables", why, remedy, link)


def judge_people(maintainers: Known[tuple[str, ...]], url: str) -> Check:
    """Who can change what is looked at here."""
    why = "they change protection, approvals and variables, and see the values; the gate's evidence is what they can't change unseen"
    link = f"{url}/-/project_members"
    if isinstance(maintainers, Unavailable):
        return unseen("maintainers", _AREA, maintainers, why, link, important=False)
    more = f" and {len(maintainers) - _LISTED} more" if len(maintainers) > _LISTED else ""
    listed = ", ".join(maintainers[:_LISTED]) + more
    if len(maintainers) > _LISTED:
        remedy = f"Manage → Members: give those who don't run the project the role Developer (level {DEVELOPER}, not {MAINTAINER})."
        return Check("maintainers", _AREA, State.WEAK, f"maintainers or owners: {listed}", why, remedy, link)
    return good("maintainers", _AREA, f"maintainers or owners: {listed or 'none'}", why)
