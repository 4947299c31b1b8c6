"""The environment that is deployed to. Pure."""

from collections.abc import Iterator
from typing import Final

from changegate.doctor.check import Check, State, good
from changegate.facts import Maybe, Missing, Unavailable
from changegate.settings import PROTECTED, EnvironmentState

_AREA: Final = "environment"
_HOLDS_KEY: Final = "the environment holds the signing key, and hands it to every job that names it"


def judge_environment(found: Maybe[EnvironmentState], name: str, branch: str, url: str) -> Iterator[Check]:
    """Whether the environment is there, and who and what gets in."""
    link = f"{url}/settings/environments"
    where = f"Settings → Environments → {name} → "
    if isinstance(found, Unavailable):
        yield Check("environment-exists", _AREA, State.UNKNOWN, found.why, _HOLDS_KEY, found.remedy, link)
        return
    if isinstance(found, Missing):
        remedy = f"Settings → Environments → New environment: {name}. Then protect it and put the signing key among its secrets."
        yield Check("environment-exists", _AREA, State.BAD, f"there is no environment {name}", _HOLDS_KEY, remedy, link)
        return
    yield good("environment-exists", _AREA, f"{name} is there", _HOLDS_KEY)
    yield from _judge_reviewers(found, where, link)
    yield _judge_branches(found, branch, where, link)
    yield _judge_admins(found, where, link)


def _judge_reviewers(found: EnvironmentState, where: str, link: str) -> Iterator[Check]:
    why = "a person's consent before the key is handed out: a second line behind the gate"
    if not found.reviewers:
        remedy = f"{where}Required reviewers: name a team (where each deploy must go by itself, leave it and keep the branches restricted)"
        yield Check("environment-reviewers", _AREA, State.WEAK, "no reviewers are required", why, remedy, link)
        return
    wait = f", after a wait of {found.wait_minutes} min" if found.wait_minutes else ""
    yield good("environment-reviewers", _AREA, f"a deploy is released by a person (reviewers named: {found.reviewers}){wait}", why)
    why = "else whoever starts a deploy may release it"
    if found.prevent_self_review:
        yield good("environment-self-review", _AREA, "nobody releases their own deploy", why)
    else:
        yield Check("environment-self-review", _AREA, State.WEAK, "who starts a deploy may release it", why, f"{where}Prevent self-review", link)


def _judge_branches(found: EnvironmentState, branch: str, where: str, link: str) -> Check:
    why = "a workflow on any other branch can name the environment, leave the gate out, and deploy with its secrets"
    branches = found.branches
    id_ = "environment-branches"
    remedy = f"{where}Deployment branches and tags → Selected branches and tags: {branch}"
    if isinstance(branches, Unavailable):
        return Check(id_, _AREA, State.UNKNOWN, branches.why, why, branches.remedy, link)
    if branches is None:
        return Check(id_, _AREA, State.BAD, "every branch and tag may deploy", why, remedy, link)
    if not branches:
        return Check(id_, _AREA, State.WEAK, "no branch may deploy: the list is empty", "nothing can be deployed", remedy, link)
    if branches == (PROTECTED,):
        return Check(id_, _AREA, State.WEAK, "every protected branch may deploy", f"{why}; what is protected may be protected little", remedy, link)
    wide = [each for each in branches if set(each) <= set("*/?")]
    if wide:
        return Check(id_, _AREA, State.BAD, f"the pattern {wide[0]} lets every branch deploy", why, remedy, link)
    others = [each for each in branches if each != branch]
    if others:
        return Check(id_, _AREA, State.WEAK, f"besides {branch}, these may deploy: {', '.join(others)}", why, remedy, link)
    return good(id_, _AREA, f"only {branch} may deploy", why)


def _judge_admins(found: EnvironmentState, where: str, link: str) -> Check:
    why = "an admin who bypasses them deploys without consent and from any branch"
    bypass = found.admins_bypass
    id_ = "environment-admins"
    if isinstance(bypass, Unavailable):
        return Check(id_, _AREA, State.UNKNOWN, bypass.why, why, bypass.remedy, link, important=False)
    if bypass:
        remedy = f"{where}clear Allow administrators to bypass configured protection rules"
        return Check(id_, _AREA, State.WEAK, "admins may bypass the environment's rules", why, remedy, link)
    return good(id_, _AREA, "admins can't bypass the environment's rules", why)
