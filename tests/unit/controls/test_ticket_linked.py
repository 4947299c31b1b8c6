"""ticket-linked, as a table."""

from typing import Any

import pytest
from builders import asserted_change, change, commit, facts, hours, ticket

from changegate.controls.ticket_linked import Reason, evaluate
from changegate.decision import Outcome
from changegate.facts import MISSING, Assurance, TicketKind, Unavailable
from changegate.policy import TicketLinked

PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
ANY = TicketLinked()
SHOP = TicketLinked(projects=("SHOP",))
GONE = Unavailable(why="403")
NAMED = ticket("SHOP-12", kind=TicketKind.ASSERTED, assurance=Assurance.ASSERTED, created_at=MISSING, source="trailer:Ticket")

CASES: list[tuple[str, dict[str, Any], TicketLinked, Assurance, Outcome, Reason]] = [
    ("an issue", {}, ANY, Assurance.FORGE, PASS, Reason.LINKED),
    ("none", {"tickets": ()}, ANY, Assurance.FORGE, FAIL, Reason.NO_TICKET),
    ("a pull request is no ticket", {"tickets": (ticket(kind=TicketKind.CHANGE),)}, ANY, Assurance.FORGE, FAIL, Reason.NOT_A_TICKET),
    ("a bare number", {"tickets": (ticket(source="number"),)}, ANY, Assurance.FORGE, FAIL, Reason.ONLY_MENTIONED),
    ("a pull request and an issue", {"tickets": (ticket("x#1", kind=TicketKind.CHANGE), ticket())}, ANY, Assurance.FORGE, PASS, Reason.LINKED),
    ("opened after the merge", {"tickets": (ticket(created_at=hours(3.5)),)}, ANY, Assurance.FORGE, FAIL, Reason.CREATED_LATE),
    ("opened at the merge", {"tickets": (ticket(created_at=hours(3)),)}, ANY, Assurance.FORGE, PASS, Reason.LINKED),
    ("one late and one good", {"tickets": (ticket("x#1", created_at=hours(3.5)), ticket())}, ANY, Assurance.FORGE, PASS, Reason.LINKED),
    ("when it was opened is not known", {"tickets": (ticket(created_at=GONE),)}, ANY, Assurance.FORGE, UNKNOWN, Reason.TICKET_UNKNOWN),
    ("when it was merged is not known", {"merged_at": GONE}, ANY, Assurance.FORGE, UNKNOWN, Reason.TICKET_UNKNOWN),
    ("they can't be read", {"tickets": GONE}, ANY, Assurance.FORGE, UNKNOWN, Reason.TICKET_UNKNOWN),
    ("only named, and that is enough", {"tickets": (NAMED,)}, ANY, Assurance.ASSERTED, PASS, Reason.LINKED),
    ("only named, and that is not enough", {"tickets": (NAMED,)}, ANY, Assurance.FORGE, FAIL, Reason.NOT_LOOKED_UP),
    ("another project's", {"tickets": (ticket("OPS-1"),)}, SHOP, Assurance.ASSERTED, FAIL, Reason.OTHER_PROJECT),
    ("an issue where a project's key is wanted", {}, SHOP, Assurance.ASSERTED, FAIL, Reason.OTHER_PROJECT),
    ("the key in the title", {"title": "SHOP-12: round up"}, SHOP, Assurance.ASSERTED, PASS, Reason.LINKED),
    ("the key in the description", {"description": "For SHOP-12."}, SHOP, Assurance.ASSERTED, PASS, Reason.LINKED),
    ("the key in the branch", {"head_ref": "feature/SHOP-12-round-up"}, SHOP, Assurance.ASSERTED, PASS, Reason.LINKED),
    ("the key in a commit", {"commits": (commit(subject="SHOP-12 round up"), commit("last"))}, SHOP, Assurance.ASSERTED, PASS, Reason.LINKED),
    ("UTF-8 is no ticket", {"tickets": (), "title": "UTF-8 and CVE-2026-1, SHA-256"}, SHOP, Assurance.ASSERTED, FAIL, Reason.NO_TICKET),
    ("tickets can't be read, but the key is there", {"tickets": GONE, "title": "SHOP-12"}, SHOP, Assurance.ASSERTED, PASS, Reason.LINKED),
]


@pytest.mark.parametrize(("differs", "rules", "assurance", "outcome", "reason"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_table(differs: dict[str, Any], rules: TicketLinked, assurance: Assurance, outcome: Outcome, reason: Reason) -> None:
    judged = change(**differs)
    finding = evaluate(judged, facts(judged), rules, assurance)
    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert (finding.remedy is None) == (outcome is PASS)


def test_the_step_fits_the_forge() -> None:
    for judged, rules, word in (
        (change(tickets=()), ANY, "Closes #123"),
        (change(tickets=()), SHOP, "SHOP-123"),
        (asserted_change(tickets=()), ANY, "trailer"),
    ):
        remedy = evaluate(judged, facts(judged), rules, Assurance.ASSERTED).remedy
        assert remedy is not None
        assert word in remedy.step
