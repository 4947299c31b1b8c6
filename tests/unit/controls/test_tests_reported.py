"""tests-reported: results and coverage, of the commit to deploy and of no older one."""

from datetime import timedelta
from typing import Any

import pytest
from builders import HEAD, change, deploy_range, deployment, facts, hours, sha

from changegate.controls import evaluate
from changegate.controls.tests_reported import ID
from changegate.decision import Outcome
from changegate.facts import CoverageReport, Facts, Missing, RangeOutcome, TestReport
from changegate.pipeline_rules import TestsReported
from changegate.policy import Controls, EffectivePolicy

MERGED = hours(3)


def policy(**rules: Any) -> EffectivePolicy:
    return EffectivePolicy(controls=Controls(tests_reported=TestsReported(enabled=True, **rules)))


def results(**differs: Any) -> TestReport:
    return TestReport(**{"name": "junit.xml", "sha256": "d4" * 32, "commit": HEAD, "passed": 10} | differs)


def covered(**differs: Any) -> CoverageReport:
    return CoverageReport(**{"name": "coverage.xml", "sha256": "e5" * 32, "commit": HEAD, "covered": 80, "lines": 100} | differs)


def deploy(*tests: TestReport, coverage: tuple[CoverageReport, ...] = (), **differs: Any) -> Facts:
    values = {"deployment": deployment(head=HEAD), "tests": tests, "coverage": coverage} | differs
    return facts(change(merged_at=MERGED), **values)


def at(after: timedelta) -> TestReport:
    return results(commit="", latest=MERGED + after)


@pytest.mark.parametrize(
    ("found", "rules", "reason"),
    [
        (deploy(results()), {}, "reported"),
        (deploy(), {}, "no-results"),
        (deploy(coverage=(covered(),)), {}, "no-results"),
        (deploy(results(), results(defect="no XML", passed=0)), {}, "unreadable"),
        (deploy(results(), coverage=(covered(defect="no XML"),)), {}, "unreadable"),
        (deploy(results(commit=sha("other"))), {}, "other-commit"),
        (deploy(results(commit=sha("other"), latest=hours(4))), {}, "other-commit"),
        (deploy(results(), coverage=(covered(commit=sha("other")),)), {"min_coverage": 50}, "other-commit"),
        (deploy(at(timedelta(minutes=1))), {}, "reported"),
        (deploy(at(timedelta(minutes=-5))), {}, "reported"),
        (deploy(at(timedelta(minutes=-6))), {}, "older"),
        (deploy(results(), at(timedelta(minutes=-6))), {}, "older"),
        (deploy(results(), coverage=(covered(commit="", latest=MERGED - timedelta(days=7)),)), {}, "older"),
        (deploy(results(commit="")), {}, "undated"),
        (deploy(results(passed=7, failed=1, names=("a b", "c d"))), {}, "tests-failed"),
        (deploy(results(), results(failed=1)), {}, "tests-failed"),
        (deploy(results(passed=0, skipped=7)), {}, "too-few"),
        (deploy(results(passed=3), results(passed=4)), {"min_tests": 7}, "reported"),
        (deploy(results(passed=3), results(passed=4)), {"min_tests": 8}, "too-few"),
        (deploy(results()), {"min_coverage": 80}, "no-coverage"),
        (deploy(results(), coverage=(covered(covered=0, lines=0),)), {"min_coverage": 80}, "no-coverage"),
        (deploy(results(), coverage=(covered(),)), {"min_coverage": 80}, "reported"),
        (deploy(results(), coverage=(covered(covered=79_999, lines=100_000),)), {"min_coverage": 80}, "coverage-low"),
        (deploy(results(), coverage=(covered(), covered(covered=0))), {"min_coverage": 41}, "coverage-low"),
        (deploy(results(), coverage=(covered(), covered(covered=0))), {"min_coverage": 40}, "reported"),
    ],
)
def test_table(found: Facts, rules: dict[str, Any], reason: str) -> None:
    (judged,) = (each for each in evaluate(found, policy(**rules)).findings if each.control == ID)
    assert judged.reason == reason
    assert (judged.outcome is Outcome.PASS) is (reason == "reported")
    assert (judged.outcome is Outcome.UNKNOWN) is (reason == "undated")
    assert (judged.remedy is None) is (reason == "reported")


def test_what_is_too_little_does_not_read_as_enough() -> None:
    found = deploy(results(), coverage=(covered(covered=79_999, lines=100_000),))
    (judged,) = (each for each in evaluate(found, policy(min_coverage=80)).findings if each.control == ID)
    assert judged.observed == "79.9% of the lines are covered, of at least 80%"


def test_where_nobody_knows_when_it_was_merged_a_time_says_nothing() -> None:
    found = facts(change(merged_at=Missing(why="a direct push")), deployment=deployment(head=HEAD), tests=(at(timedelta(days=1)),))
    (judged,) = (each for each in evaluate(found, policy()).findings if each.control == ID)
    assert judged.reason == "undated"


def test_nothing_new_needs_no_tests() -> None:
    found = facts(range=deploy_range(outcome=RangeOutcome.ROLLBACK, commits=())).model_copy(update={"changes": ()})
    (judged,) = (each for each in evaluate(found, policy()).findings if each.control == ID)
    assert (judged.outcome, judged.reason) == (Outcome.NOT_APPLICABLE, "nothing-new")


def test_off_it_says_nothing() -> None:
    assert ID not in {each.control for each in evaluate(deploy(), EffectivePolicy()).findings}
