"""rollback-plan: this change may deploy if it says how to undo it."""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from typing import Final

from changegate.codeowners import read_pattern
from changegate.controls.relanding import land_again
from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Assurance, Change, ChangeKind, Facts, Lookup, Unavailable, Version
from changegate.plan import Plan, Verdict, named_in, read_plan
from changegate.policy import RollbackPlan

ID: Final = "rollback-plan"
_EXCERPT: Final = 80


class Reason(StrEnum):
    """Why; each is explained in docs/controls/rollback-plan.md."""

    PLANNED = "planned"
    NAMES_VERSION = "names-version"
    NO_PLAN = "no-plan"
    EMPTY_PLAN = "empty-plan"
    BOILERPLATE = "boilerplate"
    TEMPLATE_TEXT = "template-text"
    TOO_SHORT = "too-short"
    TEMPLATE_UNKNOWN = "template-unknown"
    PATH_ASKS_MORE = "path-asks-more"
    FILES_UNKNOWN = "files-unknown"
    TICKET_UNKNOWN = "ticket-unknown"


_REASONS: Final = {
    Verdict.SPECIFIC: Reason.PLANNED,
    Verdict.NAMES_VERSION: Reason.NAMES_VERSION,
    Verdict.ABSENT: Reason.NO_PLAN,
    Verdict.EMPTY: Reason.EMPTY_PLAN,
    Verdict.BOILERPLATE: Reason.BOILERPLATE,
    Verdict.TEMPLATE: Reason.TEMPLATE_TEXT,
    Verdict.TOO_SHORT: Reason.TOO_SHORT,
}


_GOOD: Final = frozenset({Verdict.SPECIFIC, Verdict.NAMES_VERSION})


def find_plan(change: Change, facts: Facts, rules: RollbackPlan) -> Plan:
    """The change's plan, and what it is worth under these rules.

    The one in its description; else the one in a file that it brings, or in a ticket's field, where that is good.
    """
    templates = () if isinstance(facts.templates, Unavailable) else facts.templates
    versions = tuple(name for version in facts.deployed for name in (version.commit, *version.names))
    read = partial(read_plan, headings=rules.headings, templates=templates, versions=versions, min_words=rules.min_words)
    own = read(change.description)
    if own.verdict in _GOOD:
        return own
    tickets = () if isinstance(change.tickets, Unavailable) else change.tickets
    texts = (
        *(each.text for each in change.plan_files),
        *(each.plan for each in tickets if each.lookup is Lookup.FOUND and isinstance(each.plan, str)),
    )
    kept = (read(f"## {rules.headings[0]}\n\n{_without_headings(text)}") for text in texts if text.strip())
    return next((plan for plan in kept if plan.verdict in _GOOD), own)


def _without_headings(text: str) -> str:
    """The text of a file or field is all plan: a heading in it ends nothing."""
    return re.sub(r"^ {0,3}#{1,6}[ \t]", "", text, flags=re.MULTILINE)


def find_version(change: Change, facts: Facts, rules: RollbackPlan) -> Version | None:
    """The version that the change's plan returns to; None where it says something else."""
    return _version_of(find_plan(change, facts, rules), facts)


def _version_of(plan: Plan, facts: Facts) -> Version | None:
    return next((each for each in facts.deployed if plan.version and plan.version in (each.commit, *each.names)), None)


def evaluate(change: Change, facts: Facts, rules: RollbackPlan) -> Finding:
    """Judge one change. Text that may be the template's, because the template can't be read, is unknown."""
    plan = find_plan(change, facts, rules)
    reason = _REASONS[plan.verdict]
    if reason not in (Reason.PLANNED, Reason.NAMES_VERSION):
        unread = _find_unread(change)
        if unread is not None:
            step = unread.remedy or "mend what keeps the ticket's field from being read, and run the gate again; or put the plan into the description"
            remedy = Remedy(who="whoever runs the pipeline", step=step, link=change.url)
            observed = f"{_observe(plan)}; the ticket may have one: {unread.why}"
            return _finding(change, rules, Outcome.UNKNOWN, Reason.TICKET_UNKNOWN, observed, remedy)
        return _finding(change, rules, Outcome.FAIL, reason, _observe(plan), _remedy(change, rules))
    if reason is Reason.PLANNED and isinstance(facts.templates, Unavailable):
        observed = f"a plan, but the repository's template can't be read to compare it: {facts.templates.why}"
        remedy = Remedy(
            who="whoever runs the pipeline", step=facts.templates.remedy or "give the token read access to contents, and run the gate again"
        )
        return _finding(change, rules, Outcome.UNKNOWN, Reason.TEMPLATE_UNKNOWN, observed, remedy)
    return _judge_paths(change, plan, rules) or _finding(change, rules, Outcome.PASS, reason, _observe(plan) + _deployed_as(plan, facts))


