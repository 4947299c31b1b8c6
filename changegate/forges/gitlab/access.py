"""Who may push, merge, approve, deploy, administer and bypass on GitLab, as far as the token shows it. It only reads.

Sources, docs.gitlab.com, REST API: "Members of a group or project", "Protected branches", "Protected environments", "Deploy keys", "Deploy tokens",
"Project access tokens".
"""

from collections.abc import Callable
from typing import Final

from changegate.access import Entry, Found, Holder, Right, Unknown
from changegate.facts import Unavailable
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.settings.look import look
from changegate.forges.gitlab.settings.project import read_project
from changegate.forges.gitlab.settings.protection import read_protected
from changegate.gitlab_settings import DEVELOPER, MAINTAINER, NO_ONE, Access

_ROLES: Final = {5: "Minimal Access", 10: "Guest", 15: "Planner", 20: "Reporter", 30: "Developer", 40: "Maintainer", 50: "Owner", 60: "Admin"}
_WRITE_SCOPES: Final = {"api", "write_repository", "write_registry", "write_package_registry"}


def read_access(client: Client, project: str, given: str) -> Found:
    """Everything that the token shows. `project`: as a path of the API. Raises `ForgeError` where the project itself can't be seen."""
    state, root = read_project(client, project, given), f"/projects/{project}"
    entries, unknown = list[Entry](), list[Unknown]()

    def take(part: str, role: str, read: Callable[[], list[Entry]]) -> None:
        found = look(read, role)
        if isinstance(found, Unavailable):
            unknown.append(Unknown(part=part, why=found.why, remedy=found.remedy))
        else:
            entries.extend(found)

    take("members", "Reporter", lambda: _members(client, root))
    take("branches", "Maintainer", lambda: _branches(client, root))
    take("environments", "Maintainer", lambda: _environments(client, root) if state.premium else _unprotected())
    take("deploy keys", "Maintainer", lambda: _deploy_keys(client, root))
    take("deploy tokens", "Maintainer", lambda: _deploy_tokens(client, root))
    take("access tokens", "Maintainer", lambda: _access_tokens(client, root))
    return Found(tuple(dict.fromkeys(entries)), tuple(unknown))


def _members(client: Client, root: str) -> list[Entry]:
    """Those of the project itself, and those of its groups."""
    direct = {each.number("id") for each in client.list_all(f"{root}/members")}
    found = []
    for each in client.list_all(f"{root}/members/all"):
        level = each.number("access_level")
        until = f", until {each.text('expires_at')}" if _has(each, "expires_at") else ""
        state = "" if each.text("state") == "active" else f", {each.text('state')}"
        how = f"role {_ROLES.get(level, level)}, {'direct' if each.number('id') in direct else 'inherited'}{until}{state}"
        rights = (*((Right.PUSH, Right.APPROVE) if level >= DEVELOPER else ()), *((Right.ADMINISTER,) if level >= MAINTAINER else ()))
        found += [Entry(part="members", holder=Holder.USER, name=each.text("username"), right=right, how=how) for right in rights]
    return found


def _branches(client: Client, root: str) -> list[Entry]:
    found = []
    for rule in read_protected(client, root):
        part = f"branches/{rule.pattern}"
        found += _levels(part, Right.PUSH, rule.push, "may push to it" + (", by force, too" if rule.force_push else ""))
        found += _levels(part, Right.MERGE, rule.merge, "may merge to it")
    return found


def _environments(client: Client, root: str) -> list[Entry]:
    found = []
    for each in client.list_all(f"{root}/protected_environments", by="name"):
        part = f"environments/{each.text('name')}"
        found += [_one(part, Right.DEPLOY, level, "may deploy to it") for level in each.items("deploy_access_levels")]
        rules = each.items("approval_rules") if _has(each, "approval_rules") else []
        found += [_one(part, Right.APPROVE, rule, f"approves deploys: {rule.number('required_approvals')} needed") for rule in rules]
    return found


def _unprotected() -> list[Entry]:
    return [Entry(part="environments", holder=Holder.ROLE, name="Developers", right=Right.DEPLOY, how="GitLab Free protects no environment")]


def _levels(part: str, right: Right, levels: tuple[Access, ...], how: str) -> list[Entry]:
    """Everybody of a role, or one user, group or key; nobody is none."""
    return [
        Entry(part=part, holder=Holder.ROLE if each.level is not None else Holder.USER, name=each.words, right=right, how=how)
        for each in levels
        if each.level != NO_ONE
    ]


def _one(part: str, right: Right, level: Answer, how: str) -> Entry:
    holder = Holder.USER if _has(level, "user_id") else Holder.GROUP if _has(level, "group_id") else Holder.ROLE
    number = level.number("user_id" if holder is Holder.USER else "group_id") if holder is not Holder.ROLE else 0
    words = level.text("access_level_description") if _has(level, "access_level_description") else "anybody who may deploy"
    return Entry(part=part, holder=holder, name=f"{words} ({number})" if number else words, right=right, how=how)


def _deploy_keys(client: Client, root: str) -> list[Entry]:
    return [
        Entry(
            part="deploy keys",
            holder=Holder.DEPLOY_KEY,
            name=f"{each.number('id')} {each.text('title')}",
            right=Right.PUSH,
            how=f"may write, made {each.text('created_at')[:10]}",
        )
        for each in client.list_all(f"{root}/deploy_keys")
        if each.flag("can_push")
    ]


def _deploy_tokens(client: Client, root: str) -> list[Entry]:
    """Those that may write packages or images, which a deploy takes."""
    return [
        _token("deploy tokens", each, Right.PUSH, scopes)
        for each in client.list_all(f"{root}/deploy_tokens")
        if (scopes := _scopes(each)) & _WRITE_SCOPES and not each.flag("revoked") and not each.flag("expired")
    ]


def _access_tokens(client: Client, root: str) -> list[Entry]:
    found = []
    for each in client.list_all(f"{root}/access_tokens"):
        level, scopes = each.number("access_level"), _scopes(each)
        if each.flag("active") and not each.flag("revoked") and scopes & _WRITE_SCOPES and level >= DEVELOPER:
            right = Right.ADMINISTER if level >= MAINTAINER and "api" in scopes else Right.PUSH
            found.append(_token("access tokens", each, right, scopes, role=f"role {_ROLES.get(level, level)}, "))
    return found


def _token(part: str, answer: Answer, right: Right, scopes: set[str], *, role: str = "") -> Entry:
    until = f"until {answer.text('expires_at')[:10]}" if _has(answer, "expires_at") else "without an end"
    name = f"{answer.number('id')} {answer.text('name')}"
    return Entry(part=part, holder=Holder.TOKEN, name=name, right=right, how=f"{role}{', '.join(sorted(scopes))}, {until}")


def _scopes(answer: Answer) -> set[str]:
    return {str(each.value) for each in answer.items("scopes")}


def _has(answer: Answer, key: str) -> bool:
    return isinstance(answer.value, dict) and answer.value.get(key) is not None
