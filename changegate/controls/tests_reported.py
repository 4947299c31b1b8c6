"""tests-reported: this deploy may go if the pipeline's reports say that the tests of this very commit passed, and ran through enough of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Facts, Report
from changegate.pipeline_rules import TestsReported

ID: Final = "tests-reported"
_SKEW: Final = timedelta(minutes=5)
"""How far the clock of the machine that ran the tests may lag behind the forge's."""
_SHOWN: Final = 3


class Reason(StrEnum):
    """Why; each is explained in docs/controls/tests-reported.md."""

    REPORTED = "reported"
    NOTHING_NEW = "nothing-new"
    NO_RESULTS = "no-results"
    UNREADABLE = "unreadable"
    OTHER_COMMIT = "other-commit"
    OLDER = "older"
    UNDATED = "undated"
    TESTS_FAILED = "tests-failed"
    TOO_FEW = "too-few"
    NO_COVERAGE = "no-coverage"
    COVERAGE_LOW = "coverage-low"


def evaluate(facts: Facts, rules: TestsReported) -> Iterator[Finding]:
    """One finding where the control is on: what is wrong first, else that nothing is.

    1. There are results, and every report can be read.
    2. Each is of the commit to deploy: it says so; or it names no commit, and was made after the newest change of this deploy was merged.
    3. Nothing failed, enough passed, and together the tests ran through enough lines.
    """
    if not rules.enabled:
        return
    if not facts.changes:
        yield _finding(rules, Outcome.NOT_APPLICABLE, Reason.NOTHING_NEW, "this deploy brings nothing new")
    else:
        yield _of_reports(facts, rules) or _of_tests(facts, rules) or _of_coverage(facts, rules) or _passed(facts, rules)


def _of_reports(facts: Facts, rules: TestsReported) -> Finding | None:
    if not facts.tests:
        return _stopped(
            rules, Reason.NO_RESULTS, "no results of tests are given", "give the gate the JUnit file of this commit's tests: --test-results FILE"
        )
    every: Sequence[Report] = (*facts.tests, *facts.coverage)
    broken = next((each for each in every if each.defect), None)
    if broken is not None:
        return _stopped(rules, Reason.UNREADABLE, f"{broken.name}: {broken.defect}", "give the file as the tool wrote it")
    return next(filter(None, (_of_other_commit(each, facts, rules) for each in every)), None)


def _of_other_commit(report: Report, facts: Facts, rules: TestsReported) -> Finding | None:
    head = facts.deployment.head
    if report.commit == head:
        return None
    if report.commit:
        observed = f"{report.name} is of {report.commit[:10]}, and {head[:10]} is to be deployed"
        return _stopped(rules, Reason.OTHER_COMMIT, observed, "run the tests on the commit to deploy, and give the gate their report")
    merges = [each.merged_at for each in facts.changes if isinstance(each.merged_at, datetime)]
    if report.latest is None or not merges:
        step = f"let the report name its commit: a property `commit` with {head} (in LCOV the test's name)"
        return _stopped(rules, Reason.UNDATED, f"it can't be told that {report.name} is of {head[:10]}", step, Outcome.UNKNOWN)
    if report.latest + _SKEW < max(merges):
        observed = f"{report.name} was made at {_words(report.latest)} at the latest, before the newest change was merged at {_words(max(merges))}"
        step = "run the tests on the commit to deploy; where they ran on it before it was merged, let the report name it: a property `commit`"
        return _stopped(rules, Reason.OLDER, observed, step)
    return None


def _of_tests(facts: Facts, rules: TestsReported) -> Finding | None:
    failed = sum(each.failed for each in facts.tests)
    if failed:
        names = [name for each in facts.tests for name in each.names]
        shown = f", first {'; '.join(names[:_SHOWN])}" if names else ""
        return _stopped(rules, Reason.TESTS_FAILED, f"{_tests(failed)} failed{shown}", "mend what fails; or run it again if it is flaky")
    passed = sum(each.passed for each in facts.tests)
    if passed < rules.min_tests:
        step = "find out why so few ran; where there are fewer now, change the policy"
        return _stopped(rules, Reason.TOO_FEW, f"{_tests(passed)} passed, of at least {rules.min_tests}", step)
    return None


def _of_coverage(facts: Facts, rules: TestsReported) -> Finding | None:
    if not rules.min_coverage:
        return None
    covered, lines = sum(each.covered for each in facts.coverage), sum(each.lines for each in facts.coverage)
    if not lines:
        return _stopped(rules, Reason.NO_COVERAGE, "no coverage is given", "give the gate the coverage of this commit's tests: --coverage FILE")
    if covered * 100 < rules.min_coverage * lines:
        observed = f"{_percent(covered, lines)} of the lines are covered, of at least {rules.min_coverage}%"
        return _stopped(rules, Reason.COVERAGE_LOW, observed, "add tests of what isn't covered")
    return None


def _passed(facts: Facts, rules: TestsReported) -> Finding:
    skipped = sum(each.skipped for each in facts.tests)
    words = f"{_tests(sum(each.passed for each in facts.tests))} passed" + (f", {skipped} skipped" if skipped else "")
    covered, lines = sum(each.covered for each in facts.coverage), sum(each.lines for each in facts.coverage)
    return _finding(rules, Outcome.PASS, Reason.REPORTED, words + (f"; {_percent(covered, lines)} of the lines are covered" if lines else ""))


def _tests(number: int) -> str:
    return f"{number} test" + ("" if number == 1 else "s")


def _percent(covered: int, lines: int) -> str:
    """Rounded down: what is too little must not read as enough."""
    return f"{covered * 1000 // lines / 10:.1f}%"


def _words(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _stopped(rules: TestsReported, reason: Reason, observed: str, step: str, outcome: Outcome = Outcome.FAIL) -> Finding:
    return _finding(rules, outcome, reason, observed, Remedy(who="whoever keeps the pipeline", step=step))


def _finding(rules: TestsReported, outcome: Outcome, reason: Reason, observed: str, remedy: Remedy | None = None) -> Finding:
    required = "the tests of the commit to deploy ran and passed, by their own report"
    if rules.min_coverage:
        required += f", through at least {rules.min_coverage}% of its lines"
    return Finding(control=ID, change=None, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)
