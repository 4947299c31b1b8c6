"""What protects branches, merges and environments."""

from urllib.parse import quote

from changegate.facts import MISSING, Maybe
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.faults import NotFoundError
from changegate.forges.gitlab.settings.look import look
from changegate.gitlab_settings import Access, ApprovalSettings, ProtectedBranch, ProtectedEnvironment


def read_protected(client: Client, root: str) -> tuple[ProtectedBranch, ...]:
    """The rules for branches. Raises `ForgeError`."""
    return tuple(
        ProtectedBranch(
            pattern=each.text("name"),
            push=_access(each, "push_access_levels"),
            merge=_access(each, "merge_access_levels"),
            force_push=each.flag("allow_force_push"),
            # Left out where the tier hasn't it.
            code_owners=isinstance(each.value, dict) and each.value.get("code_owner_approval_required") is True,
        )
        for each in client.list_all(f"{root}/protected_branches", by="name")
    )


def _access(answer: Answer, key: str) -> tuple[Access, ...]:
    return tuple(_one(each) for each in answer.items(key))


def _one(answer: Answer) -> Access:
    """A user, a group or a deploy key is one of its own, whatever level GitLab shows beside it."""
    value = answer.value if isinstance(answer.value, dict) else {}
    alone = any(value.get(name) is not None for name in ("user_id", "group_id", "deploy_key_id"))
    level = answer.get("access_level")
    return Access(None if alone or level is None else answer.number("access_level"), answer.text("access_level_description"))


def read_approvals(client: Client, root: str, branch: str) -> ApprovalSettings:
    """The project's approval settings, and the most approvals that one of its rules demands on `branch`. Raises `ForgeError`."""
    settings = client.get(f"{root}/approvals")
    rules = client.list_all(f"{root}/approval_rules")
    return ApprovalSettings(
        required=max((each.number("approvals_required") for each in rules if _applies(each, branch)), default=0),
        by_author=settings.flag("merge_requests_author_approval"),
        by_committers=not settings.flag("merge_requests_disable_committers_approval"),
        reset_on_push=settings.flag("reset_approvals_on_push"),
        rules_editable=not settings.flag("disable_overriding_approvers_per_merge_request"),
    )


def _applies(rule: Answer, branch: str) -> bool:
    """A rule names branches, or holds on all. One that holds where something is reported (`report_approver`) is not counted."""
    if rule.text("rule_type") == "report_approver":
        return False
    named = [each.text("name") for each in rule.items("protected_branches")]
    return not named or branch in named


def read_environment(client: Client, root: str, name: str) -> bool:
    """Whether there is an environment of this name. Raises `ForgeError`."""
    return any(each.text("name") == name for each in client.list_all(f"{root}/environments", name=name))


def read_protected_environment(client: Client, root: str, name: str) -> Maybe[ProtectedEnvironment]:
    """Its protection; `Missing` only where the list of all, which can be seen, hasn't it."""

    def read() -> Maybe[ProtectedEnvironment]:
        try:
            found = client.get(f"{root}/protected_environments/{quote(name, safe='')}")
        except NotFoundError:
            if any(each.text("name") == name for each in client.list_all(f"{root}/protected_environments", by="name")):
                raise
            return MISSING
        rules = found.value.get("approval_rules") if isinstance(found.value, dict) else None
        counts = [each.number("required_approvals") for each in found.items("approval_rules")] if rules else []
        plain = found.value.get("required_approval_count") if isinstance(found.value, dict) else None
        return ProtectedEnvironment(_access(found, "deploy_access_levels"), max([*counts, plain if isinstance(plain, int) else 0]))

    return look(read, "Maintainer")