def _find_unread(change: Change) -> Unavailable | None:
    """Why a ticket's field, which may hold a plan, couldn't be read."""
    tickets = () if isinstance(change.tickets, Unavailable) else change.tickets
    return next((each.plan for each in tickets if isinstance(each.plan, Unavailable)), None)


def _judge_paths(change: Change, plan: Plan, rules: RollbackPlan) -> Finding | None:
    """What a file of the change asks for besides the plan, where it isn't there. A file that the change takes away undoes nothing."""
    if not rules.by_path:
        return None
    if isinstance(change.files, Unavailable):
        remedy = Remedy(who="whoever runs the pipeline", step=change.files.remedy or "run the gate again", link=change.url)
        return _finding(change, rules, Outcome.UNKNOWN, Reason.FILES_UNKNOWN, f"it can't be told which files it changes: {change.files.why}", remedy)
    touched = [path for file in change.files for path in (file.path, file.was) if path]
    left = [file.path for file in change.files if not file.removed]
    for each in rules.by_path:
        asking = _first(touched, each.paths)
        if not asking or _first(left, each.brings) or named_in(plan.text, each.names):
            continue
        ways = [f"a file {' or '.join(each.brings)} that undoes it"] if each.brings else []
        ways += [f"a plan that names {' or '.join(each.names)}"] if each.names else []
        step = f"for {asking}, add {', or '.join(ways)}" if ways else f"take {asking} out of it: the policy names nothing that undoes it"
        remedy = Remedy(who="the author", step=step, link=change.url)
        return _finding(change, rules, Outcome.FAIL, Reason.PATH_ASKS_MORE, f"changes {asking}, and brings nothing that undoes it", remedy)
    return None


def _first(paths: Iterable[str], patterns: Iterable[str]) -> str:
    rules = [read_pattern(each) for each in patterns]
    return next((path for path in paths if any(rule.matches(path) for rule in rules)), "")


def _finding(change: Change, rules: RollbackPlan, outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = f"a section '{rules.headings[0]}' with steps of its own, or the deployed version to return to"
    return Finding(control=ID, change=change.id, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)


def _observe(plan: Plan) -> str:
    excerpt = " ".join(plan.text.split())
    excerpt = excerpt if len(excerpt) <= _EXCERPT else excerpt[: _EXCERPT - 1] + "…"
    match plan.verdict:
        case Verdict.ABSENT:
            return "no rollback plan"
        case Verdict.EMPTY:
            return "the section is empty"
        case Verdict.BOILERPLATE:
            return f"only boilerplate: '{excerpt}'"
        case Verdict.TEMPLATE:
            return f"only the template's own text: '{excerpt}'"
        case Verdict.TOO_SHORT:
            return f"too short to act on: '{excerpt}'"
        case Verdict.NAMES_VERSION:
            return f"names a version deployed before: '{excerpt}'"
        case Verdict.SPECIFIC:
            return f"'{excerpt}'"


def _deployed_as(plan: Plan, facts: Facts) -> str:
    version = _version_of(plan, facts)
    return f", deployed as {', '.join(f'{each.name}@sha256:{each.sha256}' for each in version.artifacts)}" if version and version.artifacts else ""


def _remedy(change: Change, rules: RollbackPlan) -> Remedy:
    heading = rules.headings[0]
    if change.assurance is Assurance.ASSERTED:
        step = land_again(change, f"a line '{heading}: …' in its message that says how to undo it")
    elif change.kind is ChangeKind.DIRECT_PUSH:
        step = land_again(change, "a rollback plan")
    else:
        step = f"edit the description: under a heading '{heading}', write the steps that undo it (who does what, how to tell that it worked)"
    return Remedy(who="the author", step=step, link=change.url)
