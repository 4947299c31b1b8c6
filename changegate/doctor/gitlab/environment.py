"""The environment that is deployed to, and the variables that hold key and token. Pure."""

from collections.abc import Iterator

from changegate.doctor.check import Check, State, good
from changegate.doctor.gitlab.project import unseen
from changegate.facts import Known, Maybe, Missing, Unavailable
from changegate.gitlab_settings import DEVELOPER, NO_ONE, ProjectState, ProtectedEnvironment, Variable

_AREA = "environment"
KEYS = ("CHANGEGATE_SIGNING_KEY", "CHANGEGATE_LOG_KEY")
SECRETS = ("CHANGEGATE_TOKEN", "CHANGEGATE_KEY_PASSPHRASE", "CHANGEGATE_LOG_KEY_PASSPHRASE", *KEYS)


def judge_environment(there: Known[bool], protected: Maybe[ProtectedEnvironment], name: str, project: ProjectState) -> Iterator[Check]:
    """Whether it is there, and who deploys to it."""
    link, settings = f"{project.url}/-/environments", f"{project.url}/-/settings/ci_cd"
    why = "the gate and the deploy name it: it says what is live, and whose variables a job gets"
    if isinstance(there, Unavailable):
        yield unseen("environment-exists", _AREA, there, why, link)
    elif there:
        yield good("environment-exists", _AREA, f"{name} is there", why)
    else:
        remedy = f"Operate → Environments → Create an environment: {name}; or the first deploy makes it."
        yield Check("environment-exists", _AREA, State.WEAK, f"there is no environment {name}", why, remedy, link)
    why = "where it isn't protected, whoever pushes a branch can write a job that names it and leaves the gate out"
    where = f"Settings → CI/CD → Protected environments → {name} → "
    if not project.premium:
        instead = (
            "This tier has no protected environments. Keep the deploy's credentials in protected variables, which only pipelines of protected "
            "branches get, or deploy from a project of its own; every other deploy then has no record of the gate."
        )
        yield Check("environment-protected", _AREA, State.WEAK, "GitLab Free can't protect an environment", why, instead, settings)
    elif isinstance(protected, Unavailable):
        yield unseen("environment-protected", _AREA, protected, why, settings)
    elif isinstance(protected, Missing):
        remedy = f"Settings → CI/CD → Protected environments → Protect an environment: {name}"
        yield Check("environment-protected", _AREA, State.BAD, f"{name} is not protected", why, remedy, settings)
    else:
        yield _judge_deployers(protected, name, why, where, settings)
        yield _judge_consent(protected, where, settings)


def _judge_deployers(found: ProtectedEnvironment, name: str, why: str, where: str, link: str) -> Check:
    who = ", ".join(dict.fromkeys(each.words for each in found.deploy if each.level != NO_ONE)) or "no one"
    if any(each.level is not None and NO_ONE < each.level <= DEVELOPER for each in found.deploy):
        remedy = f"{where}Allowed to deploy: Maintainers, or the group that deploys"
        return Check("environment-protected", _AREA, State.WEAK, f"may deploy to {name}: {who}", why, remedy, link)
    return good("environment-protected", _AREA, f"may deploy to {name}: {who}", why)


def _judge_consent(found: ProtectedEnvironment, where: str, link: str) -> Check:
    why = "a person's consent before the deploy: a second line behind the gate"
    if found.approvals:
        return good("environment-reviewers", _AREA, f"a deploy is released by others (approvals required: {found.approvals})", why)
    remedy = f"{where}Approvers: name a group (where each deploy must go by itself, leave it)"
    return Check("environment-reviewers", _AREA, State.WEAK, "no approvals are required", why, remedy, link)


def judge_variables(found: Known[tuple[Variable, ...]], environment: str, url: str) -> Iterator[Check]:
    """Whether what is secret reaches only the pipelines of protected branches, stays out of the log, and belongs to the environment."""
    link = f"{url}/-/settings/ci_cd"
    where = "Settings → CI/CD → Variables → "
    why = "a variable that isn't protected is in every branch's pipelines: whoever takes the key signs false records"
    if isinstance(found, Unavailable):
        yield unseen("key-protected", "key", found, why, link)
        return
    secrets = [each for each in found if each.key in SECRETS]
    if not any(each.key in KEYS for each in found):
        observed = "none of the project's variables is CHANGEGATE_SIGNING_KEY; a group's are not seen here"
        remedy = f"{where}Add variable: type File, Protected, environment scope {environment}; or see that the group's variable is Protected."
        yield Check("key-protected", "key", State.UNKNOWN, observed, why, remedy, link, important=False)
    elif bare := [each.key for each in secrets if not each.protected]:
        yield Check("key-protected", "key", State.BAD, f"not protected: {', '.join(bare)}", why, f"{where}(each of them) → Protect variable", link)
    else:
        yield good("key-protected", "key", "key and token reach only pipelines of protected branches and tags", why)
    why = "what isn't masked stands in the log as soon as a script prints it"
    # A key of several lines can't be masked; as a file, its path is what a script prints.
    shown = [each.key for each in secrets if not each.masked and each.kind != "file"]
    if shown:
        remedy = f"{where}(each of them) → Visibility: Masked and hidden; a key of several lines: Type: File"
        yield Check("key-masked", "key", State.WEAK, f"neither masked nor a file: {', '.join(shown)}", why, remedy, link)
    elif secrets:
        yield good("key-masked", "key", "what is secret is masked or a file", why)
    why = "a key for one environment is not handed to jobs of another"
    wide = [each.key for each in secrets if each.key in KEYS and each.scope == "*"]
    if wide:
        yield Check("key-scope", "key", State.WEAK, f"in every environment: {', '.join(wide)}", why, f"{where}Environments: {environment}", link)
    elif any(each.key in KEYS for each in secrets):
        yield good("key-scope", "key", "the key belongs to its environment", why)
