"""Which records are in which population: by what they say, whoever writes it there."""

from collections.abc import Mapping
from typing import Any

import pytest

from changegate.audit import population
from changegate.audit.population import Kind
from changegate.evidence.card import Card

CARD = Card("e" * 64, "https://changegate.dev/gate-decision/v1", "acme/shop", "production", "c" * 40, "allowed", "2026-01-05T00:00:00Z", "f" * 64)
CHANGE: Mapping[str, Any] = {
    "id": "#1", "kind": "pull-request", "findings": [], "title": "t", "url": "", "author": {"login": "alice"}, "approvals": None, "merged": None,
    "tickets": None, "rollbackPlan": None,
}  # fmt: skip


def predicate(verdict: str = "allowed", moved: str = "ahead", *, enforced: bool = True, **decision: Any) -> dict[str, Any]:
    return {
        "deployment": {"deployer": None, "run": {"id": "7", "url": ""}},
        "range": {"outcome": moved},
        "policy": {"enforced": enforced},
        "changes": [CHANGE, {**CHANGE, "id": "#2"}],
        "findings": [],
        "decision": {"verdict": verdict, "reasons": [], **decision},
    }


def rows(said: Mapping[str, Any], kind: Kind, ending: str = "") -> list[population.Row]:
    return list(population._rows(said, 3, CARD, kind, ending))


ORDINARY = predicate()
BLOCKED = predicate("blocked")
AUDITED = predicate("blocked", enforced=False)
BACK = predicate(moved="rollback")
EMERGENCY = predicate("allowed-as-emergency")
EXPLAINED = predicate(emergency={"by": "carol", "reason": "the shop is down"}, waivers=[])
WAIVED = predicate(emergency=None, waivers=[{"control": "peer-approved", "by": "carol"}, "ticket-linked"])


@pytest.mark.parametrize(
    ("said", "ending", "kinds"),
    [
        (ORDINARY, "", {Kind.CHANGES: 2, Kind.DEPLOYS: 1}),
        (ORDINARY, "failure", {Kind.CHANGES: 2, Kind.DEPLOYS: 1}),
        (ORDINARY, "rolled-back", {Kind.CHANGES: 2, Kind.DEPLOYS: 1, Kind.ROLLBACKS: 1}),
        (BLOCKED, "", {Kind.BLOCKED: 1}),
        (AUDITED, "", {Kind.CHANGES: 2, Kind.DEPLOYS: 1}),
        (BACK, "success", {Kind.CHANGES: 2, Kind.DEPLOYS: 1, Kind.ROLLBACKS: 1}),
        (EMERGENCY, "", {Kind.CHANGES: 2, Kind.DEPLOYS: 1, Kind.EMERGENCIES: 1}),
        (EXPLAINED, "", {Kind.CHANGES: 2, Kind.DEPLOYS: 1, Kind.EMERGENCIES: 1}),
        (WAIVED, "", {Kind.CHANGES: 2, Kind.DEPLOYS: 1, Kind.WAIVERS: 2}),
    ],
)
def test_which_record_is_in_which_population(said: Mapping[str, Any], ending: str, kinds: Mapping[Kind, int]) -> None:
    assert {kind: len(found) for kind in Kind if (found := rows(said, kind, ending))} == kinds


def test_each_waiver_is_a_unit_of_its_own_and_says_what_was_recorded() -> None:
    found = rows(WAIVED, Kind.WAIVERS)
    assert [each.id for each in found] == ["e" * 16 + ":waiver-1", "e" * 16 + ":waiver-2"]
    assert [each.exception for each in found] == ['{"by":"carol","control":"peer-approved"}', "ticket-linked"]
    assert rows(EMERGENCY, Kind.EMERGENCIES)[0].exception == "allowed-as-emergency"
    assert "the shop is down" in rows(EXPLAINED, Kind.DEPLOYS)[0].exception


@pytest.mark.parametrize(
    ("said", "kind", "silent"),
    [
        (ORDINARY, Kind.EMERGENCIES, True),
        (ORDINARY, Kind.WAIVERS, True),
        (ORDINARY, Kind.DEPLOYS, False),
        (EMERGENCY, Kind.EMERGENCIES, False),
        (EXPLAINED, Kind.WAIVERS, False),
    ],
)
def test_a_record_that_has_no_place_for_a_fact_is_told_from_one_that_has_none(said: Mapping[str, Any], kind: Kind, silent: bool) -> None:
    assert population._is_silent(said, kind) is silent
