"""What protects the branch that is deployed and the one that holds the evidence, and what a merge request needs. Pure.

Of several rules that match a branch, GitLab obeys the one that allows most ("Protected branches", when a branch matches multiple rules); only code
owners are asked where any of them says so.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from changegate.doctor.check import Check, State, good
from changegate.doctor.gitlab.project import unseen
from changegate.facts import Known, Unavailable
from changegate.gitlab_settings import DEVELOPER, NO_ONE, Access, ApprovalSettings, ProjectState, ProtectedBranch

_AREA = "branch"


def matches(pattern: str, branch: str) -> bool:
    """Whether a rule's pattern, in which only * means anything, is of a branch."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), branch, re.DOTALL) is not None


def _open(accesses: list[Access]) -> str:
    """Who gets in, in words; empty where nobody does."""
    return ", ".join(dict.fromkeys(each.words for each in accesses if each.level != NO_ONE))


def judge_deployed(protected: Known[tuple[ProtectedBranch, ...]], branch: str, project: ProjectState) -> Iterator[Check]:
    """Pushes, force pushes and code owners of the branch that is deployed."""
    link = f"{project.url}/-/settings/repository"
    where = f"Settings → Repository → Protected branches → {branch} → "
    why = "without it anybody who may push puts code on the branch alone; the gate finds it only at the deploy"
    if isinstance(protected, Unavailable):
        yield unseen("branch-push", _AREA, protected, why, link)
        return
    rules = [each for each in protected if matches(each.pattern, branch)]
    if not rules:
        remedy = "Settings → Repository → Protected branches → Add protected branch: Allowed to push and merge: No one."
        yield Check("branch-push", _AREA, State.BAD, f"{branch} is not protected", why, remedy, link)
        return
    pushes = [access for rule in rules for access in rule.push]
    if not _open(pushes):
        yield good("branch-push", _AREA, f"nobody pushes to {branch}: it changes by merge requests", why)
    else:
        wide = any(each.level is not None and NO_ONE < each.level <= DEVELOPER for each in pushes)
        state = State.BAD if wide else State.WEAK
        yield Check("branch-push", _AREA, state, f"may push to {branch}: {_open(pushes)}", why, f"{where}Allowed to push and merge: No one", link)
    yield _judge_force(rules, branch, where, link, _AREA)
    why = "the policy and the pipeline are then changed only with their owners' consent"
    if any(each.code_owners for each in rules):
        yield good("branch-code-owners", _AREA, f"{branch} requires an approval by code owners", why)
    else:
        remedy = (
            f"{where}Require approval from code owners" if project.premium else _free("Put /.changegate.yml and the pipeline under few maintainers.")
        )
        yield Check("branch-code-owners", _AREA, State.WEAK, f"{branch} requires no approval by code owners", why, remedy, link)


def _free(instead: str) -> str:
    return f"GitLab Premium has this setting, this project's tier hasn't. {instead}"


def _judge_force(rules: list[ProtectedBranch], branch: str, where: str, link: str, area: str) -> Check:
    why = "a rewritten branch loses the commits that were reviewed, or the records; the gate can't judge such a range"
    if any(each.force_push for each in rules):
        return Check(f"{area}-force-push", area, State.BAD, f"{branch} can be force-pushed", why, f"{where}clear Allowed to force push", link)
    return good(f"{area}-force-push", area, f"{branch} can't be force-pushed", why)


def judge_evidence(protected: Known[tuple[ProtectedBranch, ...]], branch: str, url: str) -> Iterator[Check]:
    """The branch of the evidence: it only grows, and few push to it."""
    link = f"{url}/-/settings/repository"
    why = "a force push or a deletion replaces the log; who kept an earlier checkpoint sees that, but the records are gone"
    if isinstance(protected, Unavailable):
        yield unseen("evidence-force-push", "evidence", protected, why, link)
        return
    rules = [each for each in protected if matches(each.pattern, branch)]
    if not rules:
        remedy = (
            f"Settings → Repository → Protected branches → Add protected branch: {branch}, Allowed to push and merge: the gate's token (Maintainers)."
        )
        yield Check("evidence-force-push", "evidence", State.BAD, f"{branch} is not protected", why, remedy, link)
        return
    yield _judge_force(rules, branch, f"Settings → Repository → Protected branches → {branch} → ", link, "evidence")


class _Setting(NamedTuple):
    """A setting of merge requests: whether it holds, and how it is set."""

    id: str
    holds: Known[bool]
    lacking: State
    good: str
    bad: str
    why: str
    remedy: str


