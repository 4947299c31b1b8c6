"""The record of how a deploy ended, and of which outcomes may follow each other."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import LANDED, deploy_range, hours, landed
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from jsonschema import Draft202012Validator

from changegate import outcome
from changegate.errors import FormatError, InputError
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.statement import differences
from changegate.facts import RangeOutcome, Run
from changegate.gate import widest
from changegate.outcome import Claim, Ending, GateDecisionEntry
from changegate.recorded import GateRun, Previous

RUN = Run(id="101", url="https://ci.example/101")
SUBJECTS: tuple[dict[str, Any], ...] = (
    {"name": "acme/shop", "digest": {"gitCommit": LANDED}},
    {"name": "ghcr.example/acme/shop", "digest": {"sha256": "b" * 64}},
)
GATE = GateDecisionEntry(
    index=3,
    envelope="a" * 64,
    repository="acme/shop",
    environment="production",
    verdict="allowed",
    decided=hours(5),
    run=GateRun(**Run(id="100").model_dump()),
    ref="refs/heads/main",
    subjects=SUBJECTS,
)


def claim(**differs: Any) -> Claim:
    return Claim(**{"ending": Ending.SUCCESS, "started": hours(5.1), "finished": hours(5.2), "reason": "smoke tests passed"} | differs)


def statement(**differs: Any) -> dict[str, Any]:
    return outcome.make_statement(claim(**differs), GATE, RUN, decided=hours(6), previous=Previous(index=7, envelope="c" * 64))


@pytest.mark.parametrize("differs", [{}, {"started": None, "reason": ""}, {"ending": Ending.ROLLED_BACK, "reason": "x" * 2000}])
def test_it_follows_the_published_schema_and_in_totos(differs: dict[str, Any]) -> None:
    made = statement(**differs)
    Draft202012Validator(outcome.schema()).validate(made["predicate"])
    Statement.copy_from_pb(json_format.ParseDict(made, statement_pb2.Statement())).validate()
    assert made["subject"] == list(SUBJECTS)
    assert made["predicate"]["deployment"]["head"] == LANDED


def card(**differs: Any) -> Card:
    return outcome.index_card(statement(**differs), b"envelope", origin="o")


def test_the_card_repeats_the_record_and_verification_holds_the_two_together() -> None:
    found = card()
    assert (found.decision, found.about, found.facts, found.commit) == ("success", "a" * 64, None, LANDED)
    assert differences(statement(), found) == ()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("outcome",), "failure", "decision"),
        (("gate", "envelope"), "d" * 64, "about"),
        (("deployment", "environment"), "staging", "environment"),
        (("deployment", "repository"), "acme/other", "repository"),
        (("time", "decided"), "2026-01-01T00:00:00Z", "time"),
    ],
)
def test_a_card_that_says_other_than_the_record_is_found(path: tuple[str, ...], value: str, field: str) -> None:
    made = statement()
    inner = made["predicate"]
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert [each[0] for each in differences(made, card())] == [field]


def test_an_outcome_without_its_gate_is_none() -> None:
    made = statement()
    del made["predicate"]["gate"]
    with pytest.raises(FormatError, match="no deployment, gate, outcome"):
        differences(made, card())


def test_success_and_failure_share_a_key_and_the_rollback_has_its_own() -> None:
    success, failure, rollback = (idempotency.of_outcome("a" * 64, each, origin="o") for each in Ending)
    assert success == failure != rollback
    assert success != idempotency.of_outcome("b" * 64, Ending.SUCCESS, origin="o")
    assert success != idempotency.of_outcome("a" * 64, Ending.SUCCESS, origin="p")


@pytest.mark.parametrize(
    ("recorded", "ending", "stands_against"),
    [
        ((), "success", None),
        (("success",), "success", None),
        (("success",), "failure", "success"),
        (("success",), "rolled-back", None),
        (("failure",), "success", "failure"),
        (("failure",), "rolled-back", None),
        (("rolled-back",), "success", "rolled-back"),
        (("rolled-back",), "failure", "rolled-back"),
        (("rolled-back", "success"), "success", None),
        (("rolled-back", "success"), "failure", "rolled-back"),
        (("rolled-back", "success"), "rolled-back", None),
    ],
)
def test_what_may_follow(recorded: tuple[str, ...], ending: str, stands_against: str | None) -> None:
    assert outcome.conflict(Ending(ending), recorded) == stands_against


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({}, None),
        ({"started": None}, None),
        ({"started": hours(5.2)}, None),
        ({"finished": hours(6) + timedelta(minutes=4)}, None),
        ({"finished": hours(6) + timedelta(minutes=6)}, "in the future"),
        ({"started": hours(5.3)}, "later than the end"),
        ({"started": None, "finished": hours(5) - timedelta(minutes=4)}, None),
        ({"started": None, "finished": hours(5) - timedelta(minutes=6)}, "before the gate allowed it"),
        ({"reason": "x" * 2001}, "--reason"),
        ({"url": "https://ci.example/" + "x" * 2000}, "--url"),
    ],
)
def test_what_cant_be_true(differs: dict[str, Any], words: str | None) -> None:
    now: datetime = hours(6)
    if words is None:
        outcome.check(claim(**differs), GATE, now=now)
    else:
        with pytest.raises(InputError, match=words):
            outcome.check(claim(**differs), GATE, now=now)


A, B, C = landed("a"), landed("b"), landed("c")


@pytest.mark.parametrize(
    ("ranges", "chosen"),
    [
        ([{"commits": (A,)}], 0),
        ([{"commits": (A,)}, {"commits": (A, B)}], 1),
        ([{"commits": (A, B, C)}, {"commits": (B, C)}, {"commits": ()}], 0),
        ([{"outcome": RangeOutcome.REDEPLOY, "commits": ()}, {"outcome": RangeOutcome.ROLLBACK, "commits": (), "removed": (A,)}], 1),
        ([{"outcome": RangeOutcome.ROLLBACK, "commits": (), "removed": (A, B)}, {"commits": (C,)}], 1),
        ([{"commits": (A, B)}, {"outcome": RangeOutcome.REWRITTEN, "commits": ()}], 1),
        ([{"commits": (A, B)}, {"commits": (B, C)}], None),
    ],
)
def test_of_what_may_be_live_the_widest_range_holds(ranges: list[dict[str, Any]], chosen: int | None) -> None:
    made = [deploy_range(**each) for each in ranges]
    if chosen is None:
        with pytest.raises(InputError, match="no range holds the others"):
            widest(made)
    else:
        assert widest(made) == made[chosen]


def test_without_names_a_run_is_its_number() -> None:
    run = Run(id="9", attempt=2, url="https://alice.example/9", workflow="by alice", workflow_ref="alice", workflow_sha="ab" * 20, trigger="alice")
    said, kept = outcome.withhold(claim(reason="as alice wanted", url="https://alice.example"), run)
    assert (said.reason, said.url) == ("withheld", "")
    assert kept == Run(id="9", attempt=2, workflow_sha="ab" * 20)
    assert outcome.withhold(claim(reason=""), run)[0].reason == ""
