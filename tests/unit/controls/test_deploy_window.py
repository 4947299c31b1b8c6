"""deploy-window: when deploys go, what is said where they don't, and what lifts it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, change, deployment, facts, review, sha

from changegate.controls import evaluate as evaluate_all
from changegate.controls.deploy_window import Reason, describe, evaluate
from changegate.decision import Outcome, Verdict
from changegate.facts import Actor, Calendar, CalendarTime, Declaration, DeployRange, Facts, Known, Permission, RangeOutcome, Unavailable, Waiver
from changegate.policy import EffectivePolicy
from changegate.window_rules import DeployWindow

OFFICE = {"kind": "allow", "name": "office hours", "reason": "somebody is there", "hours": ["mon-thu 09:00-17:00", "fri 09:00-12:00"]}
YEAR_END = {
    "kind": "freeze",
    "name": "year end",
    "reason": "the books are closed",
    "from": "2024-12-18 17:00",
    "to": "2025-01-04 08:00",
    "repeats": "FREQ=YEARLY",
}
AWAY = {"kind": "freeze", "name": "holidays", "reason": "nobody is there", "path": "ops/holidays.ics"}
TRAIN = {**AWAY, "kind": "allow", "name": "trains", "reason": "releases go by train"}
UNREADABLE = Unavailable(why="403", remedy="give the token contents: read")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def rules(**sections: Any) -> DeployWindow:
    return DeployWindow.model_validate({"time-zone": "Europe/Berlin"} | {name.replace("_", "-"): each for name, each in sections.items()})


def calendar(*times: tuple[float, float], kind: str = "freeze", **differs: Any) -> Calendar:
    spans: Known[tuple[CalendarTime, ...]] = tuple(
        CalendarTime(begins=MONDAY + timedelta(hours=begins), ends=MONDAY + timedelta(hours=ends), title="Spring break") for begins, ends in times
    )
    values: dict[str, Any] = {"path": "ops/holidays.ics", "commit": sha("base"), "sha256": "ab" * 32, "time_zone": "Europe/Berlin"}
    return Calendar.model_validate(values | {"kind": kind, "times": spans} | differs)


def at(moment: datetime, *calendars: Calendar, **differs: Any) -> Facts:
    return facts(**{"fetched_at": moment, "calendars": calendars} | differs)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("sections", "moment", "outcome", "reason", "said"),
    [
        ({"weekly": [OFFICE]}, "2026-03-02 08:00", Outcome.PASS, Reason.OPEN, "within 'office hours' (somebody is there) until 2026-03-02 17:00 CET"),
        ({"weekly": [OFFICE]}, "2026-03-02 07:59", Outcome.FAIL, Reason.CLOSED, "office hours"),
        ({"weekly": [OFFICE]}, "2026-03-02 16:00", Outcome.FAIL, Reason.CLOSED, "none of these is open at 2026-03-02 17:00 CET"),
        ({"weekly": [OFFICE]}, "2026-03-06 11:30", Outcome.FAIL, Reason.CLOSED, "office hours"),
        ({"weekly": [OFFICE]}, "2026-03-31 07:00", Outcome.PASS, Reason.OPEN, "until 2026-03-31 17:00 CEST in Europe/Berlin (2026-03-31 15:00 UTC)"),
        ({"weekly": [OFFICE | {"time-zone": "America/New_York"}]}, "2026-03-02 08:00", Outcome.FAIL, Reason.CLOSED, "office hours"),
        ({"weekly": [OFFICE | {"time-zone": "America/New_York"}]}, "2026-03-02 14:00", Outcome.PASS, Reason.OPEN, "17:00 EST in America/New_York"),
        ({"weekly": [OFFICE | {"environments": ["Production"]}]}, "2026-03-02 07:00", Outcome.FAIL, Reason.CLOSED, "office hours"),
        ({"dates": [YEAR_END]}, "2026-03-02 08:00", Outcome.PASS, Reason.OPEN, "no freeze holds"),
        ({"dates": [YEAR_END]}, "2025-12-18 15:59", Outcome.PASS, Reason.OPEN, "no freeze holds"),
        (
            {"dates": [YEAR_END]},
            "2025-12-18 16:00",
            Outcome.FAIL,
            Reason.FROZEN,
            "production is frozen by 'year end' (the books are closed) until 2026-01-04 08:00 CET in Europe/Berlin (2026-01-04 07:00 UTC)",
        ),
        ({"dates": [YEAR_END]}, "2026-01-04 07:00", Outcome.PASS, Reason.OPEN, "no freeze holds"),
        ({"dates": [YEAR_END | {"repeats": ""}]}, "2025-12-20 16:00", Outcome.PASS, Reason.OPEN, "no freeze holds"),
        ({"dates": [YEAR_END | {"repeats": ""}]}, "2024-12-20 16:00", Outcome.FAIL, Reason.FROZEN, "until 2025-01-04 08:00 CET"),
        ({"weekly": [OFFICE], "dates": [YEAR_END]}, "2025-12-22 10:00", Outcome.FAIL, Reason.FROZEN, "year end"),
        ({"weekly": [OFFICE, OFFICE | {"kind": "freeze", "name": "stand-up"}]}, "2026-03-02 10:00", Outcome.FAIL, Reason.FROZEN, "stand-up"),
    ],
)
def test_table(sections: dict[str, Any], moment: str, outcome: Outcome, reason: Reason, said: str) -> None:
    found = evaluate(change(), at(utc(moment)), rules(**sections))
    assert (found.outcome, found.reason, found.change) == (outcome, reason, "#12"), found.observed
    assert said in found.observed
    assert (found.remedy is None) == (outcome is Outcome.PASS)


@pytest.mark.parametrize(
    ("window", "known", "outcome", "reason", "said"),
    [
        (AWAY, (calendar(),), Outcome.PASS, Reason.OPEN, "no freeze holds"),
        (AWAY, (calendar((1, 2)),), Outcome.PASS, Reason.OPEN, "no freeze holds"),
        (
            AWAY,
            (calendar((-1, 2)),),
            Outcome.FAIL,
            Reason.FROZEN,
            "'holidays' (Spring break; nobody is there; ops/holidays.ics, sha256 abababababababab) until 2026-03-02 12:00 CET",
        ),
        (TRAIN, (calendar((-1, 2), kind="allow"),), Outcome.PASS, Reason.OPEN, "within 'trains'"),
        (TRAIN, (calendar(kind="allow"),), Outcome.FAIL, Reason.CLOSED, "none of these is open"),
        (TRAIN, (calendar((-1, 2)),), Outcome.UNKNOWN, Reason.CALENDAR_UNKNOWN, "it was not asked for"),
        (AWAY, (calendar((-1, 2), time_zone="UTC"),), Outcome.UNKNOWN, Reason.CALENDAR_UNKNOWN, "it was not asked for"),
        (AWAY, (), Outcome.UNKNOWN, Reason.CALENDAR_UNKNOWN, "it was not asked for"),
        (AWAY, (calendar(times=UNREADABLE),), Outcome.UNKNOWN, Reason.CALENDAR_UNKNOWN, "the calendar ops/holidays.ics can't be read: 403"),
        (AWAY, (calendar(defect="line 7: no DURATION"),), Outcome.FAIL, Reason.CALENDAR_BROKEN, "line 7: no DURATION"),
    ],
)
def test_calendars(window: dict[str, Any], known: tuple[Calendar, ...], outcome: Outcome, reason: Reason, said: str) -> None:
    found = evaluate(change(), at(MONDAY, *known), rules(calendars=[window]))
    assert (found.outcome, found.reason) == (outcome, reason), found.observed
    assert said in found.observed


@pytest.mark.parametrize(
    ("sections", "moment", "step"),
    [
        ({"weekly": [OFFICE]}, "2026-03-06 11:30", "run the gate again at 2026-03-09 09:00 CET in Europe/Berlin (2026-03-09 08:00 UTC) or later"),
        ({"weekly": [OFFICE], "dates": [YEAR_END]}, "2025-12-22 10:00", "run the gate again at 2026-01-05 09:00 CET"),
        ({"dates": [YEAR_END]}, "2025-12-22 10:00", "run the gate again at 2026-01-04 08:00 CET"),
        ({"dates": [YEAR_END | {"kind": "allow", "repeats": ""}]}, "2025-12-22 10:00", "no time within a year is open"),
    ],
)
def test_the_next_step_says_when_deploys_go_again(sections: dict[str, Any], moment: str, step: str) -> None:
    found = evaluate(change(), at(utc(moment)), rules(**sections))
    assert found.remedy is not None
    assert found.remedy.step.startswith(step)


def test_of_many_windows_the_first_are_named() -> None:
    many = [OFFICE | {"kind": "freeze", "name": f"freeze {number}"} for number in range(5)]
    observed = evaluate(change(), at(MONDAY), rules(weekly=many)).observed
    assert "'freeze 2'" in observed
    assert observed.endswith("; and 2 more")


def policy(**sections: Any) -> EffectivePolicy:
    given = {"controls": {"deploy-window": rules(**sections).model_dump(mode="json")}}
    return EffectivePolicy.model_validate(given | {"emergency": {"incident": ["INC-#"]}})


@pytest.mark.parametrize(
    ("sections", "environment"),
    [
        ({}, "production"),
        ({"enabled": False, "dates": [YEAR_END]}, "production"),
        ({"dates": [YEAR_END | {"environments": ["staging"]}]}, "production"),
        ({"dates": [YEAR_END | {"environments": ["production"]}]}, "staging"),
    ],
)
def test_without_a_window_nothing_is_judged(sections: dict[str, Any], environment: str) -> None:
    found = at(utc("2025-12-22 10:00"), deployment=deployment(environment=environment))
    assert "deploy-window" not in {each.control for each in evaluate_all(found, policy(**sections)).findings}
    assert describe(found, rules(**sections)) == ""


@pytest.mark.parametrize("outcome", [RangeOutcome.ROLLBACK, RangeOutcome.REDEPLOY])
def test_going_back_is_never_stopped_for_it(outcome: RangeOutcome) -> None:
    found = at(utc("2025-12-22 10:00"))
    going_back = DeployRange.model_validate(found.range.model_dump() | {"outcome": outcome, "commits": (), "head": found.range.base})
    assert evaluate_all(found.model_copy(update={"range": going_back, "changes": ()}), policy(dates=[YEAR_END])).verdict is Verdict.ALLOWED


FROZEN = at(utc("2025-12-22 10:00"))


def declared(**differs: Any) -> Facts:
    values = {"reason": "the shop is down", "incident": "INC-7", "declared_by": Actor(person=CAROL, permission=Permission.MAINTAIN)}
    return FROZEN.model_copy(update={"emergency": Declaration.model_validate(values), **differs})


def test_an_emergency_lifts_a_freeze_where_somebody_else_approved() -> None:
    decision = evaluate_all(declared(), policy(dates=[YEAR_END]))
    assert decision.verdict is Verdict.ALLOWED_AS_EMERGENCY
    assert decision.emergency is not None
    assert [(each.control, each.change, each.reason) for each in decision.emergency.lifted] == [("deploy-window", "#12", "frozen")]
    assert [each.person for each in decision.emergency.agreed_by] == [BOB]
    (lifted,) = (each for each in decision.findings if each.outcome is Outcome.LIFTED)
    assert lifted.observed.endswith("; lifted by the emergency INC-7")


@pytest.mark.parametrize("by", [CAROL, ALICE])
def test_nobody_breaks_a_freeze_alone(by: Any) -> None:
    decision = evaluate_all(declared(changes=(change(reviews=(review(by),)),)), policy(dates=[YEAR_END]))
    assert "emergency-declared/not-agreed" in decision.reasons


def test_no_emergency_lifts_a_calendar_that_nobody_could_read() -> None:
    decision = evaluate_all(declared(), policy(calendars=[AWAY]))
    assert (decision.verdict, decision.reasons) == (Verdict.UNKNOWN, ("deploy-window/calendar-unknown",))


def test_a_waiver_lifts_a_freeze_for_one_change() -> None:
    waiver = Waiver(
        envelope="ab" * 32,
        index=3,
        control="deploy-window",
        change="12",
        head=sha("head"),
        environment="production",
        until=date(2025, 12, 23),
        reason="the law changes tomorrow",
        requested_by="alice",
        approved_by="carol",
        decided=utc("2025-12-21 10:00"),
    )
    decision = evaluate_all(FROZEN.model_copy(update={"waivers": (waiver,)}), policy(dates=[YEAR_END]))
    assert decision.verdict is Verdict.ALLOWED
    assert [(each.control, each.reason) for each in decision.waivers[0].lifted] == [("deploy-window", "frozen")]
