"""A deployment environment and its protection rules.

Sources: REST "Get an environment" and "List deployment branch policies" (Actions: read).
"""

from typing import Final
from urllib.parse import quote

from changegate.facts import Known, Maybe, Missing, Unavailable
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.client import Client
from changegate.forges.github.faults import NotFoundError
from changegate.forges.github.range import Repository
from changegate.forges.github.settings.look import give, look
from changegate.settings import PROTECTED, EnvironmentState

_PERMISSION: Final = "actions: read"
_PAGE: Final = 100
_PAGES: Final = 20


def read_environment(client: Client, repository: Repository, name: str) -> Maybe[EnvironmentState]:
    """The environment, `Missing` where GitHub lists its environments and this isn't one."""
    root = f"/repos/{repository.owner}/{repository.name}/environments"
    return look(lambda: _read(client, root, name), _PERMISSION)


def _read(client: Client, root: str, name: str) -> EnvironmentState | Missing:
    try:
        answer = client.get(f"{root}/{quote(name, safe='')}", {})
    except NotFoundError:
        # Who may list the environments may see each.
        client.get(root, {"per_page": 1})
        return Missing()
    rules = answer.items("protection_rules") if "protection_rules" in answer.value else []
    reviews = [rule for rule in rules if rule.text("type") == "required_reviewers"]
    waits = [rule for rule in rules if rule.text("type") == "wait_timer"]
    return EnvironmentState(
        name=answer.text("name"),
        reviewers=sum(len(rule.items("reviewers")) for rule in reviews),
        prevent_self_review=any(rule.value.get("prevent_self_review") is True for rule in reviews),
        wait_minutes=max((rule.number("wait_timer") for rule in waits), default=0),
        branches=look(lambda: _branches(client, root, name, answer), _PERMISSION),
        admins_bypass=_admins(answer),
    )


def _branches(client: Client, root: str, name: str, answer: Answer) -> tuple[str, ...] | None:
    policy = answer.get("deployment_branch_policy")
    if policy is None:
        return None
    if policy.flag("protected_branches"):
        return (PROTECTED,)
    found: list[str] = []
    for page in range(1, _PAGES + 1):
        listed = client.get(f"{root}/{quote(name, safe='')}/deployment-branch-policies", {"per_page": _PAGE, "page": page})
        got = [each.text("name") for each in listed.items("branch_policies")]
        found += got
        if len(found) >= listed.number("total_count") or not got:
            break
    if len(found) != listed.number("total_count"):
        raise UnreadableError("GitHub's list of the branches that may deploy is not whole", remedy="Run it again.")
    return tuple(found)


def _admins(answer: Answer) -> Known[bool]:
    shown = answer.value.get("can_admins_bypass")
    if isinstance(shown, bool):
        return shown
    return Unavailable(why="GitHub doesn't say whether admins may bypass the environment's rules", remedy=give("administration: read"))
