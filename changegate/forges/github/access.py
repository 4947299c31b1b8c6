"""Who may push, approve, deploy, administer and bypass on GitHub, as far as the token shows it. It only reads.

Sources, docs.github.com, REST: "List repository collaborators", "List repository teams", "List deploy keys", "List environments", "List app
installations for an organization"; for branches `changegate.forges.github.settings.branches`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from changegate.access import Entry, Found, Holder, Right, Unknown
from changegate.facts import Unavailable
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.client import Client
from changegate.forges.github.range import Repository
from changegate.forges.github.settings.access import read_repository
from changegate.forges.github.settings.branches import read_branch
from changegate.forges.github.settings.look import look

_PAGE: Final = 100
_PAGES: Final = 200
_WRITES: Final = ("administration", "contents", "deployments", "pull_requests", "workflows")
"""Permissions by which an app changes what is deployed, or the rules for it."""
_AS_OWNER: Final = "Use the token of an organization owner, or one with the organization permission 'Administration: read', in CHANGEGATE_TOKEN."


def read_access(client: Client, given: Repository, branches: Sequence[str]) -> Found:
    """Everything that the token shows. `branches` beside the default one. Raises `ForgeError` where the repository itself can't be seen."""
    state, answer = read_repository(client, given)
    owner, _, name = state.name.partition("/")
    repository, root = Repository(owner, name), f"/repos/{state.name}"
    entries, unknown = list[Entry](), list[Unknown]()

    def take(part: str, permission: str, read: Callable[[], list[Entry]], remedy: str = "") -> None:
        found = look(read, permission)
        if isinstance(found, Unavailable):
            unknown.append(Unknown(part=part, why=found.why, remedy=remedy or found.remedy))
        else:
            entries.extend(found)

    take("collaborators", "administration: read", lambda: _collaborators(client, root))
    take("teams", "administration: read", lambda: _teams(client, root))
    take("deploy keys", "administration: read", lambda: _deploy_keys(client, root))
    take("environments", "actions: read", lambda: _environments(client, root))
    if answer.at("owner").text("type") == "Organization":
        take("apps", "administration: read", lambda: _apps(client, owner), _AS_OWNER)
    else:
        why = "GitHub lists the apps installed on a person's account to that person alone"
        unknown.append(Unknown(part="apps", why=why, remedy="Look under Settings → Applications, and attest what you see with `changegate attest`."))
    for branch in dict.fromkeys((state.default_branch, *branches)):
        for found in read_branch(client, repository, branch).protections:
            if isinstance(found, Unavailable):
                unknown.append(Unknown(part=f"branches/{branch}", why=found.why, remedy=found.remedy))
            elif isinstance(found.bypass, Unavailable):
                unknown.append(Unknown(part=f"branches/{branch}/{found.name}", why=found.bypass.why, remedy=found.bypass.remedy))
            else:
                part = f"branches/{branch}/{found.name}"
                entries += [Entry(part=part, holder=_actor(who), name=who, right=Right.BYPASS, how="on its bypass list") for who in found.bypass]
    return Found(tuple(dict.fromkeys(entries)), tuple({gap.part: gap for gap in unknown}.values()))


def _actor(who: str) -> Holder:
    """What kind of actor `settings.branches` has put into words."""
    if who.startswith("app "):
        return Holder.APP
    if who.startswith(("team ", "Team ")):
        return Holder.GROUP
    if who.startswith("deploy keys"):
        return Holder.DEPLOY_KEY
    roles = ("admins", "maintainers", "writers", "repository role ", "organization owners")
    return Holder.ROLE if who.startswith(roles) else Holder.USER


def _collaborators(client: Client, root: str) -> list[Entry]:
    """Everybody who can at least push, with how they came by it. GitHub lists those who have it by a team or the organization, too."""
    outside = {each.text("login") for each in _pages(client, f"{root}/collaborators", affiliation="outside")}
    direct = {each.text("login") for each in _pages(client, f"{root}/collaborators", affiliation="direct")}
    found = []
    for each in _pages(client, f"{root}/collaborators", affiliation="all"):
        login, allowed = each.text("login"), each.at("permissions")
        way = "outside collaborator" if login in outside else "direct" if login in direct else "by team or organization"
        how = f"role {each.text('role_name')}, {way}"
        rights = (*((Right.PUSH, Right.APPROVE) if allowed.flag("push") else ()), *((Right.ADMINISTER,) if allowed.flag("admin") else ()))
        found += [Entry(part="collaborators", holder=Holder.USER, name=login, right=right, how=how) for right in rights]
    return found


