"""ticket-linked, as a table."""

from typing import Any

import pytest
from builders import asserted_change, change, commit, facts, hours, ticket

from changegate.controls.ticket_linked import Reason, evaluate, find_tickets
from changegate.decision import Outcome
from changegate.facts import MISSING, Assurance, ChangeKind, Lookup, Ticket, TicketKind, Trailer, Unavailable
from changegate.policy import Controls, EffectivePolicy, TicketLinked
from changegate.tracker_rules import TrackerRules

PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
ANY = TicketLinked()
SHOP = TicketLinked(projects=("SHOP",))
REFS = Trailer(key="Refs", value="SHOP-12")
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
    ("the key in a trailer of a commit", {"commits": (commit(trailers=(REFS,)),)}, SHOP, Assurance.ASSERTED, PASS, Reason.LINKED),
    ("in lower case it is no key", {"head_ref": "alice/shop-12-round-up", "tickets": ()}, SHOP, Assurance.ASSERTED, FAIL, Reason.NO_TICKET),
    ("UTF-8 is no ticket", {"tickets": (), "title": "UTF-8 and CVE-2026-1, SHA-256"}, SHOP, Assurance.ASSERTED, FAIL, Reason.NO_TICKET),
    ("tickets can't be read, but the key is there", {"tickets": GONE, "title": "SHOP-12"}, SHOP, Assurance.ASSERTED, PASS, Reason.LINKED),
]


def under(rules: TicketLinked, assurance: Assurance = Assurance.ASSERTED) -> EffectivePolicy:
    return EffectivePolicy(assurance=assurance, controls=Controls(ticket_linked=rules))


