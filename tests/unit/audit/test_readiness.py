"""What an auditor would ask about a period: a table of records and the questions that they raise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from changegate.audit.readiness import MEANINGS, Code, Decision, KeyEntry, Lacking, Readiness, Reconciled, assess, to_json

BEGIN, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
WHOLE = Reconciled(whole=True, open=())


def decision(number: int = 1, **more: Any) -> Decision:
    made = Decision(
        f"{number:064x}", number, "acme/shop", "production", "c" * 40, AT, "allowed", True, "p" * 64, "repository", "v1", True, "k" * 64, "success"
    )
    return replace(made, **more)


def judge(*decisions: Decision, keys: Sequence[KeyEntry] = (), reconciled: Reconciled | None = WHOLE, now: datetime = NOW) -> Readiness:
    return assess(BEGIN, END, decisions, keys, reconciled, now=now)


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        (decision(), []),
        (decision(outcome="failure"), []),
        (decision(verdict="blocked", went=False, outcome=""), []),
        (decision(outcome=""), [Code.OUTCOME_MISSING]),
        (decision(verdict="blocked", enforced=False, reasons=("peer-approved/not-approved",)), [Code.LET_GO_THOUGH_STOPPED, Code.POLICY_AUDIT_MODE]),
        (decision(lacking=(Lacking("#1", "", (Code.NO_APPROVAL, Code.NO_PLAN)),)), [Code.NO_APPROVAL, Code.NO_PLAN]),
        (decision(went=False, lacking=(Lacking("#1", "", (Code.NO_TICKET,)),)), []),
        (decision(verdict="allowed-as-emergency", exceptions=("the shop is down",)), [Code.EMERGENCY_OR_WAIVER]),
        (decision(policy_source="defaults"), [Code.POLICY_NOT_IN_REPOSITORY]),
        (decision(policy_source="file", enforced=False), [Code.POLICY_AUDIT_MODE, Code.POLICY_NOT_IN_REPOSITORY]),
    ],
)
def test_which_record_raises_which_question(found: Decision, codes: list[Code]) -> None:
    seen = judge(found)
    assert [each.code for each in seen.questions] == codes
    assert seen.ready is (not codes)


@pytest.mark.parametrize(
    ("reconciled", "ready", "codes"),
    [
        (None, False, [Code.NOT_RECONCILED]),
        (WHOLE, True, []),
        (Reconciled(whole=False, open=("id-gap:7",)), False, [Code.OPEN_EXCEPTION]),
        (Reconciled(whole=False, open=()), True, []),  # each was followed up
        (Reconciled(whole=None, open=(), unjudged=("the clone lacks a commit",)), None, []),
        (Reconciled(whole=None, open=("id-gap:7",)), None, [Code.OPEN_EXCEPTION]),
    ],
)
def test_without_a_reconciliation_nothing_is_ready(reconciled: Reconciled | None, ready: bool | None, codes: list[Code]) -> None:
    found = judge(decision(), reconciled=reconciled)
    assert (found.ready, [each.code for each in found.questions]) == (ready, codes)


def test_a_period_without_records_and_a_revoked_key() -> None:
    assert [each.code for each in judge().questions] == [Code.NOTHING_RECORDED]
    entries = [KeyEntry("a" * 64, "rotated", AT, 3), KeyEntry("b" * 64, "revoked", AT, 4)]
    assert [(each.code, each.what) for each in judge(decision(), keys=entries).questions] == [(Code.KEY_REVOKED, "b" * 64)]


def test_an_outcome_is_due_after_a_day() -> None:
    assert judge(decision(outcome=""), now=AT + timedelta(hours=23)).ready is True
    assert judge(decision(outcome=""), now=AT + timedelta(hours=24)).ready is False


def test_policies_one_after_the_other_by_place_and_the_keys_that_signed() -> None:
    days = [AT + timedelta(days=number) for number in range(4)]
    found = judge(
        decision(1, decided=days[0]),
        decision(2, decided=days[1], policy="q" * 64),
        decision(3, decided=days[2], key_id="l" * 64),
        decision(4, decided=days[3], environment="staging"),
    )
    assert [(each.environment, each.sha256[0], each.first, each.decisions) for each in found.policies] == [
        ("production", "p", days[0], 1),
        ("production", "q", days[1], 1),
        ("production", "p", days[2], 1),
        ("staging", "p", days[3], 1),
    ]
    assert [(each.key_id[0], each.first, each.last, each.decisions) for each in found.keys] == [
        ("k", days[0], days[3], 3),
        ("l", days[2], days[2], 1),
    ]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOW, [(date(2026, 3, 1), date(2026, 3, 4)), (date(2026, 3, 6), date(2026, 3, 31))]),
        (AT, [(date(2026, 3, 1), date(2026, 3, 4))]),
        (AT + timedelta(days=2), [(date(2026, 3, 1), date(2026, 3, 4)), (date(2026, 3, 6), date(2026, 3, 7))]),
    ],
)
def test_days_without_evidence_end_today(now: datetime, expected: list[tuple[date, date]]) -> None:
    assert list(judge(decision(), now=now).without_evidence) == expected


def test_every_code_says_what_to_do_and_the_json_has_all() -> None:
    assert set(MEANINGS) == set(Code)
    said = to_json(judge(decision(outcome=""), reconciled=None))
    assert [(each["code"], each["mendable"]) for each in said["questions"]] == [("outcome-missing", True), ("not-reconciled", True)]


def test_the_share_of_emergencies_is_of_the_deploys_that_went() -> None:
    urgent = decision(2, verdict="allowed-as-emergency", exceptions=("the shop is down",))
    seen = judge(decision(1), urgent, decision(3), decision(4), decision(5, verdict="blocked", went=False, outcome=""))
    assert (seen.deploys, seen.emergencies, seen.emergency_share) == (4, 1, 0.25)
    assert judge().emergency_share == 0
    assert to_json(seen)["emergencyShare"] == 0.25