def _teams(client: Client, root: str) -> list[Entry]:
    found = []
    for each in _pages(client, f"{root}/teams"):
        role = each.text("permission")
        rights = {"push": (Right.PUSH, Right.APPROVE), "maintain": (Right.PUSH, Right.APPROVE), "pull": (), "triage": ()}.get(
            role, (Right.PUSH, Right.APPROVE, Right.ADMINISTER)  # admin, and a custom role, of which nobody says here what it may
        )  # fmt: skip
        found += [Entry(part="teams", holder=Holder.GROUP, name=each.text("slug"), right=right, how=f"role {role}") for right in rights]
    return found


def _deploy_keys(client: Client, root: str) -> list[Entry]:
    return [
        Entry(
            part="deploy keys",
            holder=Holder.DEPLOY_KEY,
            name=f"{each.number('id')} {each.text('title')}",
            right=Right.PUSH,
            how=f"may write, made {each.text('created_at')[:10]}",
        )
        for each in _pages(client, f"{root}/keys")
        if not each.flag("read_only")
    ]


def _environments(client: Client, root: str) -> list[Entry]:
    found = []
    for each in _pages(client, f"{root}/environments", key="environments"):
        part = f"environments/{each.text('name')}"
        rules = each.items("protection_rules") if _has(each, "protection_rules") else []
        reviewers = [who for rule in rules if rule.text("type") == "required_reviewers" for who in rule.items("reviewers")]
        if not reviewers:
            found.append(Entry(part=part, holder=Holder.ROLE, name="writers", right=Right.DEPLOY, how="no reviewer is required"))
        for reviewer in reviewers:
            who, team = reviewer.at("reviewer"), reviewer.text("type") == "Team"
            name, holder = who.text("slug" if team else "login"), Holder.GROUP if team else Holder.USER
            found.append(Entry(part=part, holder=holder, name=name, right=Right.DEPLOY, how="reviewer of deploys"))
        if not _has(each, "can_admins_bypass") or each.flag("can_admins_bypass"):  # where GitHub doesn't say, they may, which is its default
            found.append(Entry(part=part, holder=Holder.ROLE, name="admins", right=Right.BYPASS, how="admins may bypass its protection"))
    return found


def _apps(client: Client, owner: str) -> list[Entry]:
    found = []
    for each in _pages(client, f"/orgs/{owner}/installations", key="installations"):
        allowed = each.at("permissions").value
        if not isinstance(allowed, dict):
            raise UnreadableError("GitHub's list of installations holds no permissions", remedy="Run it again.")
        writes = [f"{name}: {allowed[name]}" for name in _WRITES if allowed.get(name) in ("write", "admin")]
        if not writes or each.get("suspended_at") is not None:
            continue
        where = (
            "all repositories" if each.text("repository_selection") == "all" else "selected repositories; GitHub doesn't say here whether this one"
        )
        right = Right.ADMINISTER if allowed.get("administration") == "write" else Right.PUSH
        how = f"{', '.join(writes)}, {where}"
        found.append(Entry(part="apps", holder=Holder.APP, name=each.text("app_slug"), right=right, how=how))
    return found


def _has(answer: Answer, key: str) -> bool:
    return isinstance(answer.value, dict) and answer.value.get(key) is not None


def _pages(client: Client, path: str, *, key: str = "", **parameters: str) -> Iterator[Answer]:
    """Every item of a REST list. Raises `UnreadableError` where it doesn't end, or brings another number than GitHub counts."""
    found = 0
    for page in range(1, _PAGES + 1):
        value: Any = client.get(path, {**parameters, "per_page": _PAGE, "page": page}).value
        answer = Answer(value if key else {"items": value}, path)
        items = answer.items(key or "items")
        yield from items
        found += len(items)
        if len(items) < _PAGE:
            if key and answer.number("total_count") != found:
                raise UnreadableError(f"GitHub's list {path} brought {found} of {answer.number('total_count')}", remedy="Run it again.")
            return
    raise UnreadableError(f"GitHub's list {path} has more than {_PAGE * _PAGES} items", remedy="That is more than anybody reviews: have fewer.")
