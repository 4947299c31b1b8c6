"""The rules that hold on a branch: classic branch protection and rulesets, each as one `Protection`.

Sources: REST "Get branch protection" (Administration: read), "Get rules for a branch" and "Get a repository ruleset" (Metadata: read; the bypass
list only for those who may change the ruleset).
"""

from typing import Any, Final
from urllib.parse import quote

from changegate.facts import Known, Unavailable
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.client import Client
from changegate.forges.github.faults import ForbiddenError, NotFoundError
from changegate.forges.github.range import Repository
from changegate.forges.github.settings.look import look
from changegate.settings import Branch, Protection

_PAGE: Final = 100
_PAGES: Final = 20
_UNPROTECTED: Final = ("Branch not protected", "Branch not found")
_NO_SUCH_FEATURE: Final = "Upgrade to "
"""How the 403 begins where the owner's plan has no branch protection for private repositories."""
_ROLES: Final = {2: "maintainers", 4: "writers", 5: "admins"}
"""The base roles' numbers, as GitHub's own description of a ruleset's bypass actors gives them."""


def read_branch(client: Client, repository: Repository, name: str) -> Branch:
    """A branch's protections; those that can't be seen are `Unavailable` among them."""
    root = f"/repos/{repository.owner}/{repository.name}"
    classic = look(lambda: _classic(client, root, name), "administration: read")
    rules = look(lambda: _rulesets(client, root, name), "metadata: read")
    found: list[Known[Protection]] = [classic] if classic is not None else []
    return Branch(name, (*found, *((rules,) if isinstance(rules, Unavailable) else rules)))


def _classic(client: Client, root: str, name: str) -> Protection | None:
    try:
        answer = client.get(f"{root}/branches/{quote(name, safe='')}/protection", {})
    except NotFoundError as missing:
        if missing.said.startswith(_UNPROTECTED):
            return None
        raise
    except ForbiddenError as refused:
        if refused.said.startswith(_NO_SUCH_FEATURE):
            return None
        raise
    reviews = _part(answer, "required_pull_request_reviews")
    bypass = [] if _enabled(answer, "enforce_admins") else ["admins"]
    allowances = _part(reviews, "bypass_pull_request_allowances") if reviews is not None else None
    if allowances is not None:
        bypass += [each.text("login") for each in _list(allowances, "users")]
        bypass += [f"{kind[:-1]} {each.text('slug')}" for kind in ("teams", "apps") for each in _list(allowances, kind)]
    return Protection(
        name="branch protection",
        pull_request=reviews is not None,
        approvals=_number(reviews, "required_approving_review_count"),
        dismiss_stale=_flag(reviews, "dismiss_stale_reviews"),
        last_push=_flag(reviews, "require_last_push_approval"),
        code_owners=_flag(reviews, "require_code_owner_reviews"),
        no_force_push=not _enabled(answer, "allow_force_pushes", absent=True),
        no_deletion=not _enabled(answer, "allow_deletions", absent=True),
        bypass=tuple(bypass),
    )


def _rulesets(client: Client, root: str, name: str) -> tuple[Protection, ...]:
    rules: dict[int, list[Answer]] = {}
    for page in range(1, _PAGES + 1):
        listed = Answer({"rules": client.get(f"{root}/rules/branches/{quote(name, safe='')}", {"per_page": _PAGE, "page": page}).value})
        got = listed.items("rules")
        for rule in got:
            rules.setdefault(rule.number("ruleset_id"), []).append(rule)
        if len(got) < _PAGE:
            return tuple(_ruleset(client, root, number, each) for number, each in rules.items())
    raise UnreadableError(f"the branch has more than {_PAGE * _PAGES} rules", remedy="Keep fewer rulesets.")


def _ruleset(client: Client, root: str, number: int, rules: list[Answer]) -> Protection:
    kinds = {rule.text("type") for rule in rules}
    pulls = [rule.at("parameters") for rule in rules if rule.text("type") == "pull_request"]
    shown = look(lambda: client.get(f"{root}/rulesets/{number}", {}), "metadata: read")
    title = f"ruleset {number}" if isinstance(shown, Unavailable) else f"ruleset '{shown.text('name')}'"
    return Protection(
        name=title,
        pull_request=bool(pulls),
        approvals=max((each.number("required_approving_review_count") for each in pulls), default=0),
        dismiss_stale=any(each.flag("dismiss_stale_reviews_on_push") for each in pulls),
        last_push=any(each.flag("require_last_push_approval") for each in pulls),
        code_owners=any(each.flag("require_code_owner_review") for each in pulls),
        no_force_push="non_fast_forward" in kinds,
        no_deletion="deletion" in kinds,
        bypass=shown if isinstance(shown, Unavailable) else _bypass(shown),
    )


def _bypass(ruleset: Answer) -> Known[tuple[str, ...]]:
    if "bypass_actors" not in ruleset.value:
        return Unavailable(
            why="GitHub shows a ruleset's bypass list only to those who may change the ruleset",
            remedy="Look at the ruleset's bypass list yourself, or run this as a repository admin.",
        )
    return tuple(_actor(each) for each in ruleset.items("bypass_actors"))


def _actor(answer: Answer) -> str:
    kind, number = answer.text("actor_type"), answer.value.get("actor_id")
    if kind == "RepositoryRole":
        name = _ROLES.get(number, f"repository role {number}")
    else:
        name = {"OrganizationAdmin": "organization owners", "DeployKey": "deploy keys", "Integration": f"app {number}"}.get(kind, f"{kind} {number}")
    return f"{name} (in pull requests)" if answer.value.get("bypass_mode") == "pull_request" else name


def _part(answer: Answer, key: str) -> Answer | None:
    """An object that GitHub leaves out, or gives as null, where the setting is off."""
    return answer.get(key) if isinstance(answer.value, dict) and key in answer.value else None


def _list(answer: Answer, key: str) -> list[Answer]:
    return answer.items(key) if key in answer.value else []


def _enabled(answer: Answer, key: str, *, absent: bool = False) -> bool:
    part: Any = _part(answer, key)
    return absent if part is None else part.flag("enabled")


def _flag(answer: Answer | None, key: str) -> bool:
    return answer is not None and key in answer.value and answer.flag(key)


def _number(answer: Answer | None, key: str) -> int:
    return answer.number(key) if answer is not None and key in answer.value else 0