def judge_merging(approvals: Known[ApprovalSettings], project: ProjectState) -> Iterator[Check]:
    """Approval rules and settings, pipelines, threads, the merge method."""
    link = f"{project.url}/-/settings/merge_requests"
    where = "Settings → Merge requests → "
    if not project.premium:
        why = "without it an unapproved change is on the branch, and is found only when the deploy is blocked"
        instead = (
            "Nothing can be set here: the gate's peer-approved blocks the deploy of what nobody else approved. Preview it on each merge request."
        )
        observed = "GitLab Free has no approval rules: approvals are optional, and an author's own counts"
        yield Check("branch-reviews", _AREA, State.WEAK, observed, why, instead, link)
    elif isinstance(approvals, Unavailable):
        yield unseen("branch-reviews", _AREA, approvals, "the gate finds an unapproved change only at the deploy", link)
    else:
        for setting in _approval_settings(approvals):
            yield _judge_setting(setting, where, link)
    for setting in _project_settings(project):
        yield _judge_setting(setting, where, link)
    why = "it says which commits a merge request leaves on the branch; the gate judges all of them"
    if isinstance(project.merge_method, Unavailable) or isinstance(project.squash, Unavailable):
        gap = project.merge_method if isinstance(project.merge_method, Unavailable) else project.squash
        if isinstance(gap, Unavailable):
            yield unseen("merge-method", _AREA, gap, why, link, important=False)
    else:
        yield good("merge-method", _AREA, f"merge method {project.merge_method}, squash {project.squash}", why)


def _judge_setting(setting: _Setting, where: str, link: str) -> Check:
    if isinstance(setting.holds, Unavailable):
        return unseen(setting.id, _AREA, setting.holds, setting.why, link, important=setting.lacking is State.BAD)
    if setting.holds:
        return good(setting.id, _AREA, setting.good, setting.why)
    return Check(setting.id, _AREA, setting.lacking, setting.bad, setting.why, where + setting.remedy, link)


def _approval_settings(found: ApprovalSettings) -> Iterator[_Setting]:
    settings = "Approval settings → "
    yield _Setting(
        "branch-reviews", found.required > 0, State.BAD, f"approvals required: {found.required}", "no approval is required",
        "an unapproved change is on the branch, and is found only when the deploy is blocked", "Approval rules → Approvals required: 1 or more",
    )  # fmt: skip
    yield _Setting(
        "branch-self-approval", not found.by_author, State.WEAK, "authors don't approve their own", "authors may approve their own",
        "such an approval merges it, and the gate then blocks the deploy, when it is late", f"{settings}Prevent approval by merge request creator",
    )  # fmt: skip
    yield _Setting(
        "branch-last-push", not found.by_committers, State.WEAK, "who adds commits doesn't approve", "who adds commits may approve",
        "whoever pushes to another's change can approve their own push", f"{settings}Prevent approvals by users who add commits",
    )  # fmt: skip
    yield _Setting(
        "branch-stale", found.reset_on_push, State.WEAK, "new commits take approvals away", "approvals stay when commits are added",
        "what was approved can be changed before it is merged; the gate then blocks the deploy, when it is late",
        f"{settings}When a commit is added: Remove all approvals",
    )  # fmt: skip
    yield _Setting(
        "branch-rules-editable", not found.rules_editable, State.WEAK, "approval rules hold on every merge request",
        "each merge request's author may change its approval rules", "a rule that its author can take away asks for nothing",
        f"{settings}Prevent editing approval rules in merge requests",
    )  # fmt: skip


def _project_settings(project: ProjectState) -> Iterator[_Setting]:
    checks = "Merge checks → "
    yield _Setting(
        "branch-checks", project.pipelines_must_succeed, State.WEAK, "pipelines must succeed", "a merge needs no successful pipeline",
        "what failed is merged, and the gate then blocks the deploy, when it is late", f"{checks}Pipelines must succeed",
    )  # fmt: skip
    skipped = project.skipped_suffice
    yield _Setting(
        "branch-skipped", skipped if isinstance(skipped, Unavailable) else not skipped, State.WEAK, "a skipped pipeline is no success",
        "a skipped pipeline is taken for a success", "`[skip ci]` in a commit message then merges what nothing has tested",
        f"{checks}clear Skipped pipelines are considered successful",
    )  # fmt: skip
    yield _Setting(
        "branch-threads", project.threads_resolved, State.WEAK, "all threads must be resolved", "a merge may leave threads open",
        "an objection that nobody answered is merged over", f"{checks}All threads must be resolved",
    )  # fmt: skip
