"""Records against the platform's deploys: whole histories agree, and whatever is taken away or slipped in is named."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.audit.pairing import By, RecordedDeploy, pair
from changegate.audit.reconcile import MEANINGS, Asked, BranchCommit, BranchHistory, Code, Reconciliation, reconcile
from changegate.deploys import PlatformDeploy, State

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
AT = BEGIN + timedelta(days=3)
ASKED = Asked(BEGIN, END, extracted=END + timedelta(days=30))
MINUTE = timedelta(minutes=1)


def record(number: int = 1, **more: Any) -> RecordedDeploy:
    made = RecordedDeploy(f"{number:064x}", number, "acme/shop", "production", "c" * 40, AT, "allowed", True, "7", outcome="success")
    return replace(made, **more)


def stopped(number: int = 1, **more: Any) -> RecordedDeploy:
    return record(number, verdict="blocked", went=False, outcome="", **more)


def deploy(which: int = 1, **more: Any) -> PlatformDeploy:
    made = PlatformDeploy(
        str(which), "acme/shop", "production", "c" * 40, AT + MINUTE, State.SUCCEEDED, "in_progress, success", State.SUCCEEDED,
        started=AT + MINUTE, finished=AT + 5 * MINUTE, runs=("7",),
    )  # fmt: skip
    return replace(made, **more)


FAILED: Any = {"state": State.FAILED, "last": State.FAILED, "said": "in_progress, failure"}
ALONE: Any = {"runs": ()}
OTHER: Any = {"commit": "d" * 40}


def codes(found: Reconciliation) -> list[Code]:
    return [each.code for each in found.exceptions]


@pytest.mark.parametrize(
    ("records", "deploys", "expected"),
    [
        # what agrees
        ([], [], []),
        ([record()], [deploy()], []),
        ([record()], [deploy(**ALONE)], []),
        ([record(run="9")], [deploy()], []),
        ([record(decided=AT + 3 * MINUTE)], [deploy()], []),  # the gate is a step of the job that deploys
        ([record(repository="Acme/Shop", environment="Production")], [deploy()], []),
        ([stopped()], [deploy(**FAILED)], []),
        ([stopped()], [deploy(state=State.NOT_STARTED)], []),
        ([], [deploy(state=State.NOT_STARTED)], []),
        ([record()], [deploy(), deploy(2)], []),  # a matrix of one run
        ([record(), record(2, decided=AT + MINUTE)], [deploy()], []),  # the gate ran twice in the run
        ([stopped(), record(2, decided=AT + 30 * MINUTE)], [deploy(**FAILED), deploy(2, created=AT + 31 * MINUTE, started=None, finished=None)], []),
        ([record(outcome="failure")], [deploy(**FAILED)], []),
        ([record(outcome="rolled-back")], [deploy(last=State.FAILED)], []),
        # what doesn't
        ([], [deploy()], [Code.DEPLOY_WITHOUT_RECORD]),
        ([], [deploy(**FAILED)], [Code.DEPLOY_WITHOUT_RECORD]),
        ([], [deploy(state=State.UNKNOWN)], [Code.DEPLOY_WITHOUT_RECORD]),
        ([record(environment="staging")], [deploy()], [Code.RECORD_WITHOUT_DEPLOY, Code.DEPLOY_WITHOUT_RECORD]),
        ([record()], [deploy(created=AT + timedelta(days=8), started=None)], [Code.RECORD_WITHOUT_DEPLOY, Code.DEPLOY_WITHOUT_RECORD]),
        ([record()], [], [Code.RECORD_WITHOUT_DEPLOY]),
        ([record()], [deploy(**OTHER)], [Code.COMMIT_DIFFERS]),
        ([record(run="9")], [deploy(**OTHER)], [Code.RECORD_WITHOUT_DEPLOY, Code.DEPLOY_WITHOUT_RECORD]),
        ([record()], [deploy(), deploy(2, created=AT + timedelta(hours=2))], [Code.DEPLOY_WITHOUT_RECORD]),  # a later attempt of the run
        ([stopped()], [deploy()], [Code.DEPLOYED_THOUGH_BLOCKED]),
        ([stopped()], [deploy(**ALONE)], [Code.DEPLOYED_THOUGH_BLOCKED]),
        ([stopped()], [deploy(**ALONE, **FAILED)], [Code.DEPLOYED_THOUGH_BLOCKED]),
        ([stopped(), record(2, decided=AT + 30 * MINUTE)], [deploy(**ALONE)], [Code.RECORD_AFTER_START]),
        ([record(decided=AT + timedelta(hours=1))], [deploy(**ALONE)], [Code.RECORD_AFTER_START]),
        ([record(decided=AT + timedelta(hours=1))], [deploy()], [Code.RECORD_AFTER_START]),
        ([record(decided=AT + 20 * MINUTE, started=AT)], [deploy(finished=None)], [Code.RECORD_AFTER_START]),
        ([record(outcome="")], [deploy()], [Code.OUTCOME_MISSING]),
        ([record(outcome="")], [deploy(), deploy(2)], [Code.OUTCOME_MISSING]),
        ([record(outcome="")], [deploy(state=State.RUNNING, finished=None)], [Code.OUTCOME_MISSING]),
        ([record(outcome="success")], [deploy(last=State.FAILED)], [Code.OUTCOME_DIFFERS]),
        ([record(outcome="failure")], [deploy()], [Code.OUTCOME_DIFFERS]),
        ([], [deploy(state=State.NOT_STARTED, number=1), deploy(2, state=State.NOT_STARTED, number=4)], [Code.ID_GAP]),
    ],
)  # fmt: skip
def test_each_way_to_agree_or_not(records: Sequence[RecordedDeploy], deploys: Sequence[PlatformDeploy], expected: list[Code]) -> None:
    found = reconcile(ASKED, records, deploys)
    assert codes(found) == expected
    assert found.whole is (not expected)
    for each in found.exceptions:
        assert each.id.startswith(each.code.value)
        assert each.evidence


@pytest.mark.parametrize("state", [State.UNKNOWN, State.RUNNING])
def test_a_stopped_deploy_of_which_the_platform_doesnt_say_whether_it_was_made_is_not_whole(state: State) -> None:
    asked = replace(ASKED, extracted=AT + timedelta(hours=1))
    found = reconcile(asked, [stopped()], [deploy(state=state)])
    assert (found.whole, codes(found), len(found.unjudged)) == (None, [], 1)


def test_what_is_still_under_way_has_no_outcome_yet() -> None:
    asked = replace(ASKED, extracted=AT + timedelta(hours=1))
    assert codes(reconcile(asked, [record(outcome="")], [deploy(state=State.RUNNING, finished=None)])) == []


def test_the_period_and_the_places_bound_what_is_said_and_not_what_is_paired() -> None:
    late = replace(ASKED, end=AT, begin=BEGIN)
    assert codes(reconcile(late, [record(decided=AT - MINUTE)], [deploy()])) == [], "its deploy came after the period's end"
    early = replace(ASKED, begin=AT + MINUTE)
    assert codes(reconcile(early, [record()], [deploy()])) == [], "its record came before the period's begin"
    assert codes(reconcile(early, [record()], [])) == []
    elsewhere = replace(ASKED, environments=frozenset({"staging"}))
    assert codes(reconcile(elsewhere, [record()], [])) == []
    assert codes(reconcile(replace(ASKED, repositories=frozenset({"acme/other"})), [], [deploy(number=1), deploy(2, number=3)])) == []


def test_gaps_in_time_are_told_and_are_exceptions_where_they_were_asked_about() -> None:
    (quiet,) = reconcile(ASKED, [record()], [deploy()]).quiet
    assert (quiet.begin, quiet.end) == (AT + MINUTE, END)
    assert codes(reconcile(replace(ASKED, max_gap=timedelta(days=90)), [record()], [deploy()])) == []
    assert codes(reconcile(replace(ASKED, max_gap=timedelta(days=80)), [record()], [deploy()])) == [Code.TIME_GAP]


def test_the_branch_is_held_against_what_was_deployed() -> None:
    branch = BranchHistory("acme/shop", "production", "main", "e" * 40, 2, (BranchCommit("f" * 40, AT, "Sell pears"),), frozenset({"c" * 40}))
    found = reconcile(ASKED, [record()], [deploy()], [branch])
    assert codes(found) == [Code.NEVER_DEPLOYED, Code.OFF_BRANCH]
    assert [each.commit for each in found.exceptions] == ["f" * 40, "c" * 40]
    lacking = replace(branch, off=frozenset(), lacking=("c" * 40,))
    assert (reconcile(ASKED, [record()], [deploy()], [lacking]).whole, codes(reconcile(ASKED, [record()], [deploy()], [lacking]))) == (None, [])


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Code)


# --- whole histories -------------------------------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[RecordedDeploy], list[PlatformDeploy]]:
    """Deploys that all went through the gate: by run or by commit alone, redeploys and stopped attempts among them."""
    records, deploys = [], []
    at = BEGIN + timedelta(hours=1)
    named = draw(st.booleans())
    for number in range(1, draw(st.integers(1, 12)) + 1):
        at += timedelta(minutes=draw(st.integers(20, 3000)))
        commit = draw(st.sampled_from("abc")) * 40
        place = draw(st.sampled_from(["production", "staging"]))
        run = str(draw(st.integers(1, 3))) if named else f"r{number}"
        kind = draw(st.sampled_from(["whole", "whole", "stopped", "stopped and failed"]))
        made = deploy(number, commit=commit, environment=place, created=at, started=at, finished=at + 4 * MINUTE, runs=(run,) if named else ())
        if kind == "whole":
            records.append(record(number, commit=commit, environment=place, decided=at - MINUTE, run=run))
            deploys.append(made)
        elif kind == "stopped":
            records.append(stopped(number, commit="9" * 40, environment=place, decided=at, run=f"s{number}"))
        elif named:
            records.append(stopped(number, commit="8" * 40, environment=place, decided=at + MINUTE, run=f"s{number}"))
            deploys.append(replace(made, commit="8" * 40, runs=(f"s{number}",), **FAILED))
    return records, deploys


@given(histories(), st.randoms(use_true_random=False))
def test_a_whole_history_is_whole_in_any_order(history: tuple[list[RecordedDeploy], list[PlatformDeploy]], random: Any) -> None:
    records, deploys = (random.sample(history[0], len(history[0])), random.sample(history[1], len(history[1])))
    found = reconcile(ASKED, records, deploys)
    assert (found.exceptions, found.whole) == ((), True)
    assert found == reconcile(ASKED, records[::-1], deploys[::-1])


@given(histories(), st.data())
def test_without_any_record_the_deploy_that_it_was_of_is_named(
    history: tuple[list[RecordedDeploy], list[PlatformDeploy]], data: st.DataObject
) -> None:
    records, deploys = history
    went = [each for each in records if each.went]
    if not went:
        return
    removed = data.draw(st.sampled_from(went))
    found = reconcile(ASKED, [each for each in records if each is not removed], deploys)
    assert str(removed.log_index) in {each.deploy for each in found.exceptions}
    assert found.whole is False


@given(histories(), st.integers(0, 80 * 24 * 60), st.sampled_from("abcz"), st.sampled_from(["", "1", "2", "other"]))
def test_a_deploy_that_nobody_recorded_is_seen(
    history: tuple[list[RecordedDeploy], list[PlatformDeploy]], minutes: int, commit: str, run: str
) -> None:
    records, deploys = history
    at = BEGIN + timedelta(minutes=minutes)
    if any(abs(each.created - at) < timedelta(minutes=9) for each in deploys):
        return  # beside another of its run it is one job of a matrix
    slipped = deploy(999, commit=commit * 40, created=at, started=at, finished=at + 4 * MINUTE, runs=(run,) if run else ())
    found = reconcile(ASKED, records, [*deploys, slipped])
    assert found.whole is False
    alike = {each.id for each in deploys if each.commit == slipped.commit and each.environment == slipped.environment} | {"999"}
    assert {each.deploy for each in found.exceptions} & alike
    if commit == "z":
        assert "999" in {each.deploy for each in found.exceptions}


@pytest.mark.parametrize("fake", [lambda each: replace(each, commit="9" * 40), lambda each: replace(each, environment="elsewhere")])
def test_a_deploy_of_another_thing_than_was_judged_is_named(fake: Callable[[PlatformDeploy], PlatformDeploy]) -> None:
    assert "1" in {each.deploy for each in reconcile(ASKED, [record()], [fake(deploy())]).exceptions}


def test_deploys_that_succeeded_choose_before_those_that_failed() -> None:
    first, second = pair([deploy(1, **ALONE, **FAILED), deploy(2, created=AT + 9 * MINUTE, started=None, finished=None, **ALONE)], [record()])
    assert (first.record, second.by) == (None, By.COMMIT)
