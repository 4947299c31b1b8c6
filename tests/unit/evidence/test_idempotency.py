"""Every entry has one key that follows from what was signed; any other is somebody's own invention."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.evidence import ORIGIN, key_of, record

from changegate import keychange
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.idempotency import is_own
from changegate.evidence.statement import ATTESTATION, DEPLOY_OUTCOME, FOLLOW_UP, GATE_DECISION, KEY_REVOCATION, KEY_ROTATION, SAMPLE_DRAW, WAIVER

BY = "a" * 64
_DEPLOYMENT: dict[str, Any] = {"repository": "acme/shop", "environment": "production", "run": {"id": "7", "attempt": 1}}
_KEY = {"log": ORIGIN, "key": {"keyId": "c" * 64}}
STATEMENTS: dict[str, dict[str, Any]] = {
    GATE_DECISION: {"subject": [{"digest": {"gitCommit": "d" * 40}}], "predicateType": GATE_DECISION, "predicate": {"deployment": _DEPLOYMENT}},
    DEPLOY_OUTCOME: {},
    FOLLOW_UP: {},
    WAIVER: {
        "predicate": {
            "log": ORIGIN,
            "repository": "acme/shop",
            "scope": {"control": "ticket-linked", "change": "12", "environment": "", "sha256": "e" * 64},
            "number": 0,
        }
    },
    KEY_ROTATION: {"predicateType": KEY_ROTATION, "predicate": _KEY},
    KEY_REVOCATION: {"predicateType": KEY_REVOCATION, "predicate": _KEY},
    SAMPLE_DRAW: {"predicate": {"log": ORIGIN, "population": {"sha256": "e" * 64}, "seed": "s", "by": ["month"], "sample": ["a", "b"]}},
    ATTESTATION: {
        "predicate": {
            "log": ORIGIN,
            "type": "incident",
            "repository": "",
            "period": {"from": "2026-01-01", "to": "2026-03-31"},
            "owner": "carol",
            "controls": ["a"],
            "file": {"sha256": "e" * 64},
            "review": None,
        }
    },
}


def own(kind: str, *, origin: str = ORIGIN, by: str = BY) -> str:
    statement = STATEMENTS[kind]
    match kind:
        case _ if kind == GATE_DECISION:
            return idempotency.of_decision(statement, origin=origin)
        case _ if kind == DEPLOY_OUTCOME:
            return idempotency.of_outcome("f" * 64, "success", origin=origin)
        case _ if kind == FOLLOW_UP:
            return idempotency.of_follow_up("f" * 64, origin=origin)
        case _ if kind == WAIVER:
            return idempotency.of_waiver(origin, "acme/shop", "ticket-linked", "12", "", 0)
        case _ if kind == SAMPLE_DRAW:
            return idempotency.of_sample(statement)
        case _ if kind == ATTESTATION:
            return idempotency.of_attestation(statement)
        case _:
            return idempotency.of_key_change(statement, by=by)


def card(kind: str, key: str) -> Card:
    about = "f" * 64 if kind in (DEPLOY_OUTCOME, FOLLOW_UP) else None
    return replace(record(1)[0], predicate_type=kind, key=key, repository=ORIGIN, decision="success", about=about)


@pytest.mark.parametrize("kind", sorted(idempotency.KINDS))
def test_an_entry_stands_under_its_own_key_in_its_own_log(kind: str) -> None:
    assert is_own(card(kind, own(kind)), STATEMENTS[kind], origin=ORIGIN, by=BY)
    assert not is_own(card(kind, "ab" * 32), STATEMENTS[kind], origin=ORIGIN, by=BY)
    assert not is_own(card(kind, own(kind)), STATEMENTS[kind], origin="example.com/other", by=BY)


@pytest.mark.parametrize("kind", [KEY_ROTATION, KEY_REVOCATION])
def test_who_signed_is_part_of_the_key_of_what_is_about_keys(kind: str) -> None:
    assert not is_own(card(kind, own(kind, by="b" * 64)), STATEMENTS[kind], origin=ORIGIN, by=BY)


def test_a_decision_says_itself_which_run_of_the_gate_it_is() -> None:
    """Else whoever may write to the store could have it entered a second time, as the next run's."""
    first = STATEMENTS[GATE_DECISION]
    second = {**first, "predicate": {"deployment": {**_DEPLOYMENT, "run": {**_DEPLOYMENT["run"], "repeat": 1}}}}
    keys = [idempotency.of_decision(each, origin=ORIGIN) for each in (first, second)]
    made = [[is_own(card(GATE_DECISION, key), each, origin=ORIGIN, by=BY) for key in keys] for each in (first, second)]
    assert made == [[True, False], [False, True]]


@pytest.mark.parametrize("statement", [None, [], {}, {"predicate": 7}, {"predicate": {"log": float("nan"), "key": {"keyId": 1}}, "predicateType": 7}])
@pytest.mark.parametrize("kind", [*sorted(idempotency.KINDS - {DEPLOY_OUTCOME, FOLLOW_UP}), "https://example.com/other/v1"])
def test_what_is_no_such_statement_has_no_key(kind: str, statement: Any) -> None:
    assert not is_own(card(kind, "ab" * 32), statement, origin=ORIGIN, by=BY)


def test_an_outcome_that_is_about_nothing_has_no_key() -> None:
    assert not is_own(replace(card(DEPLOY_OUTCOME, own(DEPLOY_OUTCOME)), about=None), {}, origin=ORIGIN, by=BY)


def test_the_keys_of_records_are_these() -> None:
    """What makes a record that this key is of, and what reads it back, are two modules: they must agree."""
    statement = keychange.revocation(
        key_of(3).public_key, since=datetime(2026, 1, 1, tzinfo=UTC), reason="lost", log=ORIGIN, decided=datetime(2026, 1, 2, tzinfo=UTC)
    )
    made = keychange.index_card(statement, b"", by=BY)
    assert is_own(made, statement, origin=ORIGIN, by=BY)
    assert made.key == idempotency.of_revocation(ORIGIN, key_of(3).key_id, BY)