@pytest.mark.parametrize(("differs", "rules", "assurance", "outcome", "reason"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_table(differs: dict[str, Any], rules: TicketLinked, assurance: Assurance, outcome: Outcome, reason: Reason) -> None:
    judged = change(**differs)
    finding = evaluate(judged, facts(judged), under(rules, assurance))
    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert (finding.remedy is None) == (outcome is PASS)


def test_the_step_fits_the_forge() -> None:
    for judged, rules, word in (
        (change(tickets=()), ANY, "Closes #123"),
        (change(tickets=()), SHOP, "SHOP-123"),
        (asserted_change(tickets=()), ANY, "trailer"),
    ):
        remedy = evaluate(judged, facts(judged), under(rules)).remedy
        assert remedy is not None
        assert word in remedy.step


TRACKER = TrackerRules(
    kind="servicenow",
    url="https://acme.service-now.com",
    projects=("CHG",),
    types=("normal",),
    statuses=("Implement",),
    approvals=("approved",),
    within_window=True,
)
TRACKED = EffectivePolicy(assurance=Assurance.FORGE, trackers=(TRACKER,))


LINEAR = TrackerRules(kind="linear", url="https://api.linear.app", projects=("SHOP", "UTF"))


@pytest.mark.parametrize(
    ("differs", "keys"),
    [
        ({"head_ref": "alice/shop-12-round-up"}, ["SHOP-12"]),
        ({"head_ref": "alice/SHOP-12-round-up"}, ["SHOP-12"]),
        ({"head_ref": "shop-12"}, ["SHOP-12"]),
        ({"head_ref": "alice/bishop-12-round-up"}, []),
        ({"head_ref": "alice/ops-12"}, []),
        ({"title": "shop-12 and utf-8"}, []),
        ({"title": "SHOP-12", "head_ref": "alice/shop-12-round-up"}, ["SHOP-12"]),
        ({"title": "SHOP0030042"}, []),
        ({"title": "CHG0030042 CHG-7", "head_ref": "chg0030043"}, ["CHG0030042"]),
    ],
)
def test_keys_are_of_their_trackers_form(differs: dict[str, Any], keys: list[str]) -> None:
    """Linear proposes branches in lower case; nobody writes a number of ServiceNow so."""
    both = EffectivePolicy(trackers=(LINEAR, TRACKER))
    assert [each.key for each in find_tickets(change(tickets=(), **differs), both)] == keys


def asked(lookup: Lookup | None = Lookup.FOUND, **differs: Any) -> Ticket:
    """A change request as the tracker showed it: good, but for what differs. The deploy is at hour 4."""
    values: dict[str, Any] = {"key": "CHG0030042", "kind": TicketKind.ISSUE, "assurance": Assurance.FORGE, "source": "title", "lookup": lookup}
    values |= {"type": "normal", "state": "Implement", "approval": "approved", "starts": hours(1), "ends": hours(5), "created_at": hours(0)}
    return Ticket(**values | differs)


@pytest.mark.parametrize(
    ("tickets", "outcome", "reason"),
    [
        ((asked(),), PASS, "linked"),
        ((asked(type="Normal", state="implement"),), PASS, "linked"),
        ((asked(Lookup.MISSING),), FAIL, "no-such-ticket"),
        ((asked(Lookup.FORBIDDEN, assurance=Assurance.ASSERTED),), UNKNOWN, "tracker-forbids"),
        ((asked(Lookup.CREDENTIALS),), UNKNOWN, "tracker-credentials"),
        ((asked(Lookup.DOWN),), UNKNOWN, "tracker-down"),
        ((asked(Lookup.UNREADABLE),), UNKNOWN, "ticket-unknown"),
        ((asked(Lookup.MISSING), asked(Lookup.DOWN, key="CHG0030043")), UNKNOWN, "tracker-down"),
        ((asked(Lookup.MISSING), asked(key="CHG0030043")), PASS, "linked"),
        ((asked(type="emergency"),), FAIL, "wrong-type"),
        ((asked(state="New"),), FAIL, "wrong-status"),
        ((asked(approval="requested"),), FAIL, "not-approved"),
        ((asked(approval=""),), FAIL, "not-approved"),
        ((asked(starts=hours(5), ends=hours(6)),), FAIL, "outside-window"),
        ((asked(ends=hours(3)),), FAIL, "outside-window"),
        ((asked(ends=None),), FAIL, "outside-window"),
        ((asked(created_at=hours(100)),), FAIL, "created-late"),
        ((asked(created_at=GONE),), UNKNOWN, "ticket-unknown"),
        ((asked(moved="CHG0099999"),), PASS, "linked"),
        ((asked(moved="INC0099999"),), FAIL, "other-project"),
        ((ticket("acme/shop#7"),), FAIL, "other-project"),
        ((asked(lookup=None, kind=TicketKind.ASSERTED, assurance=Assurance.ASSERTED),), FAIL, "not-looked-up"),
        ((asked(lookup=None, kind=TicketKind.ASSERTED),), FAIL, "not-looked-up"),
    ],
)
def test_what_the_tracker_says(tickets: tuple[Ticket, ...], outcome: Outcome, reason: str) -> None:
    judged = change(tickets=tickets)
    finding = evaluate(judged, facts(judged), TRACKED)
    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert (finding.remedy is None) == (outcome is PASS)


def test_what_is_no_fault_of_the_authors_is_not_the_authors_to_mend() -> None:
    for lookup in (Lookup.FORBIDDEN, Lookup.CREDENTIALS, Lookup.DOWN, Lookup.UNREADABLE):
        judged = change(tickets=(asked(lookup),))
        remedy = evaluate(judged, facts(judged), TRACKED).remedy
        assert remedy is not None
        assert remedy.who == "whoever runs the pipeline"


@pytest.mark.parametrize("reason", [Reason.WRONG_STATUS, Reason.NOT_APPROVED, Reason.OUTSIDE_WINDOW])
@pytest.mark.parametrize("differs", [{"assurance": Assurance.ASSERTED}, {"kind": ChangeKind.DIRECT_PUSH}])
def test_what_is_wrong_with_a_ticket_is_mended_there_wherever_it_is_named(reason: Reason, differs: dict[str, Any]) -> None:
    said: dict[Reason, dict[str, Any]] = {
        Reason.WRONG_STATUS: {"state": "Draft"},
        Reason.NOT_APPROVED: {"approval": "requested"},
        Reason.OUTSIDE_WINDOW: {"starts": hours(90)},
    }
    judged = change(tickets=(asked(**said[reason]),), **differs)
    finding = evaluate(judged, facts(judged), TRACKED)
    assert (finding.reason, finding.remedy and finding.remedy.who) == (reason.value, "whoever owns the ticket")
    assert finding.remedy is not None
    assert "revert" not in finding.remedy.step


def test_issues_of_the_forge_count_too_where_the_policy_says_so() -> None:
    both = TRACKED.model_copy(update={"controls": Controls(ticket_linked=TicketLinked(forge_issues=True))})
    judged = change(tickets=(ticket("acme/shop#7"),))
    assert evaluate(judged, facts(judged), both).reason == "linked"
    assert evaluate(judged, facts(judged), TRACKED).reason == "other-project"


def test_one_ticket_for_many_changes_is_said() -> None:
    few = TicketLinked(changes_per_ticket=2)
    changes = tuple(change(id=f"#{number}") for number in range(3))
    assert evaluate(changes[0], facts(*changes[:2]), under(few)).reason == "linked"
    finding = evaluate(changes[0], facts(*changes), under(few))
    assert (finding.outcome, finding.reason) == (PASS, "shared")
    assert "as 3 changes of this deploy" in finding.observed


@pytest.mark.parametrize(
    ("state", "allowed", "reason"),
    [
        ("open", (), "linked"),
        ("open", ("open",), "linked"),
        ("opened", ("open",), "linked"),
        ("closed", ("open",), "wrong-status"),
        ("closed", ("open", "closed"), "linked"),
        ("", ("open",), "wrong-status"),
    ],
)
def test_the_state_of_an_issue(state: str, allowed: tuple[Any, ...], reason: str) -> None:
    judged = change(tickets=(ticket(state=state),))
    assert evaluate(judged, facts(judged), under(TicketLinked(issue_states=allowed))).reason == reason
